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
                                  struct qn_call *call, const char *token, const char *user_id,
                                  void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__DeleteSessionRequest in = QUINTET__STORE__V1__DELETE_SESSION_REQUEST__INIT;
    in.token = (char *)token;
    in.user_id = (char *)user_id;
    ask(service, request, call, &quintet_store_v1_session_store_delete_session, &in, done);
}

void auth_upstream_delete_sessions(struct auth_service *service, struct qn_request *request,
                                   struct qn_call *call, const char *user_id, const char *except_token,
                                   void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__DeleteSessionsRequest in = QUINTET__STORE__V1__DELETE_SESSIONS_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.except_token = (char *)except_token;
    ask(service, request, call, &quintet_store_v1_session_store_delete_sessions, &in, done);
}

void auth_upstream_list_sessions(struct auth_service *service, struct qn_request *request,
                                 struct qn_call *call, const char *user_id, int64_t after_ms,
                                 void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__ListSessionsRequest in = QUINTET__STORE__V1__LIST_SESSIONS_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.after_ms = after_ms;
    ask(service, request, call, &quintet_store_v1_session_store_list_sessions, &in, done);
}

void auth_upstream_refresh_session(struct auth_service *service, struct qn_request *request,
                                   struct qn_call *call, const char *token, int64_t expires_at_ms,
                                   int64_t updated_at_ms, void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__RefreshSessionRequest in = QUINTET__STORE__V1__REFRESH_SESSION_REQUEST__INIT;
    in.token = (char *)token;
    in.expires_at_ms = expires_at_ms;
    in.updated_at_ms = updated_at_ms;
    ask(service, request, call, &quintet_store_v1_session_store_refresh_session, &in, done);
}

void auth_upstream_get_password(struct auth_service *service, struct qn_request *request,
                                struct qn_call *call, const char *user_id,
                                void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__GetPasswordRequest in = QUINTET__STORE__V1__GET_PASSWORD_REQUEST__INIT;
    in.user_id = (char *)user_id;
    ask(service, request, call, &quintet_store_v1_account_store_get_password, &in, done);
}

void auth_upstream_set_password(struct auth_service *service, struct qn_request *request,
                                struct qn_call *call, const Quintet__Store__V1__SetPasswordRequest *in,
                                void (*done)(struct qn_request *request))
{
    ask(service, request, call, &quintet_store_v1_account_store_set_password, in, done);
}

void auth_upstream_update_user(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const Quintet__Store__V1__UpdateUserRequest *in,
                               void (*done)(struct qn_request *request))
{
    ask(service, request, call, &quintet_store_v1_account_store_update_user, in, done);
}

void auth_upstream_delete_user(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const char *user_id, void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__DeleteUserRequest in = QUINTET__STORE__V1__DELETE_USER_REQUEST__INIT;
    in.user_id = (char *)user_id;
    ask(service, request, call, &quintet_store_v1_account_store_delete_user, &in, done);
}

void auth_upstream_list_accounts(struct auth_service *service, struct qn_request *request,
                                 struct qn_call *call, const char *user_id,
                                 void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__ListAccountsRequest in = QUINTET__STORE__V1__LIST_ACCOUNTS_REQUEST__INIT;
    in.user_id = (char *)user_id;
    ask(service, request, call, &quintet_store_v1_account_store_list_accounts, &in, done);
}

void auth_upstream_create_verification(struct auth_service *service, struct qn_request *request,
                                       struct qn_call *call, Quintet__Store__V1__Verification *row,
                                       void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__CreateVerificationRequest in = QUINTET__STORE__V1__CREATE_VERIFICATION_REQUEST__INIT;
    in.verification = row;
    ask(service, request, call, &quintet_store_v1_verification_store_create_verification, &in, done);
}

void auth_upstream_get_verification(struct auth_service *service, struct qn_request *request,
                                    struct qn_call *call, const char *identifier,
                                    void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__GetVerificationRequest in = QUINTET__STORE__V1__GET_VERIFICATION_REQUEST__INIT;
    in.identifier = (char *)identifier;
    ask(service, request, call, &quintet_store_v1_verification_store_get_verification, &in, done);
}

void auth_upstream_sweep_verifications(struct auth_service *service, struct qn_request *request,
                                       struct qn_call *call, int64_t before_ms,
                                       void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__SweepVerificationsRequest in = QUINTET__STORE__V1__SWEEP_VERIFICATIONS_REQUEST__INIT;
    in.before_ms = before_ms;
    ask(service, request, call, &quintet_store_v1_verification_store_sweep_verifications, &in, done);
}

void auth_upstream_take_verification(struct auth_service *service, struct qn_request *request,
                                     struct qn_call *call, const char *identifier,
                                     void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__TakeVerificationRequest in = QUINTET__STORE__V1__TAKE_VERIFICATION_REQUEST__INIT;
    in.identifier = (char *)identifier;
    ask(service, request, call, &quintet_store_v1_verification_store_take_verification, &in, done);
}

void auth_upstream_delete_account(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, const char *user_id, const char *id,
                                  void (*done)(struct qn_request *request))
{
    Quintet__Store__V1__DeleteAccountRequest in = QUINTET__STORE__V1__DELETE_ACCOUNT_REQUEST__INIT;
    in.user_id = (char *)user_id;
    in.id = (char *)id;
    ask(service, request, call, &quintet_store_v1_account_store_delete_account, &in, done);
}
