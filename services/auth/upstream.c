#include "services/auth/upstream.h"

#include "store.qn.h"

/* What the client showed ends here: the stores get the caller and the ids of the call, but no credentials. */
static void ask(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                const struct qn_method *method, const void *in, void (*done)(struct qn_request *request))
{
    call->ctx.credentials.cookie = call->ctx.credentials.bearer = (struct qn_str){0};
    *request = (struct qn_request){0};
    qn_request_start(request, service->profile->client, method, in, &call->ctx, call->arena, done);
}

void auth_upstream_get_credential(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, const char *email,
                                  void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__GetCredentialRequest in = QUINTET__STORE__V1__GET_CREDENTIAL_REQUEST__INIT;
    in.email = (char *)email;
    ask(service, request, call, &quintet_store_v1_account_store_get_credential, &in, done);
}

void auth_upstream_create_user(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const Quintet__Store__V1__CreateUserRequest *in,
                               void (*done)(struct qn_request *request))
{
    ask(service, request, call, &quintet_store_v1_account_store_create_user, in, done);
}

void auth_upstream_create_session(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, Quintet__Store__V1__Session *session,
                                  void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__CreateSessionRequest in = QUINTET__STORE__V1__CREATE_SESSION_REQUEST__INIT;
    in.session = session;
    ask(service, request, call, &quintet_store_v1_session_store_create_session, &in, done);
}

void auth_upstream_get_session(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const char *token, void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__GetSessionRequest in = QUINTET__STORE__V1__GET_SESSION_REQUEST__INIT;
    in.token = (char *)token;
    ask(service, request, call, &quintet_store_v1_session_store_get_session, &in, done);
}

void auth_upstream_get_session_with_profile(struct auth_service *service, struct qn_request *request,
                                            struct qn_call *call, const char *token,
                                            void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__GetSessionWithProfileRequest in =
        QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_REQUEST__INIT;
    in.token = (char *)token;
    ask(service, request, call, &quintet_store_v1_session_store_get_session_with_profile, &in, done);
}

void auth_upstream_delete_session(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, const char *token,
                                  void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__DeleteSessionRequest in = QUINTET__STORE__V1__DELETE_SESSION_REQUEST__INIT;
    in.token = (char *)token;
    ask(service, request, call, &quintet_store_v1_session_store_delete_session, &in, done);
}
