#ifndef QN_RPC_WIRE_H
#define QN_RPC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/status.h"
#include "common/core/str.h"
#include "common/rpc/call.h"

/* The envelope of proto/rpc.proto, written and read by hand, because it is on the way of every call: payloads
 * are packed in their final place and read where they lie, where protobuf-c would copy each twice and
 * allocate for every string. tests/unit/common/rpc/wire_test.c holds it against protobuf-c's own reading and
 * writing. Inside the room.
 *
 * Writers come in pairs: a size, and a writer of exactly so many bytes that returns the end. Readers take
 * bytes from a peer. */

enum {
    QN_WIRE_CALLS_MAX = 64,              /* of a message */
    QN_WIRE_BATCH_MAX_BYTES = 256 << 10, /* of the calls in a message; a larger one travels alone */
    QN_WIRE_COOKIES_MAX = 8,             /* of a result */
    QN_WIRE_REQUEST_ID_MAX = 64,
    /* What nng itself puts before a message: the request's id, and a word for each device on the way. */
    QN_WIRE_TRANSPORT_BYTES = 64,
};

/* Longest time a call may bring along; more is cut to it. */
#define QN_WIRE_TIMEOUT_MAX_MS UINT32_C(3600000)

/* Request and Call. A call is made in two steps: all but the timeout when it starts, the timeout when its
 * message leaves. */
size_t qn_wire_call_size(const struct qn_context *ctx, size_t payload_len);
/* Writes the call but for its payload, for which room is left at *ret_payload. */
char *qn_wire_put_call(char *to, const struct qn_context *ctx, size_t payload_len, char **ret_payload);

size_t qn_wire_request_size(size_t method_len);
char *qn_wire_put_request(char *to, struct qn_str method);
size_t qn_wire_add_call_size(size_t call_len, uint32_t timeout_ms);
char *qn_wire_add_call(char *to, struct qn_str call, uint32_t timeout_ms);

enum { QN_WIRE_GOODBYE_SIZE = 2 };
char *qn_wire_put_goodbye(char *to);

/* A message that came. Views into its bytes. */
struct qn_wire_request {
    struct qn_str method;
    size_t n_calls;
    bool goodbye;
    struct qn_str rest; /* private */
};

struct qn_wire_call {
    struct qn_str payload;
    uint32_t timeout_ms;
    struct qn_context ctx; /* all but deadline and log */
};

/* QN_INVALID_ARGUMENT: no envelope, or one with more than QN_WIRE_CALLS_MAX calls. No bytes at all are an
 * envelope, of no method and no calls. A failed read leaves *ret_request as it was. */
QN_MUST_USE enum qn_status qn_wire_read_request(struct qn_str bytes, struct qn_wire_request *ret_request,
                                                struct qn_error *err);
/* The next call; false after the last. */
bool qn_wire_next_call(struct qn_wire_request *request, struct qn_wire_call *ret_call);

/* Response and Result. */
struct qn_wire_result {
    const struct qn_fault *fault; /* NULL: QN_OK */
    const struct qn_str *cookies;
    size_t n_cookies;
    size_t payload_len;
};

/* As an element of a Response. Text that is not UTF-8 is left out. */
size_t qn_wire_add_result_size(const struct qn_wire_result *result);
char *qn_wire_add_result(char *to, const struct qn_wire_result *result, char **ret_payload);

enum { QN_WIRE_DRAINING_SIZE = 2 };
char *qn_wire_add_draining(char *to);

struct qn_wire_response {
    size_t n_results;
    bool draining;
    struct qn_str rest; /* private */
};

/* QN_INVALID_ARGUMENT: no envelope, or too many results. */
QN_MUST_USE enum qn_status qn_wire_read_response(struct qn_str bytes, struct qn_wire_response *ret_response,
                                                 struct qn_error *err);
/* The bytes of the next result; false after the last. */
bool qn_wire_next_result(struct qn_wire_response *response, struct qn_str *ret_result);

/* What a result says. Copies in the arena, but for the payload, which is a view into the bytes. */
struct qn_wire_answer {
    enum qn_status status;
    struct qn_str message, reason, payload;
    struct qn_violation *violations;
    size_t n_violations;
    struct qn_str *cookies;
    size_t n_cookies;
    uint32_t retry_after_ms;
    bool not_executed;
};

/* Requires: bytes of qn_wire_next_result(). QN_RESOURCE_EXHAUSTED: the arena's ceiling. */
QN_MUST_USE enum qn_status qn_wire_read_result(struct qn_str bytes, struct qn_arena *arena,
                                               struct qn_wire_answer *ret_answer);

#endif
