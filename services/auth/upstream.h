#ifndef AUTH_UPSTREAM_H
#define AUTH_UPSTREAM_H

#include "common/rpc/client.h"
#include "services/auth/service.h"
#include "store.pb-c.h"

/* Questions to profile's stores (proto/store.proto has what each answers). Each starts 'request' under the
 * context and in the arena of 'call'; 'done' runs once, on the loop, never from within the start; with QN_OK
 * request->out is the response of that method. Calls of one turn to a reading method leave as one message
 * (common/rpc/client.h). */

void auth_upstream_get_credential(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, const char *email,
                                  void (*done)(struct qn_request *request));

void auth_upstream_create_user(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const Quintet__Store__V1__CreateUserRequest *in,
                               void (*done)(struct qn_request *request));

void auth_upstream_create_session(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, Quintet__Store__V1__Session *session,
                                  void (*done)(struct qn_request *request));

void auth_upstream_get_session(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const char *token, void (*done)(struct qn_request *request));

void auth_upstream_get_session_with_profile(struct auth_service *service, struct qn_request *request,
                                            struct qn_call *call, const char *token,
                                            void (*done)(struct qn_request *request));

/* 'user_id' may be empty: whoever's. */
void auth_upstream_delete_session(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, const char *token, const char *user_id,
                                  void (*done)(struct qn_request *request));

void auth_upstream_delete_sessions(struct auth_service *service, struct qn_request *request,
                                   struct qn_call *call, const char *user_id, const char *except_token,
                                   void (*done)(struct qn_request *request));

void auth_upstream_list_sessions(struct auth_service *service, struct qn_request *request,
                                 struct qn_call *call, const char *user_id, int64_t after_ms,
                                 void (*done)(struct qn_request *request));

void auth_upstream_refresh_session(struct auth_service *service, struct qn_request *request,
                                   struct qn_call *call, const char *token, int64_t expires_at_ms,
                                   int64_t updated_at_ms, void (*done)(struct qn_request *request));

void auth_upstream_get_password(struct auth_service *service, struct qn_request *request,
                                struct qn_call *call, const char *user_id,
                                void (*done)(struct qn_request *request));

void auth_upstream_set_password(struct auth_service *service, struct qn_request *request,
                                struct qn_call *call, const Quintet__Store__V1__SetPasswordRequest *in,
                                void (*done)(struct qn_request *request));

void auth_upstream_update_user(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const Quintet__Store__V1__UpdateUserRequest *in,
                               void (*done)(struct qn_request *request));

void auth_upstream_delete_user(struct auth_service *service, struct qn_request *request, struct qn_call *call,
                               const char *user_id, void (*done)(struct qn_request *request));

void auth_upstream_list_accounts(struct auth_service *service, struct qn_request *request,
                                 struct qn_call *call, const char *user_id,
                                 void (*done)(struct qn_request *request));

void auth_upstream_create_verification(struct auth_service *service, struct qn_request *request,
                                       struct qn_call *call, Quintet__Store__V1__Verification *row,
                                       void (*done)(struct qn_request *request));

void auth_upstream_get_verification(struct auth_service *service, struct qn_request *request,
                                    struct qn_call *call, const char *identifier,
                                    void (*done)(struct qn_request *request));

void auth_upstream_sweep_verifications(struct auth_service *service, struct qn_request *request,
                                       struct qn_call *call, int64_t before_ms,
                                       void (*done)(struct qn_request *request));

void auth_upstream_take_verification(struct auth_service *service, struct qn_request *request,
                                     struct qn_call *call, const char *identifier,
                                     void (*done)(struct qn_request *request));

void auth_upstream_delete_account(struct auth_service *service, struct qn_request *request,
                                  struct qn_call *call, const char *user_id, const char *id,
                                  void (*done)(struct qn_request *request));

#endif
