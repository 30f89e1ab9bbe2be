#include "services/gateway/request.h"

#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/trace.h"
#include "common/core/utf8.h"
#include "services/gateway/address.h"
#include "services/gateway/bearer.h"
#include "services/gateway/cors.h"
#include "services/gateway/settings.h"

/* A request's own memory: what a message of the size limit needs when unpacked, with room. */
enum { ARENA_CEILING = 16 * 1024 * 1024 };

/* Cookies that services may see, under either of their names. What else a site sets is none of our business,
 * and long Cookie headers would fill batches; so would Better Auth's own cache of a session (session_data, 4
 * KiB), which a browser may still hold, unless the site has that cache on. */
static const char *const COOKIES[] = {"better-auth.session_token", "better-auth.dont_remember",
                                      "__Secure-better-auth.session_token",
                                      "__Secure-better-auth.dont_remember"};
static const char *const CACHE_COOKIES[] = {"better-auth.session_data=",
                                            "__Secure-better-auth.session_data="};
enum {
    COOKIES_MAX = 4096,
    COOKIES_MAX_WITH_CACHE = 2 * 4096,
    AUTHORIZATION_MAX = 1024,
    USER_AGENT_MAX = 4096, /* as much as auth keeps of it */
    REQUEST_ID_MAX = 64
};

void gateway_reply_header(struct gateway_reply *reply, const char *name, struct qn_str value)
{
    if (reply->n_headers < GATEWAY_HEADERS_MAX)
        reply->headers[reply->n_headers++] = (struct qn_header){qn_str_c(name), value};
}

void gateway_reply_retry_after(struct gateway_request *req, struct gateway_reply *reply,
                               uint32_t retry_after_ms)
{
    if (retry_after_ms == 0)
        return;
    uint32_t seconds = retry_after_ms / 1000 + (retry_after_ms % 1000 != 0);
    char *text = qn_arena_printf(&req->arena, "%u", seconds);
    if (text)
        gateway_reply_header(reply, "Retry-After", qn_str_c(text));
}

static bool printable(struct qn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    }
    return true;
}

/* A header's value as it may travel on: empty when it is longer than 'max', not UTF-8, or holds control
 * characters (the services' precheck would refuse the whole call). Header values are mostly ASCII; what is
 * Latin-1 is dropped. */
static struct qn_str header_text(struct gateway_request *req, struct qn_str value, size_t max)
{
    if (!value.ptr || value.len > max || !qn_utf8_valid_text(value))
        return QN_STR("");
    struct qn_str copy = qn_arena_str(&req->arena, value);
    return copy.ptr ? copy : QN_STR("");
}

/* One that is too long is cut where a character ends: its beginning tells what it was. */
static struct qn_str user_agent(struct gateway_request *req)
{
    struct qn_str value = qn_exchange_header(req->exchange, "User-Agent");
    if (value.len > USER_AGENT_MAX) {
        value.len = USER_AGENT_MAX;
        while (value.len > 0 && ((unsigned char)value.ptr[value.len] & 0xC0) == 0x80)
            value.len--;
    }
    return header_text(req, value, USER_AGENT_MAX);
}

static bool is_wanted(struct qn_str cookie, bool cache_too)
{
    for (size_t i = 0; cache_too && i < QN_COUNT(CACHE_COOKIES); i++) {
        if (qn_str_starts(cookie, qn_str_c(CACHE_COOKIES[i])))
            return qn_utf8_valid_text(cookie);
    }
    for (size_t i = 0; i < QN_COUNT(COOKIES); i++) {
        if (qn_str_starts(cookie, qn_str_c(COOKIES[i])))
            return qn_utf8_valid_text(cookie);
    }
    return false;
}

struct qn_str gateway_request_cookies(struct qn_str header, bool cache_too, struct qn_arena *arena)
{
    struct qn_str rest = header, piece;
    if (!rest.ptr)
        return QN_STR("");
    const struct qn_str between = QN_STR("; ");
    /* A blank may come behind each semicolon. */
    size_t most = cache_too ? COOKIES_MAX_WITH_CACHE : COOKIES_MAX;
    size_t len = 0, room = rest.len < most / 2 ? 2 * rest.len : most;
    char *kept = qn_arena_alloc(arena, room);
    while (kept && qn_str_next(&rest, ';', &piece)) {
        piece = qn_str_trim(piece);
        if (!is_wanted(piece, cache_too))
            continue;
        size_t gap = len > 0 ? between.len : 0;
        if (gap + piece.len > room - len)
            break;
        memcpy(kept + len, between.ptr, gap);
        memcpy(kept + len + gap, piece.ptr, piece.len);
        len += gap + piece.len;
    }
    return len > 0 ? qn_str_n(kept, len) : QN_STR("");
}

static bool is_lenient(const struct gateway_settings *settings)
{
    struct qn_str env = qn_str_c(settings->app.env);
    return qn_str_eq(env, QN_STR("development")) || qn_str_eq(env, QN_STR("test"));
}

static void on_gone(struct qn_exchange *exchange)
{
    struct gateway_request *req = exchange->user;
    req->exchange = NULL;
    QN_CHECK(req->asking); /* whoever holds a request either asks or answers, within one turn */
    qn_request_cancel(&req->rpc);
}

struct gateway_request *gateway_request_new(struct qn_exchange *exchange,
                                            const struct gateway_settings *settings,
                                            struct gateway_upstream *upstream)
{
    struct qn_arena arena;
    qn_arena_init(&arena, ARENA_CEILING);
    struct gateway_request *req = qn_arena_new(&arena, struct gateway_request); /* in its own arena */
    if (!req)
        return NULL;
    req->arena = arena;
    req->exchange = exchange;
    req->settings = settings;
    req->upstream = upstream;
    exchange->user = req;
    exchange->gone = on_gone;

    struct qn_str id = qn_exchange_header(exchange, "X-Request-Id");
    if (id.len >= 1 && id.len <= REQUEST_ID_MAX && printable(id))
        memcpy(req->request_id, id.ptr, id.len);
    else
        qn_id_request(req->request_id);
    req->ctx.request_id = qn_str_c(req->request_id);
    req->ctx.deadline_ms = qn_clock_now_ms() + (uint64_t)settings->timeout_ms;
    req->ctx.traceparent = header_text(req, qn_exchange_header(exchange, "traceparent"), QN_TRACEPARENT_MAX);
    qn_context_set_log(&req->ctx);
    req->ctx.caller.user_agent = user_agent(req);
    req->ctx.caller.client_ip = gateway_address_of_client(exchange, settings->trusted_proxies, &req->arena);
    if (!req->ctx.caller.client_ip.len && is_lenient(settings))
        req->ctx.caller.client_ip = QN_STR("127.0.0.1"); /* as Better Auth has it for developers */
    req->ctx.credentials.cookie =
        gateway_request_cookies(qn_exchange_header(exchange, "Cookie"), settings->cookie_cache, &req->arena);
    req->ctx.credentials.bearer = gateway_bearer_of(
        settings, header_text(req, qn_exchange_header(exchange, "Authorization"), AUTHORIZATION_MAX));
    return req;
}

static void request_free(struct gateway_request *req)
{
    struct qn_arena arena = req->arena; /* which holds the request */
    qn_arena_fini(&arena);
}

void gateway_request_reply(struct gateway_request *req, const struct gateway_reply *reply)
{
    QN_CHECK(!req->asking);
    if (req->exchange) {
        struct gateway_reply out = *reply;
        gateway_reply_header(&out, "X-Request-Id", req->ctx.request_id);
        gateway_bearer_show(req, &out);
        gateway_cors_headers(req->settings, req->exchange, &out);
        req->exchange->gone = NULL;
        qn_exchange_reply(req->exchange, out.status, out.headers, out.n_headers, out.body);
    }
    request_free(req);
}

static void on_answer(struct qn_request *rpc)
{
    struct gateway_request *req = container_of(rpc, struct gateway_request, rpc);
    req->asking = false;
    if (!req->exchange) {
        request_free(req);
        return;
    }
    req->next(req);
}

static void ask_begins(struct gateway_request *req, void (*next)(struct gateway_request *req))
{
    QN_CHECK(!req->asking);
    req->asking = true;
    req->next = next;
    req->rpc = (struct qn_request){0};
}

void gateway_request_ask(struct gateway_request *req, struct qn_client *to, const struct qn_method *method,
                         const void *in, void (*next)(struct gateway_request *req))
{
    ask_begins(req, next);
    qn_request_start(&req->rpc, to, method, in, &req->ctx, &req->arena, on_answer);
}

void gateway_request_ask_near(struct gateway_request *req, struct qn_client *to,
                              const struct qn_method *method, const void *in, struct qn_str key,
                              const struct qn_context *ctx, void (*next)(struct gateway_request *req))
{
    ask_begins(req, next);
    qn_request_start_near(&req->rpc, to, method, in, key, ctx, &req->arena, on_answer);
}

void gateway_request_ask_packed(struct gateway_request *req, struct qn_client *to,
                                const struct qn_method *method, struct qn_str packed,
                                void (*next)(struct gateway_request *req))
{
    ask_begins(req, next);
    qn_request_start_packed(&req->rpc, to, method, packed, &req->ctx, &req->arena, on_answer);
}
