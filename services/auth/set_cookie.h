#ifndef AUTH_SET_COOKIE_H
#define AUTH_SET_COOKIE_H

#include "common/rpc/call.h"
#include "services/auth/service.h"

/* The cookies of answers: which go together, and in which order. Added to the call's answer to come, whatever
 * its status. QN_RESOURCE_EXHAUSTED: the buffer's ceiling.  QN_INTERNAL: libcrypto. */

/* Those of a new session. With 'remembered_not' a valid dont_remember cookie came in with the request: it
 * must go, or it would go on to shorten a session that is to last. */
QN_MUST_USE enum qn_status auth_set_cookie_session(struct auth_service *service, struct qn_call *call,
                                                   const char *token, bool forget_me, bool remembered_not);

/* All of a session's, expired: session_token, session_data, dont_remember. */
QN_MUST_USE enum qn_status auth_set_cookie_expired(struct auth_service *service, struct qn_call *call);

#endif
