#include "services/profile/pg/look.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/pg/private.h"

static const struct pg_flight *head_of(const struct pg_conn *conn)
{
    return conn->n_flights > 0 ? &conn->flights[conn->first_flight] : NULL;
}

/* The first step's: answers come all at once, after the last. Of a query whose asker has gone only what is
 * known of its statement. */
static const char *name_of(const struct pg_flight *flight)
{
    const struct pg_statement_entry *entry = flight->entries[0];
    if (entry)
        return entry->statement->name;
    return flight->query ? flight->query->steps[0].statement->name : "?";
}

static void look_at(const struct pg_conn *conn, uint64_t now_us, struct pg_look_conn *to)
{
    uint64_t now_ms = now_us / 1000;
    *to = (struct pg_look_conn){
        .number = conn->number,
        .state = pg_conn_state_name(conn->state),
        .state_ms = conn->since_ms > 0 ? now_ms - conn->since_ms : 0,
        .up = pg_conn_is_up(conn),
        .under_way = conn->n_flights,
        .end_cause = conn->end.cause,
        .end_ms = conn->end.cause ? now_ms - conn->end.at_ms : 0,
    };
    snprintf(to->end_said, sizeof to->end_said, "%s", conn->end.text);
    if (to->up) {
        to->pid = conn->backend_pid;
        to->age_ms = now_ms - conn->up_ms;
        to->statements = conn->statements_done;
    }
    const struct pg_flight *head = head_of(conn);
    if (head) {
        to->statement = name_of(head);
        to->statement_ms = (now_us - pg_flight_head_since_us(conn)) / 1000;
    }
}

static uint64_t longest(const struct qn_list *list, uint64_t now_us, uint64_t longest_ms)
{
    qn_list_each (node, list) {
        uint64_t queued_us = container_of(node, struct pg_query, node)->queued_us;
        uint64_t ms = now_us > queued_us ? (now_us - queued_us) / 1000 : 0;
        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    return longest_ms;
}

void pg_look(const struct pg_pool *pool, struct pg_look *ret_look)
{
    const struct pg_opener *opener = &pool->opener;
    uint64_t now_us = qn_clock_now_us();
    *ret_look = (struct pg_look){
        .budget = pool->n_conns,
        .allowance = pool->allowance,
        .up = pg_pool_up(pool),
        .waiting_reads = pool->reads.len + pool->n_held,
        .waiting_writes = pool->writes.len + pool->n_held_writes,
        .longest_wait_ms = longest(&pool->reads, now_us, longest(&pool->writes, now_us, 0)),
        .silent_ms = pg_pulse_silent_ms(pool),
        .refusal = opener->refusal == PG_REFUSAL_NONE ? NULL : pg_refusal_name(opener->refusal),
        .failures = opener->failures,
        .attempt_planned = qn_timer_active(&opener->timer),
        .draining = pool->draining,
        .n_conns = pool->n_conns,
    };
    for (unsigned i = 0; i < pool->statements.n; i++) {
        const struct pg_statement_entry *entry = &pool->statements.entries[i];
        ret_look->longest_wait_ms =
            longest(&entry->held, now_us, longest(&entry->held_writes, now_us, ret_look->longest_wait_ms));
    }
    if (ret_look->attempt_planned)
        ret_look->attempt_in_ms = qn_clock_left_ms(opener->timer.due_ms);
    for (size_t i = 0; i < pool->n_conns; i++)
        look_at(&pool->conns[i], now_us, &ret_look->conns[i]);
    for (size_t i = 0; i < pool->n_conns; i++)
        ret_look->ending += pool->conns[i].state == PG_CONN_ENDING;
}
