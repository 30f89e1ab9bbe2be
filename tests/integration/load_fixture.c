#include "tests/integration/load_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/timer.h"
#include "tests/harness/test.h"
#include "tests/load/report/read_json.h"

extern char **environ;

enum {
    ARGUMENTS_MAX = 64,
    HANG_MS = 60000,
    LOOK_MS = 10,
    FILE_MAX_BYTES = 16 << 20,
    PATH_MAX_BYTES = 256,
    FILES_MAX = 16
};

static char folder[] = "/tmp/quintet-load-XXXXXX";

static void remove_folder(void)
{
    char command[PATH_MAX_BYTES];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", folder);
}

const char *load_fixture_folder(void)
{
    static bool made;
    if (!made) {
        assert_non_null(mkdtemp(folder));
        atexit(remove_folder);
        made = true;
    }
    return folder;
}

const char *load_fixture_file(const char *name, const char *text)
{
    static char paths[FILES_MAX][PATH_MAX_BYTES]; /* valid as long as the process */
    static size_t n_paths;
    char path[PATH_MAX_BYTES];
    size_t i = 0;
    snprintf(path, sizeof path, "%s/%s", load_fixture_folder(), name);
    while (i < n_paths && strcmp(paths[i], path) != 0)
        i++;
    assert_true(i < FILES_MAX);
    n_paths = i == n_paths ? i + 1 : n_paths;
    memcpy(paths[i], path, sizeof path);
    if (text) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    return paths[i];
}

char *load_fixture_read(const char *path)
{
    struct qn_buf bytes;
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    qn_buf_init(&bytes, FILE_MAX_BYTES);
    qn_buf_write(&bytes, "", 0);
    for (;;) {
        char *piece = qn_buf_reserve(&bytes, BUFSIZ);
        assert_non_null(piece);
        size_t n = fread(piece, 1, BUFSIZ, file);
        if (n == 0)
            break;
        qn_buf_commit(&bytes, n);
    }
    fclose(file);
    qn_buf_write_byte(&bytes, '\0');
    return bytes.data;
}

/* The files that one run leaves. */
static const char *out_path(void)
{
    return load_fixture_file("out", NULL);
}

static const char *err_path(void)
{
    return load_fixture_file("err", NULL);
}

static const char *json_path(void)
{
    return load_fixture_file("result.json", NULL);
}

void load_fixture_start(struct load_fixture *run, const char *program, const char *const *arguments)
{
    load_fixture_start_on(run, program, -1, arguments);
}

void load_fixture_start_on(struct load_fixture *run, const char *program, int err_fd,
                           const char *const *arguments)
{
    const char *argv[ARGUMENTS_MAX + 3] = {program};
    char path[PATH_MAX_BYTES];
    size_t n = 1;
    *run = (struct load_fixture){0};
    bool runs = strcmp(arguments[0], "compare") != 0;
    for (; *arguments; arguments++) {
        assert_true(n < ARGUMENTS_MAX);
        argv[n++] = *arguments;
    }
    if (runs) {
        argv[n++] = "--json";
        argv[n++] = json_path();
    }
    unlink(json_path());
    snprintf(path, sizeof path, "%s/%s", QN_BUILD_DIR, program);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out_path(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2, err_path(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (err_fd >= 0)
        posix_spawn_file_actions_adddup2(&files, err_fd, 2);
    assert_int_equal(posix_spawn(&run->pid, path, &files, NULL, (char *const *)argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
}

static void on_look(struct qn_timer *timer)
{
    (void)timer; /* it only ends the loop's wait */
}

/* A little time, in which the loop runs. */
static void pass_time(struct qn_loop *loop)
{
    struct qn_timer timer = {0};
    qn_timer_start(loop, &timer, LOOK_MS, on_look);
    while (qn_timer_active(&timer))
        qn_loop_wait(loop);
}

/* Until it has ended, while the loop runs; false when it does not end. */
static bool await_end(pid_t pid, struct qn_loop *loop)
{
    struct pollfd end = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    assert_true(end.fd >= 0);
    uint64_t until_ms = qn_clock_now_ms() + HANG_MS;
    bool ended = loop == NULL && poll(&end, 1, HANG_MS) == 1;
    while (loop && !ended && qn_clock_now_ms() < until_ms) {
        pass_time(loop);
        ended = poll(&end, 1, 0) == 1;
    }
    close(end.fd);
    return ended;
}

static void look_at_result(struct load_fixture *run)
{
    struct qn_error err = {0};
    char *json = load_fixture_read(json_path());
    bool written = json && json[0] != '\0';
    free(json);
    if (!written)
        return;
    if (load_read_json(json_path(), &run->result, &err) != QN_OK)
        fail_msg("%s", err.message);
    run->has_result = true;
}

void load_fixture_wait(struct load_fixture *run, struct qn_loop *loop)
{
    int status;
    bool ended = await_end(run->pid, loop);
    if (!ended)
        kill(run->pid, SIGKILL);
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    if (!ended)
        fail_msg("it does not end: %s", load_fixture_read(err_path()));
    run->pid = 0;
    run->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    run->out = load_fixture_read(out_path());
    run->err = load_fixture_read(err_path());
    look_at_result(run);
}

void load_fixture_free(struct load_fixture *run)
{
    free(run->out);
    free(run->err);
    if (run->has_result)
        load_result_fini(&run->result);
    *run = (struct load_fixture){0};
}

void load_fixture_await_words(struct load_fixture *run, struct qn_loop *loop, const char *text)
{
    uint64_t until_ms = qn_clock_now_ms() + HANG_MS;
    for (bool there = false; !there;) {
        char *err = load_fixture_read(err_path());
        there = err && strstr(err, text);
        free(err);
        if (qn_clock_now_ms() > until_ms) {
            kill(run->pid, SIGKILL);
            fail_msg("it does not say \"%s\"", text);
        }
        pass_time(loop);
    }
}

void load_fixture_expect_honest(const struct load_fixture *run)
{
    if (!run->has_result)
        fail_msg("no report; exit code %d: %s", run->exit_code, run->err);
    bool met = true;
    for (size_t i = 0; i < run->result.n_slos; i++)
        met = met && run->result.slos[i].met;
    assert_int_equal(run->exit_code, run->result.is_void ? 3 : met ? 0 : 1);
}
