#include "tests/harness/dies.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/test.h"

static void be_child(int errors, void (*run)(void *context), void *context)
{
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    dup2(errors, STDERR_FILENO);
    run(context);
    _exit(0);
}

void assert_dies(void (*run)(void *context), void *context, const char *says)
{
    int errors[2];
    assert_int_equal(pipe(errors), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        be_child(errors[1], run, context);
    close(errors[1]);

    char text[4096];
    size_t len = 0;
    ssize_t got;
    while (len < sizeof text - 1 && (got = read(errors[0], text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    close(errors[0]);

    int outcome;
    assert_int_equal(waitpid(child, &outcome, 0), child);
    if (!WIFSIGNALED(outcome) || WTERMSIG(outcome) != SIGABRT || !strstr(text, says))
        fail_msg("should have died of \"%s\"; outcome %#x, stderr: %s", says, (unsigned)outcome, text);
}
