#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "common/core/log.h"
#include "common/http/private.h"

/* One request, from its first line to the owner's handler.
 *
 *   on_line       the request line: the exchange is made, in step HEAD
 *   on_request 1  the head: refused, or accepted → BODY
 *   on_request …  each piece of the body
 *   on_request n  all of it → the owner's handler → REPLIED at once, or HANDLING and the connection suspended
 *   on_completed  answered and sent, or the connection was lost: the exchange is freed
 *
 * A body over the limit is read and forgotten, so that a client that sends before it reads gets its 413 and
 * not a reset; past sixteen times the limit the connection is cut. If its length says so beforehand, or the
 * client waits for a "100 Continue", the handler runs at once. */

/* An announced body up to this size gets its room in the arena, in one piece; a larger one grows as it comes,
 * so that an announcement alone costs no memory. */
enum { GATHER_AT_ONCE_MAX = 16 * 1024 };

static struct qn_exchange_state *state_of(const struct qn_exchange *exchange)
{
    return container_of(exchange, struct qn_exchange_state, public);
}

static void forget_body(struct qn_exchange_state *x);

void qn_exchange_free(struct qn_exchange_state *x)
{
    forget_body(x);
    struct qn_arena arena = x->arena; /* which holds the exchange */
    qn_arena_fini(&arena);
}

/* RFC 9112 section 3.2: origin-form, or absolute-form, which a server must accept. The others are for proxies
 * ("CONNECT host:port") and for asking about the server itself ("OPTIONS *"); they leave the path empty. */
static void split_target(struct qn_exchange *public, struct qn_str target)
{
    if (qn_str_starts(target, QN_STR("http://")) || qn_str_starts(target, QN_STR("https://"))) {
        size_t authority = target.ptr[4] == 's' ? sizeof "https://" - 1 : sizeof "http://" - 1;
        target = qn_str_n(target.ptr + authority, target.len - authority);
        size_t end = 0;
        while (end < target.len && target.ptr[end] != '/' && target.ptr[end] != '?')
            end++;
        target = qn_str_n(target.ptr + end, target.len - end);
        if (target.len == 0 || target.ptr[0] == '?')
        public->path = QN_STR("/");
    } else if (!qn_str_starts(target, QN_STR("/"))) {
        return;
    }
    ptrdiff_t question = qn_str_find(target, '?');
    size_t path_bytes = question < 0 ? target.len : (size_t)question;
    if (path_bytes > 0)
    public->path = qn_str_n(target.ptr, path_bytes);
    if (question >= 0)
    public->query = qn_str_n(target.ptr + path_bytes + 1, target.len - path_bytes - 1);
}

/* libmicrohttpd would now take the query apart into a record a parameter. Nobody here wants them, and a long
 * query would use up its pool and with it the answer. The target lies in the connection's buffer, in which it
 * writes itself as soon as this returns. */
static void hide_query(const char *target)
{
    char *question = strchr((char *)(uintptr_t)target, '?');
    if (question && question[1])
        question[1] = '\0';
}

void *qn_exchange_on_line(void *context, const char *target, struct MHD_Connection *mhd)
{
    struct qn_httpd *httpd = context;
    struct qn_connection *connection = qn_connection_of(mhd);
    httpd->news++;
    if (!connection)
        return NULL;
    if (connection->exchange)
        qn_exchange_over(connection->exchange); /* libmicrohttpd forgot to: see left() in connection.c */
    struct qn_arena arena;
    qn_arena_init(&arena, httpd->options.arena_max_bytes);
    struct qn_exchange_state *x = qn_arena_new(&arena, struct qn_exchange_state);
    if (!x)
        return NULL;
    x->arena = arena;
    qn_buf_init(&x->body, httpd->options.body_max_bytes);
    x->announced = -1;
    x->public.arena = &x->arena;
    x->target_bytes = strlen(target);
    const char *copy = qn_arena_copy(&x->arena, target, x->target_bytes);
    x->public.peer = qn_arena_str(&x->arena, qn_str_n(connection->peer, connection->peer_len));
    if (!copy || !x->public.peer.ptr) {
        qn_exchange_free(x);
        return NULL;
    }
    split_target(&x->public, qn_str_n(copy, x->target_bytes));
    hide_query(target);
    x->connection = connection;
    connection->exchange = x;
    connection->used = true;
    qn_connection_enter(connection, QN_PHASE_RECEIVING);
    return x;
}

/* The owner's turn. Answers now, or leaves the connection suspended until qn_exchange_reply(). */
static enum MHD_Result hand_over(struct qn_exchange_state *x)
{
    struct qn_connection *connection = x->connection;
    struct qn_httpd *httpd = connection->httpd;
    if (x->no_room)
        return qn_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE);
    if (x->gathered)
        x->public.body = qn_str_n(x->gathered, x->received);
    else
        x->public.body = qn_buf_view(&x->body);
    if (x->public.body_too_large)
        x->public.body = (struct qn_str){0};
    x->step = QN_STEP_HANDLING;
    x->shown = true;
    x->handle_us = qn_clock_now_us();
    qn_connection_enter(connection, QN_PHASE_HANDLING);

    x->in_handle = true;
    httpd->options.handle(httpd->options.context, &x->public);
    x->in_handle = false;
    if (x->step == QN_STEP_REPLIED)
        return MHD_YES;
    if (x->step != QN_STEP_HANDLING)
        return MHD_NO;
    MHD_suspend_connection(connection->mhd);
    qn_connection_check_hangup(connection);
    return MHD_YES;
}

static enum MHD_Result take_head(struct qn_exchange_state *x, const char *url, const char *method,
                                 const char *version)
{
    const struct qn_httpd *httpd = x->connection->httpd;
    x->public.method = qn_arena_str(&x->arena, qn_str_c(method));
    unsigned status = x->public.method.ptr ? qn_head_check(x, url, method, version)
                                           : MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    if (status != 0)
        return qn_refuse(x, status);

    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    x->head_bytes = info ? info->header_size : 0;
    x->step = QN_STEP_BODY;
    if (x->announced > (int64_t)httpd->options.body_max_bytes) {
        x->public.body_too_large = true;
        qn_refuse_count(httpd, "body_too_large");
        if (x->expects_100 || (uint64_t)x->announced > httpd->drain_max_bytes)
            return hand_over(x);
    }
    return MHD_YES;
}

/* What this body takes of the room that all share. */
static size_t shared_bytes(const struct qn_exchange_state *x)
{
    return x->body.capacity > GATHER_AT_ONCE_MAX ? x->body.capacity - GATHER_AT_ONCE_MAX : 0;
}

static void forget_body(struct qn_exchange_state *x)
{
    if (x->connection)
        x->connection->httpd->bodies_bytes -= shared_bytes(x);
    qn_buf_fini(&x->body);
}

static bool keep(struct qn_exchange_state *x, struct qn_str piece)
{
    struct qn_httpd *httpd = x->connection->httpd;
    size_t before = shared_bytes(x);
    enum qn_status status = qn_buf_write_str(&x->body, piece);
    httpd->bodies_bytes += shared_bytes(x) - before;
    if (shared_bytes(x) > before && httpd->bodies_bytes > httpd->options.bodies_max_bytes) {
        x->no_room = true;
        forget_body(x);
    }
    return status == QN_OK;
}

/* Keeps a piece; false when there is no memory for it. */
static bool gather(struct qn_exchange_state *x, struct qn_str piece)
{
    if (x->received == piece.len && x->announced >= 0 && x->announced <= GATHER_AT_ONCE_MAX)
        x->gathered = qn_arena_alloc(&x->arena, (size_t)x->announced);
    if (!x->gathered)
        return keep(x, piece);
    memcpy(x->gathered + x->received - piece.len, piece.ptr, piece.len);
    return true;
}

static enum MHD_Result take_piece(struct qn_exchange_state *x, struct qn_str piece)
{
    const struct qn_httpd *httpd = x->connection->httpd;
    x->received += piece.len;
    qn_connection_clear(x->connection);
    if (x->received > httpd->drain_max_bytes) {
        qn_refuse_count(httpd, "body_without_end");
        return MHD_NO;
    }
    if (x->received > httpd->options.body_max_bytes && !x->public.body_too_large) {
        x->public.body_too_large = true;
        forget_body(x);
        qn_refuse_count(httpd, "body_too_large");
    }
    if (x->no_room || x->public.body_too_large || x->public.body_refused)
        return MHD_YES;
    if (httpd->options.body) {
        x->shown = true;
        x->public.body_refused = !httpd->options.body(httpd->options.context, &x->public, piece);
        return MHD_YES;
    }
    return gather(x, piece) ? MHD_YES : MHD_NO;
}

enum MHD_Result qn_exchange_on_request(void *context, struct MHD_Connection *mhd, const char *url,
                                       const char *method, const char *version, const char *piece,
                                       size_t *piece_bytes, void **request_context)
{
    (void)mhd;
    ((struct qn_httpd *)context)->news++;
    struct qn_exchange_state *x = *request_context;
    if (!x)
        return MHD_NO; /* there was no memory for it */
    switch (x->step) {
    case QN_STEP_HEAD:
        return take_head(x, url, method, version);
    case QN_STEP_BODY:
        if (*piece_bytes == 0)
            return hand_over(x);
        struct qn_str bytes = {piece, *piece_bytes};
        *piece_bytes = 0;
        return take_piece(x, bytes);
    default: /* resumed with nothing to say */
        return MHD_NO;
    }
}

static void run_gone(struct qn_exchange_state *x)
{
    void (*gone)(struct qn_exchange * exchange) = x->public.gone;
    x->public.gone = NULL;
    if (gone && x->shown)
        gone(&x->public);
}

void qn_exchange_end(struct qn_exchange_state *x)
{
    QN_CHECK(x->step == QN_STEP_HANDLING && !x->in_handle);
    if (!x->public.gone)
        return;
    x->step = QN_STEP_ENDED;
    run_gone(x);
    MHD_resume_connection(x->connection->mhd);
    qn_httpd_run_soon(x->connection->httpd);
}

void qn_exchange_abandon(struct qn_exchange_state *x)
{
    MHD_resume_connection(x->connection->mhd);
    if (x->public.gone) {
        x->step = QN_STEP_ENDED;
        run_gone(x);
        return;
    }
    x->connection->httpd->bodies_bytes -= shared_bytes(x); /* which goes before it does */
    x->connection->exchange = NULL;
    x->connection = NULL;
}

void qn_exchange_over(struct qn_exchange_state *x)
{
    struct qn_connection *connection = x->connection;
    if (x->step < QN_STEP_REPLIED)
        run_gone(x); /* lost while the owner took the body */
    connection->exchange = NULL;
    connection->asked_bytes += x->head_bytes + x->received;
    connection->uncounted = connection->uncounted || x->head_bytes == 0 || x->chunked;
    qn_connection_enter(connection, QN_PHASE_WAITING);
    qn_exchange_free(x);
}

void qn_exchange_on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                              enum MHD_RequestTerminationCode code)
{
    (void)mhd;
    (void)code;
    ((struct qn_httpd *)context)->news++;
    struct qn_exchange_state *x = *request_context;
    *request_context = NULL;
    if (x && x->connection) /* else abandoned: the owner frees it by its answer */
        qn_exchange_over(x);
}

struct qn_str qn_exchange_header(const struct qn_exchange *exchange, const char *name)
{
    const struct qn_exchange_state *x = state_of(exchange);
    struct qn_str value = {0};
    if (x->connection)
        MHD_lookup_connection_value_n(x->connection->mhd, MHD_HEADER_KIND, name, strlen(name), &value.ptr,
                                      &value.len);
    return value;
}

struct joined {
    struct qn_str name;
    struct qn_arena *arena;
    struct qn_str text;
};

static enum MHD_Result join(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                            const char *value, size_t value_size)
{
    (void)kind;
    struct joined *joined = context;
    if (!qn_str_eq_nocase((struct qn_str){key, key_size}, joined->name))
        return MHD_YES;
    struct qn_str text = {value ? value : "", value_size};
    if (joined->text.ptr) {
        const char *both =
            qn_arena_printf(joined->arena, "%.*s, %.*s", QN_STR_ARG(joined->text), QN_STR_ARG(text));
        text = both ? qn_str_c(both) : (struct qn_str){0};
    }
    joined->text = text;
    return text.ptr ? MHD_YES : MHD_NO;
}

struct qn_str qn_exchange_header_list(const struct qn_exchange *exchange, const char *name)
{
    const struct qn_exchange_state *x = state_of(exchange);
    struct joined joined = {.name = qn_str_c(name), .arena = exchange->arena};
    if (x->connection)
        MHD_get_connection_values_n(x->connection->mhd, MHD_HEADER_KIND, join, &joined);
    return joined.text;
}

int64_t qn_exchange_content_length(const struct qn_exchange *exchange)
{
    return state_of(exchange)->announced;
}

/* Decodes into the arena; ptr NULL when badly encoded or too large. */
static struct qn_str decode(struct qn_arena *arena, struct qn_str text)
{
    char *to = qn_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (!to || !qn_percent_decode(text, to, &len, true))
        return (struct qn_str){0};
    to[len] = '\0';
    return qn_str_n(to, len);
}

struct qn_str qn_exchange_query(const struct qn_exchange *exchange, const char *name)
{
    struct qn_str wanted = qn_str_c(name);
    struct qn_str rest = exchange->query, pair;
    while (qn_str_next(&rest, '&', &pair)) {
        ptrdiff_t equals = qn_str_find(pair, '=');
        struct qn_str key = equals < 0 ? pair : qn_str_n(pair.ptr, (size_t)equals);
        struct qn_str value =
            equals < 0 ? QN_STR("") : qn_str_n(key.ptr + key.len + 1, pair.len - key.len - 1);
        if (qn_str_find(key, '%') >= 0 || qn_str_find(key, '+') >= 0)
            key = decode(exchange->arena, key);
        if (key.ptr && qn_str_eq(key, wanted))
            return decode(exchange->arena, value);
    }
    return (struct qn_str){0};
}
