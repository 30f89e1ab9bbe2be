#ifndef AUTH_LIVE_H
#define AUTH_LIVE_H

#include "auth.pb-c.h"
#include "common/rpc/client.h"
#include "services/auth/cache.h"
#include "services/auth/service.h"
#include "store.pb-c.h"

/* The live session that a call wants: the first step of every method over one's own account. At its end the
 * session is there, refreshed if that was due, or the call has been answered.
 *
 * Embed it in the handler's state; it lives as long as the call. */
struct auth_live {
    struct auth_service *service;
    struct qn_call *call;
    char *token;
    bool dont_remember;                         /* a valid dont_remember cookie was shown */
    bool shown_cache;                           /* a cookie cache was shown */
    bool cached;                                /* the session is that of the cookie cache */
    bool refreshed;                             /* the session's end was moved, and its cookie sent again */
    Quintet__Auth__V1__SessionState state;      /* LIVE in 'then' */
    const Quintet__Store__V1__Session *session; /* as it is now; NULL in 'lost' */
    const Quintet__Store__V1__User *user;
    unsigned flags; /* private from here */
    struct auth_cache cache;
    struct qn_request store;
    void (*then)(struct auth_live *live);
    void (*lost)(struct auth_live *live);
};

enum {
    AUTH_LIVE_KEEP_ROW = 1,  /* nothing is written (disable_refresh) */
    AUTH_LIVE_USE_CACHE = 2, /* the cookie cache will do, where it is on: for a look that decides nothing */
};

/* 'then' or 'lost' runs once: with a live session, or without one, when the cookies to expire are among the
 * answer's. 'flags' are of the above. 'lost' NULL: the call fails,
 * UNAUTHENTICATED (NO_SESSION). Either may run within this call. A store that cannot be asked fails the call.
 */
void auth_live_start(struct auth_live *live, struct auth_service *service, struct qn_call *call,
                     unsigned flags, void (*then)(struct auth_live *live),
                     void (*lost)(struct auth_live *live));

/* Whether the session began within session.freshAge. */
bool auth_live_is_fresh(const struct auth_live *live);

/* The same; false after failing the call, PERMISSION_DENIED (SESSION_NOT_FRESH). */
QN_MUST_USE bool auth_live_must_be_fresh(const struct auth_live *live);

#endif
