#include "services/gateway/connect_error.h"

#include "common/core/encode.h"
#include "common/json/writer.h"
#include "common/rpc/pack.h"
#include "rpc.pb-c.h"
#include "services/gateway/connect.h"

enum { ERROR_JSON_MAX = 256 * 1024 };

/* The HTTP code of a status ("Error Codes"). */
static unsigned http_status(enum qn_status status)
{
    switch (status) {
    case QN_OK:
        return 200;
    case QN_CANCELLED:
        return 499;
    case QN_INVALID_ARGUMENT:
    case QN_FAILED_PRECONDITION:
    case QN_OUT_OF_RANGE:
        return 400;
    case QN_DEADLINE_EXCEEDED:
        return 504;
    case QN_NOT_FOUND:
        return 404;
    case QN_ALREADY_EXISTS:
    case QN_ABORTED:
        return 409;
    case QN_PERMISSION_DENIED:
        return 403;
    case QN_RESOURCE_EXHAUSTED:
        return 429;
    case QN_UNIMPLEMENTED:
        return 501;
    case QN_UNAVAILABLE:
        return 503;
    case QN_UNAUTHENTICATED:
        return 401;
    default:
        return 500;
    }
}

/* A detail as Connect carries it: the packed message in base64 without padding, and the same in JSON for
 * people
 * ("debug"), which is left open for the caller to write and to close with end_detail(). False: no memory. */
static bool begin_detail(struct gateway_request *req, struct qn_json_writer *w, const char *type,
                         struct qn_str packed)
{
    char *base64 = qn_arena_alloc(&req->arena, (packed.len + 2) / 3 * 4 + 1);
    if (!base64)
        return false;
    size_t len = qn_base64_encode(base64, packed.ptr, packed.len);
    while (len && base64[len - 1] == '=')
        len--;
    qn_json_object_begin(w);
    qn_json_key(w, "type");
    qn_json_c(w, type);
    qn_json_key(w, "value");
    qn_json_str(w, qn_str_n(base64, len));
    qn_json_key(w, "debug");
    return true;
}

static void end_detail(struct qn_json_writer *w)
{
    qn_json_object_end(w);
}

static bool pack_error_detail(struct gateway_request *req, const struct qn_fault *fault,
                              struct qn_str *ret_packed)
{
    Quintet__Rpc__V1__ErrorDetail detail = QUINTET__RPC__V1__ERROR_DETAIL__INIT;
    Quintet__Rpc__V1__FieldViolation *fields =
        qn_arena_array(&req->arena, fault->n_violations, sizeof *fields);
    Quintet__Rpc__V1__FieldViolation **list = qn_arena_array(&req->arena, fault->n_violations, sizeof *list);
    if (fault->n_violations && (!fields || !list))
        return false;
    for (size_t i = 0; i < fault->n_violations; i++) {
        quintet__rpc__v1__field_violation__init(&fields[i]);
        fields[i].field = (char *)fault->violations[i].field;
        fields[i].description = (char *)fault->violations[i].description;
        list[i] = &fields[i];
    }
    if (fault->reason)
        detail.reason = (char *)fault->reason;
    detail.violations = list;
    detail.n_violations = fault->n_violations;
    return qn_pack(&detail, &req->arena, ret_packed) == QN_OK;
}

/* What went wrong, in our own words. */
static void write_error_detail(struct gateway_request *req, struct qn_json_writer *w,
                               const struct qn_fault *fault)
{
    struct qn_str packed;
    if ((!fault->reason && !fault->n_violations) || !pack_error_detail(req, fault, &packed) ||
        !begin_detail(req, w, "quintet.rpc.v1.ErrorDetail", packed))
        return;
    qn_json_object_begin(w);
    if (fault->reason) {
        qn_json_key(w, "reason");
        qn_json_c(w, fault->reason);
    }
    if (fault->n_violations) {
        qn_json_key(w, "violations");
        qn_json_array_begin(w);
        for (size_t i = 0; i < fault->n_violations; i++) {
            qn_json_object_begin(w);
            qn_json_key(w, "field");
            qn_json_c(w, fault->violations[i].field);
            qn_json_key(w, "description");
            qn_json_c(w, fault->violations[i].description);
            qn_json_object_end(w);
        }
        qn_json_array_end(w);
    }
    qn_json_object_end(w);
    end_detail(w);
}

static size_t put_varint(uint8_t *to, uint32_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        to[n++] = (uint8_t)(value | 0x80);
    to[n++] = (uint8_t)value;
    return n;
}

/* When to come again, as google.rpc.RetryInfo, which clients of Connect and gRPC know: field 1 is a Duration,
 * whose field 1 is seconds and 2 nanoseconds. The header says the same in whole seconds. */
static void write_retry_info(struct gateway_request *req, struct qn_json_writer *w, uint32_t retry_after_ms)
{
    enum { FIELD_1_VARINT = 1 << 3, FIELD_2_VARINT = 2 << 3, FIELD_1_BYTES = 1 << 3 | 2 };
    uint8_t bytes[16] = {FIELD_1_BYTES};
    uint32_t seconds = retry_after_ms / 1000, rest_ms = retry_after_ms % 1000;
    size_t n = 2;
    if (seconds) {
        bytes[n++] = FIELD_1_VARINT;
        n += put_varint(bytes + n, seconds);
    }
    if (rest_ms) {
        bytes[n++] = FIELD_2_VARINT;
        n += put_varint(bytes + n, rest_ms * 1000000);
    }
    bytes[1] = (uint8_t)(n - 2);
    char *text = rest_ms ? qn_arena_printf(&req->arena, "%u.%03us", seconds, rest_ms)
                         : qn_arena_printf(&req->arena, "%us", seconds);
    if (retry_after_ms == 0 || !text ||
        !begin_detail(req, w, "google.rpc.RetryInfo", qn_str_n((const char *)bytes, n)))
        return;
    qn_json_object_begin(w);
    qn_json_key(w, "retryDelay");
    qn_json_c(w, text);
    qn_json_object_end(w);
    end_detail(w);
}

void gateway_connect_fail_reply(struct gateway_request *req, const struct qn_fault *fault,
                                struct gateway_reply *reply)
{
    struct qn_buf json;
    qn_buf_init(&json, ERROR_JSON_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    qn_json_key(&w, "code");
    qn_json_c(&w, qn_status_name(fault->status));
    qn_json_key(&w, "message");
    qn_json_c(&w, fault->message ? fault->message : qn_status_name(fault->status));
    if (fault->reason || fault->n_violations || fault->retry_after_ms) {
        qn_json_key(&w, "details");
        qn_json_array_begin(&w);
        write_error_detail(req, &w, fault);
        write_retry_info(req, &w, fault->retry_after_ms);
        qn_json_array_end(&w);
    }
    qn_json_object_end(&w);

    if (reply->status == 0 || reply->status == 200)
        reply->status = http_status(fault->status);
    gateway_reply_header(reply, "Content-Type", QN_STR("application/json"));
    gateway_reply_retry_after(req, reply, fault->retry_after_ms);
    reply->body = qn_buf_failed(&json) ? QN_STR("{\"code\":\"internal\"}") : qn_buf_view(&json);
    gateway_request_reply(req, reply);
    qn_buf_fini(&json);
}

void gateway_connect_fail(struct gateway_request *req, const struct qn_fault *fault)
{
    struct gateway_reply reply = {0};
    gateway_connect_fail_reply(req, fault, &reply);
}
