#include "tests/harness/postgres.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
    struct harness_postgres *next;
};

static struct harness_postgres *running;

static const char *log_of_failure;

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "harness/postgres: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    FILE *log = log_of_failure ? fopen(log_of_failure, "r") : NULL;
    for (int c; log && (c = fgetc(log)) != EOF;)
        fputc(c, stderr);
    exit(1);
}

/* PostgreSQL refuses to run as root, so root lends it a user who owns nothing else. */
static const struct passwd *database_user(void)
{
    if (geteuid() != 0)
        return NULL;
    const struct passwd *user = getpwnam("postgres");
    user = user ? user : getpwnam("nobody");
    if (!user)
        fail("running as root, and neither the user postgres nor nobody is there");
    return user;
}

/* In a forked child: what it writes goes to the log, opened before the change of user. */
static void write_to(const char *log)
{
    int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
}

static void drop_privileges(void)
{
    const struct passwd *user = database_user();
    if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
}

static _Noreturn void become(const char *const argv[])
{
    if (chdir("/") != 0) /* the user may not be allowed where the test runs */
        _exit(126);
    execv(argv[0], (char *const *)argv); /* execv() changes none of them; its type is older than const */
    _exit(127);
}

static void run(bool drop, const char *log, const char *const argv[])
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        write_to(log);
        if (drop)
            drop_privileges();
        become(argv);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        log_of_failure = log;
        fail("%s failed", argv[0]);
    }
}

#define RUN(drop, log, ...) run(drop, log, (const char *const[]){__VA_ARGS__, NULL})

static void give_to_user(const char *path)
{
    const struct passwd *user = database_user();
    if (user) {
        char owner[64];
        snprintf(owner, sizeof owner, "%u:%u", user->pw_uid, user->pw_gid);
        RUN(false, NULL, "/bin/chown", "-R", owner, path);
    }
}

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
        fail("cannot make a folder in /tmp: %s", strerror(errno));
    snprintf(p->data, sizeof p->data, "%s/data", p->folder);
    snprintf(p->log, sizeof p->log, "%s/log", p->folder);
    char lock[96];
    snprintf(lock, sizeof lock, "%s/lock", p->folder);
    p->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (p->lock_fd < 0 || flock(p->lock_fd, LOCK_EX) != 0)
        fail("cannot lock %s: %s", lock, strerror(errno));
    const struct passwd *user = database_user();
    if (user && chown(p->folder, user->pw_uid, user->pw_gid) != 0)
        fail("cannot give %s away: %s", p->folder, strerror(errno));
}

static void initialise_template(struct harness_postgres *p, const char *template)
{
    char password_file[96], pwfile_arg[128];
    snprintf(password_file, sizeof password_file, "%s/password", p->folder);
    snprintf(pwfile_arg, sizeof pwfile_arg, "--pwfile=%s", password_file);
    FILE *file = fopen(password_file, "w");
    if (!file || fputs(ADMIN_PASSWORD "\n", file) < 0 || fclose(file) != 0)
        fail("cannot write %s", password_file);
    give_to_user(password_file);
    RUN(true, p->log, QN_POSTGRES_BIN "/initdb", "-D", p->data, "-U", ADMIN_NAME, pwfile_arg, "-E", "UTF8",
        "--no-locale", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256", "--wal-segsize=1");
    char half[PATH_MAX];
    snprintf(half, sizeof half, "%s.new", template);
    RUN(false, NULL, "/bin/rm", "-rf", half);
    RUN(false, NULL, "/bin/cp", "-R", p->data, half);
    if (rename(half, template) != 0)
        fail("cannot keep %s: %s", template, strerror(errno));
}

/* The build folder keeps one fresh cluster: initdb takes seconds, a copy of it some hundredths. */
static void make_cluster(struct harness_postgres *p)
{
    static const char template[] = QN_BUILD_DIR "/tests/postgres-template";
    int lock = open(QN_BUILD_DIR "/tests/postgres-template.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        fail("cannot lock %s: %s", template, strerror(errno));
    if (access(template, F_OK) != 0)
        initialise_template(p, template);
    close(lock);
    if (access(p->data, F_OK) != 0) {
        RUN(false, NULL, "/bin/cp", "-R", template, p->data);
        give_to_user(p->data);
        if (chmod(p->data, 0700) != 0)
            fail("cannot chmod %s: %s", p->data, strerror(errno));
    }
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

static bool accepts_connections(struct harness_postgres *p)
{
    struct timespec pause = {0, 10 * 1000 * 1000};
    for (int waited_ms = 0; waited_ms < START_LIMIT_MS; waited_ms += 10) {
        if (PQping(p->admin_url) == PQPING_OK)
            return true;
        if (waitpid(p->pid, NULL, WNOHANG) == p->pid) {
            p->pid = 0; /* most likely somebody else has taken the port meanwhile */
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
    fflush(NULL);
    pid_t test = getpid();
    p->pid = fork();
    if (p->pid == 0) {
        write_to(p->log);
        drop_privileges();
        /* After the change of user, which clears it. SIGQUIT is PostgreSQL's immediate shutdown. */
        prctl(PR_SET_PDEATHSIG, SIGQUIT);
        if (getppid() != test)
            _exit(126);
        setsid(); /* a Ctrl-C for the test must not reach the server first */
        become(argv);
    }
    return p->pid > 0 && accepts_connections(p);
}

static void set_urls(struct harness_postgres *p)
{
    snprintf(p->admin_url, sizeof p->admin_url,
             "postgresql://" ADMIN_NAME ":" ADMIN_PASSWORD "@127.0.0.1:%d/postgres", p->port);
    /* The password holds what must be percent-encoded: "p@ss/w:rd%". */
    snprintf(p->app_url, sizeof p->app_url,
             "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@127.0.0.1:%d/quintet?connection_limit=5", p->port);
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
        fail("no memory");
    for (; settings && *settings; settings++) {
        if (p->n_settings == SETTINGS_MAX)
            fail("more than %d settings", SETTINGS_MAX);
        p->settings[p->n_settings++] = strdup(*settings);
    }
    make_folder(p);
    p->next = running;
    running = p;
    make_cluster(p);
    bool up = false;
    for (int attempt = 0; attempt < 5 && !up; attempt++) {
        p->port = free_port();
        set_urls(p);
        up = launch(p);
    }
    if (!up) {
        log_of_failure = p->log;
        fail("the server does not start");
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
        log_of_failure = p->log;
        fail("cannot connect as the admin: %s", PQerrorMessage(admin));
    }
    return admin;
}

long harness_postgres_number(PGconn *admin, const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail("%s: %s", sql, PQerrorMessage(admin));
    long value = PQntuples(result) > 0 ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

void harness_postgres_do(PGconn *admin, const char *sql)
{
    harness_postgres_number(admin, sql);
}

void harness_postgres_halt(struct harness_postgres *p, int signal)
{
    if (p->pid > 0) {
        kill(p->pid, signal);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        p->pid = 0;
    }
}

void harness_postgres_resume(struct harness_postgres *p)
{
    if (p->pid == 0 && !launch(p)) {
        log_of_failure = p->log;
        fail("the server does not start again");
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
    if (p->pid > 0)
        kill(p->pid, SIGCONT); /* a test may have stopped it */
    harness_postgres_halt(p, SIGQUIT);
    pid_t pid = fork();
    if (pid == 0)
        become((const char *const[]){"/bin/rm", "-rf", p->folder, NULL});
    if (pid > 0)
        waitpid(pid, NULL, 0);
    close(p->lock_fd);
    for (size_t i = 0; i < p->n_settings; i++)
        free(p->settings[i]);
    free(p);
}
