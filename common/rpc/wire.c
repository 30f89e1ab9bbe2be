#include "common/rpc/wire.h"

#include <string.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/utf8.h"
#include "common/rpc/precheck.h"
#include "rpc.pb-c.h"

/* Field numbers of proto/rpc.proto; all under 16, so that a tag is one byte. */
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
enum { RESPONSE_RESULTS = 1, RESPONSE_DRAINING = 2 };
enum {
    RESULT_STATUS = 1,
    RESULT_MESSAGE = 2,
    RESULT_DETAIL = 3,
    RESULT_RETRY_AFTER_MS = 4,
    RESULT_SET_COOKIE = 5,
    RESULT_PAYLOAD = 6,
    RESULT_NOT_EXECUTED = 7
};
enum { DETAIL_REASON = 1, DETAIL_VIOLATIONS = 2 };
enum { VIOLATION_FIELD = 1, VIOLATION_DESCRIPTION = 2 };

enum { VARINT = 0, LENGTH = 2 };

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

static char *put_varint(char *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (char)(0x80 | (value & 0x7f));
    *to++ = (char)value;
    return to;
}

static size_t framed_size(size_t len)
{
    return 1 + varint_size(len) + len;
}

static char *put_frame(char *to, unsigned field, size_t len)
{
    *to++ = (char)(field << 3 | LENGTH);
    return put_varint(to, len);
}

/* proto3 leaves out what is empty or zero. */
static size_t str_size(struct qn_str s)
{
    return s.len > 0 ? framed_size(s.len) : 0;
}

static char *put_str(char *to, unsigned field, struct qn_str s)
{
    if (s.len == 0)
        return to;
    to = put_frame(to, field, s.len);
    memcpy(to, s.ptr, s.len);
    return to + s.len;
}

static size_t number_size(uint64_t value)
{
    return value > 0 ? 1 + varint_size(value) : 0;
}

static char *put_number(char *to, unsigned field, uint64_t value)
{
    if (value == 0)
        return to;
    *to++ = (char)(field << 3 | VARINT);
    return put_varint(to, value);
}

/* One field read. The bytes have been through qn_precheck(), so no read can fail. */
struct field {
    unsigned number;
    uint64_t value;      /* of a varint */
    struct qn_str bytes; /* of a length-delimited one */
};

static bool next_field(struct qn_reader *reader, struct field *ret_field)
{
    uint64_t tag, len;
    if (qn_reader_left(reader) == 0 || qn_reader_varint(reader, &tag) != QN_OK)
        return false;
    *ret_field = (struct field){.number = (unsigned)(tag >> 3)};
    switch (tag & 7) {
    case VARINT:
        return qn_reader_varint(reader, &ret_field->value) == QN_OK;
    case LENGTH:
        return qn_reader_varint(reader, &len) == QN_OK && len <= qn_reader_left(reader) &&
               qn_reader_view(reader, (size_t)len, &ret_field->bytes) == QN_OK;
    default: /* unknown to us, of 64 or 32 bits */
        return qn_reader_view(reader, (tag & 7) == 1 ? 8 : 4, &ret_field->bytes) == QN_OK;
    }
}

/* An empty view is never read through: its pointer may be NULL. */
static struct qn_reader reader_of(struct qn_str bytes)
{
    return qn_reader_of(bytes.len > 0 ? bytes : QN_STR(""));
}

/* The same, left where the reader stands. */
static struct qn_str rest_of(const struct qn_reader *reader)
{
    return qn_str_n((const char *)reader->next, qn_reader_left(reader));
}

/* Request. */

static size_t caller_size(const struct qn_context *ctx)
{
    return str_size(ctx->caller.user_id) + str_size(ctx->caller.session_id) +
           str_size(ctx->caller.client_ip) + str_size(ctx->caller.user_agent);
}

static size_t credentials_size(const struct qn_context *ctx)
{
    return str_size(ctx->credentials.cookie) + str_size(ctx->credentials.bearer);
}

size_t qn_wire_call_size(const struct qn_context *ctx, size_t payload_len)
{
    size_t size = str_size(ctx->request_id) + str_size(ctx->traceparent);
    if (payload_len > 0)
        size += framed_size(payload_len);
    size_t caller = caller_size(ctx);
    if (caller > 0)
        size += framed_size(caller);
    size_t credentials = credentials_size(ctx);
    if (credentials > 0)
        size += framed_size(credentials);
    return size;
}

char *qn_wire_put_call(char *to, const struct qn_context *ctx, size_t payload_len, char **ret_payload)
{
    *ret_payload = to;
    if (payload_len > 0) {
        to = put_frame(to, CALL_PAYLOAD, payload_len);
        *ret_payload = to;
        to += payload_len;
    }
    to = put_str(to, CALL_REQUEST_ID, ctx->request_id);
    to = put_str(to, CALL_TRACEPARENT, ctx->traceparent);
    size_t caller = caller_size(ctx);
    if (caller > 0) {
        to = put_frame(to, CALL_CALLER, caller);
        to = put_str(to, CALLER_USER_ID, ctx->caller.user_id);
        to = put_str(to, CALLER_SESSION_ID, ctx->caller.session_id);
        to = put_str(to, CALLER_CLIENT_IP, ctx->caller.client_ip);
        to = put_str(to, CALLER_USER_AGENT, ctx->caller.user_agent);
    }
    size_t credentials = credentials_size(ctx);
    if (credentials > 0) {
        to = put_frame(to, CALL_CREDENTIALS, credentials);
        to = put_str(to, CREDENTIALS_COOKIE, ctx->credentials.cookie);
        to = put_str(to, CREDENTIALS_BEARER, ctx->credentials.bearer);
    }
    return to;
}

size_t qn_wire_request_size(size_t method_len)
{
    return method_len > 0 ? framed_size(method_len) : 0;
}

char *qn_wire_put_request(char *to, struct qn_str method)
{
    return put_str(to, REQUEST_METHOD, method);
}

size_t qn_wire_add_call_size(size_t call_len, uint32_t timeout_ms)
{
    return framed_size(call_len + number_size(timeout_ms));
}

char *qn_wire_add_call(char *to, struct qn_str call, uint32_t timeout_ms)
{
    to = put_frame(to, REQUEST_CALLS, call.len + number_size(timeout_ms));
    if (call.len > 0)
        memcpy(to, call.ptr, call.len);
    return put_number(to + call.len, CALL_TIMEOUT_MS, timeout_ms);
}

char *qn_wire_put_goodbye(char *to)
{
    return put_number(to, REQUEST_GOODBYE, true);
}

enum qn_status qn_wire_read_request(struct qn_str bytes, struct qn_wire_request *ret_request,
                                    struct qn_error *err)
{
    QN_TRY(qn_precheck(&quintet__rpc__v1__request__descriptor, bytes, err));
    struct qn_wire_request request = {.rest = bytes};
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    while (next_field(&reader, &field)) {
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
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    while (next_field(&reader, &field)) {
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
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    while (next_field(&reader, &field)) {
        if (field.number == CREDENTIALS_COOKIE)
            ctx->credentials.cookie = field.bytes;
        else if (field.number == CREDENTIALS_BEARER)
            ctx->credentials.bearer = field.bytes;
    }
}

static void read_call(struct qn_str bytes, struct qn_wire_call *ret_call)
{
    *ret_call = (struct qn_wire_call){.payload = QN_STR("")};
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    while (next_field(&reader, &field)) {
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

/* The bytes of the next element of the repeated field 'number'. */
static bool next_element(struct qn_str *rest, unsigned number, struct qn_str *ret_bytes)
{
    struct qn_reader reader = reader_of(*rest);
    struct field field;
    while (next_field(&reader, &field)) {
        if (field.number == number) {
            *rest = rest_of(&reader);
            *ret_bytes = field.bytes;
            return true;
        }
    }
    *rest = QN_STR("");
    return false;
}

bool qn_wire_next_call(struct qn_wire_request *request, struct qn_wire_call *ret_call)
{
    struct qn_str bytes;
    if (!next_element(&request->rest, REQUEST_CALLS, &bytes))
        return false;
    read_call(bytes, ret_call);
    return true;
}

/* Response. */

/* Text of our own that a peer would refuse is not worth losing the answer for. */
static struct qn_str text(const char *words)
{
    struct qn_str s = qn_str_c(words);
    return qn_utf8_valid(s) ? s : QN_STR("");
}

static size_t violation_size(const struct qn_violation *violation)
{
    return str_size(text(violation->field)) + str_size(text(violation->description));
}

static size_t detail_size(const struct qn_fault *fault)
{
    size_t size = str_size(text(fault->reason));
    for (size_t i = 0; i < fault->n_violations; i++)
        size += framed_size(violation_size(&fault->violations[i]));
    return size;
}

static size_t result_size(const struct qn_wire_result *result)
{
    size_t size = 0;
    if (result->fault != NULL) {
        size_t detail = detail_size(result->fault);
        size += number_size(result->fault->status) + str_size(text(result->fault->message)) +
                (detail > 0 ? framed_size(detail) : 0) + number_size(result->fault->retry_after_ms) +
                number_size(result->fault->not_executed);
    }
    for (size_t i = 0; i < result->n_cookies; i++)
        size += framed_size(result->cookies[i].len);
    return size + (result->payload_len > 0 ? framed_size(result->payload_len) : 0);
}

static char *put_fault(char *to, const struct qn_fault *fault)
{
    to = put_number(to, RESULT_STATUS, fault->status);
    to = put_str(to, RESULT_MESSAGE, text(fault->message));
    size_t detail = detail_size(fault);
    if (detail > 0) {
        to = put_frame(to, RESULT_DETAIL, detail);
        to = put_str(to, DETAIL_REASON, text(fault->reason));
        for (size_t i = 0; i < fault->n_violations; i++) {
            to = put_frame(to, DETAIL_VIOLATIONS, violation_size(&fault->violations[i]));
            to = put_str(to, VIOLATION_FIELD, text(fault->violations[i].field));
            to = put_str(to, VIOLATION_DESCRIPTION, text(fault->violations[i].description));
        }
    }
    to = put_number(to, RESULT_RETRY_AFTER_MS, fault->retry_after_ms);
    return put_number(to, RESULT_NOT_EXECUTED, fault->not_executed);
}

size_t qn_wire_add_result_size(const struct qn_wire_result *result)
{
    return framed_size(result_size(result));
}

char *qn_wire_add_result(char *to, const struct qn_wire_result *result, char **ret_payload)
{
    to = put_frame(to, RESPONSE_RESULTS, result_size(result));
    if (result->fault != NULL)
        to = put_fault(to, result->fault);
    for (size_t i = 0; i < result->n_cookies; i++) {
        to = put_frame(to, RESULT_SET_COOKIE, result->cookies[i].len);
        if (result->cookies[i].len > 0)
            memcpy(to, result->cookies[i].ptr, result->cookies[i].len);
        to += result->cookies[i].len;
    }
    *ret_payload = to;
    if (result->payload_len > 0) {
        to = put_frame(to, RESULT_PAYLOAD, result->payload_len);
        *ret_payload = to;
        to += result->payload_len;
    }
    return to;
}

char *qn_wire_add_draining(char *to)
{
    return put_number(to, RESPONSE_DRAINING, true);
}

enum qn_status qn_wire_read_response(struct qn_str bytes, struct qn_wire_response *ret_response,
                                     struct qn_error *err)
{
    QN_TRY(qn_precheck(&quintet__rpc__v1__response__descriptor, bytes, err));
    struct qn_wire_response response = {.rest = bytes};
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    while (next_field(&reader, &field)) {
        if (field.number == RESPONSE_DRAINING)
            response.draining = field.value != 0;
        else if (field.number == RESPONSE_RESULTS && ++response.n_results > QN_WIRE_CALLS_MAX)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "more than %d results", QN_WIRE_CALLS_MAX);
    }
    *ret_response = response;
    return QN_OK;
}

bool qn_wire_next_result(struct qn_wire_response *response, struct qn_str *ret_result)
{
    return next_element(&response->rest, RESPONSE_RESULTS, ret_result);
}

static size_t count_elements(struct qn_str bytes, unsigned number)
{
    struct qn_str element;
    size_t n = 0;
    while (next_element(&bytes, number, &element))
        n++;
    return n;
}

static enum qn_status copy(struct qn_arena *arena, struct qn_str from, struct qn_str *ret_copy)
{
    *ret_copy = QN_STR("");
    if (from.len == 0)
        return QN_OK;
    *ret_copy = qn_arena_str(arena, from);
    return ret_copy->ptr != NULL ? QN_OK : QN_RESOURCE_EXHAUSTED;
}

static enum qn_status read_violation(struct qn_str bytes, struct qn_arena *arena,
                                     struct qn_violation *ret_violation)
{
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    struct qn_str name = QN_STR(""), description = QN_STR("");
    while (next_field(&reader, &field)) {
        if (field.number == VIOLATION_FIELD)
            QN_TRY(copy(arena, field.bytes, &name));
        else if (field.number == VIOLATION_DESCRIPTION)
            QN_TRY(copy(arena, field.bytes, &description));
    }
    *ret_violation = (struct qn_violation){name.ptr, description.ptr};
    return QN_OK;
}

static enum qn_status read_detail(struct qn_str bytes, struct qn_arena *arena, struct qn_wire_answer *answer)
{
    size_t n = count_elements(bytes, DETAIL_VIOLATIONS);
    if (n > 0) {
        answer->violations = qn_arena_array(arena, n, sizeof(*answer->violations));
        if (answer->violations == NULL)
            return QN_RESOURCE_EXHAUSTED;
    }
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    while (next_field(&reader, &field)) {
        if (field.number == DETAIL_REASON)
            QN_TRY(copy(arena, field.bytes, &answer->reason));
        else if (field.number == DETAIL_VIOLATIONS && answer->n_violations < n)
            QN_TRY(read_violation(field.bytes, arena, &answer->violations[answer->n_violations++]));
    }
    return QN_OK;
}

static enum qn_status read_cookies(struct qn_str bytes, struct qn_arena *arena, struct qn_wire_answer *answer)
{
    size_t n = count_elements(bytes, RESULT_SET_COOKIE);
    if (n > QN_WIRE_COOKIES_MAX)
        n = QN_WIRE_COOKIES_MAX;
    if (n == 0)
        return QN_OK;
    answer->cookies = qn_arena_array(arena, n, sizeof(*answer->cookies));
    if (answer->cookies == NULL)
        return QN_RESOURCE_EXHAUSTED;
    struct qn_str cookie;
    while (answer->n_cookies < n && next_element(&bytes, RESULT_SET_COOKIE, &cookie)) {
        answer->cookies[answer->n_cookies] = QN_STR("");
        QN_TRY(copy(arena, cookie, &answer->cookies[answer->n_cookies]));
        answer->n_cookies++;
    }
    return QN_OK;
}

enum qn_status qn_wire_read_result(struct qn_str bytes, struct qn_arena *arena,
                                   struct qn_wire_answer *ret_answer)
{
    *ret_answer = (struct qn_wire_answer){
        .status = QN_OK, .message = QN_STR(""), .reason = QN_STR(""), .payload = QN_STR("")};
    struct qn_reader reader = reader_of(bytes);
    struct field field;
    size_t n_cookies = 0;
    while (next_field(&reader, &field)) {
        switch (field.number) {
        case RESULT_STATUS:
            ret_answer->status = qn_status_from_wire((int64_t)field.value);
            break;
        case RESULT_MESSAGE:
            QN_TRY(copy(arena, field.bytes, &ret_answer->message));
            break;
        case RESULT_DETAIL:
            QN_TRY(read_detail(field.bytes, arena, ret_answer));
            break;
        case RESULT_RETRY_AFTER_MS:
            ret_answer->retry_after_ms = (uint32_t)field.value;
            break;
        case RESULT_SET_COOKIE:
            n_cookies++;
            break;
        case RESULT_PAYLOAD:
            ret_answer->payload = field.bytes;
            break;
        case RESULT_NOT_EXECUTED:
            ret_answer->not_executed = field.value != 0;
            break;
        }
    }
    return n_cookies > 0 ? read_cookies(bytes, arena, ret_answer) : QN_OK;
}
