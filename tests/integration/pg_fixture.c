#include "tests/integration/pg_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/second_pass.h"
#include "tests/harness/test.h"

enum { LIMIT_MS = 20000, HELD_MAX = 32 };

struct pg_fixture fix;

const struct pg_statement sql_pid = {"test_pid", "select pg_backend_pid()", true};
const struct pg_statement sql_wait_alone_too = {"test_wait_alone_too",
                                                "select pg_advisory_xact_lock($1::bigint), 2", false};
const struct pg_statement sql_wait_alone = {"test_wait_alone", "select pg_advisory_xact_lock($1::bigint)",
                                            false};
const struct pg_statement sql_wait_shared = {"test_wait_shared",
                                             "select pg_advisory_xact_lock_shared($1::bigint)", true};
const struct pg_statement sql_insert = {"test_insert", "insert into note (id, body) values ($1, $2)", false};
const struct pg_statement sql_count = {"test_count", "select count(*) from note", true};

static struct qn_buf log_text;

static void keep_log(void *context, struct qn_str line)
{
    (void)context;
    qn_buf_write_str(&log_text, line);
}

static struct {
    const char *const *settings;
    void (*prepare)(void);
    bool in_use; /* a test has begun and not ended */
    struct pg_pool *held[HELD_MAX];
    size_t n_held;
} server;

static void start_server(void)
{
    fix.server = harness_postgres_start_ready(server.settings);
    fix.admin = harness_postgres_admin(fix.server, NULL);
    harness_postgres_do(fix.admin, "create table note (id text primary key, body text);"
                                   "grant all on note to quintet");
    if (server.prepare)
        server.prepare();
}

static void stop_server(void)
{
    PQfinish(fix.admin);
    harness_postgres_stop(fix.server);
    fix = (struct pg_fixture){0};
}

/* The pool of a test that failed halfway stays with its loop, for what was asked of it lay on that test's
 * stack. Nothing runs it any more. It is held, so that leak checkers do not bury the failure under it. */
static int replace_what_failed(void **state)
{
    (void)state;
    if (server.in_use) {
        server.in_use = false;
        server.held[server.n_held++ % HELD_MAX] = fix.pool;
        pg_url_free(&fix.url);
        qn_log_redirect(NULL, NULL);
        qn_buf_fini(&log_text);
        stop_server();
        start_server();
    }
    return 0;
}

int pg_fixture_run_some(const char *group, const struct CMUnitTest *tests, size_t n,
                        const char *const *settings, void (*prepare)(void))
{
    struct CMUnitTest *own = malloc(n * sizeof *own);
    QN_CHECK(own);
    memcpy(own, tests, n * sizeof *own);
    for (size_t i = 0; i < n; i++)
        own[i].setup_func = replace_what_failed;
    server.settings = settings;
    server.prepare = prepare;
    start_server();
    int failed = harness_second_pass_run_some(group, own, n, NULL, NULL);
    stop_server();
    free(own);
    return failed;
}

void pg_fixture_open_url(const char *url)
{
    struct qn_error err = {0};
    server.in_use = true;
    fix.loop = loop_fixture_begin();
    fix.n_done = 0;
    qn_buf_init(&log_text, 1 << 20);
    qn_log_redirect(keep_log, NULL);
    if (pg_url_parse(qn_str_c(url), &fix.url, &err) != QN_OK)
        fail_msg("%s: %s", url, err.message);
    const struct pg_pool_options options = {.url = &fix.url, .queue_max = 64, .pipeline_max = 16};
    if (pg_pool_open(fix.loop, &options, &fix.pool, &err) != QN_OK)
        fail_msg("%s", err.message);
}

/* Locks of the tests are held for as long as they like, unless params say otherwise. A session behind
 * PgBouncer is told nothing at its start, so there the role is set. */
static void write_lock_timeout(const char *params, char *to, size_t size)
{
    static const char OPTION[] = "&options=-c%20lock_timeout%3D";
    const char *given = strstr(params, OPTION);
    unsigned long ms = given ? strtoul(given + strlen(OPTION), NULL, 10) : 0;
    if (harness_postgres_bouncer(fix.server)) {
        char sql[96];
        snprintf(sql, sizeof sql, "alter role quintet set lock_timeout = %lu", ms);
        if (fix.admin) /* or PostgreSQL is away */
            harness_postgres_do(fix.admin, sql);
        snprintf(to, size, "%.*s", (int)(given ? given - params : (ptrdiff_t)strlen(params)), params);
    } else {
        bool others = strstr(params, "&options=") || strstr(params, "&pgbouncer=");
        snprintf(to, size, "%s%s", others ? "" : "&options=-c%20lock_timeout%3D0", params);
    }
}

void pg_fixture_open(const char *params)
{
    char with_timeout[256], url[512];
    write_lock_timeout(params, with_timeout, sizeof with_timeout);
    snprintf(url, sizeof url, "%s%s", harness_postgres_app_url(fix.server), with_timeout);
    pg_fixture_open_url(url);
}

bool pg_fixture_is_ready(void)
{
    struct qn_buf detail;
    qn_buf_init(&detail, 1024);
    bool ready = pg_pool_ready(fix.pool, &detail);
    qn_buf_fini(&detail);
    return ready;
}

bool pg_fixture_is_idle(void)
{
    for (size_t i = 0; i < fix.pool->n_conns; i++)
        if (fix.pool->conns[i].state != PG_CONN_IDLE)
            return false;
    return true;
}

static bool is_ready_and_idle(void)
{
    return pg_fixture_is_ready() && pg_fixture_is_idle();
}

void pg_fixture_begin(const char *params)
{
    pg_fixture_open(params);
    pg_fixture_until_true(is_ready_and_idle, "all connections up");
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

/* It keeps its own connections for whoever comes next, and what they said at their start. */
static void forget_in_bouncer(uint64_t deadline_ms)
{
    while (harness_postgres_held(fix.server) > 0)
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("PgBouncer still knows connections of the role");
    harness_bouncer_forget(harness_postgres_bouncer(fix.server), fix.url.database);
}

void pg_fixture_close(void)
{
    bool closed = false;
    pg_pool_close(fix.pool, on_closed, &closed);
    loop_fixture_run_until(&closed, LIMIT_MS);
    fix.pool = NULL;
}

void pg_fixture_end(void)
{
    if (fix.pool)
        pg_fixture_close();
    loop_fixture_end();
    qn_log_redirect(NULL, NULL);
    qn_buf_fini(&log_text);
    qn_metric_reset();
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    if (harness_postgres_bouncer(fix.server))
        forget_in_bouncer(deadline_ms);
    pg_url_free(&fix.url);
    while (harness_postgres_number(fix.admin, SQL_OF_ROLE) > 0)
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("the server still knows connections of the role");
    server.in_use = false;
}

void pg_fixture_halt(int signal)
{
    harness_postgres_halt(fix.server, signal);
    PQfinish(fix.admin);
    fix.admin = NULL;
}

void pg_fixture_resume(void)
{
    harness_postgres_resume(fix.server);
    fix.admin = harness_postgres_admin(fix.server, NULL);
}

static void on_done(struct pg_query *query)
{
    struct pg_ask *ask = container_of(query, struct pg_ask, query);
    const PGresult *result = query->steps[query->n_steps - 1].result;
    assert_false(ask->done);
    ask->done = true;
    ask->status = query->status;
    ask->rows = result ? PQntuples(result) : 0;
    ask->order = ++fix.n_done;
    snprintf(ask->text, sizeof ask->text, "%s", ask->rows > 0 ? PQgetvalue(result, 0, 0) : "");
    for (size_t i = 0; query->status != QN_OK && i < query->n_steps; i++)
        assert_null(query->steps[i].result);
    if (ask->then)
        ask->then(ask);
}

void pg_ask_add_with(struct pg_ask *ask, const struct pg_statement *statement, const char *const *params)
{
    struct pg_step *step = &ask->steps[ask->query.n_steps++];
    *step = (struct pg_step){.statement = statement};
    while (params[step->n_params]) {
        step->params[step->n_params] = params[step->n_params];
        step->n_params++;
    }
}

void pg_ask_go(struct pg_ask *ask, uint64_t limit_ms)
{
    ask->query.steps = ask->steps;
    ask->query.deadline_ms = qn_clock_now_ms() + limit_ms;
    ask->query.done = on_done;
    ask->done = false;
    pg_query_start(&ask->query, fix.pool);
    assert_false(ask->done); /* never from within the call */
}

void pg_ask_start_with(struct pg_ask *ask, const struct pg_statement *statement, uint64_t limit_ms,
                       const char *const *params)
{
    void (*then)(struct pg_ask *) = ask->then;
    *ask = (struct pg_ask){.then = then};
    pg_ask_add_with(ask, statement, params);
    pg_ask_go(ask, limit_ms);
}

void pg_ask_wait(struct pg_ask *ask)
{
    loop_fixture_run_until(&ask->done, LIMIT_MS);
}

void pg_ask_wait_all(struct pg_ask *asks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pg_ask_wait(&asks[i]);
}

void pg_fixture_until(const char *sql, long want)
{
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    for (;;) {
        qn_loop_turn(fix.loop);
        long is = harness_postgres_number(fix.admin, sql);
        if (is == want)
            return;
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("%s: still %ld, not %ld", sql, is, want);
    }
}

void pg_fixture_until_true(bool (*holds)(void), const char *what)
{
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    while (!holds()) {
        qn_loop_wait(fix.loop);
        if (qn_clock_left_ms(deadline_ms) == 0) {
            fprintf(stderr, "%s", qn_buf_view(&log_text).ptr);
            fail_msg("not within 20 s: %s (%s)", what, pg_fixture_detail());
        }
    }
}

const char *pg_fixture_detail(void)
{
    static char text[512];
    struct qn_buf detail;
    qn_buf_init(&detail, sizeof text - 1);
    pg_pool_ready(fix.pool, &detail);
    snprintf(text, sizeof text, "%s", qn_buf_view(&detail).ptr);
    qn_buf_fini(&detail);
    return text;
}

double pg_fixture_metric(const char *series)
{
    char line[160];
    snprintf(line, sizeof line, "\n%s ", series);
    struct qn_buf text;
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    const char *found = strstr(text.data, line);
    double value = found ? strtod(found + strlen(line), NULL) : 0;
    qn_buf_fini(&text);
    return value;
}

size_t pg_fixture_logged(const char *text)
{
    size_t n = 0;
    for (const char *at = qn_buf_view(&log_text).ptr; (at = strstr(at, text)) != NULL; at += strlen(text))
        n++;
    return n;
}

void pg_fixture_expect_logged(const char *text, size_t want)
{
    size_t is = pg_fixture_logged(text);
    if (is != want) {
        fprintf(stderr, "%s", qn_buf_view(&log_text).ptr); /* fail_msg() takes a kilobyte */
        fail_msg("\"%s\" is logged %zu times, not %zu", text, is, want);
    }
}
