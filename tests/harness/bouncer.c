#include "tests/harness/bouncer.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/harness/daemon.h"

enum { START_LIMIT_MS = 30000, CONFIG_MAX = 4096 };

struct harness_bouncer {
    int port;
    pid_t pid; /* 0 while it is halted */
    char ini[96], users[96], log[96];
    char config[CONFIG_MAX];
    char console_url[192];
};

bool harness_bouncer_wanted(void)
{
    const char *wanted = getenv("QUINTET_TEST_PGBOUNCER");
    return wanted && strcmp(wanted, "1") == 0;
}

/* What a site would write is the first part; the second is the test's: shorter waits, and what it looks into.
 */
static void configure(struct harness_bouncer *b, const struct harness_bouncer_options *options)
{
    char users[256];
    snprintf(users, sizeof users, "\"%s\" \"%s\"\n", options->admin, options->password);
    harness_daemon_write(b->users, users);
    int len = snprintf(b->config, sizeof b->config,
                       "[databases]\n"
                       "* = host=127.0.0.1 port=%d\n"
                       "[pgbouncer]\n"
                       "listen_addr = 127.0.0.1\n"
                       "listen_port = %d\n"
                       "pool_mode = transaction\n"
                       "default_pool_size = 5\n"
                       "max_client_conn = 100\n"
                       "auth_type = scram-sha-256\n"
                       "auth_file = %s\n"
                       "auth_user = %s\n"
                       "server_login_retry = 1\n"
                       "query_wait_timeout = 10\n"
                       "\n"
                       "admin_users = %s\n"
                       "unix_socket_dir =\n",
                       options->postgres_port, b->port, b->users, options->admin, options->admin);
    if (len < 0 || (size_t)len >= sizeof b->config)
        harness_daemon_fail(NULL, "PgBouncer's configuration is too long");
    harness_daemon_write(b->ini, b->config);
}

static bool launch(struct harness_bouncer *b)
{
    const char *const argv[] = {QN_PGBOUNCER, "--quiet", b->ini, NULL};
    b->pid = harness_daemon_spawn(b->log, SIGKILL, argv);
    struct timespec pause = {0, 10 * 1000 * 1000};
    for (int waited_ms = 0; waited_ms < START_LIMIT_MS; waited_ms += 10) {
        PGconn *console = PQconnectdb(b->console_url);
        bool up = PQstatus(console) == CONNECTION_OK;
        PQfinish(console);
        if (up)
            return true;
        if (waitpid(b->pid, NULL, WNOHANG) == b->pid) {
            b->pid = 0; /* its log says why */
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

struct harness_bouncer *harness_bouncer_start(const struct harness_bouncer_options *options)
{
    struct harness_bouncer *b = calloc(1, sizeof *b);
    if (!b)
        harness_daemon_fail(NULL, "no memory");
    snprintf(b->ini, sizeof b->ini, "%s/pgbouncer.ini", options->folder);
    snprintf(b->users, sizeof b->users, "%s/pgbouncer.users", options->folder);
    snprintf(b->log, sizeof b->log, "%s/pgbouncer.log", options->folder);
    b->port = harness_daemon_port();
    snprintf(b->console_url, sizeof b->console_url, "postgresql://%s:%s@127.0.0.1:%d/pgbouncer",
             options->admin, options->password, b->port);
    configure(b, options);
    if (!launch(b))
        harness_daemon_fail(b->log, "PgBouncer does not start");
    return b;
}

int harness_bouncer_port(const struct harness_bouncer *b)
{
    return b->port;
}

void harness_bouncer_set(struct harness_bouncer *b, const char *line)
{
    size_t len = strlen(b->config);
    int added = snprintf(b->config + len, sizeof b->config - len, "%s\n", line);
    if (added < 0 || len + (size_t)added >= sizeof b->config)
        harness_daemon_fail(NULL, "PgBouncer's configuration is too long");
    harness_daemon_write(b->ini, b->config);
    harness_bouncer_do(b, "RELOAD");
}

/* The console knows the simple protocol only, in which PQexec() speaks. */
static PGresult *ask(struct harness_bouncer *b, PGconn *console, const char *command)
{
    PGresult *result = PQexec(console, command);
    ExecStatusType kind = PQresultStatus(result);
    if (kind != PGRES_TUPLES_OK && kind != PGRES_COMMAND_OK)
        harness_daemon_fail(b->log, "PgBouncer: %s: %s", command, PQerrorMessage(console));
    return result;
}

static PGconn *enter(struct harness_bouncer *b)
{
    PGconn *console = PQconnectdb(b->console_url);
    if (PQstatus(console) != CONNECTION_OK)
        harness_daemon_fail(b->log, "PgBouncer's console: %s", PQerrorMessage(console));
    return console;
}

void harness_bouncer_do(struct harness_bouncer *b, const char *command)
{
    PGconn *console = enter(b);
    PQclear(ask(b, console, command));
    PQfinish(console);
}

int harness_bouncer_count(struct harness_bouncer *b, const char *show, const char *column, const char *value)
{
    PGconn *console = enter(b);
    PGresult *rows = ask(b, console, show);
    int n = 0, at = PQfnumber(rows, column);
    if (at < 0)
        harness_daemon_fail(b->log, "PgBouncer: %s has no column %s", show, column);
    for (int row = 0; row < PQntuples(rows); row++)
        n += strcmp(PQgetvalue(rows, row, at), value) == 0;
    PQclear(rows);
    PQfinish(console);
    return n;
}

void harness_bouncer_forget(struct harness_bouncer *b, const char *database)
{
    char command[96];
    snprintf(command, sizeof command, "KILL %s", database);
    harness_bouncer_do(b, command);
    snprintf(command, sizeof command, "RESUME %s", database);
    harness_bouncer_do(b, command);
}

void harness_bouncer_halt(struct harness_bouncer *b, int signal)
{
    if (b->pid > 0)
        harness_daemon_end(b->pid, signal);
    b->pid = 0;
}

void harness_bouncer_resume(struct harness_bouncer *b)
{
    if (b->pid == 0 && !launch(b))
        harness_daemon_fail(b->log, "PgBouncer does not start again");
}

void harness_bouncer_stop(struct harness_bouncer *b)
{
    harness_bouncer_halt(b, SIGKILL);
    free(b);
}
