#include "tests/harness/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void harness_daemon_fail(const char *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "harness: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    FILE *file = log ? fopen(log, "r") : NULL;
    for (int c; file && (c = fgetc(file)) != EOF;)
        fputc(c, stderr);
    exit(1);
}

/* PostgreSQL and PgBouncer refuse to run as root, so root lends them a user who owns nothing else. */
static const struct passwd *database_user(void)
{
    if (geteuid() != 0)
        return NULL;
    const struct passwd *user = getpwnam("postgres");
    user = user ? user : getpwnam("nobody");
    if (!user)
        harness_daemon_fail(NULL, "running as root, and neither the user postgres nor nobody is there");
    return user;
}

/* In a forked child: what it writes goes to the log, opened before the change of user. */
static void write_to(const char *log)
{
    int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
}

static void drop_privileges(void)
{
    const struct passwd *user = database_user();
    if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
}

static _Noreturn void become(const char *const argv[])
{
    if (chdir("/") != 0) /* the user may not be allowed where the test runs */
        _exit(126);
    execv(argv[0], (char *const *)argv); /* execv() changes none of them; its type is older than const */
    _exit(127);
}

void harness_daemon_run(bool drop, const char *log, const char *const argv[])
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        write_to(log);
        if (drop)
            drop_privileges();
        become(argv);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        harness_daemon_fail(log, "%s failed", argv[0]);
}

pid_t harness_daemon_spawn(const char *log, int death_signal, const char *const argv[])
{
    fflush(NULL);
    pid_t test = getpid(), pid = fork();
    if (pid == 0) {
        write_to(log);
        drop_privileges();
        prctl(PR_SET_PDEATHSIG, death_signal); /* after the change of user, which clears it */
        if (getppid() != test)
            _exit(126);
        setsid(); /* a Ctrl-C for the test must not reach the server first */
        become(argv);
    }
    if (pid < 0)
        harness_daemon_fail(log, "cannot start %s: %s", argv[0], strerror(errno));
    return pid;
}

void harness_daemon_end(pid_t pid, int signal)
{
    kill(pid, signal);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

void harness_daemon_give(const char *path)
{
    const struct passwd *user = database_user();
    if (user) {
        char owner[64];
        snprintf(owner, sizeof owner, "%u:%u", user->pw_uid, user->pw_gid);
        harness_daemon_run(false, NULL, (const char *const[]){"/bin/chown", "-R", owner, path, NULL});
    }
}

void harness_daemon_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        harness_daemon_fail(NULL, "cannot write %s", path);
    harness_daemon_give(path);
}

void harness_daemon_remove(const char *path)
{
    pid_t pid = fork();
    if (pid == 0)
        become((const char *const[]){"/bin/rm", "-rf", path, NULL});
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

int harness_daemon_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        harness_daemon_fail(NULL, "no free port: %s", strerror(errno));
    return ntohs(address.sin_port); /* the socket stays as it is, until the test's end */
}
