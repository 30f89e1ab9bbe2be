#ifndef AUTH_LIMIT_RPC_H
#define AUTH_LIMIT_RPC_H

#include "common/app/parts.h"
#include "services/auth/limit.h"

/* quintet.auth.v1.LimitService: this replica's share of the counters. One a process, a part of the service.
 */
extern const struct qn_handlers auth_limit_rpc_handlers;

struct auth_limit_part {
    struct qn_part part;
    const int64_t *counters_max; /* of the settings */
    struct auth_limit *limit;    /* NULL unless open */
    struct qn_loop *loop;        /* private from here */
    struct qn_later later;
    void (*closed)(struct qn_part *part);
};

#define AUTH_LIMIT_PART(counters_max_)                                                                       \
    {                                                                                                        \
        .part = {.name = "limits", .open = auth_limit_rpc_open, .close = auth_limit_rpc_close},              \
        .counters_max = (counters_max_)                                                                      \
    }

/* From its opening on, the handlers count here. */
enum qn_status auth_limit_rpc_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void auth_limit_rpc_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
