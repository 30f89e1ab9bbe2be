#include "common/app/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/app/private.h"
#include "common/app/usage.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/listen.h"
#include "common/core/log.h"
#include "common/core/metric.h"

enum {
    EXIT_ENDED = 0,
    EXIT_NOT_OPENED = 1,
    EXIT_BAD_SETTINGS = 2,
    TEXT_MAX = 64 * 1024,
    /* Beyond this, tables that the kernel and libraries size by the limit cost more than they give. */
    NOFILE_MAX = 1024 * 1024,
};

static struct qn_life *current;

struct qn_life *qn_life_current(void)
{
    return current;
}

/* Arguments. */

struct flag {
    const char *name;
    const char *help;
};

static const struct flag flags[] = {
    {"--help", "this text"},
    {"--version", "the version"},
    {"--check", "reads the settings and says \"ok\", or what is wrong with them"},
    {"--health", "asks the one that runs here, at QUINTET_ADMIN_LISTEN, whether it is alive"},
};

static void print(struct qn_buf *text)
{
    fwrite(qn_buf_view(text).ptr, 1, text->len, stdout);
    fflush(stdout);
    qn_buf_fini(text);
}

static void help(const struct qn_app *app)
{
    struct qn_buf to;
    qn_buf_init(&to, TEXT_MAX);
    qn_buf_printf(&to, "quintet-%s %s\n%s\n\nUsage: quintet-%s [", app->name, QN_VERSION, app->summary,
                  app->name);
    size_t width = 0;
    for (size_t i = 0; i < QN_COUNT(flags); i++) {
        width = qn_usage_wider(width, flags[i].name);
        qn_buf_printf(&to, "%s%s", i ? " | " : "", flags[i].name);
    }
    for (size_t i = 0; i < app->n_verbs; i++) {
        width = qn_usage_wider(width, app->verbs[i].flag);
        qn_buf_printf(&to, " | %s", app->verbs[i].flag);
    }
    qn_buf_write_c(&to, "]\n\nWithout an option it serves until SIGINT or SIGTERM; a second signal ends it "
                        "at once.\n\nOptions:\n");
    for (size_t i = 0; i < app->n_verbs; i++)
        qn_usage_entry(&to, width, app->verbs[i].flag, qn_str_c(app->verbs[i].help));
    for (size_t i = 0; i < QN_COUNT(flags); i++)
        qn_usage_entry(&to, width, flags[i].name, qn_str_c(flags[i].help));
    qn_buf_write_c(&to, "\nSettings, read from the environment:\n");
    qn_config_help(app->settings_table, app->n_settings, &to);
    print(&to);
}

static bool is_flag(const char *name)
{
    for (size_t i = 0; i < QN_COUNT(flags); i++)
        if (strcmp(flags[i].name, name) == 0)
            return true;
    return false;
}

static const struct qn_verb *find_verb(const struct qn_app *app, const char *name)
{
    for (size_t i = 0; i < app->n_verbs; i++)
        if (strcmp(app->verbs[i].flag, name) == 0)
            return &app->verbs[i];
    return NULL;
}

/* False after a message, when the arguments make no sense; at most one is taken. */
static bool parse_args(const struct qn_app *app, int argc, char **argv, const char **ret_flag)
{
    *ret_flag = argc > 1 ? argv[1] : NULL;
    for (int i = 1; i < argc; i++) {
        bool known = is_flag(argv[i]) || find_verb(app, argv[i]);
        if (known && i == 1)
            continue;
        fprintf(stderr, "quintet-%s: %s: %s (--help lists what there is)\n", app->name, argv[i],
                known ? "only one option at a time" : "no such option");
        return false;
    }
    return true;
}

/* Settings. */

static const char *from_environment(const char *name)
{
    return getenv(name);
}

static void check_own(const struct qn_app_settings *settings, struct qn_config_report *report)
{
    struct qn_listen_address address;
    if (!qn_listen_parse(settings->admin_listen, &address))
        qn_config_complain(report, "QUINTET_ADMIN_LISTEN", settings->admin_listen, QN_LISTEN_ALLOWED);
}

/* False after all complaints were printed. */
static bool read_settings(const struct qn_app *app)
{
    struct qn_config_report report = {0};
    qn_buf_init(&report.lines, TEXT_MAX);
    qn_config_read(app->settings_table, app->n_settings, app->settings, from_environment, &report);
    check_own(app->settings, &report);
    if (app->check)
        app->check(app->settings, &report);
    struct qn_str rest = qn_buf_view(&report.lines), line;
    while (qn_str_next(&rest, '\n', &line))
        if (line.len > 0)
            fprintf(stderr, "quintet-%s: %.*s\n", app->name, QN_STR_ARG(line));
    bool good = report.n_complaints == 0;
    qn_buf_fini(&report.lines);
    return good;
}

/* Serving. */

static void raise_nofile(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted =
        limit.rlim_max == RLIM_INFINITY || limit.rlim_max > NOFILE_MAX ? NOFILE_MAX : limit.rlim_max;
    if (wanted > limit.rlim_cur) {
        limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            qn_log(NULL, QN_WARN, "RLIMIT_NOFILE stays as it is", QN_F_INT("wanted", wanted));
    }
}

static enum qn_status open_all(struct qn_life *life, struct qn_error *err)
{
    enum qn_status status = qn_shutdown_listen(life);
    if (status != QN_OK)
        return qn_error_set(err, status, "cannot listen for signals");
    QN_TRY(qn_admin_open(life, err));
    qn_process_start(life);
    for (size_t i = 0; i < life->app->n_parts; i++) {
        struct qn_part *part = life->app->parts[i];
        if (part->open) {
            struct qn_error why = {0};
            status = part->open(part, life->loop, &why);
            if (status != QN_OK)
                return qn_error_set(err, status, "%s: %s", part->name,
                                    why.message[0] ? why.message : qn_status_name(status));
        }
        life->n_open++;
    }
    return QN_OK;
}

/* What is left open at the end is a bug of ours: an error where bugs are looked for, a line elsewhere. */
static bool end_loop(struct qn_life *life)
{
    if (qn_loop_free(life->loop))
        return true;
    qn_log(NULL, QN_WARN, "the loop did not end empty");
#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__)
    return false;
#else
    return true;
#endif
}

static int serve(const struct qn_app *app)
{
    struct qn_life life = {.app = app, .settings = app->settings};
    struct qn_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    raise_nofile();
    if (qn_loop_new(&life.loop) != QN_OK) {
        qn_log(NULL, QN_ERROR, "cannot make an event loop");
        return EXIT_NOT_OPENED;
    }
    current = &life;
    enum qn_status status = open_all(&life, &err);
    if (status == QN_OK) {
        life.serving = true;
        qn_notify_start(&life);
        qn_log(NULL, QN_INFO, "serving", QN_F_C("admin", qn_httpd_address(life.admin)),
               QN_F_C("version", QN_VERSION), QN_F_INT("pid", getpid()));
    } else {
        qn_shutdown_close(&life);
    }
    qn_loop_run(life.loop);

    bool empty = end_loop(&life);
    current = NULL;
    if (status != QN_OK) {
        qn_log(NULL, QN_ERROR, "did not start", QN_F_STATUS("status", status), QN_F_C("why", err.message));
        return EXIT_NOT_OPENED;
    }
    qn_log(NULL, QN_INFO, "ended", QN_F_INT("took_ms", qn_clock_now_ms() - life.stopped_ms));
    return empty ? EXIT_ENDED : EXIT_NOT_OPENED;
}

static int run(const struct qn_app *app, const char *flag)
{
    if (!read_settings(app))
        return EXIT_BAD_SETTINGS;
    if (flag && strcmp(flag, "--check") == 0) {
        puts("ok");
        return EXIT_ENDED;
    }
    const struct qn_app_settings *settings = app->settings;
    if (flag && strcmp(flag, "--health") == 0)
        return qn_health_ask(settings->admin_listen);
    enum qn_log_level level = QN_INFO;
    QN_CHECK(qn_log_level_parse(qn_str_c(settings->log_level), &level));
    qn_log_setup(app->name, level, strcmp(settings->log_format, "json") == 0);
    const struct qn_verb *verb = flag ? find_verb(app, flag) : NULL;
    return verb ? verb->run(app->settings) : serve(app);
}

int qn_app_run(const struct qn_app *app, int argc, char **argv)
{
    const char *flag;
    if (!parse_args(app, argc, argv, &flag))
        return EXIT_BAD_SETTINGS;
    if (flag && strcmp(flag, "--help") == 0) {
        help(app);
        return EXIT_ENDED;
    }
    if (flag && strcmp(flag, "--version") == 0) {
        printf("quintet-%s %s\n", app->name, QN_VERSION);
        return EXIT_ENDED;
    }
    int code = run(app, flag);
    qn_config_free(app->settings_table, app->n_settings, app->settings);
    qn_metric_reset();
    return code;
}
