#include "tests/harness/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/bouncer.h"
#include "tests/harness/daemon.h"

/* QN_POSTGRES_BIN, QN_BUILD_DIR: from CMakeLists.txt. */

#define ADMIN_NAME     "quintet_admin"
#define ADMIN_PASSWORD "of-the-test-only"
#define FOLDER_PATTERN "/tmp/quintet-postgres.*"

enum { START_LIMIT_MS = 30000, SETTINGS_MAX = 16, ARGS_MAX = 64, STALE_AFTER_S = 60 };

struct harness_postgres {
    char folder[64]; /* short: a unix socket's path has 107 bytes */
    char data[96], log[96];
    int lock_fd;
    int port;
    pid_t pid; /* 0 while it is halted */
    char *settings[SETTINGS_MAX];
    size_t n_settings;
    char admin_url[192], app_url[192];
    struct harness_bouncer *bouncer; /* NULL: the application connects directly */
    struct harness_postgres *next;
};

static struct harness_postgres *running;

#define RUN(drop, log, ...) harness_daemon_run(drop, log, (const char *const[]){__VA_ARGS__, NULL})

/* A test that was killed cannot tidy up; the lock on its folder went with it. */
static void remove_stale_folders(void)
{
    glob_t found;
    if (glob(FOLDER_PATTERN, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char lock[PATH_MAX];
        snprintf(lock, sizeof lock, "%s/lock", found.gl_pathv[i]);
        struct stat st;
        int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            continue;
        if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && time(NULL) - st.st_mtime > STALE_AFTER_S &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            RUN(false, NULL, "/bin/rm", "-rf", found.gl_pathv[i]);
        close(fd);
    }
    globfree(&found);
}

static void make_folder(struct harness_postgres *p)
{
    snprintf(p->folder, sizeof p->folder, "/tmp/quintet-postgres.XXXXXX");
    if (!mkdtemp(p->folder))
        harness_daemon_fail(NULL, "cannot make a folder in /tmp: %s", strerror(errno));
    harness_daemon_give(p->folder); /* the lock stays ours: by it we know a folder of ours again */
    snprintf(p->data, sizeof p->data, "%s/data", p->folder);
    snprintf(p->log, sizeof p->log, "%s/log", p->folder);
    char lock[96];
    snprintf(lock, sizeof lock, "%s/lock", p->folder);
    p->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (p->lock_fd < 0 || flock(p->lock_fd, LOCK_EX) != 0)
        harness_daemon_fail(NULL, "cannot lock %s: %s", lock, strerror(errno));
}

static void initialise_template(struct harness_postgres *p, const char *template)
{
    char password_file[96], pwfile_arg[128];
    snprintf(password_file, sizeof password_file, "%s/password", p->folder);
    snprintf(pwfile_arg, sizeof pwfile_arg, "--pwfile=%s", password_file);
    harness_daemon_write(password_file, ADMIN_PASSWORD "\n");
    RUN(true, p->log, QN_POSTGRES_BIN "/initdb", "-D", p->data, "-U", ADMIN_NAME, pwfile_arg, "-E", "UTF8",
        "--no-locale", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256", "--wal-segsize=1");
    char half[PATH_MAX];
    snprintf(half, sizeof half, "%s.new", template);
    RUN(false, NULL, "/bin/rm", "-rf", half);
    RUN(false, NULL, "/bin/cp", "-R", p->data, half);
    if (rename(half, template) != 0)
        harness_daemon_fail(NULL, "cannot keep %s: %s", template, strerror(errno));
}

/* The build folder keeps one fresh cluster: initdb takes seconds, a copy of it some hundredths. */
static void make_cluster(struct harness_postgres *p)
{
    static const char template[] = QN_BUILD_DIR "/tests/postgres-template";
    int lock = open(QN_BUILD_DIR "/tests/postgres-template.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        harness_daemon_fail(NULL, "cannot lock %s: %s", template, strerror(errno));
    if (access(template, F_OK) != 0)
        initialise_template(p, template);
    close(lock);
    if (access(p->data, F_OK) != 0) {
        RUN(false, NULL, "/bin/cp", "-R", template, p->data);
        harness_daemon_give(p->data);
        if (chmod(p->data, 0700) != 0)
            harness_daemon_fail(NULL, "cannot chmod %s: %s", p->data, strerror(errno));
    }
}

static bool accepts_connections(struct harness_postgres *p)
{
    struct timespec pause = {0, 10 * 1000 * 1000};
    for (int waited_ms = 0; waited_ms < START_LIMIT_MS; waited_ms += 10) {
        if (PQping(p->admin_url) == PQPING_OK)
            return true;
        if (waitpid(p->pid, NULL, WNOHANG) == p->pid) {
            p->pid = 0; /* its log says why */
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool launch(struct harness_postgres *p)
{
    char port[16], sockets[128];
    snprintf(port, sizeof port, "port=%d", p->port);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", p->folder);
    const char *argv[ARGS_MAX] = {QN_POSTGRES_BIN "/postgres", "-D", p->data};
    size_t n = 3;
    const char *const own[] = {port,
                               sockets,
                               "listen_addresses=127.0.0.1",
                               "fsync=off",
                               "full_page_writes=off",
                               "shared_buffers=16MB",
                               "max_connections=30",
                               "timezone=Pacific/Auckland",
                               "log_line_prefix=%m [%p] %u "};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        argv[n++] = "-c";
        argv[n++] = own[i];
    }
    for (size_t i = 0; i < p->n_settings; i++) {
        argv[n++] = "-c";
        argv[n++] = p->settings[i];
    }
    p->pid = harness_daemon_spawn(p->log, SIGQUIT, argv); /* PostgreSQL's immediate shutdown */
    return accepts_connections(p);
}

static void set_urls(struct harness_postgres *p)
{
    snprintf(p->admin_url, sizeof p->admin_url,
             "postgresql://" ADMIN_NAME ":" ADMIN_PASSWORD "@127.0.0.1:%d/postgres", p->port);
    /* The password holds what must be percent-encoded: "p@ss/w:rd%". */
    snprintf(p->app_url, sizeof p->app_url,
             "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@127.0.0.1:%d/quintet?connection_limit=5%s",
             p->bouncer ? harness_bouncer_port(p->bouncer) : p->port, p->bouncer ? "&pgbouncer=true" : "");
}

static void stop_all(void)
{
    while (running)
        harness_postgres_stop(running);
}

struct harness_postgres *harness_postgres_start(const char *const *settings)
{
    static bool registered;
    if (!registered) {
        registered = true;
        atexit(stop_all);
        remove_stale_folders();
    }
    struct harness_postgres *p = calloc(1, sizeof *p);
    if (!p)
        harness_daemon_fail(NULL, "no memory");
    for (; settings && *settings; settings++) {
        if (p->n_settings == SETTINGS_MAX)
            harness_daemon_fail(NULL, "more than %d settings", SETTINGS_MAX);
        p->settings[p->n_settings++] = strdup(*settings);
    }
    make_folder(p);
    p->next = running;
    running = p;
    make_cluster(p);
    p->port = harness_daemon_port();
    set_urls(p);
    if (!launch(p))
        harness_daemon_fail(p->log, "the server does not start");
    if (harness_bouncer_wanted()) {
        const struct harness_bouncer_options options = {
            .folder = p->folder, .postgres_port = p->port, .admin = ADMIN_NAME, .password = ADMIN_PASSWORD};
        p->bouncer = harness_bouncer_start(&options);
        set_urls(p);
    }
    return p;
}

struct harness_postgres *harness_postgres_start_ready(const char *const *settings)
{
    struct harness_postgres *p = harness_postgres_start(settings);
    static const char *const verbs[] = {"--provision", "--migrate"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        char app[256], admin[256], command[] = QN_BUILD_DIR "/bin/quintet-profile";
        snprintf(app, sizeof app, "DATABASE_URL=%s", p->app_url);
        snprintf(admin, sizeof admin, "QUINTET_ADMIN_DATABASE_URL=%s", p->admin_url);
        RUN(false, p->log, "/usr/bin/env", app, admin, command, verbs[i]);
    }
    return p;
}

const char *harness_postgres_admin_url(const struct harness_postgres *p)
{
    return p->admin_url;
}

const char *harness_postgres_app_url(const struct harness_postgres *p)
{
    return p->app_url;
}

struct harness_bouncer *harness_postgres_bouncer(const struct harness_postgres *p)
{
    return p->bouncer;
}

int harness_postgres_port(const struct harness_postgres *p)
{
    return p->port;
}

const char *harness_postgres_socket_folder(const struct harness_postgres *p)
{
    return p->folder;
}

pid_t harness_postgres_pid(const struct harness_postgres *p)
{
    return p->pid;
}

PGconn *harness_postgres_admin(const struct harness_postgres *p, const char *database)
{
    const char *const keys[] = {"dbname", "dbname", "application_name", NULL};
    const char *const values[] = {p->admin_url, database ? database : "quintet", "harness", NULL};
    PGconn *admin = PQconnectdbParams(keys, values, 1);
    if (PQstatus(admin) != CONNECTION_OK) {
        harness_daemon_fail(p->log, "cannot connect as the admin: %s", PQerrorMessage(admin));
    }
    return admin;
}

long harness_postgres_number(PGconn *admin, const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        harness_daemon_fail(NULL, "%s: %s", sql, PQerrorMessage(admin));
    long value = PQntuples(result) > 0 ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

long harness_postgres_held(const struct harness_postgres *p)
{
    if (p->bouncer)
        return harness_bouncer_count(p->bouncer, "SHOW CLIENTS", "user", "quintet");
    PGconn *admin = harness_postgres_admin(p, NULL);
    long held =
        harness_postgres_number(admin, "select count(*) from pg_stat_activity where usename = 'quintet'");
    PQfinish(admin);
    return held;
}

void harness_postgres_do(PGconn *admin, const char *sql)
{
    harness_postgres_number(admin, sql);
}

void harness_postgres_halt(struct harness_postgres *p, int signal)
{
    if (p->pid > 0) {
        harness_daemon_end(p->pid, signal);
        p->pid = 0;
    }
}

void harness_postgres_resume(struct harness_postgres *p)
{
    if (p->pid == 0 && !launch(p)) {
        harness_daemon_fail(p->log, "the server does not start again");
    }
}

void harness_postgres_stop(struct harness_postgres *p)
{
    struct harness_postgres **link = &running;
    while (*link && *link != p)
        link = &(*link)->next;
    if (!*link)
        return;
    *link = p->next;
    if (p->bouncer)
        harness_bouncer_stop(p->bouncer);
    if (p->pid > 0)
        kill(p->pid, SIGCONT); /* a test may have stopped it */
    harness_postgres_halt(p, SIGQUIT);
    harness_daemon_remove(p->folder);
    close(p->lock_fd);
    for (size_t i = 0; i < p->n_settings; i++)
        free(p->settings[i]);
    free(p);
}
