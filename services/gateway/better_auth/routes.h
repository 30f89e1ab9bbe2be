#ifndef GATEWAY_BETTER_AUTH_ROUTES_H
#define GATEWAY_BETTER_AUTH_ROUTES_H

#include "common/rpc/method.h"
#include "services/gateway/request.h"

/* Better Auth's routes, for the one table in better_auth.c. Each answers the request, in the product's order:
 * 1. body  2. origin and callback URLs  3. validation  4. form CSRF  5. auth is asked, which judges the
 * session first  6. the answer. */

/* sign_routes.c: into an account and out of it */
void gateway_route_sign_up(struct gateway_request *req);
void gateway_route_sign_in(struct gateway_request *req);
void gateway_route_sign_out(struct gateway_request *req);

/* session_routes.c: one's sessions */
void gateway_route_get_session(struct gateway_request *req);
void gateway_route_post_session(struct gateway_request *req);
void gateway_route_list_sessions(struct gateway_request *req);
void gateway_route_revoke_session(struct gateway_request *req);
void gateway_route_revoke_sessions(struct gateway_request *req);
void gateway_route_revoke_other_sessions(struct gateway_request *req);
void gateway_route_update_session(struct gateway_request *req);

/* user_routes.c: oneself */
void gateway_route_update_user(struct gateway_request *req);
void gateway_route_change_password(struct gateway_request *req);
void gateway_route_verify_password(struct gateway_request *req);
void gateway_route_delete_user(struct gateway_request *req);

/* mail_routes.c: what goes by mail, and the links in it */
void gateway_route_request_password_reset(struct gateway_request *req);
void gateway_route_reset_password_callback(struct gateway_request *req);
void gateway_route_reset_password(struct gateway_request *req);
void gateway_route_send_verification_email(struct gateway_request *req);
void gateway_route_verify_email(struct gateway_request *req);
void gateway_route_change_email(struct gateway_request *req);
void gateway_route_delete_user_callback(struct gateway_request *req);

/* account_routes.c: the ways by which one signs in; there are no other providers here */
void gateway_route_list_accounts(struct gateway_request *req);
void gateway_route_unlink_account(struct gateway_request *req);
void gateway_route_sign_in_social(struct gateway_request *req);
void gateway_route_link_social(struct gateway_request *req);
void gateway_route_provider_token(struct gateway_request *req); /* refresh-token, get-access-token */
void gateway_route_account_info(struct gateway_request *req);
void gateway_route_callback(struct gateway_request *req);
void gateway_route_post_callback(struct gateway_request *req);

/* page_routes.c: what asks nobody */
void gateway_route_ok(struct gateway_request *req);
void gateway_route_error(struct gateway_request *req);

/* For the routes over one's own account (route_ask.c). */

/* Asks auth for what wants a session. Its answer, whatever it is, clears a stray session_data cookie. */
void gateway_route_ask(struct gateway_request *req, const struct qn_method *method, const void *in,
                       void (*next)(struct gateway_request *req));

/* Asks for the session alone, for a route whose answer is known: 'next' runs with a live one (req->rpc has a
 * RefreshSessionResponse), otherwise a 401 is answered. */
void gateway_route_want_session(struct gateway_request *req, void (*next)(struct gateway_request *req));

/* Whether a question must leave the session's row as it is: ?disableRefresh=…, or deferSessionRefresh. */
bool gateway_route_keeps_row(struct gateway_request *req);

/* {"status":true}, or what the question's failure becomes. */
void gateway_route_answer_status(struct gateway_request *req);

#endif
