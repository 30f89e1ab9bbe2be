#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/pg/conn.h"

/* A query on its way: what is not only a question is freed of lock_timeout, which is for plain SELECTs: it
 * may wait for a row as long as its caller likes. Each step's statement is parsed if this connection has not
 * met it, then bound and executed; one Sync ends them, which makes them one transaction: PostgreSQL commits
 * at the Sync or, after an error, skips to it. So what shares the connection behind is never touched by an
 * error in front.
 *
 * The answers come in the order of what was sent: for each command a result and a NULL, for the Sync a result
 * alone. An error: the rest of the query is skipped (PGRES_PIPELINE_ABORTED), the query fails at its Sync. A
 * statement that is not prepared as was thought: the query is asked once more. Anything else, or an answer to
 * what was not asked: the connection is not trusted any more. */

enum {
    /* A late answer keeps neighbours waiting, whose deadlines pass. statement_timeout ends it long before
     * this; what is not even ended by that is a server that hangs. */
    SILENCE_LIMIT_MS = 30000,
    LOG_EVERY_MS = 1000,
    /* An operator who ends all connections ends one after the other, and a question may be asked again on the
     * next to go; but not without a limit, for it may be the question that the operator wants to end. */
    RESENT_MAX_OPERATORS = 5,
};

static void add_op(struct pg_flight *flight, int kind, unsigned step)
{
    QN_CHECK(flight->n_ops < PG_OPS_MAX);
    flight->ops[flight->n_ops].kind = (unsigned)kind;
    flight->ops[flight->n_ops].step = step;
    flight->n_ops++;
}

static bool send_named(struct pg_conn *conn, struct pg_flight *flight, const struct pg_step *step, unsigned i)
{
    const struct pg_statement *statement = step->statement;
    struct pg_prepared *prepared = &conn->prepared[flight->entries[i]->number];
    if (prepared->state == PG_OUTDATED) {
        char command[128];
        char *name = PQescapeIdentifier(conn->pg, statement->name, strlen(statement->name));
        int len = name ? snprintf(command, sizeof command, "deallocate %s", name) : -1;
        PQfreemem(name);
        if (len < 0 || (size_t)len >= sizeof command ||
            !PQsendQueryParams(conn->pg, command, 0, NULL, NULL, NULL, NULL, 0))
            return false;
        add_op(flight, PG_OP_LET_GO, i);
        prepared->state = PG_UNPREPARED;
    }
    if (prepared->state == PG_UNPREPARED) {
        if (!PQsendPrepare(conn->pg, statement->name, statement->sql, 0, NULL))
            return false;
        add_op(flight, PG_OP_PARSE, i);
        prepared->state = PG_PREPARED;
        prepared->parses++;
    }
    flight->parses[i] = prepared->parses;
    add_op(flight, PG_OP_EXECUTE, i);
    return PQsendQueryPrepared(conn->pg, statement->name, step->n_params, step->params, NULL, NULL,
                               statement->binary) == 1;
}

/* For this transaction alone. */
static const struct pg_statement no_lock_timeout = {
    .name = "no_lock_timeout",
    .sql = "select set_config('lock_timeout', '0', true)",
};

/* A little longer than what spread.c calls long, so that those which wait beside it are known to be. */
static const struct pg_statement lent_lock_timeout = {
    .name = "lent_lock_timeout",
    .sql = "select set_config('lock_timeout', '150', true)",
};

static bool send_step(struct pg_conn *conn, struct pg_flight *flight, const struct pg_step *step, unsigned i)
{
    flight->entries[i] = pg_statement_find(conn->statements, step->statement);
    if (flight->entries[i] && !conn->url->unnamed)
        return send_named(conn, flight, step, i);
    add_op(flight, PG_OP_EXECUTE, i);
    return PQsendQueryParams(conn->pg, step->statement->sql, step->n_params, NULL, step->params, NULL, NULL,
                             step->statement->binary) == 1;
}

static bool only_reads(const struct pg_query *query)
{
    for (size_t i = 0; i < query->n_steps; i++)
        if (!query->steps[i].statement->plain_select)
            return false;
    return true;
}

static void count_in(struct pg_conn *conn, struct pg_flight *flight, struct pg_statement_entry *entry)
{
    flight->shared = entry;
    if (entry && conn->of_statement[entry->number]++ == 0)
        entry->n_conns++;
}

static void count_out(struct pg_conn *conn, const struct pg_flight *flight)
{
    if (flight->shared && --conn->of_statement[flight->shared->number] == 0)
        flight->shared->n_conns--;
}

void pg_flight_send(struct pg_conn *conn, struct pg_query *query, bool alone)
{
    QN_CHECK(conn->n_flights < PG_PIPELINE_MAX);
    if (alone || conn->state == PG_CONN_IDLE)
        pg_conn_move(conn, alone ? PG_CONN_ALONE : PG_CONN_SHARED);
    struct pg_flight *flight = pg_conn_flight(conn, conn->n_flights++);
    *flight = (struct pg_flight){.query = query, .sent_us = qn_clock_now_us()};
    query->conn = conn;
    query->sent_us = flight->sent_us;
    bool sent = true;
    if (!alone)
        count_in(conn, flight, query->entry);
    else if (!only_reads(query))
        sent = send_step(
            conn, flight,
            &(const struct pg_step){.statement = query->lent ? &lent_lock_timeout : &no_lock_timeout},
            PG_PRELUDE);
    for (unsigned i = 0; i < query->n_steps && sent; i++)
        sent = send_step(conn, flight, &query->steps[i], i);
    add_op(flight, PG_OP_SYNC, 0);
    if (!sent || PQpipelineSync(conn->pg) != 1) {
        pg_conn_lost(conn);
        return;
    }
    pg_conn_flush(conn);
}

static void clear_results(PGresult **results)
{
    for (size_t i = 0; i < PG_STEPS_MAX; i++) {
        PQclear(results[i]);
        results[i] = NULL;
    }
}

/* The flight's memory stays as it is until the next query is sent. */
static struct pg_flight *take_out_first(struct pg_conn *conn)
{
    struct pg_flight *flight = pg_conn_flight(conn, 0);
    conn->first_flight = (conn->first_flight + 1) % PG_PIPELINE_MAX;
    conn->n_flights--;
    conn->held_up = false;
    count_out(conn, flight);
    return flight;
}

static void answer_failure(struct pg_conn *conn, const struct pg_flight *flight, struct pg_query *query)
{
    if (flight->verdict.prepare_again && !query->reprepared) {
        query->reprepared = true;
        conn->owner->again(query);
        return;
    }
    if (query->lent && !only_reads(query) && strcmp(flight->sqlstate, PG_SQLSTATE_LOCKED) == 0) {
        conn->owner->again(query); /* the loan is over, and nothing of it happened */
        return;
    }
    query->status = flight->verdict.status;
    query->reason = flight->verdict.reason;
    memcpy(query->sqlstate, flight->sqlstate, sizeof query->sqlstate);
    memcpy(query->constraint, flight->constraint, sizeof query->constraint);
    conn->owner->answered(query);
}

/* Hands the first flight's query over, with its results unless it failed. */
static void land(struct pg_conn *conn)
{
    struct pg_flight *flight = take_out_first(conn);
    struct pg_query *query = flight->query;
    if (!query || flight->failed)
        clear_results(flight->results);
    if (!query)
        return;
    query->conn = NULL;
    if (flight->failed) {
        answer_failure(conn, flight, query);
        return;
    }
    query->status = QN_OK;
    for (size_t i = 0; i < query->n_steps; i++)
        query->steps[i].result = flight->results[i];
    conn->owner->answered(query);
}

/* What the connection knows of the statement was wrong, unless that has been put right since. */
static void forget_prepared(struct pg_conn *conn, const struct pg_flight *flight, unsigned step,
                            const char *sqlstate)
{
    const struct pg_statement_entry *entry = flight->entries[step];
    if (!entry || conn->url->unnamed)
        return;
    struct pg_prepared *prepared = &conn->prepared[entry->number];
    if (prepared->parses == flight->parses[step] && prepared->state == PG_PREPARED) {
        bool there = strcmp(sqlstate, "0A000") == 0 || strcmp(sqlstate, "42P05") == 0;
        prepared->state = there ? PG_OUTDATED : PG_UNPREPARED;
    }
}

static void take_error(struct pg_conn *conn, struct pg_flight *flight, const struct pg_op *op,
                       const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    severity =
        severity ? severity : PQresultErrorField(result, PG_DIAG_SEVERITY); /* PgBouncer says only this */
    sqlstate = sqlstate && strlen(sqlstate) == PG_SQLSTATE_LEN ? sqlstate : "";
    bool last = severity && strcmp(severity, "ERROR") != 0; /* FATAL or PANIC: the connection ends with it */
    if (last && conn->farewell[0] == '\0') {                /* PgBouncer adds its own word to PostgreSQL's */
        memcpy(conn->farewell, sqlstate, strlen(sqlstate) + 1);
        conn->not_passed_on = conn->url->pgbouncer && pg_sqlstate_not_passed_on(sqlstate, message);
    }
    if (flight->failed) /* after the server's last word, libpq's own that the connection is gone */
        return;
    flight->failed = true;
    flight->verdict = pg_sqlstate_judge(sqlstate);
    memcpy(flight->sqlstate, sqlstate, strlen(sqlstate) + 1);
    snprintf(flight->constraint, sizeof flight->constraint, "%s", constraint ? constraint : "");
    if (flight->shared && strcmp(sqlstate, PG_SQLSTATE_LOCKED) == 0)
        flight->shared->locked = true;
    if (op->kind == PG_OP_PARSE || flight->verdict.prepare_again)
        forget_prepared(conn, flight, op->step, sqlstate);
    const struct pg_statement_entry *entry = flight->entries[op->step];
    uint64_t held_back;
    if (!flight->verdict.expected && qn_log_due(&conn->error_log, LOG_EVERY_MS, &held_back)) {
        qn_log(&conn->log, QN_WARN, "statement failed",
               QN_F_C("statement", entry ? entry->statement->name : "?"), QN_F_C("sqlstate", sqlstate),
               QN_F_C("said", message), QN_F_INT("held_back", held_back));
    }
}

uint64_t pg_flight_head_since_us(const struct pg_conn *conn)
{
    uint64_t sent_us = conn->flights[conn->first_flight].sent_us;
    return sent_us > conn->last_answer_us ? sent_us : conn->last_answer_us;
}

/* What the server took for the answer at hand. */
static uint64_t time_of_answer(struct pg_conn *conn)
{
    uint64_t now_us = qn_clock_now_us(), from_us = pg_flight_head_since_us(conn);
    conn->last_answer_us = now_us;
    return now_us - from_us;
}

/* Takes over the result. False: it does not belong here. */
static bool take_result(struct pg_conn *conn, PGresult *result)
{
    struct pg_flight *flight = pg_conn_flight(conn, 0);
    ExecStatusType kind = PQresultStatus(result);
    const struct pg_op *op = &flight->ops[flight->next_op];
    /* A deferred constraint fails at the commit: an error in front of the Sync's own answer. */
    flight->next_op += op->kind != PG_OP_SYNC || kind == PGRES_PIPELINE_SYNC;
    bool keep = false, sound = true;
    switch (kind) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        sound = op->kind != PG_OP_SYNC;
        /* The server sends nothing before the Sync: the prelude's answer must not take the time of what
         * follows. */
        if (op->kind == PG_OP_EXECUTE && op->step != PG_PRELUDE) {
            pg_statement_count(flight->entries[op->step], QN_OK, time_of_answer(conn));
            if (flight->shared)
                flight->shared->locked = false;
            conn->statements_done++;
            keep = flight->query != NULL;
        }
        break;
    case PGRES_FATAL_ERROR: /* every error, whatever the word says */
        take_error(conn, flight, op, result);
        if (op->kind != PG_OP_SYNC)
            pg_statement_count(flight->entries[op->step], flight->verdict.status, time_of_answer(conn));
        break;
    case PGRES_PIPELINE_ABORTED:
        sound = flight->failed;
        if (op->kind == PG_OP_PARSE) /* it was thought to be prepared from here on */
            forget_prepared(conn, flight, op->step, "");
        break;
    case PGRES_PIPELINE_SYNC:
        sound = op->kind == PG_OP_SYNC;
        break;
    default: /* COPY and the like: no statement of ours does that */
        sound = false;
    }
    if (keep)
        flight->results[op->step] = result;
    else
        PQclear(result);
    conn->result_open = kind != PGRES_PIPELINE_SYNC;
    return sound;
}

/* After a query's Sync. False: the connection has been closed. */
static bool settle(struct pg_conn *conn)
{
    bool drop = pg_conn_flight(conn, 0)->verdict.drop_connection;
    char sqlstate[PG_SQLSTATE_LEN + 1];
    memcpy(sqlstate, pg_conn_flight(conn, 0)->sqlstate, sizeof sqlstate);
    land(conn);
    conn->owner->room(conn);
    if (drop) {
        pg_conn_close(conn, pg_sqlstate_end(sqlstate));
        return false;
    }
    if (conn->n_flights > 0) {
        if (!pg_flight_any_abandoned(conn))
            qn_timer_cancel(conn->loop, &conn->timer);
        return true;
    }
    if (PQtransactionStatus(conn->pg) != PQTRANS_IDLE) { /* a statement has begun a transaction of its own */
        pg_conn_close(conn, "odd state");
        return false;
    }
    if (conn->state == PG_CONN_CANCELLING)
        pg_cancel_settle(conn);
    else
        pg_conn_move(conn, PG_CONN_IDLE);
    return true;
}

/* An error that no server has said: the connection is gone. It is no answer to the query at hand, of which
 * nobody knows what became. */
static bool is_libpqs_own(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_FATAL_ERROR && !PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

bool pg_flight_read(struct pg_conn *conn)
{
    (void)PQisBusy(
        conn->pg); /* takes in what has arrived, so that also what the server says unasked is heard */
    while ((conn->n_flights > 0 || conn->result_open) && !PQisBusy(conn->pg)) {
        PGresult *result = PQgetResult(conn->pg);
        if (!result) {
            if (!conn->result_open && PQstatus(conn->pg) == CONNECTION_BAD)
                break; /* it has nothing more to say */
            if (!conn->result_open) {
                pg_conn_close(conn, "odd answer");
                return false;
            }
            conn->result_open = false;
            continue;
        }
        if (is_libpqs_own(result)) {
            PQclear(result);
            if (PQstatus(conn->pg) == CONNECTION_BAD)
                break;
            pg_conn_close(conn, "lost");
            return false;
        }
        if (conn->result_open || conn->n_flights == 0 || !take_result(conn, result)) {
            pg_conn_close(conn, "odd answer");
            return false;
        }
        if (pg_conn_flight(conn, 0)->next_op == pg_conn_flight(conn, 0)->n_ops && !settle(conn))
            return false;
    }
    return true;
}

static void on_silence(struct qn_timer *timer)
{
    pg_conn_close(container_of(timer, struct pg_conn, timer), "no answer");
}

void pg_flight_take_back(struct pg_conn *conn, size_t place)
{
    struct pg_flight *flight = pg_conn_flight(conn, place);
    QN_CHECK(place > 0 && place < conn->n_flights && conn->state == PG_CONN_SHARED);
    count_out(conn, flight);
    flight->shared = NULL;
    flight->query->conn = NULL;
    flight->query = NULL;
    if (!qn_timer_active(&conn->timer))
        qn_timer_start(conn->loop, &conn->timer, SILENCE_LIMIT_MS, on_silence);
}

void pg_flight_abandon(struct pg_conn *conn, struct pg_query *query)
{
    size_t place = 0;
    while (pg_conn_flight(conn, place)->query != query) {
        place++;
        QN_CHECK(place < conn->n_flights);
    }
    pg_conn_flight(conn, place)->query = NULL;
    query->conn = NULL;
    if (conn->n_flights == 1 && conn->state != PG_CONN_CANCELLING && pg_cancel_may_start(conn))
        pg_cancel_start(conn);
    else if (!qn_timer_active(&conn->timer))
        qn_timer_start(conn->loop, &conn->timer, SILENCE_LIMIT_MS, on_silence);
}

bool pg_flight_any_abandoned(const struct pg_conn *conn)
{
    for (size_t i = 0; i < conn->n_flights; i++)
        if (!conn->flights[(conn->first_flight + i) % PG_PIPELINE_MAX].query)
            return true;
    return false;
}

/* What becomes of a query whose connection is gone. A question may be asked once more, but not for ever: it
 * may be what brings the server down. */
static void lose(struct pg_conn *conn, const struct pg_flight *flight, struct pg_query *query,
                 const char *sqlstate)
{
    bool reads = only_reads(query);
    query->conn = NULL;
    if (conn->not_passed_on) { /* as if it had not been sent; it waits until its deadline */
        conn->owner->again(query);
        return;
    }
    if (flight->failed &&
        !flight->verdict.drop_connection) { /* nothing of it happened, whatever became of the Sync */
        answer_failure(conn, flight, query);
        return;
    }
    if (reads && query->resent < (pg_sqlstate_is_operators(sqlstate) ? RESENT_MAX_OPERATORS : 1)) {
        query->resent++;
        conn->owner->again(query);
        return;
    }
    query->status = reads ? QN_UNAVAILABLE : QN_UNKNOWN;
    query->reason = "connection lost";
    snprintf(query->sqlstate, sizeof query->sqlstate, "%s", sqlstate ? sqlstate : "");
    conn->owner->answered(query);
}

void pg_flight_lose_all(struct pg_conn *conn, const char *sqlstate)
{
    while (conn->n_flights > 0) {
        struct pg_flight *flight = take_out_first(conn);
        clear_results(flight->results);
        if (flight->query)
            lose(conn, flight, flight->query, sqlstate);
    }
    conn->result_open = false;
}
