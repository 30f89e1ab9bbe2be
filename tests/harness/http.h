#ifndef QN_TESTS_HTTP_H
#define QN_TESTS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/core/str.h"

/* One HTTP exchange by libcurl, blocking. What cannot even be sent ends the test with a message. */

enum { HARNESS_HTTP_HEADERS_MAX = 16 };

struct harness_http_request {
    const char *method; /* NULL: POST with a body, GET without */
    const char *url;
    const char *headers[HARNESS_HTTP_HEADERS_MAX]; /* "Name: value"; "Name:" takes away what curl would add;
                                                      NULL ends */
    struct qn_str body;                            /* ptr NULL: none */
};

/* All texts NUL-terminated; freed by harness_http_free(). */
struct harness_http_reply {
    int status; /* 0: the connection ended without an answer */
    char *head; /* the header lines, as they came */
    char *body;
    size_t body_len;
    double seconds;
};

struct harness_http_reply harness_http(const struct harness_http_request *request);
void harness_http_free(struct harness_http_reply *reply);

/* The value of the n-th header of that name (any case) in static memory, or NULL. */
const char *harness_http_header(const struct harness_http_reply *reply, const char *name, size_t nth);

/* POST of JSON to url+path with a Cookie header (NULL: none). */
struct harness_http_reply harness_http_post(const char *url, const char *path, const char *cookie,
                                            const char *json);

/* "name=value" of the Set-Cookie that sets that name, in static memory: as it goes into a Cookie header.
 * NULL: it is not set. */
const char *harness_http_cookie(const struct harness_http_reply *reply, const char *name);

#endif
