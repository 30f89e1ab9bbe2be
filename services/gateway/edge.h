#ifndef GATEWAY_EDGE_H
#define GATEWAY_EDGE_H

#include "common/app/app.h"
#include "common/http/httpd.h"
#include "services/gateway/settings.h"
#include "services/gateway/upstream.h"

/* Where HTTP comes in: the listening port, and which of the gateway's faces a path belongs to.
 *   GET /healthz, /readyz        the process, without details (those are on the admin port)
 *   <base path>/…                Better Auth's endpoints (better_auth.h)
 *   everything else              Connect (connect.h), which answers what is nobody's, too
 */
struct gateway_edge {
    struct qn_part part;
    const struct gateway_settings *settings;
    struct gateway_upstream *upstream;
    struct qn_httpd *httpd;             /* NULL unless open */
    void (*done)(struct qn_part *part); /* of the drain or close that runs */
};

#define GATEWAY_EDGE(settings_, upstream_)                                                                   \
    {                                                                                                        \
        .part = {.name = "http",                                                                             \
                 .open = gateway_edge_open,                                                                  \
                 .drain = gateway_edge_drain,                                                                \
                 .close = gateway_edge_close},                                                               \
        .settings = (settings_), .upstream = (upstream_)                                                     \
    }

enum qn_status gateway_edge_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void gateway_edge_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void gateway_edge_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
