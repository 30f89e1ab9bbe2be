#include "services/profile/pg/metrics.h"

#include "common/core/check.h"
#include "services/profile/pg/conn.h"

static struct qn_metric connections = {
    .name = "quintet_pg_connections",
    .help = "Connections to PostgreSQL by state; all but down ones have a slot, or ask for one.",
    .kind = QN_GAUGE,
    .labels = {"state"},
};
static struct qn_metric budget = {
    .name = "quintet_pg_connections_max",
    .help = "The budget: connection_limit.",
    .kind = QN_GAUGE,
};
static struct qn_metric waiting = {
    .name = "quintet_pg_waiting",
    .help = "Queries that wait for a connection.",
    .kind = QN_GAUGE,
};
static struct qn_metric wait_seconds = {
    .name = "quintet_pg_wait_seconds",
    .help = "How long queries waited for a connection before they were sent.",
    .kind = QN_HISTOGRAM,
};
static struct qn_metric silent_seconds = {
    .name = "quintet_pg_silent_seconds",
    .help = "How long a question has been open while PostgreSQL answered nothing; 0 when it answers.",
    .kind = QN_GAUGE,
};
static struct qn_metric statement_seconds = {
    .name = "quintet_pg_statement_seconds",
    .help = "From when PostgreSQL could begin with a statement to its answer.",
    .kind = QN_HISTOGRAM,
    .labels = {"statement"},
};
static struct qn_metric statements = {
    .name = "quintet_pg_statements_total",
    .help = "Statements that PostgreSQL answered, by outcome.",
    .kind = QN_COUNTER,
    .labels = {"statement", "code"},
};
static struct qn_metric connects = {
    .name = "quintet_pg_connects_total",
    .help = "Attempts to connect, by outcome.",
    .kind = QN_COUNTER,
    .labels = {"outcome"},
};
static struct qn_metric closes = {
    .name = "quintet_pg_closes_total",
    .help = "Connections that were closed or lost, by cause.",
    .kind = QN_COUNTER,
    .labels = {"cause"},
};
static struct qn_metric slots_refused = {
    .name = "quintet_pg_slots_refused_total",
    .help = "Attempts that PostgreSQL refused with 53300, by whose limit it was.",
    .kind = QN_COUNTER,
    .labels = {"reason"},
};
static struct qn_metric cancels = {
    .name = "quintet_pg_cancels_total",
    .help = "Statements that PostgreSQL was asked to cancel.",
    .kind = QN_COUNTER,
};
static struct qn_metric moved = {
    .name = "quintet_pg_moved_total",
    .help =
        "Plain SELECTs that were asked once more elsewhere, because they stood behind one that took long.",
    .kind = QN_COUNTER,
};
static struct qn_metric failures = {
    .name = "quintet_pg_failures_total",
    .help = "Queries that did not get an answer, by reason.",
    .kind = QN_COUNTER,
    .labels = {"reason"},
};

static void make_series(void)
{
    static const char *const limits[] = {"role", "database", "server"};
    static const char *const reasons[] = {"pool full", "cannot connect", "query slow",
                                          "no slot",   "locked",         "connection lost",
                                          "read only", "schema",         "server stopping"};
    static const char *const causes[] = {"terminated", "server crash",          "lost",    "read only",
                                         "no answer",  "cancel without effect", "shutdown"};
    for (int state = 0; state < PG_CONN_STATE_COUNT; state++)
        qn_metric_series(&connections, pg_conn_state_name(state), NULL, NULL);
    for (int refusal = 0; refusal < PG_REFUSALS; refusal++)
        qn_metric_series(&connects, pg_refusal_name(refusal), NULL, NULL);
    for (size_t i = 0; i < QN_COUNT(limits); i++)
        qn_metric_series(&slots_refused, limits[i], NULL, NULL);
    for (size_t i = 0; i < QN_COUNT(reasons); i++)
        qn_metric_series(&failures, reasons[i], NULL, NULL);
    for (size_t i = 0; i < QN_COUNT(causes); i++)
        qn_metric_series(&closes, causes[i], NULL, NULL);
    qn_metric_series(&cancels, NULL, NULL, NULL);
    qn_metric_series(&moved, NULL, NULL, NULL);
}

void pg_metrics_init(struct pg_metrics *metrics, size_t n_conns)
{
    make_series();
    qn_metric_set(qn_metric_series(&budget, NULL, NULL, NULL), (double)n_conns);
    metrics->waiting = qn_metric_series(&waiting, NULL, NULL, NULL);
    metrics->wait_seconds = qn_metric_series(&wait_seconds, NULL, NULL, NULL);
    metrics->silent_seconds = qn_metric_series(&silent_seconds, NULL, NULL, NULL);
}

void pg_metrics_state(const char *state, int by)
{
    qn_metric_add(qn_metric_series(&connections, state, NULL, NULL), by);
}

void pg_metrics_connect(enum pg_refusal refusal)
{
    qn_metric_add(qn_metric_series(&connects, pg_refusal_name(refusal), NULL, NULL), 1);
    const char *slots = pg_refusal_slots(refusal);
    if (slots)
        qn_metric_add(qn_metric_series(&slots_refused, slots, NULL, NULL), 1);
}

void pg_metrics_close(const char *cause)
{
    qn_metric_add(qn_metric_series(&closes, cause, NULL, NULL), 1);
}

void pg_metrics_cancel(void)
{
    qn_metric_add(qn_metric_series(&cancels, NULL, NULL, NULL), 1);
}

void pg_metrics_moved(void)
{
    qn_metric_add(qn_metric_series(&moved, NULL, NULL, NULL), 1);
}

void pg_metrics_failure(const char *reason)
{
    qn_metric_add(qn_metric_series(&failures, reason, NULL, NULL), 1);
}

struct qn_series *pg_metrics_statement_seconds(const char *statement)
{
    return qn_metric_series(&statement_seconds, statement, NULL, NULL);
}

struct qn_series *pg_metrics_statements(const char *statement, enum qn_status status)
{
    return qn_metric_series(&statements, statement, qn_status_name(status), NULL);
}
