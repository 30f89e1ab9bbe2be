#include "services/media/picture/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"

enum { CHILD_FD = 3 };

static void on_ready(void *context, int events)
{
    struct media_process *process = context;
    process->ready(process, events);
}

static void close_socket(struct media_process *process)
{
    if (process->fd < 0)
        return;
    qn_poll_close(process->poll);
    close(process->fd);
    process->fd = -1;
}

/* A pidfd is readable from the moment there is something to wait for. */
static void on_exit_ready(void *context, int events)
{
    struct media_process *process = context;
    (void)events;
    int status = 0;
    pid_t waited = waitpid(process->pid, &status, WNOHANG);
    if (waited == 0 || (waited < 0 && errno == EINTR))
        return;
    /* ECHILD: whoever started us lets children go unwaited for (SIGCHLD ignored). Ended it has all the same.
     */
    close_socket(process);
    qn_poll_close(process->exit_poll);
    close(process->pidfd);
    process->pid = 0;
    process->ended(process, status);
}

/* What the sanitizers and a private library path need; nothing else of our environment is the child's. */
static char *const *environment_of_child(char *to[], size_t n)
{
    static const char *const kept[] = {
        "LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS="};
    size_t count = 0;
    for (char **one = environ; *one && count + 1 < n; one++) {
        for (size_t i = 0; i < QN_COUNT(kept); i++)
            if (strncmp(*one, kept[i], strlen(kept[i])) == 0 && count + 1 < n)
                to[count++] = *one;
    }
    to[count] = NULL;
    return to;
}

/* posix_spawn(3): the child shares our memory until it runs the program, so that starting one costs the same
 * however large we are, and no code of ours runs between. What it gives up it gives up itself (cage.h). */
static int spawn(const char *program, int child_end, pid_t *ret_pid)
{
    char *const argv[] = {(char *)(uintptr_t) "quintet-picture", NULL};
    char *environment[8];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    int failed = posix_spawn_file_actions_adddup2(&files, child_end, CHILD_FD) ||
                 posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0) ||
                 posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0) ||
                 posix_spawn_file_actions_addclosefrom_np(&files, CHILD_FD + 1) ||
                 posix_spawnattr_setsigmask(&attributes, &none) ||
                 posix_spawnattr_setsigdefault(&attributes, &all) ||
                 /* A session of its own: Ctrl-C at the terminal is for us, and we say when it ends. */
                 posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                           POSIX_SPAWN_SETSID);
    error = failed ? ENOMEM
                   : posix_spawn(ret_pid, program, &files, &attributes, argv,
                                 environment_of_child(environment, QN_COUNT(environment)));
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* The child runs; what is left is to watch it. False: errno says why, and nothing is left open. */
static bool watch(struct media_process *process, struct qn_loop *loop)
{
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0)
        return false;
    if (qn_poll_open(loop, process->pidfd, on_exit_ready, process, &process->exit_poll) != QN_OK) {
        close(process->pidfd);
        errno = ENOMEM;
        return false;
    }
    if (qn_poll_open(loop, process->fd, on_ready, process, &process->poll) != QN_OK) {
        qn_poll_close(process->exit_poll);
        close(process->pidfd);
        errno = ENOMEM;
        return false;
    }
    qn_poll_want(process->exit_poll, QN_READABLE);
    qn_poll_want(process->poll, QN_READABLE);
    return true;
}

enum qn_status media_process_start(struct media_process *process, struct qn_loop *loop, const char *program,
                                   void (*ready)(struct media_process *process, int events),
                                   void (*ended)(struct media_process *process, int status),
                                   struct qn_error *err)
{
    QN_CHECK(process->pid == 0);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return qn_error_set(err, QN_UNAVAILABLE, "no socket pair: %s", strerror(errno));
    int error = spawn(program, ends[1], &process->pid);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        process->pid = 0;
        return qn_error_set(err, QN_UNAVAILABLE, "cannot start %s: %s", program, strerror(error));
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    process->fd = ends[0];
    process->ready = ready;
    process->ended = ended;
    if (watch(process, loop))
        return QN_OK;
    error = errno;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0); /* as long as a kill takes */
    close(process->fd);
    process->pid = 0;
    return qn_error_set(err, QN_UNAVAILABLE, "cannot watch a child process: %s", strerror(error));
}

void media_process_want(struct media_process *process, int events)
{
    qn_poll_want(process->poll, events);
}

void media_process_kill(struct media_process *process)
{
    if (process->pid == 0 || process->fd < 0)
        return;
    kill(process->pid, SIGKILL); /* not waited for yet, so the number is still its own */
    close_socket(process);
}

const char *media_process_end_text(int status, char to[MEDIA_PROCESS_END_MAX])
{
    if (WIFSIGNALED(status))
        snprintf(to, MEDIA_PROCESS_END_MAX, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(to, MEDIA_PROCESS_END_MAX, "exit code %d", WEXITSTATUS(status));
    return to;
}
