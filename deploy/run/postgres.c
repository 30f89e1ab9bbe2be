#include "deploy/run/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "common/core/id.h"
#include "common/core/listen.h"
#include "common/core/log.h"

/* RUN_POSTGRES_BIN: of the PostgreSQL that this was built with, from CMakeLists.txt. */

enum {
    LOOK_MS = 20,           /* for "ready" in postmaster.pid */
    READY_LIMIT_MS = 60000, /* recovery after a kill may take its time */
    STARTS_MAX = 5,         /* each with another port, at the first start */
    STOP_LIMIT_MS = 30000,
    LOG_KEPT_MAX = 16 * 1024 * 1024,
    LOG_TAIL_MAX = 2048,
    LOG_TAIL_LINES = 6,
};

static void start_server(struct run_postgres *postgres);

static void tell(struct run_postgres *postgres, const struct qn_error *err)
{
    void (*started)(struct run_postgres *, const struct qn_error *) = postgres->started;
    postgres->started = NULL;
    if (started)
        started(postgres, err);
}

/* The last lines of its log: why it did not start stands there. */
static void show_log(const struct run_postgres *postgres)
{
    char text[LOG_TAIL_MAX];
    int fd = open(postgres->cluster.log, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t len = pread(fd, text, sizeof text, size > (off_t)sizeof text ? size - (off_t)sizeof text : 0);
    close(fd);
    struct qn_str rest = qn_str_n(text, len > 0 ? (size_t)len : 0);
    for (size_t lines = 0, at = rest.len; at > 0; at--)
        if (text[at - 1] == '\n' && lines++ == LOG_TAIL_LINES) {
            rest = qn_str_n(text + at, rest.len - at);
            break;
        }
    struct qn_str line;
    while (qn_str_next(&rest, '\n', &line))
        if (line.len > 0)
            qn_log(NULL, QN_ERROR, "PostgreSQL's log says", QN_F_STR("line", line));
}

/* Where children that belong to PostgreSQL write: one file, and the one before it. */
static int open_log(const struct run_postgres *postgres)
{
    char old[sizeof postgres->cluster.log + 8];
    struct stat st;
    snprintf(old, sizeof old, "%s.old", postgres->cluster.log);
    if (stat(postgres->cluster.log, &st) == 0 && st.st_size > LOG_KEPT_MAX)
        (void)rename(postgres->cluster.log, old);
    return open(postgres->cluster.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static enum qn_status spawn(struct run_postgres *postgres, const char *const *argv, int death_signal,
                            struct qn_error *err)
{
    /* Nothing of ours: PGDATA, PGOPTIONS and their like would change what we start. */
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
    int log = open_log(postgres);
    if (log < 0)
        return qn_error_set(err, QN_PERMISSION_DENIED, "cannot write %s: %s", postgres->cluster.log,
                            strerror(errno));
    const struct run_child_options options = {
        .argv = argv,
        .environment = (char *const *)environment,
        .user = postgres->cluster.become,
        .death_signal = death_signal,
        .output = log,
    };
    enum qn_status status = run_child_start(&postgres->child, &options, err);
    close(log);
    return status;
}

static void fail(struct run_postgres *postgres, const char *what, const char *why)
{
    struct qn_error err = {0};
    show_log(postgres);
    qn_error_set(&err, QN_UNAVAILABLE, "PostgreSQL: %s: %s", what, why);
    tell(postgres, &err);
}

static void finish_stop(struct run_postgres *postgres)
{
    qn_timer_cancel(postgres->loop, &postgres->timer);
    void (*stopped)(struct run_postgres *) = postgres->stopped;
    postgres->stopped = NULL;
    if (stopped)
        stopped(postgres);
}

/* The server. */

static enum qn_status free_port(int *ret_port, struct qn_error *err)
{
    int fd;
    char address[QN_LISTEN_TEXT_MAX];
    int64_t port = 0;
    QN_TRY(qn_listen_open("127.0.0.1:0", &fd, err));
    bool known = qn_listen_text(fd, address) && qn_str_to_i64(qn_str_c(strrchr(address, ':') + 1), &port);
    close(fd);
    *ret_port = (int)port;
    return known ? QN_OK : qn_error_set(err, QN_INTERNAL, "no free port");
}

static void make_urls(struct run_postgres *postgres)
{
    char password[QN_ID_LEN + 1];
    struct qn_buf folder;
    qn_id_new(password);
    qn_buf_init(&folder, 1024);
    qn_percent_encode(&folder, qn_str_c(postgres->cluster.base), QN_PERCENT_UNRESERVED);
    postgres->app_url = qn_arena_printf(
        postgres->arena, "postgresql://quintet:%s@127.0.0.1:%d/quintet?schema=public&connection_limit=5",
        password, postgres->port);
    static const char format[] = "postgresql://quintet_admin@localhost:%d/%s?host=%s";
    postgres->admin_url =
        qn_arena_printf(postgres->arena, format, postgres->port, "quintet", qn_buf_view(&folder).ptr);
    postgres->setup_url =
        qn_arena_printf(postgres->arena, format, postgres->port, "postgres", qn_buf_view(&folder).ptr);
    QN_CHECK(postgres->app_url && postgres->admin_url && postgres->setup_url);
    qn_buf_fini(&folder);
}

static void on_restart(struct qn_timer *timer)
{
    start_server(container_of(timer, struct run_postgres, timer));
}

static void on_look(struct qn_timer *timer)
{
    struct run_postgres *postgres = container_of(timer, struct run_postgres, timer);
    long pid = 0;
    bool ready = false;
    uint64_t took_ms = qn_clock_now_ms() - postgres->child.started_ms;
    if (run_cluster_postmaster(&postgres->cluster, &pid, &ready) && ready && pid == postgres->child.pid) {
        postgres->up = true;
        qn_log(NULL, QN_INFO, "PostgreSQL takes connections", QN_F_INT("port", postgres->port),
               QN_F_INT("pid", pid), QN_F_INT("took_ms", took_ms));
        if (postgres->started)
            tell(postgres, NULL);
        else
            postgres->again(postgres);
    } else if (took_ms > READY_LIMIT_MS) {
        run_child_signal(&postgres->child, SIGQUIT); /* its end is handled as any other */
    } else {
        qn_timer_start(postgres->loop, timer, LOOK_MS, on_look);
    }
}

static void on_server_ended(struct run_child *child, int status)
{
    struct run_postgres *postgres = container_of(child, struct run_postgres, child);
    char end[RUN_CHILD_END_MAX];
    run_child_end_text(status, end);
    qn_timer_cancel(postgres->loop, &postgres->timer);
    if (postgres->stopping) {
        qn_log(NULL, QN_INFO, "PostgreSQL stopped", QN_F_C("end", end));
        finish_stop(postgres);
        return;
    }
    if (!postgres->up && postgres->started) { /* most likely somebody has taken the port meanwhile */
        if (postgres->starts < STARTS_MAX)
            start_server(postgres);
        else
            fail(postgres, "the server does not start", end);
        return;
    }
    postgres->up = false;
    uint64_t wait_ms = run_backoff_next(&postgres->backoff, qn_clock_now_ms() - child->started_ms);
    qn_log(NULL, QN_ERROR, "PostgreSQL died; it will be started again", QN_F_C("end", end),
           QN_F_INT("in_ms", wait_ms));
    qn_timer_start(postgres->loop, &postgres->timer, wait_ms, on_restart);
}

static void start_server(struct run_postgres *postgres)
{
    struct qn_error err = {0};
    char sockets[sizeof postgres->cluster.base + 32], port[32];
    /* The first that comes up decides the port; a later one must be where the services look for it. */
    if (postgres->started) {
        if (free_port(&postgres->port, &err) != QN_OK) {
            tell(postgres, &err);
            return;
        }
        make_urls(postgres);
    }
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", postgres->cluster.base);
    snprintf(port, sizeof port, "port=%d", postgres->port);
    const char *const argv[] = {RUN_POSTGRES_BIN "/postgres",
                                "-D",
                                postgres->cluster.data,
                                "-c",
                                port,
                                "-c",
                                sockets,
                                "-c",
                                "listen_addresses=127.0.0.1",
                                "-c",
                                "unix_socket_permissions=0700",
                                "-c",
                                "log_line_prefix=%m [%p] %u ",
                                NULL};
    postgres->starts++;
    postgres->child.name = "postgres";
    postgres->child.ended = on_server_ended;
    /* SIGQUIT: its immediate shutdown. SIGKILL would leave its children and shared memory behind. */
    if (spawn(postgres, argv, SIGQUIT, &err) != QN_OK) {
        if (postgres->started)
            tell(postgres, &err);
        else
            qn_timer_start(postgres->loop, &postgres->timer, run_backoff_next(&postgres->backoff, 0),
                           on_restart);
        return;
    }
    qn_timer_start(postgres->loop, &postgres->timer, LOOK_MS, on_look);
}

/* The cluster. */

static void on_initdb_ended(struct run_child *child, int status)
{
    struct run_postgres *postgres = container_of(child, struct run_postgres, child);
    char end[RUN_CHILD_END_MAX];
    struct qn_error err = {0};
    if (postgres->stopping)
        finish_stop(postgres);
    else if (status != 0)
        fail(postgres, "initdb failed", run_child_end_text(status, end));
    else if (run_cluster_adopt(&postgres->cluster, &err) != QN_OK)
        tell(postgres, &err);
    else
        start_server(postgres);
}

static void start_initdb(struct run_postgres *postgres)
{
    struct qn_error err = {0};
    const char *const argv[] = {RUN_POSTGRES_BIN "/initdb",
                                "-D",
                                postgres->cluster.fresh,
                                "-U",
                                "quintet_admin",
                                "-E",
                                "UTF8",
                                "--locale=C.UTF-8",
                                "--auth-local=trust", /* the folder's mode guards the socket */
                                "--auth-host=scram-sha-256",
                                NULL};
    qn_log(NULL, QN_INFO, "making a database cluster", QN_F_C("folder", postgres->cluster.base));
    postgres->child.name = "initdb";
    postgres->child.ended = on_initdb_ended;
    if (spawn(postgres, argv, SIGKILL, &err) != QN_OK)
        tell(postgres, &err);
}

static void on_start(struct qn_timer *timer)
{
    struct run_postgres *postgres = container_of(timer, struct run_postgres, timer);
    if (run_cluster_initialised(&postgres->cluster))
        start_server(postgres);
    else
        start_initdb(postgres);
}

enum qn_status run_postgres_open(struct run_postgres *postgres, struct qn_loop *loop, struct qn_arena *arena,
                                 const char *run_dir, struct qn_error *err)
{
    *postgres = (struct run_postgres){.loop = loop, .arena = arena};
    return run_cluster_open(&postgres->cluster, run_dir, err);
}

void run_postgres_start(struct run_postgres *postgres,
                        void (*started)(struct run_postgres *postgres, const struct qn_error *err),
                        void (*again)(struct run_postgres *postgres))
{
    postgres->started = started;
    postgres->again = again;
    qn_timer_start(postgres->loop, &postgres->timer, 0, on_start);
}

static void on_stop_overdue(struct qn_timer *timer)
{
    struct run_postgres *postgres = container_of(timer, struct run_postgres, timer);
    qn_log(NULL, QN_WARN, "PostgreSQL does not stop: ending it at once");
    run_child_signal(&postgres->child, SIGQUIT);
}

void run_postgres_stop(struct run_postgres *postgres, void (*stopped)(struct run_postgres *postgres))
{
    postgres->stopping = true;
    postgres->started = NULL;
    postgres->stopped = stopped;
    if (!run_child_running(&postgres->child)) {
        finish_stop(postgres);
        return;
    }
    run_child_signal(&postgres->child, SIGINT); /* its fast shutdown; initdb ends by it, too */
    qn_timer_start(postgres->loop, &postgres->timer, STOP_LIMIT_MS, on_stop_overdue);
}

void run_postgres_kill(struct run_postgres *postgres)
{
    postgres->stopping = true;
    run_child_signal(&postgres->child, SIGQUIT);
}
