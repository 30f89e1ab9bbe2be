#include "tests/integration/handover_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/clock.h"

enum { LIMIT_MS = 30000 };

struct handover_fixture fix;

#define SQL_OF_ROLE "select count(*) from pg_stat_activity where usename = 'quintet'"

void handover_server(void)
{
    fix.server = harness_postgres_start_ready(NULL);
    fix.admin = harness_postgres_admin(fix.server, NULL);
}

static struct crowd_watched stop_watch(void)
{
    struct crowd_watch *watch = fix.watch;
    fix.watch = NULL;
    return crowd_watch_stop(watch);
}

/* What a test that failed halfway has left. PostgreSQL may take a moment to notice. */
static void end_what_failed(void)
{
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    if (fix.watch)
        stop_watch();
    for (size_t i = 0; i < fix.n; i++) {
        harness_service_signal(fix.list[i], SIGKILL);
        harness_service_wait(fix.list[i]);
    }
    while (harness_postgres_number(fix.admin, SQL_OF_ROLE) > 0)
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("the server still knows connections of the test before");
}

void handover_begin(void)
{
    end_what_failed();
    fix.n = 0;
    fix.watch = crowd_watch_start(harness_postgres_admin_url(fix.server), SQL_OF_ROLE);
}

static struct harness_service *start(const char *params, const char *listen, const char *more)
{
    assert_true(fix.n < HANDOVER_MAX);
    const char *environment[] = {
        harness_text("DATABASE_URL=%s%s&application_name=p%zu", harness_postgres_app_url(fix.server), params,
                     fix.n),
        harness_text("QUINTET_RPC_LISTEN=%s", listen),
        "QUINTET_LOG_LEVEL=info",
        "QUINTET_RPC_ALLOW_PLAIN=true", /* for names that are none of this machine */
        more,
        NULL,
    };
    fix.list[fix.n] = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-profile", .environment = environment});
    return fix.list[fix.n++];
}

struct harness_service *handover_start(const char *params, const char *more)
{
    return start(params, harness_text("ipc://%s/profile", harness_folder()), more);
}

struct harness_service *handover_start_at(const char *listen, const char *more)
{
    return start("", listen, more);
}

struct harness_service *handover_start_ready(void)
{
    struct harness_service *service = handover_start("", NULL);
    harness_service_await(service, true);
    return service;
}

int handover_held(struct harness_service *service)
{
    size_t i = 0;
    while (fix.list[i] != service)
        i++;
    return (int)harness_postgres_number(
        fix.admin, harness_text("select count(*) from pg_stat_activity where usename = 'quintet' and "
                                "application_name = 'p%zu'",
                                i));
}

static int descending(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

static bool is_shared(const int *shares)
{
    int held[HANDOVER_MAX];
    size_t n = 0, n_shares = 0;
    for (size_t i = 0; i < fix.n; i++)
        if (harness_service_pid(fix.list[i]) != 0)
            held[n++] = handover_held(fix.list[i]);
    qsort(held, n, sizeof *held, descending);
    while (shares[n_shares] >= 0)
        n_shares++;
    return n == n_shares && memcmp(held, shares, n * sizeof *held) == 0;
}

void handover_await(const int *shares)
{
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    while (!is_shared(shares)) {
        if (qn_clock_left_ms(deadline_ms) > 0)
            continue;
        for (size_t i = 0; i < fix.n; i++)
            fprintf(stderr, "process %zu (%d) has %d:\n%s\n", i, (int)harness_service_pid(fix.list[i]),
                    handover_held(fix.list[i]), harness_service_log(fix.list[i]));
        fail_msg("not shared out as expected within 30 s");
    }
}

void handover_stop(struct harness_service *service)
{
    int code = harness_service_stop(service);
    if (code != 0)
        fail_msg("ended with %d:\n%s", code, harness_service_log(service));
    assert_int_equal(handover_held(service), 0);
}

void handover_kill(struct harness_service *service)
{
    harness_service_signal(service, SIGKILL);
    assert_int_equal(harness_service_wait(service), -SIGKILL);
}

static void end_watch(void)
{
    struct crowd_watched seen = stop_watch();
    assert_true(seen.samples > 0);
    assert_in_range(seen.peak, 0, HANDOVER_BUDGET);
}

void handover_restart_database(void)
{
    end_watch();
    PQfinish(fix.admin);
    harness_postgres_halt(fix.server, SIGINT);
    harness_postgres_resume(fix.server);
    fix.admin = harness_postgres_admin(fix.server, NULL);
    fix.watch = crowd_watch_start(harness_postgres_admin_url(fix.server), SQL_OF_ROLE);
}

void handover_end(void)
{
    for (size_t i = 0; i < fix.n; i++)
        if (harness_service_pid(fix.list[i]) != 0)
            handover_stop(fix.list[i]);
    end_watch();
}
