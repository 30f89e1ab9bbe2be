#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/media/picture/cage.h"
#include "tests/harness/test.h"

/* Each try is made by a child that has shut itself in; what it returns is its exit code, 0 for as it should
 * be. Without the filter (a sanitizer, another processor) only the limits are tried. */

enum { UNFILTERED = 99 };

static pid_t parent;

static int run(int (*try)(void))
{
    parent = getpid();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        media_cage_begin();
        bool filtered = media_cage_shut();
        _exit(filtered ? try() : UNFILTERED);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void check(int (*try)(void))
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)try;
    (void)run;
    skip();
#else
    int status = run(try);
    if (WIFEXITED(status) && WEXITSTATUS(status) == UNFILTERED)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
#endif
}

static int try_the_world(void)
{
    if (open("/etc/hostname", O_RDONLY) >= 0)
        return 1;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
        return 2;
    if (fork() >= 0)
        return 3;
    char *const argv[] = {(char[]){"true"}, NULL};
    execv("/bin/true", argv);
    if (errno != EPERM)
        return 4;
    /* Whoever started us has the same user. */
    const struct rlimit none = {0, 0};
    if (kill(parent, 0) == 0 || tgkill(parent, parent, 0) == 0 ||
        prlimit(parent, RLIMIT_NOFILE, &none, NULL) == 0)
        return 5;
    if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) == 0)
        return 8;
    if (prctl(PR_SET_DUMPABLE, 1) == 0)
        return 6;
    if (dup(0) >= 0 || pipe((int[2]){0}) == 0)
        return 7;
    return 0;
}

static void test_the_world_is_out_of_reach(void **state)
{
    (void)state;
    check(try_the_world);
}

static void *in_thread(void *context)
{
    *(int *)context = 7;
    return context;
}

static int try_to_work(void)
{
    pthread_t thread;
    int value = 0;
    char *memory = malloc(100 * 1024 * 1024);
    if (!memory)
        return 1;
    memset(memory, 1, 100 * 1024 * 1024);
    free(memory);
    if (pthread_create(&thread, NULL, in_thread, &value) != 0 || pthread_join(thread, NULL) != 0 ||
        value != 7)
        return 2;
    return write(2, "", 0) == 0 ? 0 : 3;
}

static void test_memory_and_threads_are_not(void **state)
{
    (void)state;
    check(try_to_work);
}

static int try_memory(void)
{
    /* Of its own, and shared with nobody. */
    if (malloc((size_t)MEDIA_CAGE_DATA_BYTES + 1))
        return 1;
    void *mapped =
        mmap(NULL, MEDIA_CAGE_SPACE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return mapped == MAP_FAILED ? 0 : 2;
}

static void test_memory_ends(void **state)
{
    (void)state;
    check(try_memory);
}

static int try_time(void)
{
    media_cage_allow_cpu(1);
    for (volatile unsigned long turn = 0;; turn++)
        ;
    return 1;
}

static void test_time_ends(void **state)
{
    (void)state;
    int status = run(try_time);
    if (WIFEXITED(status) && WEXITSTATUS(status) == UNFILTERED)
        skip();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXCPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_world_is_out_of_reach),
        cmocka_unit_test(test_memory_and_threads_are_not),
        cmocka_unit_test(test_memory_ends),
        cmocka_unit_test(test_time_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
