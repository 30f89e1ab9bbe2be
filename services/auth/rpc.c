#include "services/auth/rpc.h"

#include "services/auth/change.h"
#include "services/auth/reset.h"
#include "services/auth/session.h"
#include "services/auth/sessions.h"
#include "services/auth/sign.h"
#include "services/auth/user.h"
#include "services/auth/verify.h"

QUINTET_AUTH_V1_AUTH_SERVICE_HANDLERS(auth_rpc_handlers, auth_rpc_)

static struct auth_service *service;

void auth_rpc_bind(struct auth_service *to)
{
    service = to;
}

void auth_rpc_sign_up(struct qn_call *call)
{
    auth_sign_up(service, call);
}

void auth_rpc_sign_in(struct qn_call *call)
{
    auth_sign_in(service, call);
}

void auth_rpc_sign_out(struct qn_call *call)
{
    auth_sign_out(service, call);
}

/* The questions to the store that start here leave as one message: the client gathers what starts in one
 * turn. */

void auth_rpc_get_session(struct qn_call **calls, size_t n_calls)
{
    for (size_t i = 0; i < n_calls; i++)
        auth_session_check(service, calls[i]);
}

void auth_rpc_get_session_with_profile_check(struct qn_call **calls, size_t n_calls)
{
    for (size_t i = 0; i < n_calls; i++)
        auth_session_check_with_profile(service, calls[i]);
}

void auth_rpc_refresh_session(struct qn_call *call)
{
    auth_sessions_refresh(service, call);
}

void auth_rpc_list_sessions(struct qn_call *call)
{
    auth_sessions_list(service, call);
}

void auth_rpc_revoke_session(struct qn_call *call)
{
    auth_sessions_revoke(service, call);
}

void auth_rpc_revoke_sessions(struct qn_call *call)
{
    auth_sessions_revoke_all(service, call);
}

void auth_rpc_revoke_other_sessions(struct qn_call *call)
{
    auth_sessions_revoke_others(service, call);
}

void auth_rpc_update_user(struct qn_call *call)
{
    auth_user_update(service, call);
}

void auth_rpc_change_password(struct qn_call *call)
{
    auth_change_password(service, call);
}

void auth_rpc_verify_password(struct qn_call *call)
{
    auth_change_verify(service, call);
}

void auth_rpc_list_accounts(struct qn_call *call)
{
    auth_user_list_accounts(service, call);
}

void auth_rpc_unlink_account(struct qn_call *call)
{
    auth_user_unlink_account(service, call);
}

void auth_rpc_delete_user(struct qn_call *call)
{
    auth_user_delete(service, call);
}

void auth_rpc_request_password_reset(struct qn_call *call)
{
    auth_reset_request(service, call);
}

void auth_rpc_check_password_reset(struct qn_call *call)
{
    auth_reset_check(service, call);
}

void auth_rpc_reset_password(struct qn_call *call)
{
    auth_reset_password(service, call);
}

void auth_rpc_send_verification_email(struct qn_call *call)
{
    auth_verify_send(service, call);
}

void auth_rpc_verify_email(struct qn_call *call)
{
    auth_verify_email(service, call);
}

void auth_rpc_change_email(struct qn_call *call)
{
    auth_verify_change(service, call);
}
