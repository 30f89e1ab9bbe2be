#ifndef AUTH_VERIFY_H
#define AUTH_VERIFY_H

#include "services/auth/service.h"
#include "store.pb-c.h"

/* Addresses verified and changed by mail. Each answers its call, once. */

void auth_verify_send(struct auth_service *service, struct qn_call *call);
void auth_verify_email(struct auth_service *service, struct qn_call *call);
void auth_verify_change(struct auth_service *service, struct qn_call *call);

#endif
