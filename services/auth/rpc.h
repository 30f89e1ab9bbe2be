#ifndef AUTH_RPC_H
#define AUTH_RPC_H

#include "auth.qn.h"
#include "services/auth/service.h"

/* quintet.auth.v1.AuthService as served to the other services. */
extern const struct qn_handlers auth_rpc_handlers;

/* What the handlers work with; before the server opens. Kept by pointer. */
void auth_rpc_bind(struct auth_service *service);

#endif
