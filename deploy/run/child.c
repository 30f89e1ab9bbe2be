#include "deploy/run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/signal.h"

enum {
    FIRST_HANDED_FD = 3, /* sd_listen_fds(3) */
    SPARE_FD = 64,       /* above all that are handed over: sockets wait there for their places */
};

static struct qn_list living;
static struct qn_signal *sigchld;

static void on_sigchld(void *context, int number)
{
    (void)context;
    (void)number;
    /* Several ends may come as one signal; and only ours are waited for, one by one. */
    struct qn_list ended;
    qn_list_init(&ended);
    qn_list_each (node, &living) {
        struct run_child *child = container_of(node, struct run_child, node);
        int status;
        if (waitpid(child->pid, &status, WNOHANG) != child->pid)
            continue;
        qn_list_remove(&living, node);
        child->pid = 0;
        child->ended(child, status);
        on_sigchld(NULL, 0); /* the callback may have started or ended others: begin anew */
        return;
    }
}

enum qn_status run_child_watch_open(struct qn_loop *loop)
{
    qn_list_init(&living);
    return qn_signal_open(loop, SIGCHLD, on_sigchld, NULL, &sigchld);
}

void run_child_watch_close(void)
{
    qn_signal_close(sigchld);
}

/* In the child, between fork and exec. What fails is told to the parent through 'report'. */

static _Noreturn void give_up(int report)
{
    int error = errno;
    ssize_t written = write(report, &error, sizeof error);
    (void)written;
    _exit(127);
}

static bool take_places(const struct run_child_options *options)
{
    int spare[RUN_CHILD_FDS_MAX];
    for (size_t i = 0; i < options->n_fds; i++)
        if ((spare[i] = fcntl(options->fds[i], F_DUPFD_CLOEXEC, SPARE_FD)) < 0)
            return false;
    for (size_t i = 0; i < options->n_fds; i++)
        if (dup2(spare[i], FIRST_HANDED_FD + (int)i) < 0) /* without the close-on-exec mark */
            return false;
    return true;
}

static bool take_output(const struct run_child_options *options)
{
    int output = options->output > 0 ? options->output : 2;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    return nothing >= 0 && dup2(nothing, 0) == 0 && dup2(output, 2) == 2 &&
           dup2(options->mute ? nothing : 2, 1) == 1;
}

static bool become(const struct passwd *user)
{
    return !user || (setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0 &&
                     chdir("/") == 0); /* where we are it may not be allowed to be */
}

static void hand_over(const struct run_child_options *options, char **environment, size_t n)
{
    static char pid[32], fds[32], names[128];
    snprintf(pid, sizeof pid, "LISTEN_PID=%d", getpid());
    snprintf(fds, sizeof fds, "LISTEN_FDS=%zu", options->n_fds);
    snprintf(names, sizeof names, "LISTEN_FDNAMES=%s", options->fd_names);
    environment[n] = pid;
    environment[n + 1] = fds;
    environment[n + 2] = names;
    environment[n + 3] = NULL;
}

static _Noreturn void run(const struct run_child_options *options, char **environment, size_t n, pid_t parent,
                          int report)
{
    /* The loop's handlers are gone with exec, but a mask or an ignored signal would stay. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (setsid() < 0)
        give_up(report);
    /* The end of the report pipe must not lie where a socket is to go. */
    int safe = fcntl(report, F_DUPFD_CLOEXEC, SPARE_FD);
    if (safe < 0 || !take_places(options) || !take_output(options) || !become(options->user))
        give_up(safe < 0 ? report : safe);
    /* Also what whoever started us left open. */
    if (close_range(FIRST_HANDED_FD + (unsigned)options->n_fds, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        give_up(safe);
    /* After the change of user, which clears it. Should the parent be gone already, nobody would send it. */
    if (prctl(PR_SET_PDEATHSIG, options->death_signal) != 0 || getppid() != parent)
        give_up(safe);
    if (options->n_fds > 0)
        hand_over(options, environment, n);
    execve(options->argv[0], (char *const *)options->argv, environment); /* changes none of them */
    give_up(safe);
}

/* The new process, which runs the program when this returns. */
static enum qn_status launch(const char *name, const struct run_child_options *options, pid_t *ret_pid,
                             struct qn_error *err)
{
    size_t n = 0;
    while (options->environment[n])
        n++;
    char **environment = calloc(n + 4, sizeof *environment);
    int report[2];
    if (!environment || pipe2(report, O_CLOEXEC) != 0) {
        free(environment);
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "cannot start %s: %s", name, strerror(errno));
    }
    memcpy(environment, options->environment, n * sizeof *environment);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run(options, environment, n, parent, report[1]);
    int error = pid < 0 ? errno : 0;
    free(environment);
    close(report[1]);
    /* Until the exec, which closes the other end, or the child's report of why not. */
    while (pid > 0 && read(report[0], &error, sizeof error) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (error != 0) {
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return qn_error_set(err, QN_UNAVAILABLE, "cannot start %s (%s): %s", name, options->argv[0],
                            strerror(error));
    }
    *ret_pid = pid;
    return QN_OK;
}

enum qn_status run_child_start(struct run_child *child, const struct run_child_options *options,
                               struct qn_error *err)
{
    QN_CHECK(child->pid == 0 && child->ended);
    QN_TRY(launch(child->name, options, &child->pid, err));
    child->started_ms = qn_clock_now_ms();
    qn_list_push(&living, &child->node);
    return QN_OK;
}

enum qn_status run_child_run(const struct run_child_options *options, int *ret_status, struct qn_error *err)
{
    pid_t pid = 0;
    QN_TRY(launch(options->argv[0], options, &pid, err));
    while (waitpid(pid, ret_status, 0) < 0)
        QN_CHECK(errno == EINTR);
    return QN_OK;
}

void run_child_signal(const struct run_child *child, int signal)
{
    if (child->pid > 0)
        kill(child->pid, signal);
}

const char *run_child_end_text(int status, char to[RUN_CHILD_END_MAX])
{
    if (WIFSIGNALED(status))
        snprintf(to, RUN_CHILD_END_MAX, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(to, RUN_CHILD_END_MAX, "exit code %d", WEXITSTATUS(status));
    return to;
}
