#include "services/profile/rpc/ask.h"

#include <string.h>

#include "common/core/clock.h"
#include "services/profile/pg/sqlstate.h"

/* When to come again. A full pool empties within a round trip or two, and a connection is tried again after a
 * back-off of about as long. */
enum { RETRY_BUSY_MS = 1000, RETRY_ABORTED_MS = 50 };

/* The query gives up a little before its call does: a twentieth of what is left, at most 100 ms. Were both to
 * end in the same moment, the callers would have gone when the answer comes that says why, and all that
 * anybody ever heard would be "no answer in time". */
enum { WAY_BACK_SHARE = 20, WAY_BACK_MAX_MS = 100 };

static struct pg_pool *the_pool;

void profile_ask_init(struct pg_pool *pool)
{
    the_pool = pool;
}

void profile_ask_prepare(struct profile_ask *ask, struct qn_call *call)
{
    ask->call = call;
    store_steps_init(&ask->steps, call->arena);
}

struct profile_ask *profile_ask_new(struct qn_call *call)
{
    struct profile_ask *ask = qn_call_new(call, struct profile_ask);
    profile_ask_prepare(ask, call);
    return ask;
}

static uint64_t less_the_way_back(uint64_t deadline_ms)
{
    uint64_t share_ms = qn_clock_left_ms(deadline_ms) / WAY_BACK_SHARE;
    return deadline_ms - (share_ms < WAY_BACK_MAX_MS ? share_ms : WAY_BACK_MAX_MS);
}

bool profile_ask_query(struct pg_query *query, struct store_steps *steps, uint64_t deadline_ms,
                       const struct qn_log *log, void (*done)(struct pg_query *query))
{
    if (steps->failed)
        return false;
    query->steps = steps->at;
    query->n_steps = steps->n;
    query->deadline_ms = less_the_way_back(deadline_ms);
    query->log = log;
    query->done = done;
    pg_query_start(query, the_pool);
    return true;
}

static void on_done(struct pg_query *query)
{
    struct profile_ask *ask = container_of(query, struct profile_ask, query);
    if (query->status == QN_OK) {
        ask->answer(ask);
        return;
    }
    if (ask->refuse && ask->refuse(ask))
        return;
    struct qn_fault fault = profile_ask_fault(query, ask->call->arena);
    qn_call_fail(ask->call, &fault);
}

void profile_ask_start(struct profile_ask *ask)
{
    if (!profile_ask_query(&ask->query, &ask->steps, ask->call->ctx.deadline_ms, &ask->call->ctx.log,
                           on_done))
        profile_ask_fail_memory(ask->call);
}

/* "pool full" → "POOL_FULL". Without memory there is no reason, but still a status. */
static const char *upper_snake(const char *reason, struct qn_arena *arena)
{
    char *text = reason ? qn_arena_strdup(arena, reason) : NULL;
    for (char *c = text; c && *c; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        else if (*c < '0' || *c > '9')
            *c = '_';
    }
    return text;
}

struct qn_fault profile_ask_fault(const struct pg_query *query, struct qn_arena *arena)
{
    struct qn_fault fault = {.status = query->status, .reason = upper_snake(query->reason, arena)};
    switch (query->status) {
    case QN_RESOURCE_EXHAUSTED:
        fault.message = "the database is busy";
        fault.retry_after_ms = query->retry_after_ms ? query->retry_after_ms : RETRY_BUSY_MS;
        break;
    case QN_UNAVAILABLE:
        fault.message = "the database cannot be reached";
        fault.retry_after_ms = RETRY_BUSY_MS;
        fault.not_executed = true; /* another process may have a connection */
        break;
    case QN_DEADLINE_EXCEEDED:
        fault.message = "the database did not answer in time";
        break;
    case QN_UNKNOWN:
        fault.message = "the connection to the database was lost; the change may have been made";
        break;
    case QN_ABORTED:
        if (strcmp(query->sqlstate, PG_SQLSTATE_LOCKED) == 0) {
            fault.message = "somebody else is changing the tables";
            fault.retry_after_ms = RETRY_BUSY_MS;
            break;
        }
        fault.message = "another change came in between";
        fault.retry_after_ms = RETRY_ABORTED_MS;
        break;
    case QN_ALREADY_EXISTS:
        fault.message = "there is one already";
        break;
    case QN_NOT_FOUND:
        fault.message = "what it belongs to is gone";
        break;
    case QN_INVALID_ARGUMENT:
        fault.message = "a value was refused";
        break;
    case QN_CANCELLED:
        fault.message = "given up";
        break;
    case QN_FAILED_PRECONDITION: /* the schema: nothing that the caller could put right */
    default:
        fault.status = QN_INTERNAL;
        fault.message = "the database could not do it";
        break;
    }
    return fault;
}

const struct qn_fault profile_ask_no_memory = {.status = QN_RESOURCE_EXHAUSTED,
                                               .message = "the call needs too much memory"};

void profile_ask_fail_memory(struct qn_call *call)
{
    qn_call_fail(call, &profile_ask_no_memory);
}

void profile_ask_fail_row(struct qn_call *call, const char *statement)
{
    qn_log(&call->ctx.log, QN_ERROR, "a row is not as expected", QN_F_C("statement", statement));
    qn_call_fail_with(call, .status = QN_INTERNAL, .message = "the database could not do it");
}

bool profile_ask_fine(struct qn_call *call, const struct profile_complaints *complaints)
{
    if (complaints->n == 0)
        return true;
    qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = "some fields are not valid",
                      .violations = complaints->list, .n_violations = complaints->n);
    return false;
}
