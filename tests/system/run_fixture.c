#include "tests/system/run_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/service.h"
#include "tests/harness/test.h"

/* QN_BUILD_DIR: from CMakeLists.txt. */

enum {
    GLANCE_MS = 5,
    GLANCES_MAX = 12000, /* at the end, for those that were killed */
    COPIES_MAX = 8,
    ENVIRONMENT_MAX = 48,
    RUN_PATH_MAX = 4096,
    STALE_AFTER_S = 60, /* a lock that was just made may not be held yet */
};

#define BASE_START    "/var/tmp/quintet-run-test."
#define CLUSTER_START "/var/tmp/quintet-pg-"

static const char *const programs[] = {"quintet-run",   "quintet-profile", "quintet-auth",
                                       "quintet-media", "quintet-picture", "quintet-gateway"};

static char base[64];
static pid_t started[COPIES_MAX]; /* and not yet waited for; 0: a free place */
static size_t n_starts;
static pid_t spared;

/* Folders. */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Clusters that did not find room in their run folders. */
static void remove_clusters_of(const char *folder)
{
    char near[128], far[128], target[RUN_PATH_MAX];
    glob_t links = {0};
    snprintf(near, sizeof near, "%s/*/pg", folder);
    snprintf(far, sizeof far, "%s/*/*/pg", folder);
    glob(near, 0, NULL, &links);
    glob(far, GLOB_APPEND, NULL, &links);
    for (size_t i = 0; i < links.gl_pathc; i++) {
        ssize_t len = readlink(links.gl_pathv[i], target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        if (strncmp(target, CLUSTER_START, strlen(CLUSTER_START)) == 0)
            remove_folder(target);
    }
    globfree(&links);
}

static void remove_base(const char *folder)
{
    remove_clusters_of(folder);
    remove_folder(folder);
}

/* A test that was killed cannot tidy up; the lock on its folder went with it. */
static void remove_stale_bases(void)
{
    glob_t found;
    if (glob(BASE_START "*", 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char lock[128];
        struct stat st;
        snprintf(lock, sizeof lock, "%s/lock", found.gl_pathv[i]);
        int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            continue;
        if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && time(NULL) - st.st_mtime > STALE_AFTER_S &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_base(found.gl_pathv[i]);
        close(fd);
    }
    globfree(&found);
}

static size_t n_children(void);

static void clean_up(void)
{
    if (base[0] == '\0')
        return;
    for (size_t i = 0; i < COPIES_MAX; i++)
        if (started[i] > 0)
            kill(started[i], SIGKILL);
    for (unsigned looks = 0; n_children() > 0 && looks < GLANCES_MAX; looks++)
        poll(NULL, 0, GLANCE_MS);
    remove_base(base);
}

const char *run_folder(void)
{
    if (base[0] == '\0') {
        remove_stale_bases();
        snprintf(base, sizeof base, BASE_START "XXXXXX");
        /* Who loses a parent becomes our child: so we see everybody end. */
        if (!mkdtemp(base) || chmod(base, 0755) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
            fail_msg("cannot make %s: %s", base, strerror(errno));
        int lock = open(harness_text("%s/lock", base), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock < 0 || flock(lock, LOCK_EX) != 0)
            fail_msg("cannot lock %s: %s", base, strerror(errno));
        atexit(clean_up);
    }
    return base;
}

static void copy_program(const char *to_folder, const char *name)
{
    char buffer[65536];
    const char *half = harness_text("%s/.%s", to_folder, name);
    int from = open(harness_text("%s/bin/%s", QN_BUILD_DIR, name), O_RDONLY | O_CLOEXEC);
    int to = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ssize_t n = -1;
    while (from >= 0 && to >= 0 && (n = read(from, buffer, sizeof buffer)) > 0)
        if (write(to, buffer, (size_t)n) != n)
            break;
    if (n != 0 || close(to) != 0 || close(from) != 0 ||
        rename(half, harness_text("%s/%s", to_folder, name)) != 0)
        fail_msg("cannot copy %s: %s", name, strerror(errno));
}

const char *run_programs(void)
{
    static unsigned n;
    const char *folder = harness_text("%s/programs-%u", run_folder(), ++n);
    if (mkdir(folder, 0755) != 0)
        fail_msg("cannot make %s: %s", folder, strerror(errno));
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        copy_program(folder, programs[i]);
    return folder;
}

void run_replace(const char *folder, const char *name, const char *script)
{
    const char *half = harness_text("%s/.%s", folder, name);
    int fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (fd < 0 || dprintf(fd, "#!/bin/sh\n%s\n", script) < 0 || close(fd) != 0 ||
        rename(half, harness_text("%s/%s", folder, name)) != 0)
        fail_msg("cannot write %s: %s", half, strerror(errno));
}

void run_restore(const char *folder, const char *name)
{
    copy_program(folder, name);
}

/* Starting. */

static pid_t *place_of(pid_t pid)
{
    for (size_t i = 0; i < COPIES_MAX; i++)
        if (started[i] == pid)
            return &started[i];
    return NULL;
}

static _Noreturn void become(const struct run_options *options, const char *program, char *const *environment,
                             int out, int log, pid_t test)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    if (dup2(nothing, 0) < 0 || dup2(out, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    if (options->user != 0 && (setgroups(0, NULL) != 0 || setgid((gid_t)options->user) != 0 ||
                               setuid(options->user) != 0 || chdir("/") != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which clears it */
    if (getppid() != test)
        _exit(126);
    char *const arguments[] = {(char *)program, NULL};
    execve(program, arguments, environment);
    _exit(127);
}

void run_start(struct run_copy *copy, const struct run_options *options)
{
    const char *environment[ENVIRONMENT_MAX + 1];
    size_t n = 0;
    assert_true(copy->pid == 0);
    run_folder();
    for (size_t i = 0; options->environment && options->environment[i] && n < ENVIRONMENT_MAX; i++)
        environment[n++] = options->environment[i];
    static const char *const kept[] = {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept && n < ENVIRONMENT_MAX; i++)
        if (getenv(kept[i]))
            environment[n++] = harness_text("%s=%s", kept[i], getenv(kept[i]));
    assert_true(n + 3 <= ENVIRONMENT_MAX);
    environment[n++] = harness_text("QUINTET_RUN_DIR=%s", options->dir);
    environment[n++] = "QUINTET_HTTP_LISTEN=127.0.0.1:0";
    environment[n++] = "QUINTET_MEDIA_LISTEN=127.0.0.1:0";
    environment[n] = NULL;

    n_starts++;
    *copy = (struct run_copy){
        .dir = options->dir,
        .out = harness_text("%s/%zu.out", base, n_starts),
        .log = harness_text("%s/%zu.log", base, n_starts),
    };
    const char *program = options->programs ? harness_text("%s/quintet-run", options->programs)
                                            : QN_BUILD_DIR "/bin/quintet-run";
    int out = open(copy->out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int log = open(copy->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t test = getpid();
    fflush(NULL);
    copy->pid = fork();
    if (copy->pid == 0)
        become(options, program, (char *const *)environment, out, log, test);
    if (copy->pid < 0 || out < 0 || log < 0)
        fail_msg("cannot start %s: %s", program, strerror(errno));
    close(out);
    close(log);
    *place_of(0) = copy->pid;
}

static bool running(struct run_copy *copy)
{
    int status;
    if (copy->pid > 0 && waitpid(copy->pid, &status, WNOHANG) == copy->pid) {
        *place_of(copy->pid) = 0;
        copy->outcome = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        copy->pid = 0;
    }
    return copy->pid > 0;
}

void run_await_ready(struct run_copy *copy)
{
    run_await(copy, "it is ready", strncmp(run_out(copy), "quintet: ready on http://", 25) == 0)
    {
        if (!running(copy)) {
            run_show_log(copy);
            fail_msg("ended (%d) before it was ready", copy->outcome);
        }
    }
}

void run_start_ready(struct run_copy *copy, const struct run_options *options)
{
    run_start(copy, options);
    run_await_ready(copy);
}

/* Ending. */

int run_wait(struct run_copy *copy)
{
    run_await(copy, "it ends", !running(copy));
    if (run_logged(copy, "Sanitizer") || run_logged(copy, "runtime error:")) { /* it or a service */
        run_show_log(copy);
        fail_msg("a sanitizer has found something");
    }
    return copy->outcome;
}

int run_to_end(struct run_copy *copy, const struct run_options *options)
{
    run_start(copy, options);
    return run_wait(copy);
}

void run_stop(struct run_copy *copy)
{
    kill(copy->pid, SIGTERM);
    if (run_wait(copy) != 0) {
        run_show_log(copy);
        fail_msg("SIGTERM ended it with %d", copy->outcome);
    }
}

void run_spare(pid_t pid)
{
    spared = pid;
}

/* Who has us as parent: besides the copies themselves all whose own parents are gone; these are waited for
 * here. */
static size_t n_children(void)
{
    char path[64];
    size_t n = 0;
    long pid;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s: %s", path, strerror(errno));
    while (fscanf(file, "%ld", &pid) == 1) {
        if (pid == spared)
            continue;
        if (place_of((pid_t)pid) || waitpid((pid_t)pid, NULL, WNOHANG) != pid)
            n++;
    }
    fclose(file);
    return n;
}

void run_await_nobody(void)
{
    run_await(NULL, "nobody is left", n_children() == 0);
}
