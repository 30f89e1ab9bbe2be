#include "tests/harness/node.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/service.h"

/* QN_SOURCE_DIR, QN_BUILD_DIR: from CMakeLists.txt. */

enum {
    LINE_MAX_BYTES = 256 * 1024, /* a mail and more */
    ARGUMENTS_MAX = 16,
    ENVIRONMENT_MAX = 24,
    QUIET_MAX_MS = 300 * 1000 /* a script that hangs; never a measure: some say nothing until they are done */
};

struct harness_node {
    const char *script;
    pid_t pid;
    int in, out; /* its standard input; its standard output */
    size_t len;  /* bytes in 'said' */
    size_t used; /* of the line that was given out, its end included */
    char said[LINE_MAX_BYTES + 1];
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "harness/node: %s: %s\n", what, why);
    exit(1);
}

/* Where the group's node is, once its packages are there. */
static const char *install(const char *group)
{
    char path[512] = "";
    const char *command = harness_text(QN_SOURCE_DIR "/tests/npm/install --build " QN_BUILD_DIR " %s", group);
    FILE *said = popen(command, "r");
    bool told = said && fgets(path, sizeof path, said);
    if (!said || pclose(said) != 0 || !told)
        fail(group, "tests/npm/install failed");
    path[strcspn(path, "\n")] = '\0';
    return harness_text("%s", path);
}

static _Noreturn void become(const char *node, const char *const *arguments, const char *const *environment,
                             int in, int out, pid_t test)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != test)
        _exit(126);
    dup2(in, 0);
    dup2(out, 1);
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    execve(node, (char *const *)arguments, (char *const *)environment);
    _exit(127);
}

static void pipe_between(int *ret_read, int *ret_write)
{
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0)
        fail("pipe", strerror(errno));
    *ret_read = both[0];
    *ret_write = both[1];
}

struct harness_node *harness_node_start(const struct harness_node_options *options)
{
    const char *program = install(options->group);
    const char *arguments[ARGUMENTS_MAX + 3] = {
        program, harness_text(QN_BUILD_DIR "/npm/%s/%s", options->group, options->script)};
    const char *environment[ENVIRONMENT_MAX + 3] = {"TZ=UTC", harness_text("PATH=%s", getenv("PATH"))};
    for (size_t i = 0; options->arguments && options->arguments[i] && i < ARGUMENTS_MAX; i++)
        arguments[i + 2] = options->arguments[i];
    for (size_t i = 0; options->environment && options->environment[i] && i < ENVIRONMENT_MAX; i++)
        environment[i + 2] = options->environment[i];

    struct harness_node *node = calloc(1, sizeof *node);
    int its_in, its_out;
    if (!node)
        fail(options->script, "no memory");
    node->script = options->script;
    pipe_between(&its_in, &node->in);
    pipe_between(&node->out, &its_out);
    pid_t test = getpid();
    fflush(NULL);
    node->pid = fork();
    if (node->pid == 0)
        become(program, arguments, environment, its_in, its_out, test);
    if (node->pid < 0)
        fail(options->script, strerror(errno));
    close(its_in);
    close(its_out);
    return node;
}

/* More of what it prints; false at its end. */
static bool hear(struct harness_node *node)
{
    struct pollfd ready = {.fd = node->out, .events = POLLIN};
    int n = poll(&ready, 1, QUIET_MAX_MS);
    if (n == 0)
        fail(node->script, "says nothing");
    if (node->len == LINE_MAX_BYTES)
        fail(node->script, "prints too long a line");
    ssize_t got = read(node->out, node->said + node->len, LINE_MAX_BYTES - node->len);
    if (got > 0)
        node->len += (size_t)got;
    return got > 0;
}

const char *harness_node_line(struct harness_node *node)
{
    memmove(node->said, node->said + node->used, node->len - node->used);
    node->len -= node->used;
    node->used = 0;
    char *end;
    while (!(end = memchr(node->said, '\n', node->len))) {
        if (!hear(node))
            return NULL;
    }
    *end = '\0';
    node->used = (size_t)(end - node->said) + 1;
    return node->said;
}

const char *harness_node_expect(struct harness_node *node, const char *begin)
{
    const char *line;
    while ((line = harness_node_line(node)) && strncmp(line, begin, strlen(begin)) != 0)
        fprintf(stderr, "%s: %s\n", node->script, line);
    if (!line)
        fail(node->script, harness_text("ended without \"%s\"", begin));
    return line + strlen(begin);
}

void harness_node_say(struct harness_node *node, const char *line)
{
    const char *text = harness_text("%s\n", line);
    if (write(node->in, text, strlen(text)) != (ssize_t)strlen(text))
        fail(node->script, "does not listen");
}

int harness_node_end(struct harness_node *node)
{
    int status;
    close(node->in);
    while (harness_node_line(node)) /* it must not wait for its reader */
        ;
    close(node->out);
    if (waitpid(node->pid, &status, 0) != node->pid)
        fail(node->script, strerror(errno));
    free(node);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
