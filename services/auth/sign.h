#ifndef AUTH_SIGN_H
#define AUTH_SIGN_H

#include "services/auth/service.h"

/* Into an account and out of it. Each answers its call, once. */

void auth_sign_up(struct auth_service *service, struct qn_call *call);
void auth_sign_in(struct auth_service *service, struct qn_call *call);
void auth_sign_out(struct auth_service *service, struct qn_call *call);

#endif
