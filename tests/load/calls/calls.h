#ifndef QN_LOAD_CALLS_H
#define QN_LOAD_CALLS_H

#include "common/core/status.h"
#include "common/rpc/method.h"
#include "tests/load/calls/pick.h"
#include "tests/load/calls/target.h"

/* What is called: methods by weight, each with its lines of data, and cookies. All is read, checked and
 * packed before the run, so that a call costs no more than picking it. One thread. */
struct load_calls;

enum { LOAD_CALLS_METHODS_MAX = 64 };

/* What is random in a run, each with a stream of its own. Methods' data begin at LOAD_STREAM_DATA. */
enum { LOAD_STREAM_ARRIVALS = 1, LOAD_STREAM_MIX, LOAD_STREAM_COOKIES, LOAD_STREAM_DATA };

struct load_calls_method {
    const char
        *name; /* "quintet.auth.v1.AuthService/GetSession"; over HTTP also "/a/path" or "GET /a/path" */
    double weight;
    const char *data;      /* one JSON text; NULL: an empty message */
    const char *data_file; /* one JSON text a line, instead; NULL: none */
    enum load_pick_kind pick;
};

struct load_calls_options {
    const struct qn_service *const *services; /* where names are looked up */
    size_t n_services;
    bool http; /* payloads stay JSON */
    const struct load_calls_method *methods;
    size_t n_methods;
    const char *cookie_file; /* a Cookie header's value a line; NULL: none */
    enum load_pick_kind cookie_pick;
    uint64_t seed;
};

/* QN_INVALID_ARGUMENT, QN_NOT_FOUND: 'err' says what is wrong where. */
QN_MUST_USE enum qn_status load_calls_open(const struct load_calls_options *options,
                                           struct load_calls **ret_calls, struct qn_error *err);
void load_calls_close(struct load_calls *calls);

size_t load_calls_count(const struct load_calls *calls);
void load_calls_describe(const struct load_calls *calls, size_t method, const char **ret_name,
                         double *ret_weight);

/* The next call. */
void load_calls_next(struct load_calls *calls, struct load_ask *ret_ask);

/* How a method is asked. */
const struct qn_method *load_calls_rpc(const struct load_calls *calls,
                                       size_t method); /* NULL for a bare path */
struct load_calls_http {
    const char *verb; /* "POST", or "GET" without a body */
    struct qn_str path;
};
struct load_calls_http load_calls_http(const struct load_calls *calls, size_t method);

/* The method of this full name, or NULL. */
const struct qn_method *load_calls_find(const struct qn_service *const *services, size_t n_services,
                                        struct qn_str name);

#endif
