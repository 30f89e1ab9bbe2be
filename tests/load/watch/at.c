#include "tests/load/watch/at.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/loop/signal.h"
#include "common/loop/timer.h"

extern char **environ;

enum { SIGNALLED = 128, NOT_FOUND = 127, NOT_ENDED = -1 }; /* exit codes, the first two as a shell has them */

struct command {
    struct load_at *at;
    struct load_mark *mark;
    struct qn_timer timer;
    pid_t pid; /* 0: does not run */
};

struct load_at {
    struct qn_loop *loop;
    struct qn_signal *child;
    void (*starting)(void *context, const struct load_mark *mark);
    void (*ended)(void *context);
    void *context;
    struct command *commands;
    size_t n_commands;
};

static void has_ended(struct load_at *at)
{
    if (at->ended)
        at->ended(at->context);
}

static void on_ended(void *context, int number)
{
    (void)number;
    struct load_at *at = context;
    for (size_t i = 0; i < at->n_commands; i++) { /* several ends may come as one signal */
        struct command *command = &at->commands[i];
        int status;
        if (command->pid == 0 || waitpid(command->pid, &status, WNOHANG) != command->pid)
            continue;
        command->pid = 0;
        command->mark->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
        has_ended(at);
    }
}

/* Ctrl-C at the terminal is for us and not for the command, which may be what brings a service back: so it
 * has a process group of its own. Nor does it inherit our --realtime. */
static int spawn(const char *text, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    const char *const argv[] = {"/bin/sh", "-c", text, NULL};
    const struct sched_param usual = {.sched_priority = 0};
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setschedpolicy(&attributes, SCHED_OTHER);
    posix_spawnattr_setschedparam(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSCHEDULER);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    int error = posix_spawn(ret_pid, argv[0], &files, &attributes, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static void on_due(struct qn_timer *timer)
{
    struct command *command = container_of(timer, struct command, timer);
    if (command->at->starting)
        command->at->starting(command->at->context, command->mark);
    int error = spawn(command->mark->command, &command->pid);
    if (error == 0)
        return;
    command->pid = 0;
    command->mark->exit_code = NOT_FOUND;
    fprintf(stderr, "quintet-load: --at: cannot run /bin/sh: %s\n", strerror(error));
    has_ended(command->at);
}

enum qn_status load_at_open(struct qn_loop *loop, struct load_mark *marks, size_t n_marks,
                            void (*starting)(void *context, const struct load_mark *mark),
                            void (*ended)(void *context), void *context, struct load_at **ret_at)
{
    struct load_at *at = calloc(1, sizeof *at);
    if (at)
        at->commands = calloc(n_marks, sizeof *at->commands);
    if (!at || !at->commands || qn_signal_open(loop, SIGCHLD, on_ended, at, &at->child) != QN_OK) {
        if (at)
            free(at->commands);
        free(at);
        return QN_RESOURCE_EXHAUSTED;
    }
    at->loop = loop;
    at->starting = starting;
    at->ended = ended;
    at->context = context;
    at->n_commands = n_marks;
    for (size_t i = 0; i < n_marks; i++) {
        marks[i].exit_code = NOT_ENDED;
        at->commands[i] = (struct command){.at = at, .mark = &marks[i]};
    }
    *ret_at = at;
    return QN_OK;
}

void load_at_begin(struct load_at *at)
{
    for (size_t i = 0; i < at->n_commands; i++)
        qn_timer_start(at->loop, &at->commands[i].timer, at->commands[i].mark->at_ms, on_due);
}

void load_at_close(struct load_at *at)
{
    on_ended(at, SIGCHLD); /* one that ended this very moment */
    for (size_t i = 0; i < at->n_commands; i++) {
        qn_timer_cancel(at->loop, &at->commands[i].timer);
        if (at->commands[i].pid != 0)
            has_ended(at);
    }
    qn_signal_close(at->child);
    free(at->commands);
    free(at);
}

/* Recovery. */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of calls ended in the seconds that were over before 'at_ms'. False: there is none. */
static bool median_before(const struct load_result *result, uint64_t at_ms, uint64_t *ret_ended)
{
    size_t n = at_ms / 1000;
    if (n > result->n_seconds)
        n = result->n_seconds;
    uint64_t *ended = n > 0 ? calloc(n, sizeof *ended) : NULL;
    if (!ended)
        return false;
    for (size_t i = 0; i < n; i++)
        ended[i] = result->seconds[i].ended;
    qsort(ended, n, sizeof *ended, by_size);
    *ret_ended = ended[n / 2];
    free(ended);
    return true;
}

void load_at_recovery(struct load_result *result)
{
    enum { AS_BEFORE_PERCENT = 90 };
    for (size_t i = 0; i < result->n_marks; i++) {
        struct load_mark *mark = &result->marks[i];
        uint64_t before;
        mark->recovered = false;
        if (!median_before(result, mark->at_ms, &before))
            continue;
        /* Only whole seconds of the schedule: the last may be the tail of answers. */
        for (size_t s = (mark->at_ms + 999) / 1000;
             s < result->n_seconds && s < result->asked.duration_ms / 1000; s++)
            if (result->seconds[s].errors == 0 &&
                result->seconds[s].ended * 100 >= before * AS_BEFORE_PERCENT) {
                mark->recovered = true;
                mark->recovery_ms = s * 1000 - mark->at_ms;
                break;
            }
    }
}
