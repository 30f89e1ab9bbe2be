#include "tests/load/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/signal.h"
#include "common/loop/timer.h"
#include "tests/load/at.h"
#include "tests/load/engine.h"
#include "tests/load/find_max.h"
#include "tests/load/pace.h"
#include "tests/load/progress.h"
#include "tests/load/targets.h"
#include "tests/load/text.h"

/* 1. connect, and wait until somebody is there  2. the engine runs; with --find-max again and again, each
 * time at the rate that the search asks for  3. close everything. Nobody there: step 2 begins all the same, a
 * little later: a service that is down is a result. A signal: the engine stops, and the search with it. */

enum { READY_LOOK_MS = 10, READY_WAIT_MS = 3000, LABEL_MAX = 64 };

/* A client of common/rpc has 64 messages under way at a peer. With more clients than this, the service's own
 * limits come first. */
enum { MESSAGES_MAX = 64, CLIENTS_MAX = 16 };

struct run {
    struct qn_loop *loop;
    const struct load_options *options;
    struct load_calls *calls;
    struct load_pace *pace;
    struct load_target *target;
    struct load_engine *engine;
    struct load_progress *progress;
    struct load_at *at;
    struct qn_signal *signals[2];
    unsigned n_signals;
    struct qn_timer look; /* whether the target is ready */
    uint64_t look_until_ms;
    struct qn_later after; /* an engine is done */

    struct load_result *best, *now; /* the one to be reported, and the one that is being filled */
    struct load_find_max search;
    struct load_step steps[LOAD_FIND_MAX_STEPS];
    size_t n_steps;
    char label[LABEL_MAX];
    bool stopped;
    struct qn_error *err;
    enum qn_status status;
};

/* The end. */

static void close_all(struct run *run)
{
    load_progress_close(run->progress);
    run->progress = NULL;
    qn_timer_cancel(run->loop, &run->look);
    while (run->n_signals > 0)
        qn_signal_close(run->signals[--run->n_signals]);
    if (run->at)
        load_at_close(run->at);
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

/* The engine's runs. */

static void on_counting(void *context)
{
    struct run *run = context;
    if (run->at)
        load_at_begin(run->at);
}

static void on_after(struct qn_later *later);

static void on_done(void *context)
{
    struct run *run = context;
    qn_later_start(run->loop, &run->after, on_after);
}

static struct load_result *new_result(const struct run *run, double rate)
{
    struct load_result *result = calloc(1, sizeof *result);
    if (!result)
        return NULL;
    load_result_init(result);
    result->version = QN_VERSION;
    result->started_ms = qn_clock_wall_ms();
    result->asked = run->options->asked;
    result->asked.rate = rate;
    result->n_slos = run->options->n_slos;
    result->slos = qn_arena_array(&result->arena, result->n_slos + 1, sizeof *result->slos);
    result->n_marks = run->options->n_at;
    result->marks = qn_arena_array(&result->arena, result->n_marks + 1, sizeof *result->marks);
    if (!result->slos || !result->marks) {
        load_result_fini(result);
        free(result);
        return NULL;
    }
    for (size_t i = 0; i < result->n_slos; i++)
        result->slos[i] = run->options->slos[i];
    for (size_t i = 0; i < result->n_marks; i++) {
        result->marks[i].at_ms = run->options->at[i].at_ms;
        result->marks[i].command = run->options->at[i].command;
    }
    return result;
}

static void drop_result(struct load_result *result)
{
    if (result)
        load_result_fini(result);
    free(result);
}

static void begin(struct run *run)
{
    double rate = run->options->find_max ? run->search.rate : run->options->asked.rate;
    run->now = new_result(run, rate);
    if (!run->now) {
        fail(run, QN_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    if (run->options->n_at > 0 &&
        load_at_open(run->loop, run->now->marks, run->now->n_marks, &run->at) != QN_OK) {
        fail(run, QN_RESOURCE_EXHAUSTED, "--at: out of memory");
        return;
    }
    struct load_engine_options options = {
        .clock = load_pace_clock(run->pace),
        .target = run->target,
        .calls = run->calls,
        .result = run->now,
        .counting = on_counting,
        .done = on_done,
        .context = run,
    };
    if (load_engine_start(&options, &run->engine) != QN_OK) {
        fail(run, QN_RESOURCE_EXHAUSTED, "out of memory: a smaller --concurrency or --duration may do");
        return;
    }
    char text[LOAD_TEXT_MAX];
    if (run->options->find_max)
        snprintf(run->label, sizeof run->label, "trying %s", load_text_rate(text, rate));
    load_progress_watch(run->progress, run->engine, run->options->find_max ? run->label : NULL);
}

/* Whether a rate held: the conditions, and calls that never got a place are calls not kept up with. */
static bool step_held(struct load_result *result)
{
    const double UNSTARTED_MAX = 0.001; /* of those started: the last turn of a run may leave some */
    return load_slo_check(result) && !result->is_void &&
           (double)result->not_started <= (double)result->started * UNSTARTED_MAX;
}

static void tell_step(struct run *run, const struct load_step *step, const struct load_result *result)
{
    if (run->options->quiet)
        return;
    char asked[LOAD_TEXT_MAX], p50[LOAD_TEXT_MAX], p99[LOAD_TEXT_MAX], errors[LOAD_TEXT_MAX];
    load_progress_clear(run->progress);
    fprintf(stderr, "%12s  %-6s  p50 %s, p99 %s, errors %s%s\n", load_text_rate(asked, step->asked),
            step->held ? "held" : "failed", load_text_duration(p50, (double)step->p50_ns),
            load_text_duration(p99, (double)step->p99_ns), load_text_share(errors, step->errors),
            result->is_void ? " (void: the generator was the limit)" : "");
}

/* Takes note of the step. False: the search is over. */
static bool search_on(struct run *run)
{
    struct load_result *result = run->now;
    bool held = step_held(result);
    struct load_step *step = &run->steps[run->n_steps++];
    *step = (struct load_step){
        .asked = result->asked.rate,
        .was = load_result_rate(result),
        .p50_ns = load_hist_at(&result->latency, 0.5),
        .p99_ns = load_hist_at(&result->latency, 0.99),
        .errors = result->ended ? (double)load_result_errors(result) / (double)result->ended : 0,
        .held = held,
    };
    tell_step(run, step, result);
    if (held || run->search.held == 0) {
        drop_result(run->best);
        run->best = result;
    } else {
        drop_result(result);
    }
    run->now = NULL;
    return load_find_max_next(&run->search, held) && !run->stopped;
}

static void on_after(struct qn_later *later)
{
    struct run *run = container_of(later, struct run, after);
    load_progress_watch(run->progress, NULL, NULL);
    load_engine_free(run->engine);
    run->engine = NULL;
    if (run->options->find_max && (!run->stopped || !run->best)) {
        if (search_on(run)) {
            begin(run);
            return;
        }
    } else if (run->options->find_max) {
        drop_result(run->now); /* cut short: it says nothing */
        run->now = NULL;
    } else {
        run->best = run->now;
        run->now = NULL;
    }
    close_all(run);
    load_at_recovery(run->best);
}

/* The beginning. */

static void on_look(struct qn_timer *timer)
{
    struct run *run = container_of(timer, struct run, look);
    bool ready = run->target->ready(run->target);
    if (!ready && !run->stopped && qn_clock_now_ms() < run->look_until_ms) {
        qn_timer_start(run->loop, &run->look, READY_LOOK_MS, on_look);
        return;
    }
    if (!ready && !run->stopped && !run->options->quiet)
        fprintf(stderr, "quintet-load: nobody answers at %s yet; going on all the same\n",
                run->options->asked.target);
    begin(run);
}

static void on_signal(void *context, int number)
{
    struct run *run = context;
    if (run->stopped)
        _exit(128 + number);
    run->stopped = true;
    load_progress_clear(run->progress);
    if (!run->options->quiet)
        fprintf(stderr,
                "quintet-load: ending early; what was counted is reported (once more: exit at once)\n");
    if (run->engine)
        load_engine_stop(run->engine);
}

static enum qn_status open_all(struct run *run)
{
    const struct load_options *o = run->options;
    static const int NUMBERS[] = {SIGINT, SIGTERM};
    struct load_target_options target = {
        .address = o->asked.target,
        .calls = run->calls,
        .connections = o->asked.connections,
        .concurrency = o->asked.concurrency,
        .timeout_ms = o->asked.timeout_ms,
        .tls_certificate_file = o->tls_certificate_file,
        .tls_key_file = o->tls_key_file,
        .tls_ca_file = o->tls_ca_file,
        .caller = o->caller,
        .headers = o->headers,
        .n_headers = o->n_headers,
    };
    QN_TRY(
        (o->http ? load_target_http_open : load_target_nng_open)(run->loop, &target, &run->target, run->err));
    for (; run->n_signals < 2; run->n_signals++)
        QN_TRY(qn_signal_open(run->loop, NUMBERS[run->n_signals], on_signal, run,
                              &run->signals[run->n_signals]));
    return load_pace_open(run->loop, &run->pace);
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

enum qn_status load_run(const struct load_options *options, struct load_calls *calls,
                        struct load_result *ret_result, struct qn_error *err)
{
    struct run run = {.options = options, .calls = calls, .err = err};
    load_result_init(ret_result);
    if (qn_loop_new(&run.loop) != QN_OK)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "cannot make an event loop");
    load_find_max_begin(&run.search, options->asked.rate);
    run.status = open_all(&run);
    if (run.status == QN_OK) {
        run.progress = options->quiet ? NULL : load_progress_open(run.loop);
        run.look_until_ms = qn_clock_now_ms() + READY_WAIT_MS;
        qn_timer_start(run.loop, &run.look, 0, on_look);
    } else {
        close_all(&run);
    }
    qn_loop_run(run.loop);
    QN_CHECK(qn_loop_free(run.loop));
    if (run.status == QN_OK) {
        load_result_fini(ret_result);
        *ret_result = *run.best;
        free(run.best);
        ret_result->steps = qn_arena_array(&ret_result->arena, run.n_steps + 1, sizeof *ret_result->steps);
        ret_result->n_steps = ret_result->steps ? run.n_steps : 0;
        for (size_t i = 0; i < ret_result->n_steps; i++)
            ret_result->steps[i] = run.steps[i];
    }
    drop_result(run.now);
    return run.status;
}
