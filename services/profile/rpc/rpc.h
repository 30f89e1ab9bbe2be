#ifndef PROFILE_RPC_RPC_H
#define PROFILE_RPC_RPC_H

#include <stddef.h>

#include "common/rpc/method.h"
#include "services/profile/pg/pool.h"

/* What quintet-profile serves: quintet.profile.v1.ProfileService to clients, by way of the gateway, and
 * quintet.store.v1's AccountStore, SessionStore and PhotoStore to auth and media,
 * quintet.slots.v1.SlotService to the other processes of profile. For struct qn_server_options. */
extern const struct qn_handlers *const profile_rpc_handlers[];
extern const size_t profile_rpc_n_handlers;

/* Which pool the handlers ask. Once, before the server opens; the pool must outlive the last call. */
void profile_rpc_init(struct pg_pool *pool);

#endif
