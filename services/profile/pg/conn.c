#include "services/profile/pg/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/pg/conninfo.h"

/* Opening: 1. look the host up, off the loop  2. for each address: start, poll step by step  3. check that
 * the session is one to work with  4. pipeline mode, IDLE. No such name, no answer now: down. An address that
 * cannot be reached or takes too long: the next one, until there is none: down. A server that answers but
 * refuses: down, whatever other addresses there are. Up and then lost: what is under way is told, down. The
 * pool opens it again when it thinks fit.
 *
 * Ending in order: 1. the farewell is sent, and libpq let go of  2. PostgreSQL closes its side as the last
 * thing its process does, after it has given the slot back: down. No answer in time: down all the same. */

enum { ENDING_LIMIT_MS = 1000, FAREWELL_READS_MAX = 8 };

static const char *const state_names[] = {
#define PG_CONN_STATE_NAME(name, text) [PG_CONN_##name] = (text),
    PG_CONN_STATES(PG_CONN_STATE_NAME)
#undef PG_CONN_STATE_NAME
};

#define BIT(state) (1u << PG_CONN_##state)

static const unsigned moves[] = {
    [PG_CONN_DOWN] = BIT(RESOLVING) | BIT(CONNECTING),
    [PG_CONN_ENDING] = BIT(DOWN),
    [PG_CONN_RESOLVING] = BIT(DOWN) | BIT(CONNECTING),
    [PG_CONN_CONNECTING] = BIT(DOWN) | BIT(IDLE),
    [PG_CONN_IDLE] = BIT(DOWN) | BIT(ENDING) | BIT(SHARED) | BIT(ALONE),
    [PG_CONN_SHARED] = BIT(DOWN) | BIT(IDLE) | BIT(CANCELLING),
    [PG_CONN_ALONE] = BIT(DOWN) | BIT(IDLE) | BIT(CANCELLING),
    [PG_CONN_CANCELLING] = BIT(DOWN) | BIT(IDLE),
};

const char *pg_conn_state_name(enum pg_conn_state state)
{
    return state_names[state];
}

bool pg_conn_may_move(enum pg_conn_state from, enum pg_conn_state to)
{
    return (moves[from] & (1u << to)) != 0;
}

void pg_conn_move(struct pg_conn *conn, enum pg_conn_state to)
{
    QN_CHECK(pg_conn_may_move(conn->state, to));
    qn_timer_cancel(conn->loop, &conn->timer);
    pg_metrics_state(pg_conn_state_name(conn->state), -1);
    pg_metrics_state(pg_conn_state_name(to), 1);
    conn->state = to;
    conn->since_ms = qn_clock_now_ms();
}

static void try_next_address(struct pg_conn *conn);
static void on_ready(void *context, int events);

static void watch(struct pg_conn *conn, int events)
{
    if (qn_poll_open(conn->loop, PQsocket(conn->pg), on_ready, conn, &conn->poll) == QN_OK)
        qn_poll_want(conn->poll, events);
    /* Else the socket is of no use, and the timer of the state ends the wait. */
}

static void unwatch(struct pg_conn *conn)
{
    if (conn->poll) {
        qn_poll_close(conn->poll);
        conn->poll = NULL;
    }
}

/* The socket is watched no more before libpq closes it. */
static void finish(struct pg_conn *conn)
{
    unwatch(conn);
    PQfinish(conn->pg);
    conn->pg = NULL;
}

/* libpq's messages have several lines; the first says what, none holds the password. */
static void remember_text(struct pg_conn *conn, const char *text)
{
    size_t len = strcspn(text, "\n");
    len = len < sizeof conn->end.text - 1 ? len : sizeof conn->end.text - 1;
    memcpy(conn->end.text, text, len);
    conn->end.text[len] = '\0';
}

static void go_down(struct pg_conn *conn)
{
    conn->up_ms = 0;
    conn->reserved = false;
    conn->end.at_ms = qn_clock_now_ms();
    pg_conn_move(conn, PG_CONN_DOWN);
    conn->owner->down(conn);
}

static void attempt_failed(struct pg_conn *conn, enum pg_refusal refusal, const char *text)
{
    conn->end = (struct pg_conn_end){.refusal = refusal, .cause = pg_refusal_name(refusal)};
    remember_text(conn, text);
    if (conn->pg)
        finish(conn);
    bool server_spoke = refusal != PG_REFUSAL_UNREACHABLE && refusal != PG_REFUSAL_TIMEOUT;
    if (!server_spoke && conn->state == PG_CONN_CONNECTING &&
        conn->next_address < conn->resolve.n_addresses) {
        try_next_address(conn);
        return;
    }
    pg_metrics_connect(refusal);
    go_down(conn);
}

static void on_connect_timeout(struct qn_timer *timer)
{
    struct pg_conn *conn = container_of(timer, struct pg_conn, timer);
    attempt_failed(conn, PG_REFUSAL_TIMEOUT, "no answer within connect_timeout");
}

/* What the server says while nothing is asked: a FATAL here is its farewell. */
static void on_notice(void *context, const PGresult *result)
{
    struct pg_conn *conn = context;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    severity =
        severity ? severity : PQresultErrorField(result, PG_DIAG_SEVERITY); /* PgBouncer says only this */
    bool last = severity && strcmp(severity, "FATAL") == 0;
    if (sqlstate && strlen(sqlstate) == PG_SQLSTATE_LEN && conn->farewell[0] == '\0' &&
        (last || strncmp(sqlstate, "57P", 3) == 0))
        memcpy(conn->farewell, sqlstate, sizeof conn->farewell);
    qn_log(&conn->log, QN_DEBUG, "notice from the server", QN_F_C("sqlstate", sqlstate),
           QN_F_C("said", message));
}

static bool says(struct pg_conn *conn, const char *parameter, const char *value)
{
    const char *text = PQparameterStatus(conn->pg, parameter);
    return text && strcmp(text, value) == 0;
}

/* Behind PgBouncer nothing was asked for at start-up, so what the role is set to (--provision) must do. */
static bool session_is_usable(struct pg_conn *conn, enum pg_refusal *ret_refusal, const char **ret_text)
{
    const char *dates = PQparameterStatus(conn->pg, "DateStyle");
    *ret_refusal = PG_REFUSAL_NONE;
    if (says(conn, "in_hot_standby", "on") || says(conn, "default_transaction_read_only", "on")) {
        *ret_refusal = PG_REFUSAL_READ_ONLY;
        *ret_text = "the server is a standby, or read-only by default";
    } else if (!says(conn, "TimeZone", "UTC") && !says(conn, "TimeZone", "Etc/UTC")) {
        *ret_refusal = PG_REFUSAL_SETTINGS;
        *ret_text = "the session's TimeZone is not UTC; quintet-profile --provision sets it on the role";
    } else if (!dates || strncmp(dates, "ISO", 3) != 0 || !says(conn, "client_encoding", "UTF8")) {
        *ret_refusal = PG_REFUSAL_SETTINGS;
        *ret_text = "the session's DateStyle is not ISO, or its client_encoding not UTF8";
    } else if (!says(conn, "server_encoding", "UTF8")) {
        /* What cannot be said in another encoding is an error (22P05), and one client's token would be the
         * error of all whose sessions are looked up with it. */
        *ret_refusal = PG_REFUSAL_SETTINGS;
        *ret_text = "the database's encoding is not UTF8";
    } else if (PQsetnonblocking(conn->pg, 1) != 0 || PQenterPipelineMode(conn->pg) != 1) {
        *ret_refusal = PG_REFUSAL_OTHER;
        *ret_text = PQerrorMessage(conn->pg);
    }
    return *ret_refusal == PG_REFUSAL_NONE;
}

static void came_up(struct pg_conn *conn)
{
    enum pg_refusal refusal;
    const char *text;
    if (!session_is_usable(conn, &refusal, &text)) {
        attempt_failed(conn, refusal, text);
        return;
    }
    uint64_t took_ms = qn_clock_now_ms() - conn->since_ms;
    PQsetNoticeReceiver(conn->pg, on_notice, conn);
    memset(conn->prepared, 0, sizeof conn->prepared);
    conn->backend_pid = PQbackendPID(conn->pg);
    conn->statements_done = 0;
    conn->farewell[0] = '\0';
    conn->not_passed_on = false;
    conn->result_open = false;
    pg_conn_move(conn, PG_CONN_IDLE);
    conn->up_ms = conn->since_ms;
    pg_metrics_connect(PG_REFUSAL_NONE);
    const char *address = PQhostaddr(conn->pg);
    qn_log(&conn->log, QN_INFO, "connection opened", QN_F_INT("pid", conn->backend_pid),
           QN_F_C("address", address && *address ? address : conn->url->host), QN_F_INT("took_ms", took_ms));
    watch(conn, QN_READABLE);
    conn->owner->up(conn);
}

/* The socket may change with each step (another address, TLS refused and tried without), so it is never
 * watched across one. */
static void step(struct pg_conn *conn)
{
    unwatch(conn);
    char sqlstate[PG_SQLSTATE_LEN + 1];
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_READING:
        watch(conn, QN_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        watch(conn, QN_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        came_up(conn);
        break;
    default:
        attempt_failed(conn, pg_sqlstate_refusal(PQerrorMessage(conn->pg), sqlstate),
                       PQerrorMessage(conn->pg));
    }
}

/* Requires: one is left. */
static void try_next_address(struct pg_conn *conn)
{
    const char *address = conn->resolve.addresses[conn->next_address++];
    struct pg_conninfo info;
    if (pg_conninfo_init(&info, conn->url, address[0] ? address : NULL) != QN_OK) {
        attempt_failed(conn, PG_REFUSAL_OTHER, "the options in DATABASE_URL are too long");
        return;
    }
    conn->pg = PQconnectStartParams(info.keys, info.values, 0);
    if (!conn->pg) {
        attempt_failed(conn, PG_REFUSAL_OTHER, "out of memory");
        return;
    }
    PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE); /* or a refusal would come without its code */
    if (PQstatus(conn->pg) == CONNECTION_BAD) {
        attempt_failed(conn, PG_REFUSAL_UNREACHABLE, PQerrorMessage(conn->pg));
        return;
    }
    qn_timer_start(conn->loop, &conn->timer, (uint64_t)conn->url->connect_timeout_ms, on_connect_timeout);
    watch(conn, QN_WRITABLE); /* as if the last step had said so: libpq, "PQconnectPoll" */
}

static void on_resolved(struct qn_resolve *resolve, enum qn_status status)
{
    struct pg_conn *conn = container_of(resolve, struct pg_conn, resolve);
    if (status == QN_OK && !conn->close_wanted) {
        pg_conn_move(conn, PG_CONN_CONNECTING);
        try_next_address(conn);
        return;
    }
    const char *text =
        status == QN_NOT_FOUND ? "the host's name is not known" : "the host's name has no answer now";
    attempt_failed(conn, conn->close_wanted ? PG_REFUSAL_ABANDONED : PG_REFUSAL_UNREACHABLE, text);
}

void pg_conn_open(struct pg_conn *conn)
{
    QN_CHECK(conn->state == PG_CONN_DOWN);
    conn->close_wanted = false;
    conn->next_address = 0;
    conn->resolve.n_addresses = 0;
    if (conn->url->host[0] == '/') { /* a socket's folder */
        conn->resolve.addresses[0][0] = '\0';
        conn->resolve.n_addresses = 1;
        pg_conn_move(conn, PG_CONN_CONNECTING);
        try_next_address(conn);
        return;
    }
    pg_conn_move(conn, PG_CONN_RESOLVING);
    memset(&conn->resolve, 0, sizeof conn->resolve);
    qn_resolve_start(conn->loop, &conn->resolve, conn->url->host, on_resolved);
}

static void note_end(struct pg_conn *conn, const char *cause)
{
    conn->end = (struct pg_conn_end){.cause = cause, .lived_ms = qn_clock_now_ms() - conn->up_ms};
    conn->end.at_ms = qn_clock_now_ms();
    qn_log(&conn->log, QN_INFO, "connection closed", QN_F_INT("pid", conn->backend_pid),
           QN_F_C("cause", cause), QN_F_INT("statements", conn->statements_done),
           QN_F_INT("lived_ms", conn->end.lived_ms), QN_F_INT("unanswered", conn->n_flights));
    pg_metrics_close(cause);
}

static void ended(struct pg_conn *conn)
{
    unwatch(conn);
    close(conn->ending_fd);
    conn->ending_fd = -1;
    go_down(conn);
}

static void on_ending_timeout(struct qn_timer *timer)
{
    ended(container_of(timer, struct pg_conn, timer));
}

/* Nothing is asked any more, so what comes is of no interest, but for the end (of TLS, there may be a word
 * before it). */
static void on_farewell(void *context, int events)
{
    (void)events;
    struct pg_conn *conn = context;
    char rest[512];
    ssize_t n = 1;
    for (int i = 0; n > 0 && i < FAREWELL_READS_MAX; i++)
        n = read(conn->ending_fd, rest, sizeof rest);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        ended(conn);
}

void pg_conn_end(struct pg_conn *conn, const char *cause)
{
    QN_CHECK(conn->state == PG_CONN_IDLE);
    note_end(conn, cause);
    conn->end.orderly = true;
    /* A second descriptor, so that the socket stays open on our side when libpq has said farewell. */
    conn->ending_fd = fcntl(PQsocket(conn->pg), F_DUPFD_CLOEXEC, 0);
    finish(conn);
    bool watched = conn->ending_fd >= 0 &&
                   qn_poll_open(conn->loop, conn->ending_fd, on_farewell, conn, &conn->poll) == QN_OK;
    if (!watched) {
        if (conn->ending_fd >= 0)
            close(conn->ending_fd);
        go_down(conn);
        return;
    }
    pg_conn_move(conn, PG_CONN_ENDING);
    qn_poll_want(conn->poll, QN_READABLE);
    qn_timer_start(conn->loop, &conn->timer, ENDING_LIMIT_MS, on_ending_timeout);
}

static void close_up(struct pg_conn *conn, const char *cause, const char *sqlstate)
{
    note_end(conn, cause);
    finish(conn);
    pg_flight_lose_all(conn, sqlstate);
    pg_cancel_orphan(conn);
    go_down(conn);
}

void pg_conn_close(struct pg_conn *conn, const char *cause)
{
    switch (conn->state) {
    case PG_CONN_DOWN:
        break;
    case PG_CONN_ENDING:
        ended(conn);
        break;
    case PG_CONN_RESOLVING:
        if (!conn->close_wanted) {
            conn->close_wanted = true;
            qn_resolve_cancel(&conn->resolve);
        }
        break;
    case PG_CONN_CONNECTING:
        conn->next_address = conn->resolve.n_addresses;
        attempt_failed(conn, PG_REFUSAL_ABANDONED, cause);
        break;
    default:
        close_up(conn, cause, NULL);
    }
}

void pg_conn_lost(struct pg_conn *conn)
{
    if (!pg_flight_read(conn))
        return;
    bool by_pooler = conn->url->pgbouncer && strcmp(conn->farewell, "08P01") == 0;
    close_up(conn, by_pooler ? "pooler" : pg_sqlstate_end(conn->farewell), conn->farewell);
}

bool pg_conn_flush(struct pg_conn *conn)
{
    int left = PQflush(conn->pg);
    if (left < 0 || !conn->poll) {
        pg_conn_lost(conn);
        return false;
    }
    qn_poll_want(conn->poll, left ? QN_READABLE | QN_WRITABLE : QN_READABLE);
    return true;
}

static void on_ready(void *context, int events)
{
    struct pg_conn *conn = context;
    if (conn->state == PG_CONN_CONNECTING) {
        step(conn);
        return;
    }
    bool alive = !(events & QN_READABLE) || PQconsumeInput(conn->pg) == 1;
    if (!pg_flight_read(conn))
        return;
    if (!alive || PQstatus(conn->pg) == CONNECTION_BAD) {
        pg_conn_lost(conn);
        return;
    }
    pg_conn_flush(conn);
}
