#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include "services/auth/service.h"

/* Accounts with a password: the three methods that write. Each answers its call, once. */

enum {
    /* Better Auth sets no limit on these; ours keep whatever a user can store small enough to be read 64 at a
     * time (see AUTH_SESSION_USER_AGENT_MAX_BYTES). */
    AUTH_ACCOUNT_NAME_MAX_BYTES = 16 * 1024,
    AUTH_ACCOUNT_IMAGE_MAX_BYTES = 16 * 1024,
};

void auth_account_sign_up(struct auth_service *service, struct qn_call *call);
void auth_account_sign_in(struct auth_service *service, struct qn_call *call);
void auth_account_sign_out(struct auth_service *service, struct qn_call *call);

#endif
