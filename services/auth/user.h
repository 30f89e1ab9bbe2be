#ifndef AUTH_USER_H
#define AUTH_USER_H

#include "services/auth/service.h"

/* UpdateUser, DeleteUser, and the accounts by which a user signs in. Each answers its call, once. */

void auth_user_update(struct auth_service *service, struct qn_call *call);
void auth_user_delete(struct auth_service *service, struct qn_call *call);
void auth_user_list_accounts(struct auth_service *service, struct qn_call *call);
void auth_user_unlink_account(struct auth_service *service, struct qn_call *call);

#endif
