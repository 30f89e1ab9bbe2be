#ifndef AUTH_RESET_H
#define AUTH_RESET_H

#include "services/auth/service.h"

/* A new password by mail. Each answers its call, once. */

void auth_reset_request(struct auth_service *service, struct qn_call *call);
void auth_reset_check(struct auth_service *service, struct qn_call *call);
void auth_reset_password(struct auth_service *service, struct qn_call *call);

#endif
