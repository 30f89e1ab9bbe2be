#include "tests/load/watch/watch_db.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVERY_MS = 100, PROBLEM_MAX = 256, NS_PER_MS = 1000000 };

/* How long an attempt to connect may take, and how long a question may stay unheard: a server that is gone
 * with its address refuses nothing. Seconds, milliseconds, as libpq wants them. */
#define CONNECT_TIMEOUT_S "5"
#define UNHEARD_MS        "5000"

struct load_watch_db {
    char *role;
    int32_t limit;
    PGconn *conn;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ending;
    bool end;
    int32_t peak, recent; /* recent: -1 without a sample */
    uint64_t samples;
    uint64_t blind_ns;         /* in all; what lasts is added when it ends */
    char problem[PROBLEM_MAX]; /* that ended the last connection; empty: none did */
};

/* A parallel worker is no connection of its own; others than superusers see NULL there, and count it. */
static const char COUNT_SQL[] =
    "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usename = $1 AND leader_pid IS NULL";
static const char ROLE_SQL[] =
    "SELECT rolconnlimit, rolname = current_user FROM pg_catalog.pg_roles WHERE rolname = $1";

/* libpq's messages end in a newline, and some have several lines. */
static void first_line(const char *text, char to[PROBLEM_MAX])
{
    snprintf(to, PROBLEM_MAX, "%.*s", (int)strcspn(text, "\n"), text);
}

static bool sample(struct load_watch_db *watch, int32_t *ret_count, char problem[PROBLEM_MAX])
{
    const char *const values[] = {watch->role};
    PGresult *result = PQexecPrepared(watch->conn, "count", 1, values, NULL, NULL, 0);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (good)
        *ret_count = (int32_t)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    else
        first_line(PQerrorMessage(watch->conn), problem);
    PQclear(result);
    return good;
}

static bool prepare(PGconn *conn)
{
    PGresult *result = PQprepare(conn, "count", COUNT_SQL, 1, NULL);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return good;
}

/* Another connection in the place of the one that was lost. */
static bool regain(PGconn *conn)
{
    PQreset(conn);
    return PQstatus(conn) == CONNECTION_OK && prepare(conn);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

/* Samples at a steady pace, whatever each takes. When its connection is lost it looks on as soon as it has
 * another: a server's restart is what is worth watching. The report says how long it was blind. */
static void *run(void *context)
{
    struct load_watch_db *watch = context;
    struct timespec next;
    uint64_t blind_since = 0;
    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&watch->lock);
    while (!watch->end) {
        pthread_mutex_unlock(&watch->lock);
        int32_t count = -1;
        char problem[PROBLEM_MAX] = "";
        bool good = (blind_since == 0 || regain(watch->conn)) && sample(watch, &count, problem);
        uint64_t now = now_ns();
        pthread_mutex_lock(&watch->lock);
        if (good) {
            watch->samples++;
            watch->peak = count > watch->peak ? count : watch->peak;
            watch->recent = count > watch->recent ? count : watch->recent;
            if (blind_since != 0) { /* looks that were missed are not made up for */
                watch->blind_ns += now - blind_since;
                clock_gettime(CLOCK_MONOTONIC, &next);
            }
            blind_since = 0;
        } else if (blind_since == 0) {
            memcpy(watch->problem, problem, sizeof problem);
            blind_since = now;
        }
        next.tv_nsec += EVERY_MS * NS_PER_MS;
        next.tv_sec += next.tv_nsec / (1000 * NS_PER_MS);
        next.tv_nsec %= 1000 * NS_PER_MS;
        while (!watch->end && pthread_cond_timedwait(&watch->ending, &watch->lock, &next) == 0) {
        }
    }
    watch->blind_ns += blind_since == 0 ? 0 : now_ns() - blind_since;
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static void free_watch(struct load_watch_db *watch)
{
    PQfinish(watch->conn);
    free(watch->role);
    free(watch);
}

static enum qn_status refuse_own_role(const struct load_watch_db *watch, struct qn_error *err)
{
    return qn_error_set(
        err, QN_INVALID_ARGUMENT,
        "--watch-db: must connect as another role than \"%s\", whose connections it counts and would "
        "take one of",
        watch->role);
}

/* Before connecting: with all slots of the role taken there would be no connection to ask on. */
static bool names_role(const char *url, const char *role)
{
    bool same = false;
    PQconninfoOption *all = PQconninfoParse(url, NULL);
    for (const PQconninfoOption *option = all; option && option->keyword; option++)
        if (strcmp(option->keyword, "user") == 0)
            same = option->val && strcmp(option->val, role) == 0;
    PQconninfoFree(all);
    return same;
}

static enum qn_status look_up_role(struct load_watch_db *watch, struct qn_error *err)
{
    const char *const values[] = {watch->role};
    char problem[PROBLEM_MAX];
    PGresult *result = PQexecParams(watch->conn, ROLE_SQL, 1, NULL, values, NULL, NULL, 0);
    enum qn_status status = QN_OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        first_line(PQerrorMessage(watch->conn), problem);
        status = qn_error_set(err, QN_UNAVAILABLE, "--watch-db: %s", problem);
    } else if (PQntuples(result) == 0) {
        status = qn_error_set(
            err, QN_NOT_FOUND,
            "--watch-db: there is no role \"%s\"; --watch-role says whose connections to count", watch->role);
    } else if (strcmp(PQgetvalue(result, 0, 1), "t") == 0) {
        status = refuse_own_role(watch, err);
    } else {
        watch->limit = (int32_t)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    }
    PQclear(result);
    return status;
}

static enum qn_status connect_to(struct load_watch_db *watch, const char *url, struct qn_error *err)
{
    /* What the url says stands before these. */
    const char *const names[] = {"fallback_application_name", "connect_timeout", "tcp_user_timeout", "dbname",
                                 NULL};
    const char *const values[] = {"quintet-load", CONNECT_TIMEOUT_S, UNHEARD_MS, url, NULL};
    char problem[PROBLEM_MAX];
    if (names_role(url, watch->role))
        return refuse_own_role(watch, err);
    watch->conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(watch->conn) != CONNECTION_OK) {
        first_line(PQerrorMessage(watch->conn), problem);
        return qn_error_set(err, QN_UNAVAILABLE, "--watch-db: %s%s", problem,
                            strstr(problem, "URI query parameter") ? " (leave out what is Prisma's own)"
                                                                   : "");
    }
    QN_TRY(look_up_role(watch, err));
    if (prepare(watch->conn))
        return QN_OK;
    first_line(PQerrorMessage(watch->conn), problem);
    return qn_error_set(err, QN_UNAVAILABLE, "--watch-db: %s", problem);
}

enum qn_status load_watch_db_start(const char *url, const char *role, struct load_watch_db **ret_watch,
                                   struct qn_error *err)
{
    struct load_watch_db *watch = calloc(1, sizeof *watch);
    if (watch)
        watch->role = strdup(role);
    if (!watch || !watch->role) {
        free(watch);
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    }
    watch->recent = -1;
    enum qn_status status = connect_to(watch, url, err);
    if (status != QN_OK) {
        free_watch(watch);
        return status;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->ending, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&watch->lock, NULL);
    if (pthread_create(&watch->thread, NULL, run, watch) != 0) {
        free_watch(watch);
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "--watch-db: cannot start a thread");
    }
    *ret_watch = watch;
    return QN_OK;
}

int32_t load_watch_db_recent(struct load_watch_db *watch)
{
    pthread_mutex_lock(&watch->lock);
    int32_t recent = watch->recent;
    watch->recent = -1;
    pthread_mutex_unlock(&watch->lock);
    return recent;
}

void load_watch_db_reset(struct load_watch_db *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->peak = 0;
    watch->samples = 0;
    watch->recent = -1;
    watch->blind_ns = 0;
    pthread_mutex_unlock(&watch->lock);
}

void load_watch_db_stop(struct load_watch_db *watch, struct load_result *result)
{
    pthread_mutex_lock(&watch->lock);
    watch->end = true;
    pthread_cond_signal(&watch->ending);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    result->database.on = true;
    result->database.role = qn_arena_strdup(&result->arena, watch->role);
    result->database.peak = watch->peak;
    result->database.limit = watch->limit;
    result->database.samples = watch->samples;
    result->database.problem = NULL;
    if (watch->blind_ns > 0)
        result->database.problem = qn_arena_printf(&result->arena, "blind for %" PRIu64 " ms: %s",
                                                   watch->blind_ns / NS_PER_MS, watch->problem);
    pthread_mutex_destroy(&watch->lock);
    pthread_cond_destroy(&watch->ending);
    free_watch(watch);
}
