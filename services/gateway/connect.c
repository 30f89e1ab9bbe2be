#include "services/gateway/connect.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"
#include "common/json/transcode.h"
#include "common/rpc/precheck.h"
#include "services/gateway/connect_error.h"
#include "services/gateway/guard.h"
#include "services/gateway/limit.h"
#include "services/gateway/route.h"
#include "services/gateway/settings.h"

/* A unary call: 1. read what the protocol says (verb, codec, version, timeout)  2. read the message  3. the
 * rate limit, where the method has one  4. the guard  5. ask the service  6. answer in the codec of the
 * request. Bad input ends at 1 or 2 with a typed error and nothing sent on; too many at 3; no session at 4;
 * the service's own status at 5. */

enum codec { CODEC_JSON, CODEC_PROTO };

struct connect_call {
    const struct qn_method *method;
    struct qn_client *to;
    enum codec codec;
    bool get;
    void *message;        /* CODEC_JSON: the request, unpacked */
    struct qn_str packed; /* CODEC_PROTO: the request as it came, prechecked */
};

/* Connect-Timeout-Ms: "positive integer as ASCII string of at most 10 digits". */
enum { TIMEOUT_DIGITS_MAX = 10, JSON_OUT_MAX = 16 * 1024 * 1024 };

/* The buffer for answers in JSON is kept for the next, unless it grew beyond this. */
enum { JSON_KEEP_BYTES = 64 * 1024 };

static void fail(struct gateway_request *req, enum qn_status status, const char *message)
{
    gateway_connect_fail(req, &(const struct qn_fault){.status = status, .message = message});
}

/* An answer that HTTP has a code of its own for. */
static void fail_http(struct gateway_request *req, unsigned http_status, enum qn_status status,
                      const char *message, const char *header, const char *value)
{
    struct gateway_reply reply = {.status = http_status};
    if (header)
        gateway_reply_header(&reply, header, qn_str_c(value));
    gateway_connect_fail_reply(req, &(const struct qn_fault){.status = status, .message = message}, &reply);
}

static bool media_type_is(struct qn_str type, const char *wanted)
{
    ptrdiff_t semicolon = qn_str_find(type, ';');
    if (semicolon >= 0)
        type.len = (size_t)semicolon;
    return qn_str_eq_nocase(qn_str_trim(type), qn_str_c(wanted));
}

/* Cuts the deadline to what the client asks for. False: refused and answered. */
static bool read_timeout(struct gateway_request *req)
{
    struct qn_str text = qn_exchange_header(req->exchange, "Connect-Timeout-Ms");
    uint64_t timeout_ms;
    if (!text.ptr)
        return true;
    if (text.len > TIMEOUT_DIGITS_MAX || !qn_str_to_u64(text, &timeout_ms)) {
        fail(req, QN_INVALID_ARGUMENT,
             "Connect-Timeout-Ms must be a whole number of milliseconds, at most 10 digits");
        return false;
    }
    if (timeout_ms > (uint64_t)req->settings->timeout_max_ms)
        timeout_ms = (uint64_t)req->settings->timeout_max_ms;
    req->ctx.deadline_ms = qn_clock_now_ms() + timeout_ms;
    if (timeout_ms == 0) {
        fail(req, QN_DEADLINE_EXCEEDED, "the deadline had passed when the call arrived");
        return false;
    }
    return true;
}

static bool encoding_is_plain(struct qn_str encoding)
{
    return encoding.len == 0 || qn_str_eq_nocase(encoding, QN_STR("identity"));
}

/* A POST: codec by Content-Type, message in the body. False: refused and answered. */
static bool read_post(struct gateway_request *req, struct connect_call *call, struct qn_str *ret_body)
{
    struct qn_exchange *x = req->exchange;
    struct qn_str type = qn_exchange_header(x, "Content-Type");
    struct qn_str version = qn_exchange_header(x, "Connect-Protocol-Version");
    if (media_type_is(type, "application/json")) {
        call->codec = CODEC_JSON;
    } else if (media_type_is(type, "application/proto")) {
        call->codec = CODEC_PROTO;
    } else {
        fail_http(req, 415, QN_UNKNOWN, "Content-Type must be application/json or application/proto",
                  "Accept-Post", "application/json, application/proto");
        return false;
    }
    if (version.ptr && !qn_str_eq(version, QN_STR("1"))) {
        fail(req, QN_INVALID_ARGUMENT, "Connect-Protocol-Version must be 1");
        return false;
    }
    if (!encoding_is_plain(qn_exchange_header(x, "Content-Encoding"))) {
        fail(req, QN_UNIMPLEMENTED, "unknown compression; supported encodings are identity");
        return false;
    }
    if (x->body_too_large) {
        fail_http(req, 413, QN_RESOURCE_EXHAUSTED, "the request body is too large", NULL, NULL);
        return false;
    }
    *ret_body = x->body;
    return true;
}

/* A GET: everything in the query ("Unary-Get-Request"). False: refused and answered. */
static bool read_get(struct gateway_request *req, struct connect_call *call, struct qn_str *ret_body)
{
    struct qn_exchange *x = req->exchange;
    struct qn_str encoding = qn_exchange_query(x, "encoding"), message = qn_exchange_query(x, "message");
    struct qn_str version = qn_exchange_query(x, "connect"), base64 = qn_exchange_query(x, "base64");
    call->get = true;
    if (version.ptr && !qn_str_eq(version, QN_STR("v1"))) {
        fail(req, QN_INVALID_ARGUMENT, "the query parameter connect must be v1");
        return false;
    }
    if (qn_str_eq(encoding, QN_STR("json"))) {
        call->codec = CODEC_JSON;
    } else if (qn_str_eq(encoding, QN_STR("proto"))) {
        call->codec = CODEC_PROTO;
    } else {
        fail_http(req, encoding.ptr ? 415 : 400, encoding.ptr ? QN_UNKNOWN : QN_INVALID_ARGUMENT,
                  "the query parameter encoding must be json or proto", NULL, NULL);
        return false;
    }
    if (!encoding_is_plain(qn_exchange_query(x, "compression"))) {
        fail(req, QN_UNIMPLEMENTED, "unknown compression; supported encodings are identity");
        return false;
    }
    if (!message.ptr) {
        fail(req, QN_INVALID_ARGUMENT, "the query parameter message is missing or badly encoded");
        return false;
    }
    if (qn_str_eq(base64, QN_STR("1"))) {
        char *bytes = qn_arena_alloc(&req->arena, message.len + 4);
        size_t len;
        if (!bytes || !qn_base64_decode_lax(message, (uint8_t *)bytes, &len)) {
            fail(req, QN_INVALID_ARGUMENT, "the query parameter message is not base64");
            return false;
        }
        message = qn_str_n(bytes, len);
    }
    *ret_body = message;
    return true;
}

static bool read_message(struct gateway_request *req, struct connect_call *call, struct qn_str body)
{
    struct qn_error err = {0};
    enum qn_status status;
    if (call->codec == CODEC_JSON) {
        status = qn_json_to_message(body, call->method->request, &req->arena, &call->message, &err);
    } else {
        status = qn_precheck(call->method->request, body, &err);
        call->packed = body;
    }
    if (status != QN_OK)
        fail(req, status, err.message[0] ? err.message : "the message could not be read");
    return status == QN_OK;
}

static void on_answer(struct gateway_request *req)
{
    const struct connect_call *call = req->face;
    const struct qn_request *rpc = &req->rpc;
    struct gateway_reply reply = {.status = 200};
    static struct qn_buf json = {.ceiling = JSON_OUT_MAX}; /* of the loop's thread */
    qn_buf_clear(&json);

    for (size_t i = 0; i < rpc->n_set_cookies; i++)
        gateway_reply_header(&reply, "Set-Cookie", rpc->set_cookies[i]);
    /* What a method answers belongs to one client: no cache may keep it. */
    gateway_reply_header(&reply, "Cache-Control", QN_STR("no-store"));
    if (rpc->status != QN_OK) {
        gateway_connect_fail_reply(
            req,
            &(const struct qn_fault){.status = rpc->status,
                                     .message = rpc->message.len ? rpc->message.ptr : NULL,
                                     .reason = rpc->reason.len ? rpc->reason.ptr : NULL,
                                     .violations = rpc->violations,
                                     .n_violations = rpc->n_violations,
                                     .retry_after_ms = rpc->retry_after_ms},
            &reply);
    } else if (call->codec == CODEC_PROTO) {
        gateway_reply_header(&reply, "Content-Type", QN_STR("application/proto"));
        reply.body = rpc->packed;
        gateway_request_reply(req, &reply);
    } else if (qn_json_from_message(rpc->out, &json) != QN_OK) {
        fail(req, QN_INTERNAL, "the answer cannot be said in JSON");
    } else {
        gateway_reply_header(&reply, "Content-Type", QN_STR("application/json"));
        reply.body = qn_buf_view(&json);
        gateway_request_reply(req, &reply);
    }
    if (json.capacity > JSON_KEEP_BYTES)
        qn_buf_fini(&json);
}

static void forward(struct gateway_request *req)
{
    const struct connect_call *call = req->face;
    if (call->codec == CODEC_JSON)
        gateway_request_ask(req, call->to, call->method, call->message, on_answer);
    else
        gateway_request_ask_packed(req, call->to, call->method, call->packed, on_answer);
}

static void ask_guard(struct gateway_request *req)
{
    static const struct gateway_guard guard = {.pass = forward, .refuse = gateway_connect_fail};
    const struct connect_call *call = req->face;
    gateway_guard_ask(req, call->method->access, &guard);
}

static void refuse(struct gateway_request *req, uint32_t retry_ms)
{
    gateway_connect_fail(req, &(const struct qn_fault){.status = QN_RESOURCE_EXHAUSTED,
                                                       .message = "too many requests; try again later",
                                                       .reason = "TOO_MANY_REQUESTS",
                                                       .retry_after_ms = retry_ms});
}

/* Nobody's path. To who speaks Connect it is a method that there is not; to anybody else, as Better Auth
 * answers outside its base path, nothing: a JSON object would say that something was there. */
static void refuse_path(struct gateway_request *req)
{
    const struct qn_exchange *x = req->exchange;
    if (gateway_route_is_connect(x->path) || qn_exchange_header(x, "Connect-Protocol-Version").ptr)
        fail_http(req, 404, QN_UNIMPLEMENTED, "there is no such method; the methods stand in API.md", NULL,
                  NULL);
    else
        gateway_request_reply(req, &(const struct gateway_reply){.status = 404});
}

void gateway_connect_serve(struct gateway_request *req)
{
    static const struct gateway_limit limit = {.pass = ask_guard, .refuse = refuse};
    struct qn_exchange *x = req->exchange;
    struct connect_call *call = qn_arena_new(&req->arena, struct connect_call);
    struct qn_str body = {0};
    QN_CHECK(call); /* the arena is fresh */
    req->face = call;

    if (!gateway_route_find(req->upstream, x->path, &call->method, &call->to)) {
        refuse_path(req);
        return;
    }
    bool readable = call->method->idempotency == QN_NO_SIDE_EFFECTS;
    bool get = qn_str_eq(x->method, QN_STR("GET")), post = qn_str_eq(x->method, QN_STR("POST"));
    if (!post && !(get && readable)) {
        fail_http(req, 405, QN_UNIMPLEMENTED, readable ? "use POST or GET" : "use POST", "Allow",
                  readable ? "POST, GET" : "POST");
        return;
    }
    if (!(get ? read_get(req, call, &body) : read_post(req, call, &body)) || !read_timeout(req) ||
        !read_message(req, call, body))
        return;
    gateway_limit_method(req, call->method, &limit);
}
