#include "services/gateway/connect_error.h"

#include "common/core/encode.h"
#include "common/json/writer.h"
#include "common/rpc/pack.h"
#include "rpc.pb-c.h"
#include "services/gateway/connect.h"

enum { ERROR_JSON_MAX = 256 * 1024 };

unsigned gateway_connect_http_status(enum qn_status status)
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

/* The detail as Connect carries it: the packed message in base64, and the same in JSON for people ("debug").
 */
static void write_detail(struct gateway_request *req, struct qn_json_writer *w, const struct qn_fault *fault)
{
    Quintet__Rpc__V1__ErrorDetail detail = QUINTET__RPC__V1__ERROR_DETAIL__INIT;
    Quintet__Rpc__V1__FieldViolation *fields =
        qn_arena_array(&req->arena, fault->n_violations, sizeof *fields);
    Quintet__Rpc__V1__FieldViolation **list = qn_arena_array(&req->arena, fault->n_violations, sizeof *list);
    struct qn_str packed;
    if (fault->n_violations && (!fields || !list))
        return;
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
    if (qn_pack(&detail, &req->arena, &packed) != QN_OK)
        return;
    char *base64 = qn_arena_alloc(&req->arena, (packed.len + 2) / 3 * 4 + 1);
    if (!base64)
        return;
    size_t len = qn_base64_encode(base64, packed.ptr, packed.len);
    while (len && base64[len - 1] == '=') /* "value" is unpadded */
        len--;

    qn_json_key(w, "details");
    qn_json_array_begin(w);
    qn_json_object_begin(w);
    qn_json_key(w, "type");
    qn_json_c(w, "quintet.rpc.v1.ErrorDetail");
    qn_json_key(w, "value");
    qn_json_str(w, qn_str_n(base64, len));
    qn_json_key(w, "debug");
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
    qn_json_object_end(w);
    qn_json_array_end(w);
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
    if (fault->reason || fault->n_violations)
        write_detail(req, &w, fault);
    qn_json_object_end(&w);

    if (reply->status == 0 || reply->status == 200)
        reply->status = gateway_connect_http_status(fault->status);
    gateway_reply_header(reply, "Content-Type", QN_STR("application/json"));
    if (fault->retry_after_ms) {
        char *seconds = qn_arena_printf(&req->arena, "%u", (fault->retry_after_ms + 999) / 1000);
        if (seconds)
            gateway_reply_header(reply, "Retry-After", qn_str_c(seconds));
    }
    reply->body = qn_buf_failed(&json) ? QN_STR("{\"code\":\"internal\"}") : qn_buf_view(&json);
    gateway_request_reply(req, reply);
    qn_buf_fini(&json);
}

void gateway_connect_fail(struct gateway_request *req, const struct qn_fault *fault)
{
    struct gateway_reply reply = {0};
    gateway_connect_fail_reply(req, fault, &reply);
}
