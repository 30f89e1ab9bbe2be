#include <stdint.h>
#include <string.h>

#include "common/core/check.h"
#include "common/rpc/wire.h"
#include "rpc.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The envelope as we read it by hand, and as protobuf-c reads it: the same, for whatever we take. */

static bool same_bytes(struct qn_str a, ProtobufCBinaryData b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.data, a.len) == 0);
}

static bool same_text(struct qn_str a, const char *b)
{
    return qn_str_eq(a, qn_str_c(b));
}

static void compare_call(const struct qn_wire_call *ours, const Quintet__Rpc__V1__Call *theirs)
{
    QN_CHECK(same_bytes(ours->payload, theirs->payload));
    QN_CHECK(ours->timeout_ms == theirs->timeout_ms || ours->timeout_ms == QN_WIRE_TIMEOUT_MAX_MS);
    QN_CHECK(same_text(ours->ctx.request_id, theirs->request_id));
    QN_CHECK(same_text(ours->ctx.traceparent, theirs->traceparent));
    const Quintet__Rpc__V1__Caller *caller = theirs->caller;
    QN_CHECK(ours->ctx.caller.known == (caller != NULL && caller->user_id[0] != '\0'));
    QN_CHECK(same_text(ours->ctx.caller.user_id, caller ? caller->user_id : ""));
    QN_CHECK(same_text(ours->ctx.caller.session_id, caller ? caller->session_id : ""));
    QN_CHECK(same_text(ours->ctx.caller.client_ip, caller ? caller->client_ip : ""));
    QN_CHECK(same_text(ours->ctx.caller.user_agent, caller ? caller->user_agent : ""));
    const Quintet__Rpc__V1__Credentials *credentials = theirs->credentials;
    QN_CHECK(same_text(ours->ctx.credentials.cookie, credentials ? credentials->cookie : ""));
    QN_CHECK(same_text(ours->ctx.credentials.bearer, credentials ? credentials->bearer : ""));
}

static void try_request(struct qn_str bytes)
{
    struct qn_wire_request ours;
    if (qn_wire_read_request(bytes, &ours, NULL) != QN_OK)
        return;
    Quintet__Rpc__V1__Request *theirs =
        quintet__rpc__v1__request__unpack(NULL, bytes.len, (const uint8_t *)bytes.ptr);
    QN_CHECK(theirs != NULL && theirs->n_calls == ours.n_calls && ours.n_calls <= QN_WIRE_CALLS_MAX);
    QN_CHECK(same_text(ours.method, theirs->method) && ours.goodbye == (theirs->goodbye != 0));
    struct qn_wire_call call;
    size_t n = 0;
    for (; qn_wire_next_call(&ours, &call); n++)
        compare_call(&call, theirs->calls[n]);
    QN_CHECK(n == theirs->n_calls);
    quintet__rpc__v1__request__free_unpacked(theirs, NULL);
}

static void compare_result(struct qn_str bytes, const Quintet__Rpc__V1__Result *theirs)
{
    struct qn_arena arena;
    struct qn_wire_answer ours;
    qn_arena_init(&arena, 1 << 20);
    if (qn_wire_read_result(bytes, &arena, &ours) == QN_OK) {
        QN_CHECK(ours.status == qn_status_from_wire(theirs->status));
        QN_CHECK(same_text(ours.message, theirs->message) && same_bytes(ours.payload, theirs->payload));
        QN_CHECK(ours.retry_after_ms == theirs->retry_after_ms);
        QN_CHECK(ours.not_executed == (theirs->not_executed != 0));
        size_t n_cookies =
            theirs->n_set_cookie < QN_WIRE_COOKIES_MAX ? theirs->n_set_cookie : QN_WIRE_COOKIES_MAX;
        QN_CHECK(ours.n_cookies == n_cookies);
        for (size_t i = 0; i < n_cookies; i++)
            QN_CHECK(same_text(ours.cookies[i], theirs->set_cookie[i]));
        const Quintet__Rpc__V1__ErrorDetail *detail = theirs->detail;
        QN_CHECK(same_text(ours.reason, detail ? detail->reason : ""));
        QN_CHECK(ours.n_violations == (detail ? detail->n_violations : 0));
        for (size_t i = 0; i < ours.n_violations; i++) {
            QN_CHECK(strcmp(ours.violations[i].field, detail->violations[i]->field) == 0);
            QN_CHECK(strcmp(ours.violations[i].description, detail->violations[i]->description) == 0);
        }
    }
    qn_arena_fini(&arena);
}

static void try_response(struct qn_str bytes)
{
    struct qn_wire_response ours;
    if (qn_wire_read_response(bytes, &ours, NULL) != QN_OK)
        return;
    Quintet__Rpc__V1__Response *theirs =
        quintet__rpc__v1__response__unpack(NULL, bytes.len, (const uint8_t *)bytes.ptr);
    QN_CHECK(theirs != NULL && theirs->n_results == ours.n_results);
    QN_CHECK(ours.draining == (theirs->draining != 0));
    struct qn_str result;
    size_t n = 0;
    for (; qn_wire_next_result(&ours, &result); n++)
        compare_result(result, theirs->results[n]);
    QN_CHECK(n == theirs->n_results);
    quintet__rpc__v1__response__free_unpacked(theirs, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str bytes = qn_str_n((const char *)data, size);
    try_request(bytes);
    try_response(bytes);
    return 0;
}
