#include "services/auth/rpc.h"

#include "services/auth/session.h"
#include "services/auth/sign.h"

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
