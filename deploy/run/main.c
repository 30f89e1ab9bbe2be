#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/usage.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "deploy/run/request.h"
#include "deploy/run/restart.h"
#include "deploy/run/signals.h"
#include "deploy/run/stack.h"

/* quintet-run: everything on one machine, behind `make run`. Its one line on stdout says that it is ready;
 * all else goes to stderr, where the services' lines go too. */

enum { EXIT_NOT_STARTED = 1, EXIT_BAD_SETTINGS = 2, TEXT_MAX = 64 * 1024 };

static struct run_settings set;
static struct run_stack stack;

static void help(void)
{
    struct qn_buf to;
    qn_buf_init(&to, TEXT_MAX);
    qn_buf_printf(
        &to,
        "quintet-run %s\nRuns PostgreSQL and Quintet's four services on this machine, until Ctrl-C or "
        "SIGTERM.\n\nUsage: quintet-run [--help | --version | --restart [NAME…]]\n\n"
        "--restart asks the copy that runs in QUINTET_RUN_DIR to restart its services, or those named, "
        "one\nafter "
        "the other while they work; its log tells how that went.\n\nSettings, read from the environment; the "
        "services' own are handed on to them:\n",
        QN_VERSION);
    qn_config_help(run_settings_table, run_settings_count, &to);
    fwrite(qn_buf_view(&to).ptr, 1, to.len, stdout);
    qn_buf_fini(&to);
}

static const char *from_environment(const char *name)
{
    return getenv(name);
}

static bool read_settings(void)
{
    struct qn_config_report report = {0};
    qn_buf_init(&report.lines, TEXT_MAX);
    qn_config_read(run_settings_table, run_settings_count, &set, from_environment, &report);
    run_settings_check(&set, &report);
    struct qn_str rest = qn_buf_view(&report.lines), line;
    while (qn_str_next(&rest, '\n', &line))
        if (line.len > 0)
            fprintf(stderr, "quintet-run: %.*s\n", QN_STR_ARG(line));
    bool good = report.n_complaints == 0;
    qn_buf_fini(&report.lines);
    return good;
}

static void on_first(struct run_signals *signals, const char *name)
{
    (void)signals;
    qn_log(NULL, QN_INFO, "stopping", QN_F_C("signal", name));
    run_stack_stop(&stack, EXIT_SUCCESS);
}

static void on_restart(struct run_signals *signals)
{
    (void)signals;
    unsigned services = 0;
    struct qn_error err = {0};
    if (run_request_take(stack.run_dir, &services, &err) == QN_OK)
        run_restart_ask(&stack, services);
    else
        qn_log(NULL, QN_WARN, "not restarted", QN_F_C("why", err.message));
}

static void on_second(struct run_signals *signals, int number, const char *name)
{
    (void)signals;
    qn_log(NULL, QN_WARN, "second signal: killing everything", QN_F_C("signal", name));
    run_stack_kill(&stack);
    _exit(128 + number);
}

static int serve(struct qn_loop *loop)
{
    struct qn_error err = {0};
    enum qn_status status = run_stack_open(&stack, loop, &set, &err);
    if (status != QN_OK) {
        fprintf(stderr, "quintet-run: %s\n", err.message);
        run_stack_close(&stack);
        return status == QN_ALREADY_EXISTS || status == QN_INVALID_ARGUMENT ? EXIT_BAD_SETTINGS
                                                                            : EXIT_NOT_STARTED;
    }
    struct run_signals signals = {.first = on_first, .second = on_second, .restart = on_restart};
    if (run_child_watch_open(loop) != QN_OK || run_signals_open(&signals, loop) != QN_OK) {
        fprintf(stderr, "quintet-run: cannot listen for signals\n");
        return EXIT_NOT_STARTED;
    }
    uint64_t began_ms = qn_clock_now_ms();
    run_stack_start(&stack);
    qn_loop_run(loop);
    int code = stack.exit_code;
    run_signals_close(&signals);
    run_child_watch_close();
    run_stack_close(&stack);
    qn_log(NULL, QN_INFO, "ended", QN_F_INT("ran_ms", qn_clock_now_ms() - began_ms));
    return code;
}

static int run(void)
{
    enum qn_log_level level = QN_INFO;
    struct qn_loop *loop;
    if (!read_settings())
        return EXIT_BAD_SETTINGS;
    QN_CHECK(qn_log_level_parse(qn_str_c(set.log_level), &level));
    qn_log_setup("run", level, strcmp(set.log_format, "json") == 0);
    signal(SIGPIPE, SIG_IGN); /* whoever read our one line may be gone */
    if (qn_loop_new(&loop) != QN_OK) {
        fprintf(stderr, "quintet-run: cannot make an event loop\n");
        return EXIT_NOT_STARTED;
    }
    int code = serve(loop);
    qn_loop_free(loop);
    return code;
}

static int ask_restart(const char *const *names, size_t n_names)
{
    struct qn_error err = {0};
    pid_t pid = 0;
    if (!read_settings())
        return EXIT_BAD_SETTINGS;
    enum qn_status status = run_request_send(set.run_dir, names, n_names, &pid, &err);
    if (status == QN_OK)
        printf("quintet-run: asked pid %d; its log tells how it goes\n", pid);
    else
        fprintf(stderr, "quintet-run: %s\n", err.message);
    return status == QN_OK ? EXIT_SUCCESS : status == QN_INVALID_ARGUMENT ? EXIT_BAD_SETTINGS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    bool restart = strcmp(verb, "--restart") == 0;
    if (!restart &&
        (argc > 2 || (argc == 2 && strcmp(verb, "--help") != 0 && strcmp(verb, "--version") != 0))) {
        fprintf(stderr, "quintet-run: %s: no such option (--help lists what there is)\n",
                argv[argc > 2 ? 2 : 1]);
        return EXIT_BAD_SETTINGS;
    }
    if (strcmp(verb, "--help") == 0) {
        help();
        return EXIT_SUCCESS;
    }
    if (strcmp(verb, "--version") == 0) {
        printf("quintet-run %s\n", QN_VERSION);
        return EXIT_SUCCESS;
    }
    int code = restart ? ask_restart((const char *const *)argv + 2, (size_t)argc - 2) : run();
    qn_config_free(run_settings_table, run_settings_count, &set);
    return code;
}
