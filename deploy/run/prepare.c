#include "deploy/run/prepare.h"

#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/arena.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "deploy/run/environment.h"

enum { ENVIRONMENT_MAX_BYTES = 1024 * 1024 };

static const char *const verbs[] = {"--provision", "--migrate"};

static void run_step(struct run_prepare *prepare);

static void finish(struct run_prepare *prepare, const struct qn_error *err)
{
    void (*done)(struct run_prepare *, const struct qn_error *) = prepare->done;
    prepare->done = NULL;
    done(prepare, err);
}

static void on_retry(struct qn_timer *timer)
{
    run_step(container_of(timer, struct run_prepare, timer));
}

static void on_ended(struct run_child *child, int status)
{
    struct run_prepare *prepare = container_of(child, struct run_prepare, child);
    struct qn_error err = {0};
    char end[RUN_CHILD_END_MAX];
    if (prepare->stopped) {
        prepare->stopped(prepare);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == EX_TEMPFAIL) {
        /* How long it tried says nothing about the database: a refusal takes no time, a lost packet long. */
        uint64_t wait_ms = run_backoff_next(&prepare->backoff, 0);
        qn_log(NULL, QN_WARN, "waiting for the database; its line stands above", QN_F_INT("in_ms", wait_ms));
        qn_timer_start(prepare->loop, &prepare->timer, wait_ms, on_retry);
    } else if (status != 0) {
        qn_error_set(&err, QN_FAILED_PRECONDITION, "quintet-profile %s: %s; its lines stand above%s",
                     verbs[prepare->step], run_child_end_text(status, end),
                     prepare->admin_url[0]
                         ? ""
                         : "; if this role may not, QUINTET_ADMIN_DATABASE_URL can name one that may");
        finish(prepare, &err);
    } else {
        prepare->step++;
        run_step(prepare);
    }
}

static enum qn_status run_verb(struct run_prepare *prepare, const char *verb, struct qn_error *err)
{
    struct qn_arena arena; /* not needed any more once the program runs */
    struct run_environment environment;
    qn_arena_init(&arena, ENVIRONMENT_MAX_BYTES);
    run_environment_init(&environment, &arena, environ);
    run_environment_set(&environment, "DATABASE_URL", prepare->url);
    if (prepare->admin_url[0])
        run_environment_set(&environment, "QUINTET_ADMIN_DATABASE_URL", prepare->admin_url);
    const char *const argv[] = {prepare->program, verb, NULL};
    const struct run_child_options options = {
        .argv = argv, .environment = environment.entries, .death_signal = SIGKILL};
    prepare->child.name = verb;
    prepare->child.ended = on_ended;
    enum qn_status status = run_child_start(&prepare->child, &options, err);
    qn_arena_fini(&arena);
    return status;
}

static void run_step(struct run_prepare *prepare)
{
    struct qn_error err = {0};
    if (prepare->step == 0 && !prepare->admin_url[0])
        prepare->step++;
    if (prepare->step == QN_COUNT(verbs))
        finish(prepare, NULL);
    else if (run_verb(prepare, verbs[prepare->step], &err) != QN_OK)
        finish(prepare, &err);
}

void run_prepare_start(struct run_prepare *prepare,
                       void (*done)(struct run_prepare *prepare, const struct qn_error *err))
{
    prepare->done = done;
    run_step(prepare);
}

void run_prepare_stop(struct run_prepare *prepare, void (*stopped)(struct run_prepare *prepare))
{
    qn_timer_cancel(prepare->loop, &prepare->timer);
    prepare->stopped = stopped;
    if (run_child_running(&prepare->child))
        run_child_signal(&prepare->child, SIGTERM);
    else
        stopped(prepare);
}

void run_prepare_kill(struct run_prepare *prepare)
{
    run_child_signal(&prepare->child, SIGKILL);
}
