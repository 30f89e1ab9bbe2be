#ifndef RUN_ENDPOINTS_H
#define RUN_ENDPOINTS_H

#include "common/core/buf.h"

/* $QUINTET_RUN_DIR/endpoints: where everything of a running copy is, as KEY=value lines, for tools and tests.
 * It holds passwords: its owner alone may read it. */
struct run_endpoints {
    const char *path;
    struct qn_buf text;
};

enum { RUN_ENDPOINTS_MAX = 16 * 1024 };

void run_endpoints_begin(struct run_endpoints *endpoints, const char *path);
/* A value that is NULL is left out. A value is one line. */
void run_endpoints_add(struct run_endpoints *endpoints, const char *key, const char *value);
void run_endpoints_add_number(struct run_endpoints *endpoints, const char *key, int64_t value);
/* Replaces the file. */
QN_MUST_USE enum qn_status run_endpoints_end(struct run_endpoints *endpoints, struct qn_error *err);

/* "http://127.0.0.1:8080" of an address that is listened on; one that means every interface is reached
 * through loopback. */
void run_endpoints_url(const char *address, char to[80]);

#endif
