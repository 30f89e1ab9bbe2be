#ifndef QN_RPC_METHOD_H
#define QN_RPC_METHOD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/core/str.h"

/* What the .proto files say of services, as proto/gen writes it: one 'struct qn_service' a service, one
 * 'struct qn_method' a method, constant for the life of the process. For a service
 * quintet.auth.v1.AuthService the header "auth.qn.h" has
 *
 *   extern const struct qn_service quintet_auth_v1_auth_service;
 *   extern const struct qn_method quintet_auth_v1_auth_service_get_session;      (one a method)
 *
 *   // In one .c file of the server: declares a handler for each method, auth_rpc_sign_up … (a missing one
 * does
 *   // not link, one of the wrong kind does not compile), and defines their table 'auth_rpc_handlers'.
 *   QUINTET_AUTH_V1_AUTH_SERVICE_HANDLERS(auth_rpc_handlers, auth_rpc_)
 */

enum qn_idempotency {
    QN_NOT_IDEMPOTENT,  /* sent at most once */
    QN_NO_SIDE_EFFECTS, /* may be sent again, and by HTTP GET */
    QN_IDEMPOTENT,      /* may be sent again */
};

enum qn_access {
    QN_ACCESS_INTERNAL, /* not through the gateway */
    QN_ACCESS_ANYONE,   /* credentials are passed on */
    QN_ACCESS_SESSION,  /* only with a live session; the caller is filled */
};

struct qn_method {
    const char *path; /* "quintet.auth.v1.AuthService/GetSession" */
    const char *name; /* "GetSession" */
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *response;
    enum qn_idempotency idempotency;
    enum qn_access access;
    bool batchable;
};

struct qn_service {
    const char *name;                       /* "quintet.auth.v1.AuthService" */
    const struct qn_method *const *methods; /* in the order of the .proto */
    size_t n_methods;
    const char *const *callers; /* names in the certificates of those who may call it */
    size_t n_callers;           /* 0: whoever has a certificate */
};

struct qn_call;

/* Called on the loop with one call, or with all calls of one message when the method is batchable. */
struct qn_handler {
    void (*one)(struct qn_call *call);
    void (*batch)(struct qn_call **calls, size_t n_calls);
};

/* A service and what serves it; handlers[i] is for service->methods[i]. */
struct qn_handlers {
    const struct qn_service *service;
    const struct qn_handler *handlers;
};

/* The method of this name, or NULL. */
const struct qn_method *qn_method_find(const struct qn_service *service, struct qn_str name);

#endif
