#include "tests/harness/bucket.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/daemon.h"
#include "tests/harness/service.h"

/* QN_SOURCE_DIR, QN_BUILD_DIR: from CMakeLists.txt. */

enum { START_LIMIT_MS = 60000, LINE_MAX_BYTES = 128 };

struct harness_bucket {
    pid_t pid; /* 0 while it is halted */
    uint16_t port;
    const char *node, *folder, *objects, *log;
};

bool harness_bucket_wanted(void)
{
    const char *wanted = getenv("QUINTET_TEST_S3");
    return wanted && strcmp(wanted, "1") == 0;
}

/* The node to run with; what the script needs is there then. */
static const char *install(void)
{
    char node[4096] = "";
    FILE *from = popen(QN_SOURCE_DIR "/tests/npm/install --build " QN_BUILD_DIR " s3", "re");
    if (!from || !fgets(node, sizeof node, from) || pclose(from) != 0)
        harness_daemon_fail(NULL, "tests/npm/install s3 failed");
    node[strcspn(node, "\n")] = '\0';
    return harness_text("%s", node);
}

static _Noreturn void be_node(const struct harness_bucket *b, int out_fd)
{
    const char *port = harness_text("%u", b->port);
    const char *const argv[] = {b->node,    QN_BUILD_DIR "/npm/s3/s3rver.mjs",
                                "--folder", b->folder,
                                "--bucket", HARNESS_BUCKET_NAME,
                                "--key",    HARNESS_BUCKET_KEY_ID,
                                "--secret", HARNESS_BUCKET_SECRET,
                                "--region", HARNESS_BUCKET_REGION,
                                "--port",   port,
                                NULL};
    int log_fd = open(b->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (log_fd >= 0 && dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(log_fd, STDERR_FILENO) >= 0)
        execv(b->node, (char *const *)argv);
    _exit(127);
}

static void launch(struct harness_bucket *b)
{
    int fds[2];
    char line[LINE_MAX_BYTES] = "";
    unsigned port = 0;
    if (pipe2(fds, O_CLOEXEC) != 0)
        harness_daemon_fail(NULL, "no pipe");
    b->pid = fork();
    if (b->pid < 0)
        harness_daemon_fail(NULL, "no process");
    if (b->pid == 0)
        be_node(b, fds[1]);
    close(fds[1]);
    struct pollfd ready = {.fd = fds[0], .events = POLLIN};
    for (size_t len = 0; !strchr(line, '\n') && len < sizeof line - 1;) {
        ssize_t n =
            poll(&ready, 1, START_LIMIT_MS) == 1 ? read(fds[0], line + len, sizeof line - 1 - len) : 0;
        if (n <= 0)
            harness_daemon_fail(b->log, "s3rver does not say where it listens");
        len += (size_t)n;
    }
    close(fds[0]); /* it says nothing more */
    if (sscanf(line, "http://127.0.0.1:%u", &port) != 1 || port == 0 || port > UINT16_MAX)
        harness_daemon_fail(b->log, "s3rver says \"%s\"", line);
    b->port = (uint16_t)port;
}

struct harness_bucket *harness_bucket_start(void)
{
    static unsigned n_started;
    struct harness_bucket *b = calloc(1, sizeof *b);
    if (!b)
        harness_daemon_fail(NULL, "no memory");
    n_started++;
    b->node = install();
    b->folder = harness_text("%s/bucket-%u", harness_folder(), n_started);
    b->objects = harness_text("%s/" HARNESS_BUCKET_NAME, b->folder);
    b->log = harness_text("%s/bucket-%u.log", harness_folder(), n_started);
    if (mkdir(b->folder, 0700) != 0)
        harness_daemon_fail(NULL, "cannot make %s", b->folder);
    launch(b);
    return b;
}

uint16_t harness_bucket_port(const struct harness_bucket *bucket)
{
    return bucket->port;
}

const char *harness_bucket_folder(const struct harness_bucket *bucket)
{
    return bucket->objects;
}

void harness_bucket_halt(struct harness_bucket *bucket)
{
    kill(bucket->pid, SIGKILL);
    waitpid(bucket->pid, NULL, 0);
    bucket->pid = 0;
}

void harness_bucket_resume(struct harness_bucket *bucket)
{
    launch(bucket);
}

void harness_bucket_stop(struct harness_bucket *bucket)
{
    if (bucket->pid)
        harness_bucket_halt(bucket);
    free(bucket);
}
