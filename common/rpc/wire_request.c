#include "common/rpc/precheck.h"
#include "common/rpc/wire.h"
#include "common/rpc/wire_field.h"
#include "rpc.pb-c.h"

/* Request and Call. */

/* Field numbers of proto/rpc.proto. */
enum { REQUEST_METHOD = 1, REQUEST_CALLS = 2, REQUEST_GOODBYE = 3 };
enum {
    CALL_PAYLOAD = 1,
    CALL_TIMEOUT_MS = 2,
    CALL_REQUEST_ID = 3,
    CALL_TRACEPARENT = 4,
    CALL_CALLER = 5,
    CALL_CREDENTIALS = 6
};
enum { CALLER_USER_ID = 1, CALLER_SESSION_ID = 2, CALLER_CLIENT_IP = 3, CALLER_USER_AGENT = 4 };
enum { CREDENTIALS_COOKIE = 1, CREDENTIALS_BEARER = 2 };

static size_t caller_size(const struct qn_context *ctx)
{
    return qn_wire_str_size(ctx->caller.user_id) + qn_wire_str_size(ctx->caller.session_id) +
           qn_wire_str_size(ctx->caller.client_ip) + qn_wire_str_size(ctx->caller.user_agent);
}

static size_t credentials_size(const struct qn_context *ctx)
{
    return qn_wire_str_size(ctx->credentials.cookie) + qn_wire_str_size(ctx->credentials.bearer);
}

size_t qn_wire_call_size(const struct qn_context *ctx, size_t payload_len)
{
    size_t size = qn_wire_str_size(ctx->request_id) + qn_wire_str_size(ctx->traceparent);
    if (payload_len > 0)
        size += qn_wire_framed_size(payload_len);
    size_t caller = caller_size(ctx);
    if (caller > 0)
        size += qn_wire_framed_size(caller);
    size_t credentials = credentials_size(ctx);
    if (credentials > 0)
        size += qn_wire_framed_size(credentials);
    return size;
}

char *qn_wire_put_call(char *to, const struct qn_context *ctx, size_t payload_len, char **ret_payload)
{
    *ret_payload = to;
    if (payload_len > 0) {
        to = qn_wire_put_frame(to, CALL_PAYLOAD, payload_len);
        *ret_payload = to;
        to += payload_len;
    }
    to = qn_wire_put_str(to, CALL_REQUEST_ID, ctx->request_id);
    to = qn_wire_put_str(to, CALL_TRACEPARENT, ctx->traceparent);
    size_t caller = caller_size(ctx);
    if (caller > 0) {
        to = qn_wire_put_frame(to, CALL_CALLER, caller);
        to = qn_wire_put_str(to, CALLER_USER_ID, ctx->caller.user_id);
        to = qn_wire_put_str(to, CALLER_SESSION_ID, ctx->caller.session_id);
        to = qn_wire_put_str(to, CALLER_CLIENT_IP, ctx->caller.client_ip);
        to = qn_wire_put_str(to, CALLER_USER_AGENT, ctx->caller.user_agent);
    }
    size_t credentials = credentials_size(ctx);
    if (credentials > 0) {
        to = qn_wire_put_frame(to, CALL_CREDENTIALS, credentials);
        to = qn_wire_put_str(to, CREDENTIALS_COOKIE, ctx->credentials.cookie);
        to = qn_wire_put_str(to, CREDENTIALS_BEARER, ctx->credentials.bearer);
    }
    return to;
}

size_t qn_wire_request_size(size_t method_len)
{
    return method_len > 0 ? qn_wire_framed_size(method_len) : 0;
}

char *qn_wire_put_request(char *to, struct qn_str method)
{
    return qn_wire_put_str(to, REQUEST_METHOD, method);
}

size_t qn_wire_add_call_size(size_t call_len, uint32_t timeout_ms)
{
    return qn_wire_framed_size(call_len + qn_wire_number_size(timeout_ms));
}

char *qn_wire_add_call(char *to, struct qn_str call, uint32_t timeout_ms)
{
    to = qn_wire_put_frame(to, REQUEST_CALLS, call.len + qn_wire_number_size(timeout_ms));
    if (call.len > 0)
        memcpy(to, call.ptr, call.len);
    return qn_wire_put_number(to + call.len, CALL_TIMEOUT_MS, timeout_ms);
}

char *qn_wire_put_goodbye(char *to)
{
    return qn_wire_put_number(to, REQUEST_GOODBYE, true);
}

enum qn_status qn_wire_read_request(struct qn_str bytes, struct qn_wire_request *ret_request,
                                    struct qn_error *err)
{
    QN_TRY(qn_precheck(&quintet__rpc__v1__request__descriptor, bytes, err));
    struct qn_wire_request request = {.rest = bytes};
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    while (qn_wire_next_field(&reader, &field)) {
        if (field.number == REQUEST_METHOD)
            request.method = field.bytes;
        else if (field.number == REQUEST_GOODBYE)
            request.goodbye = field.value != 0;
        else if (field.number == REQUEST_CALLS && ++request.n_calls > QN_WIRE_CALLS_MAX)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "more than %d calls", QN_WIRE_CALLS_MAX);
    }
    *ret_request = request;
    return QN_OK;
}

static void read_caller(struct qn_str bytes, struct qn_context *ctx)
{
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    while (qn_wire_next_field(&reader, &field)) {
        switch (field.number) {
        case CALLER_USER_ID:
            ctx->caller.user_id = field.bytes;
            ctx->caller.known = field.bytes.len > 0;
            break;
        case CALLER_SESSION_ID:
            ctx->caller.session_id = field.bytes;
            break;
        case CALLER_CLIENT_IP:
            ctx->caller.client_ip = field.bytes;
            break;
        case CALLER_USER_AGENT:
            ctx->caller.user_agent = field.bytes;
            break;
        }
    }
}

static void read_credentials(struct qn_str bytes, struct qn_context *ctx)
{
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    while (qn_wire_next_field(&reader, &field)) {
        if (field.number == CREDENTIALS_COOKIE)
            ctx->credentials.cookie = field.bytes;
        else if (field.number == CREDENTIALS_BEARER)
            ctx->credentials.bearer = field.bytes;
    }
}

static void read_call(struct qn_str bytes, struct qn_wire_call *ret_call)
{
    *ret_call = (struct qn_wire_call){.payload = QN_STR("")};
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    while (qn_wire_next_field(&reader, &field)) {
        switch (field.number) {
        case CALL_PAYLOAD:
            ret_call->payload = field.bytes;
            break;
        case CALL_TIMEOUT_MS:
            ret_call->timeout_ms =
                field.value < QN_WIRE_TIMEOUT_MAX_MS ? (uint32_t)field.value : QN_WIRE_TIMEOUT_MAX_MS;
            break;
        case CALL_REQUEST_ID:
            ret_call->ctx.request_id = field.bytes;
            break;
        case CALL_TRACEPARENT:
            ret_call->ctx.traceparent = field.bytes;
            break;
        case CALL_CALLER:
            read_caller(field.bytes, &ret_call->ctx);
            break;
        case CALL_CREDENTIALS:
            read_credentials(field.bytes, &ret_call->ctx);
            break;
        }
    }
}

bool qn_wire_next_call(struct qn_wire_request *request, struct qn_wire_call *ret_call)
{
    struct qn_str bytes;
    if (!qn_wire_next_element(&request->rest, REQUEST_CALLS, &bytes))
        return false;
    read_call(bytes, ret_call);
    return true;
}
