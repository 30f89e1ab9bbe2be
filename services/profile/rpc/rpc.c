#include "services/profile/rpc/rpc.h"

#include "common/core/check.h"
#include "services/profile/rpc/ask.h"
#include "services/profile/slots/slots.h"

extern const struct qn_handlers profile_rpc_account, profile_rpc_session, profile_rpc_photo,
    profile_rpc_profile, profile_rpc_verification;

const struct qn_handlers *const profile_rpc_handlers[] = {
    &profile_rpc_profile, &profile_rpc_account,      &profile_rpc_session,
    &profile_rpc_photo,   &profile_rpc_verification, &slots_handlers,
};
const size_t profile_rpc_n_handlers = QN_COUNT(profile_rpc_handlers);

void profile_rpc_init(struct pg_pool *pool)
{
    profile_ask_init(pool);
}
