#include "tests/load/engine/run.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/signal.h"
#include "common/loop/timer.h"
#include "tests/load/calls/targets.h"
#include "tests/load/engine/engine.h"
#include "tests/load/engine/pace.h"
#include "tests/load/engine/progress.h"
#include "tests/load/engine/steps.h"
#include "tests/load/report/text.h"
#include "tests/load/watch/at.h"
#include "tests/load/watch/watch_db.h"
#include "tests/load/watch/watch_metrics.h"

/* 1. connect; read the metrics; wait until somebody is there  2. the engine runs, with --find-max again and
 * again, each time at the rate that the search asks for  3. read the metrics again; close everything. What is
 * to be watched cannot be: it ends at 1. Nobody to be called is there: step 2 begins all the same, a little
 * later; a service that is down is a result. A signal: the engine stops, and the search with it. */

enum { READY_LOOK_MS = 10, READY_WAIT_MS = 3000, LABEL_MAX = 64, TELL_MAX = 512 };

/* A client of common/rpc has 32 messages of one method under way at a peer. With more clients than this, the
 * service's own limits come first. */
enum { MESSAGES_MAX = 32, CLIENTS_MAX = 16 };

struct run {
    struct qn_loop *loop;
    const struct load_options *options;
    struct load_calls *calls;
    struct load_pace *pace;
    struct load_target *target;
    struct load_engine *engine;
    struct load_result *now; /* the one that is being filled */
    struct load_steps steps;
    struct load_progress *progress;
    char label[LABEL_MAX];
    struct load_at *at;
    struct load_watch_db *watch_db;
    struct load_watch_metrics *watch_metrics;
    struct qn_signal *signals[2];
    unsigned n_signals;
    struct qn_timer look; /* whether the target is ready */
    uint64_t look_until_ms;
    struct qn_later after; /* an engine is done */
    bool stopped;
    struct qn_error *err;
    enum qn_status status;
};

/* 3. */

static void close_all(struct run *run)
{
    while (run->n_signals > 0)
        qn_signal_close(run->signals[--run->n_signals]);
    if (run->at)
        load_at_close(run->at);
    load_progress_close(run->progress);
    if (run->watch_metrics)
        load_watch_metrics_close(run->watch_metrics);
    if (run->pace)
        load_pace_close(run->pace);
    if (run->target)
        run->target->close(run->target, NULL, NULL);
}

static void fail(struct run *run, enum qn_status status, const char *message)
{
    run->status = qn_error_set(run->err, status, "%s", message);
    close_all(run);
}

static void on_metrics_after(void *context, const char *problem)
{
    struct run *run = context;
    (void)problem; /* the report has it */
    load_watch_metrics_report(run->watch_metrics, run->steps.best);
    close_all(run);
}

static void conclude(struct run *run)
{
    load_at_recovery(run->steps.best);
    if (run->watch_metrics)
        load_watch_metrics_read(run->watch_metrics, on_metrics_after, run);
    else
        close_all(run);
}

/* 2. */

static void on_counting(void *context)
{
    struct run *run = context;
    if (run->at)
        load_at_begin(run->at);
    if (run->watch_db && run->steps.n_steps == 0)
        load_watch_db_reset(run->watch_db);
}

/* What it says begins on a line of its own, and the progress line stays away until it has said all: it would
 * come in between. */
static void on_command(void *context, const struct load_mark *mark)
{
    struct run *run = context;
    char at[LOAD_TEXT_MAX];
    load_progress_hold(run->progress);
    if (!run->options->quiet)
        fprintf(stderr, "quintet-load: at %s: %s\n", load_text_duration(at, (double)mark->at_ms * 1e6),
                mark->command);
}

static void on_command_ended(void *context)
{
    load_progress_release(((struct run *)context)->progress);
}

static int32_t connections(void *context)
{
    struct run *run = context;
    return load_watch_db_recent(run->watch_db);
}

static void on_after(struct qn_later *later);

static void on_done(void *context)
{
    struct run *run = context;
    qn_later_start(run->loop, &run->after, on_after);
}

static void begin(struct run *run)
{
    const struct load_options *o = run->options;
    run->now = load_steps_new(&run->steps);
    if (!run->now) {
        fail(run, QN_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    if (o->n_at > 0 && load_at_open(run->loop, run->now->marks, run->now->n_marks, on_command,
                                    on_command_ended, run, &run->at) != QN_OK) {
        fail(run, QN_RESOURCE_EXHAUSTED, "--at: out of memory");
        return;
    }
    struct load_engine_options options = {
        .clock = load_pace_clock(run->pace),
        .target = run->target,
        .calls = run->calls,
        .result = run->now,
        .connections = run->watch_db ? connections : NULL,
        .counting = on_counting,
        .done = on_done,
        .context = run,
    };
    if (load_engine_start(&options, &run->engine) != QN_OK) {
        fail(run, QN_RESOURCE_EXHAUSTED, "out of memory: a smaller --concurrency or --duration may do");
        return;
    }
    if (run->stopped)
        load_engine_stop(run->engine);
    char rate[LOAD_TEXT_MAX];
    snprintf(run->label, sizeof run->label, "trying %s", load_text_rate(rate, run->now->asked.rate));
    load_progress_watch(run->progress, run->engine, o->find_max ? run->label : NULL);
}

static void tell_step(struct run *run)
{
    struct qn_buf text;
    qn_buf_init(&text, TELL_MAX);
    load_steps_tell(&run->steps, &text);
    load_progress_clear(run->progress);
    fputs(qn_buf_view(&text).ptr, stderr);
    qn_buf_fini(&text);
}

static void on_after(struct qn_later *later)
{
    struct run *run = container_of(later, struct run, after);
    load_progress_watch(run->progress, NULL, NULL);
    load_engine_free(run->engine);
    run->engine = NULL;
    bool more = load_steps_take(&run->steps, run->now, run->stopped);
    run->now = NULL;
    if (run->options->find_max && !run->options->quiet && !run->stopped)
        tell_step(run);
    if (more)
        begin(run);
    else
        conclude(run);
}

/* 1. */

static void on_look(struct qn_timer *timer)
{
    struct run *run = container_of(timer, struct run, look);
    bool ready = run->target->ready(run->target);
    if (!ready && !run->stopped && qn_clock_now_ms() < run->look_until_ms) {
        qn_timer_start(run->loop, &run->look, READY_LOOK_MS, on_look);
        return;
    }
    if (!ready && !run->stopped && !run->options->quiet)
        fprintf(stderr, "quintet-load: nobody answers at %s; going on all the same\n",
                run->options->asked.target);
    begin(run);
}

static void await_target(struct run *run)
{
    run->look_until_ms = qn_clock_now_ms() + READY_WAIT_MS;
    qn_timer_start(run->loop, &run->look, 0, on_look);
}

static void on_metrics_before(void *context, const char *problem)
{
    struct run *run = context;
    if (!problem) {
        await_target(run);
        return;
    }
    char text[QN_ERROR_MESSAGE_MAX];
    snprintf(text, sizeof text, "--watch-metrics: %s", problem);
    fail(run, QN_UNAVAILABLE, text);
}

static void on_signal(void *context, int number)
{
    struct run *run = context;
    if (run->stopped) {
        load_progress_clear(run->progress);
        _exit(128 + number);
    }
    run->stopped = true;
    load_progress_clear(run->progress);
    if (!run->options->quiet)
        fprintf(stderr,
                "quintet-load: ending early; what was counted is reported (once more: exit at once)\n");
    if (run->engine)
        load_engine_stop(run->engine);
}

static enum qn_status open_target(struct run *run)
{
    const struct load_options *o = run->options;
    const struct load_target_options target = {
        .address = o->asked.target,
        .calls = run->calls,
        .connections = o->asked.connections,
        .concurrency = o->asked.concurrency,
        .timeout_ms = o->asked.timeout_ms,
        .tls_certificate_file = o->tls_certificate_file,
        .tls_key_file = o->tls_key_file,
        .tls_ca_file = o->tls_ca_file,
        .caller = o->caller,
        .callers = o->callers,
        .headers = o->headers,
        .n_headers = o->n_headers,
    };
    struct qn_error why = {0};
    enum qn_status status =
        (o->http ? load_target_http_open : load_target_nng_open)(run->loop, &target, &run->target, &why);
    return status == QN_OK ? QN_OK : qn_error_set(run->err, status, "--target: %s", why.message);
}

static enum qn_status open_all(struct run *run)
{
    const struct load_options *o = run->options;
    static const int NUMBERS[] = {SIGINT, SIGTERM};
    QN_TRY(open_target(run));
    for (; run->n_signals < 2; run->n_signals++)
        QN_TRY(qn_signal_open(run->loop, NUMBERS[run->n_signals], on_signal, run,
                              &run->signals[run->n_signals]));
    QN_TRY(load_pace_open(run->loop, &run->pace));
    if (o->n_scrapes > 0)
        QN_TRY(load_watch_metrics_open(run->loop, o->scrapes, o->n_scrapes, &run->watch_metrics, run->err));
    if (o->watch_db)
        QN_TRY(load_watch_db_start(o->watch_db, o->watch_role ? o->watch_role : LOAD_WATCH_ROLE,
                                   &run->watch_db, run->err));
    return QN_OK;
}

/* Before any thread is made, so that nng's are in front too: with the loop's alone it waited for locks that
 * nng's threads held while others ran (measured: a p99 of its lag of 84 ms, instead of 0.3 with all of them
 * and 6 with none, on two cores with ten processes that wanted them). */
static enum qn_status be_realtime(struct qn_error *err)
{
    const struct sched_param lowest = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_RR, &lowest) == 0)
        return QN_OK;
    return qn_error_set(err, QN_PERMISSION_DENIED, "--realtime: %s; it wants root or CAP_SYS_NICE",
                        strerror(errno));
}

enum qn_status load_run(const struct load_options *options, struct load_calls *calls,
                        struct load_result *ret_result, struct qn_error *err)
{
    struct run run = {.options = options, .calls = calls, .err = err};
    load_result_init(ret_result);
    if (options->realtime)
        QN_TRY(be_realtime(err));
    if (qn_loop_new(&run.loop) != QN_OK)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "cannot make an event loop");
    load_steps_begin(&run.steps, options);
    run.status = open_all(&run);
    if (run.status == QN_OK) {
        run.progress = options->quiet ? NULL : load_progress_open(run.loop);
        if (run.watch_metrics)
            load_watch_metrics_read(run.watch_metrics, on_metrics_before, &run);
        else
            await_target(&run);
    } else {
        if (err->message[0] == '\0')
            qn_error_set(err, run.status, "out of memory or descriptors");
        close_all(&run);
    }
    qn_loop_run(run.loop);
    QN_CHECK(qn_loop_free(run.loop));
    load_steps_drop(run.now);
    load_steps_end(&run.steps, ret_result);
    if (run.watch_db)
        load_watch_db_stop(run.watch_db, ret_result);
    return run.status;
}

void load_run_settle(struct load_options *options, const struct load_calls *calls)
{
    struct load_asked *asked = &options->asked;
    uint32_t needed = asked->concurrency; /* a connection of HTTP/1.1 carries one call at a time */
    if (!options->http) {
        needed = 1;
        for (size_t i = 0; i < load_calls_count(calls); i++)
            if (!load_calls_rpc(calls, i)->batchable)
                needed = (asked->concurrency + MESSAGES_MAX - 1) / MESSAGES_MAX;
        needed = needed < CLIENTS_MAX ? needed : CLIENTS_MAX;
    }
    if (asked->connections == 0)
        asked->connections = needed;
    /* Calls that could only queue for a connection in here would be counted as the service's. */
    if (options->http && asked->concurrency > asked->connections)
        asked->concurrency = asked->connections;
}
