#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

#include "common/app/parts.h"

/* The services behind the gateway. */
struct gateway_upstream {
    struct qn_part_rpc_client auth, profile, media;
};

#endif
