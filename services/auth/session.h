#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "auth.pb-c.h"
#include "services/auth/service.h"
#include "store.pb-c.h"

/* Sessions: rows made, rows shown, and the two questions that every page asks. */

enum {
    AUTH_SESSION_SECONDS = 7 * 24 * 60 * 60, /* Better Auth's session.expiresIn; also the cookie's Max-Age */
    AUTH_SESSION_SHORT_SECONDS =
        1 * 24 * 60 * 60, /* of a row with forget_me, whose cookie ends with the browser */
    /* A user agent is stored as sent, up to here. Together with the ceilings of input.h it keeps a user
     * with a session under 64 KiB, so that a message of 64 of them stays under the 4 MiB that a message may
     * have. */
    AUTH_SESSION_USER_AGENT_MAX_BYTES = 4096,
};

/* A new session row of 'user_id' for the client of 'call', in the call's arena; NULL over its ceiling. */
Quintet__Store__V1__Session *auth_session_new(struct qn_call *call, const char *user_id, int64_t now_ms,
                                              bool forget_me);

/* Rows as the public messages; in the arena, sharing the rows' texts; NULL over its ceiling. */
Quintet__Auth__V1__User *auth_session_show_user(const Quintet__Store__V1__User *row, struct qn_arena *arena);
Quintet__Auth__V1__Session *auth_session_show(const Quintet__Store__V1__Session *row, struct qn_arena *arena);

/* GetSession and GetSessionWithProfileCheck of one call; answers it. */
void auth_session_check(struct auth_service *service, struct qn_call *call);
void auth_session_check_with_profile(struct auth_service *service, struct qn_call *call);

#endif
