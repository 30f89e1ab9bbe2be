#include "tests/harness/store.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/metric.h"
#include "common/rpc/server.h"
#include "services/profile/pg/metrics.h"
#include "services/profile/rpc/rpc.h"
#include "store.qn.h"
#include "tests/harness/bouncer.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* QN_SOURCE_DIR, QN_BUILD_DIR: from CMakeLists.txt. */

/* A test that hangs ends; no test measures. */
enum { HANG_MS = 60000, DEADLINE_MS = 50000, ARENA_BYTES = 256 << 20 };

static const char *schema_of(enum harness_layout layout)
{
    return layout == HARNESS_OTHER_SCHEMA ? "My site" : "public";
}

/* `quintet-profile VERB`, as an operator would. */
static void run_verb(struct harness_store *store, const char *app_url, char *verb)
{
    char database[512], admin[512], program[] = QN_BUILD_DIR "/bin/quintet-profile";
    snprintf(database, sizeof(database), "DATABASE_URL=%s", app_url);
    snprintf(admin, sizeof(admin), "QUINTET_ADMIN_DATABASE_URL=%s",
             harness_postgres_admin_url(store->postgres));
    char *const argv[] = {program, verb, NULL};
    char *const environment[] = {database, admin, (char *)"QUINTET_LOG_LEVEL=warn", NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, program, NULL, NULL, argv, environment) != 0 || waitpid(pid, &status, 0) != pid ||
        status != 0)
        fail_msg("quintet-profile %s failed", verb);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t len = fread(text, 1, (1 << 20) - 1, file);
    assert_true(len > 0);
    fclose(file);
    return text;
}

/* As Prisma leaves them, run with the owner's URL; what the service's role needs it is given by --migrate. */
static void make_prisma_tables(struct harness_store *store)
{
    char *sql = read_file(QN_SOURCE_DIR "/tests/fixtures/better-auth/schema-prisma.sql");
    PGconn *admin = harness_postgres_admin(store->postgres, NULL);
    harness_postgres_do(admin, sql);
    PQfinish(admin);
    free(sql);
}

static void make_database(struct harness_store *store, enum harness_layout layout, const char *more,
                          char *url, size_t room)
{
    const char *schema = layout == HARNESS_OTHER_SCHEMA ? "My%20site" : "public";
    snprintf(url, room, "%s&schema=%s%s", harness_postgres_app_url(store->postgres), schema, more);
    char provision[] = "--provision", migrate[] = "--migrate";
    run_verb(store, url, provision);
    if (layout == HARNESS_PRISMA)
        make_prisma_tables(store);
    run_verb(store, url, migrate);
}

static bool pool_is_ready(struct harness_store *store, const void *context)
{
    (void)context;
    struct qn_buf detail;
    qn_buf_init(&detail, 1024);
    bool ready = pg_pool_ready(store->pool, &detail);
    qn_buf_fini(&detail);
    return ready;
}

struct wait {
    struct qn_timer timer;
    bool over;
};

static void on_wait_over(struct qn_timer *timer)
{
    container_of(timer, struct wait, timer)->over = true;
}

/* Runs the loop until it is so; a timer keeps it turning. */
static void wait_for(struct harness_store *store,
                     bool (*is_so)(struct harness_store *store, const void *context), const void *context)
{
    uint64_t until_ms = qn_clock_now_ms() + HANG_MS;
    while (!is_so(store, context)) {
        if (qn_clock_left_ms(until_ms) == 0)
            fail_msg("waited in vain");
        struct wait wait = {0};
        qn_timer_start(store->loop, &wait.timer, 5, on_wait_over);
        loop_fixture_run_until(&wait.over, HANG_MS);
    }
}

void harness_store_open(struct harness_store *store, enum harness_layout layout)
{
    harness_store_open_with(store, layout, "");
}

void harness_store_open_with(struct harness_store *store, enum harness_layout layout, const char *more)
{
    char url[512];
    struct qn_error err = {0};
    *store = (struct harness_store){.postgres = harness_postgres_start(NULL)};
    qn_arena_init(&store->arena, ARENA_BYTES);
    make_database(store, layout, more, url, sizeof(url));
    store->admin = harness_postgres_admin(store->postgres, NULL);
    harness_store_do(store, "set search_path = \"%s\"; set timezone = 'UTC'", schema_of(layout));

    store->loop = loop_fixture_begin();
    if (pg_url_parse(qn_str_c(url), &store->url, &err) != QN_OK)
        fail_msg("%s", err.message);
    const struct pg_pool_options pool = {.url = &store->url};
    if (pg_pool_open(store->loop, &pool, &store->pool, &err) != QN_OK)
        fail_msg("%s", err.message);
    profile_rpc_init(store->pool);
    const struct qn_server_options server = {
        .listen = "inproc://store",
        .handlers = profile_rpc_handlers,
        .n_handlers = profile_rpc_n_handlers,
    };
    if (qn_server_open(store->loop, &server, &store->server, &err) != QN_OK)
        fail_msg("%s", err.message);
    const struct qn_client_options client = {.name = "profile", .address = qn_server_address(store->server)};
    if (qn_client_open(store->loop, &client, &store->client, &err) != QN_OK)
        fail_msg("%s", err.message);
    wait_for(store, pool_is_ready, NULL);
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

void harness_store_drain_pool(struct harness_store *store)
{
    bool drained = false;
    pg_pool_drain(store->pool, HANG_MS, on_closed, &drained);
    loop_fixture_run_until(&drained, HANG_MS);
    if (harness_postgres_bouncer(
            store->postgres)) { /* it keeps PostgreSQL's connections, and they their figures */
        harness_bouncer_forget(harness_postgres_bouncer(store->postgres), store->url.database);
        harness_store_wait_until(store, "select count(*) from pg_stat_activity where usename = 'quintet'", 0);
    }
}

void harness_store_close(struct harness_store *store)
{
    bool closed = false;
    qn_client_close(store->client, on_closed, &closed);
    loop_fixture_run_until(&closed, HANG_MS);
    closed = false;
    qn_server_close(store->server, on_closed, &closed);
    loop_fixture_run_until(&closed, HANG_MS);
    closed = false;
    pg_pool_close(store->pool, on_closed, &closed);
    loop_fixture_run_until(&closed, HANG_MS);
    loop_fixture_end();
    pg_url_free(&store->url);
    PQfinish(store->admin);
    harness_postgres_stop(store->postgres);
    qn_arena_fini(&store->arena);
    qn_metric_reset();
}

static void on_answered(struct qn_request *request)
{
    struct harness_call *call = container_of(request, struct harness_call, request);
    call->answered = true;
    call->store->outstanding--;
}

struct harness_call *harness_store_start(struct harness_store *store, const struct qn_method *method,
                                         const void *in, const char *caller)
{
    struct harness_call *call = qn_arena_new(&store->arena, struct harness_call);
    assert_non_null(call);
    call->store = store;
    call->ctx.deadline_ms = qn_clock_now_ms() + DEADLINE_MS;
    call->ctx.request_id = QN_STR("test");
    call->ctx.caller.known = caller != NULL;
    call->ctx.caller.user_id = qn_str_c(caller);
    store->outstanding++;
    qn_request_start(&call->request, store->client, method, in, &call->ctx, &store->arena, on_answered);
    return call;
}

static bool all_answered(struct harness_store *store, const void *context)
{
    (void)context;
    return store->outstanding == 0;
}

void harness_store_wait(struct harness_store *store)
{
    wait_for(store, all_answered, NULL);
}

static bool is_answered(struct harness_store *store, const void *context)
{
    (void)store;
    return ((const struct harness_call *)context)->answered;
}

void harness_store_wait_for(struct harness_store *store, const struct harness_call *call)
{
    wait_for(store, is_answered, call);
}

struct sought {
    const char *sql;
    long number;
};

static bool is_found(struct harness_store *store, const void *context)
{
    const struct sought *sought = context;
    return harness_postgres_number(store->admin, sought->sql) == sought->number;
}

void harness_store_wait_until(struct harness_store *store, const char *sql, long number)
{
    const struct sought sought = {sql, number};
    wait_for(store, is_found, &sought);
}

static const char *violated(struct harness_store *store, const struct qn_request *request)
{
    const char *text = "";
    for (size_t i = 0; i < request->n_violations; i++)
        text = harness_store_text(store, "%s%s%s", text, i > 0 ? " " : "", request->violations[i].field);
    return text;
}

const void *harness_store_ask(struct harness_store *store, const struct qn_method *method, const void *in,
                              const char *caller)
{
    struct harness_call *call = harness_store_start(store, method, in, caller);
    harness_store_wait(store);
    const struct qn_request *request = &call->request;
    if (request->status != QN_OK)
        fail_msg("%s: %s (%.*s) %.*s %s", method->path, qn_status_name(request->status),
                 QN_STR_ARG(request->reason), QN_STR_ARG(request->message), violated(store, request));
    return request->out;
}

void harness_store_refuse(struct harness_store *store, const struct qn_method *method, const void *in,
                          const char *caller, enum qn_status status, const char *reason)
{
    struct harness_call *call = harness_store_start(store, method, in, caller);
    harness_store_wait(store);
    const struct qn_request *request = &call->request;
    if (request->status != status)
        fail_msg("%s: %s instead of %s", method->path, qn_status_name(request->status),
                 qn_status_name(status));
    assert_true(request->message.len > 0);
    if (reason && status == QN_INVALID_ARGUMENT)
        assert_string_equal(violated(store, request), reason);
    else if (reason)
        assert_str(request->reason, reason);
}

char *harness_store_text(struct harness_store *store, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = qn_arena_vprintf(&store->arena, format, args);
    va_end(args);
    assert_non_null(text);
    return text;
}

char *harness_store_id(struct harness_store *store)
{
    char id[QN_ID_LEN + 1];
    qn_id_new(id);
    return harness_store_text(store, "%s", id);
}

char *harness_store_user(struct harness_store *store, char **ret_token)
{
    Quintet__Store__V1__User user = QUINTET__STORE__V1__USER__INIT;
    Quintet__Store__V1__Session session = QUINTET__STORE__V1__SESSION__INIT;
    Quintet__Store__V1__CreateUserRequest in = QUINTET__STORE__V1__CREATE_USER_REQUEST__INIT;
    user.id = harness_store_id(store);
    user.email = harness_store_text(store, "%s@example.com", user.id);
    user.created_at_ms = user.updated_at_ms = qn_clock_wall_ms();
    session.id = harness_store_id(store);
    session.token = harness_store_id(store);
    session.user_id = user.id;
    session.created_at_ms = session.updated_at_ms = user.created_at_ms;
    session.expires_at_ms = user.created_at_ms + 86400000;
    in.user = &user;
    in.account_id = harness_store_id(store);
    in.password_hash = (char *)"salt:key";
    in.session = &session;
    harness_store_ask(store, &quintet_store_v1_account_store_create_user, &in, NULL);
    if (ret_token)
        *ret_token = session.token;
    return user.id;
}

double harness_store_statements(const char *statement)
{
    return pg_metrics_statements(statement, QN_OK)->value;
}

long harness_store_number(struct harness_store *store, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = qn_arena_vprintf(&store->arena, format, args);
    va_end(args);
    return harness_postgres_number(store->admin, sql);
}

void harness_store_do(struct harness_store *store, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = qn_arena_vprintf(&store->arena, format, args);
    va_end(args);
    harness_postgres_do(store->admin, sql);
}
