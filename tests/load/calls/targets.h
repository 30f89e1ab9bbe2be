#ifndef QN_LOAD_TARGETS_H
#define QN_LOAD_TARGETS_H

#include "common/core/arena.h"
#include "common/http/httpd.h" /* struct qn_header */
#include "common/loop/loop.h"
#include "tests/load/calls/calls.h"
#include "tests/load/calls/target.h"

/* The two kinds of service that can be called. */
struct load_target_options {
    const char *address; /* "ipc:///folder", "tcp://host:port", "tls+tcp://…"; or "http://host:port" */
    const struct load_calls *calls;
    uint32_t connections, concurrency;
    uint64_t timeout_ms; /* of a call, from its sending */
    const char *tls_certificate_file, *tls_key_file, *tls_ca_file;
    const char *caller;              /* nng: the user's id, as the gateway would say it; NULL: nobody */
    bool callers;                    /* nng: a call's cookie is its user's id instead */
    const struct qn_header *headers; /* HTTP: beside those of the protocol */
    size_t n_headers;
};

/* All that 'options' points to must outlive the target. QN_INVALID_ARGUMENT: 'err' says what is wrong. */
QN_MUST_USE enum qn_status load_target_nng_open(struct qn_loop *loop,
                                                const struct load_target_options *options,
                                                struct load_target **ret_target, struct qn_error *err);
QN_MUST_USE enum qn_status load_target_http_open(struct qn_loop *loop,
                                                 const struct load_target_options *options,
                                                 struct load_target **ret_target, struct qn_error *err);

#endif
