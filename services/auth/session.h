#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "auth.pb-c.h"
#include "services/auth/service.h"
#include "store.pb-c.h"

/* Sessions: rows made, rows shown, and the two questions that every page asks. */

enum {
    /* Of a row with forget_me, whose cookie ends with the browser; Better Auth has no setting for it. */
    AUTH_SESSION_SHORT_SECONDS = 1 * 24 * 60 * 60,
    /* A user agent is stored as sent, up to here. Together with the ceilings of input.h it keeps a user
     * with a session under 64 KiB, so that a message of 64 of them stays under the 4 MiB that a message may
     * have. */
    AUTH_SESSION_USER_AGENT_MAX_BYTES = 4096,
};

/* A new session row of 'user_id' for the client of 'call', in the call's arena; NULL over its ceiling. */
Quintet__Store__V1__Session *auth_session_new(const struct auth_service *service, struct qn_call *call,
                                              const char *user_id, int64_t now_ms, bool forget_me);

/* What the store found, judged by the clock: LIVE, UNKNOWN or EXPIRED. A row lives on until its last
 * millisecond, as the product has it. */
Quintet__Auth__V1__SessionState auth_session_judge(const Quintet__Store__V1__Session *session,
                                                   const Quintet__Store__V1__User *user);

/* Whether a live session's end is to be moved: it was set more than session.updateAge ago. */
bool auth_session_refresh_due(const struct auth_service *service, const Quintet__Store__V1__Session *session);

/* Rows as the public messages; in the arena, sharing the rows' texts; NULL over its ceiling. */
Quintet__Auth__V1__User *auth_session_show_user(const Quintet__Store__V1__User *row, struct qn_arena *arena);
Quintet__Auth__V1__Session *auth_session_show(const Quintet__Store__V1__Session *row, struct qn_arena *arena);
Google__Protobuf__Timestamp *auth_session_show_time(int64_t ms, struct qn_arena *arena);

/* GetSession and GetSessionWithProfileCheck of one call; answers it. */
void auth_session_check(struct auth_service *service, struct qn_call *call);
void auth_session_check_with_profile(struct auth_service *service, struct qn_call *call);

#endif
