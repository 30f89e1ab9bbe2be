#ifndef AUTH_CHANGE_H
#define AUTH_CHANGE_H

#include "services/auth/service.h"

/* ChangePassword and VerifyPassword. Each answers its call, once. */

void auth_change_password(struct auth_service *service, struct qn_call *call);
void auth_change_verify(struct auth_service *service, struct qn_call *call);

#endif
