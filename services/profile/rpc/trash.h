#ifndef PROFILE_RPC_TRASH_H
#define PROFILE_RPC_TRASH_H

#include "common/rpc/call.h"

/* Handlers of PhotoStore whose table is in photo.c. */
void profile_rpc_sweep_photos(struct qn_call *call);
void profile_rpc_claim_trash(struct qn_call *call);
void profile_rpc_finish_trash(struct qn_call *call);
void profile_rpc_fail_trash(struct qn_call *call);

#endif
