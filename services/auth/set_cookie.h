#ifndef AUTH_SET_COOKIE_H
#define AUTH_SET_COOKIE_H

#include "common/rpc/call.h"
#include "services/auth/service.h"
#include "store.pb-c.h"

/* The cookies of answers: which go together, and in which order. Added to the call's answer to come, whatever
 * its status. QN_RESOURCE_EXHAUSTED: the buffer's ceiling.  QN_INTERNAL: libcrypto. */

/* Those of a new session. With 'remembered_not' a valid dont_remember cookie came in with the request: it
 * must go, or it would go on to shorten a session that is to last. */
QN_MUST_USE enum qn_status auth_set_cookie_session(struct auth_service *service, struct qn_call *call,
                                                   const Quintet__Store__V1__Session *session,
                                                   const Quintet__Store__V1__User *user, bool forget_me,
                                                   bool remembered_not);

/* The cookie cache of a session, where it is on; part of the former. One that would not fit into a cookie is
 * expired instead: then there is none, and every look is at the rows. */
QN_MUST_USE enum qn_status auth_set_cookie_cache(struct auth_service *service, struct qn_call *call,
                                                 const Quintet__Store__V1__Session *session,
                                                 const Quintet__Store__V1__User *user, bool forget_me);
QN_MUST_USE enum qn_status auth_set_cookie_no_cache(struct auth_service *service, struct qn_call *call);

/* All of a session's, expired: session_token, session_data, dont_remember. The product expires session_data
 * twice when it was shown ('shown_cache'): as such, and as what may have been cut into pieces. */
QN_MUST_USE enum qn_status auth_set_cookie_expired(struct auth_service *service, struct qn_call *call,
                                                   bool shown_cache);

/* Whether a Cookie header shows a cookie cache; never where it is off, since the gateway then keeps it back.
 */
bool auth_set_cookie_shows_cache(const struct auth_service *service, struct qn_str cookies);

#endif
