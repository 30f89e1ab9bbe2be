#include "services/profile/connections.h"

#include "common/app/admin.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/json/writer.h"
#include "services/profile/connections_page.h"
#include "services/profile/pg/look.h"

enum { TEXT_MAX = 64 * 1024 }; /* five connections, escaped, ten times over */

/* Whose connections, and with whom they are shared. */
struct source {
    const struct profile_database *database;
    const struct profile_handover *handover;
};

static void member_c(struct qn_json_writer *to, const char *key, const char *value)
{
    qn_json_key(to, key);
    qn_json_c(to, value);
}

static void member_int(struct qn_json_writer *to, const char *key, uint64_t value)
{
    qn_json_key(to, key);
    qn_json_int(to, (int64_t)value);
}

/* When something began that has lasted so long. */
static void member_time(struct qn_json_writer *to, const char *key, int64_t wall_ms)
{
    char text[QN_TIME_TEXT_LEN + 1];
    qn_time_format(wall_ms, text);
    member_c(to, key, text);
}

static void write_doing(struct qn_json_writer *to, const struct pg_look_conn *conn)
{
    qn_json_key(to, "doing");
    if (!conn->statement) {
        qn_json_null(to);
        return;
    }
    qn_json_object_begin(to);
    member_c(to, "statement", conn->statement);
    member_int(to, "for_ms", conn->statement_ms);
    member_int(to, "under_way", conn->under_way);
    qn_json_object_end(to);
}

static void write_last_end(struct qn_json_writer *to, const struct pg_look_conn *conn, int64_t now_ms)
{
    qn_json_key(to, "last_end");
    if (!conn->end_cause) {
        qn_json_null(to);
        return;
    }
    qn_json_object_begin(to);
    member_c(to, "cause", conn->end_cause);
    member_c(to, "said", conn->end_said);
    member_time(to, "at", now_ms - (int64_t)conn->end_ms);
    qn_json_object_end(to);
}

static void write_conn(struct qn_json_writer *to, const struct pg_look *look, const struct pg_look_conn *conn,
                       int64_t now_ms)
{
    qn_json_object_begin(to);
    member_int(to, "number", conn->number);
    member_c(to, "state", conn->state);
    member_time(to, "since", now_ms - (int64_t)conn->state_ms);
    member_int(to, "for_ms", conn->state_ms);
    qn_json_key(to, "pid");
    if (conn->up)
        qn_json_int(to, conn->pid);
    else
        qn_json_null(to);
    member_int(to, "age_ms", conn->age_ms);
    member_int(to, "statements", conn->statements);
    write_doing(to, conn);
    write_last_end(to, conn, now_ms);
    qn_json_key(to, "attempt_in_ms");
    if (!conn->up && look->attempt_planned)
        qn_json_int(to, (int64_t)look->attempt_in_ms);
    else
        qn_json_null(to);
    qn_json_object_end(to);
}

static void write_sharing(struct qn_json_writer *to, const struct slots_look *sharing)
{
    qn_json_key(to, "sharing");
    if (!sharing) {
        qn_json_null(to);
        return;
    }
    qn_json_object_begin(to);
    member_int(to, "processes", sharing->processes);
    member_int(to, "given", sharing->given);
    member_int(to, "taken", sharing->taken);
    qn_json_object_end(to);
}

static void write_json(struct qn_buf *to, const struct pg_look *look, const struct slots_look *sharing,
                       int64_t now_ms)
{
    struct qn_json_writer json = {.to = to};
    qn_json_object_begin(&json);
    member_time(&json, "at", now_ms);
    member_int(&json, "budget", look->budget);
    member_int(&json, "allowed", look->allowance);
    member_int(&json, "up", look->up);
    member_int(&json, "ending", look->ending);
    write_sharing(&json, sharing);
    qn_json_key(&json, "draining");
    qn_json_bool(&json, look->draining);
    qn_json_key(&json, "waiting");
    qn_json_object_begin(&json);
    member_int(&json, "reads", look->waiting_reads);
    member_int(&json, "writes", look->waiting_writes);
    member_int(&json, "longest_ms", look->longest_wait_ms);
    qn_json_object_end(&json);
    member_int(&json, "silent_ms", look->silent_ms);
    member_c(&json, "refusal", look->refusal);
    member_int(&json, "failures", look->failures);
    qn_json_key(&json, "connections");
    qn_json_array_begin(&json);
    for (size_t i = 0; i < look->n_conns; i++)
        write_conn(&json, look, &look->conns[i], now_ms);
    qn_json_array_end(&json);
    qn_json_object_end(&json);
}

/* Whoever lists text/html is a browser; its order and weights are not ours to mind. */
static bool wants_page(const struct qn_exchange *exchange)
{
    struct qn_str format = qn_exchange_query(exchange, "format");
    if (format.ptr)
        return qn_str_eq(format, QN_STR("html"));
    struct qn_str accept = qn_exchange_header_list(exchange, "Accept"), kind;
    while (qn_str_next(&accept, ',', &kind)) {
        struct qn_str type;
        if (qn_str_next(&kind, ';', &type) && qn_str_eq_nocase(qn_str_trim(type), QN_STR("text/html")))
            return true;
    }
    return false;
}

static void reply(struct qn_exchange *exchange, unsigned status, const char *type, struct qn_str body)
{
    const struct qn_header headers[] = {
        {QN_STR("Content-Type"), qn_str_c(type)},
        {QN_STR("Cache-Control"), QN_STR("no-store")},
        {QN_STR("Vary"), QN_STR("Accept")},
        /* Nothing from elsewhere, whatever text may get into the page. */
        {QN_STR("Content-Security-Policy"), QN_STR(PROFILE_CONNECTIONS_POLICY)},
    };
    qn_exchange_reply(exchange, status, headers, QN_COUNT(headers), body);
}

static void on_connections(void *context, struct qn_exchange *exchange)
{
    const struct source *source = context;
    bool page = wants_page(exchange);
    if (!source->database->pool) {
        reply(exchange, 503, "text/plain; charset=utf-8", QN_STR("not open\n"));
        return;
    }
    struct pg_look look;
    struct slots_look sharing;
    struct qn_buf body;
    bool shared = source->handover->slots != NULL;
    pg_look(source->database->pool, &look);
    if (shared)
        slots_look(source->handover->slots, &sharing);
    qn_buf_init(&body, TEXT_MAX);
    if (page)
        profile_connections_page(&body, &look, shared ? &sharing : NULL, qn_clock_wall_ms());
    else
        write_json(&body, &look, shared ? &sharing : NULL, qn_clock_wall_ms());
    if (qn_buf_failed(&body))
        reply(exchange, 500, "text/plain; charset=utf-8", QN_STR("no memory\n"));
    else
        reply(exchange, 200, page ? "text/html; charset=utf-8" : "application/json", qn_buf_view(&body));
    qn_buf_fini(&body);
}

void profile_connections_init(const struct profile_database *database,
                              const struct profile_handover *handover)
{
    static struct source source;
    source = (struct source){database, handover};
    qn_admin_page("/connections", on_connections, &source);
}
