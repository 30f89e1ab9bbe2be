#ifndef AUTH_SESSIONS_H
#define AUTH_SESSIONS_H

#include "services/auth/service.h"

/* RefreshSession, and what one may do to one's sessions. Each answers its call, once. */

void auth_sessions_refresh(struct auth_service *service, struct qn_call *call);
void auth_sessions_list(struct auth_service *service, struct qn_call *call);
void auth_sessions_revoke(struct auth_service *service, struct qn_call *call);
void auth_sessions_revoke_all(struct auth_service *service, struct qn_call *call);
void auth_sessions_revoke_others(struct auth_service *service, struct qn_call *call);

#endif
