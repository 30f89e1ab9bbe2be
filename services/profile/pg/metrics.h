#ifndef PROFILE_PG_METRICS_H
#define PROFILE_PG_METRICS_H

#include "common/core/metric.h"
#include "common/core/status.h"
#include "services/profile/pg/sqlstate.h"

/* What the room counts. Series that are touched with every query are looked up once. */
struct pg_metrics {
    struct qn_series *waiting;
    struct qn_series *wait_seconds;
    struct qn_series *silent_seconds;
};

/* Makes all series whose labels are known beforehand: rate() needs their zero. 'n_conns': the budget. */
void pg_metrics_init(struct pg_metrics *metrics, size_t n_conns);

/* quintet_pg_connections{state} */
void pg_metrics_state(const char *state, int by);
/* quintet_pg_connects_total{outcome} and, for a lack of slots, quintet_pg_slots_refused_total{reason} */
void pg_metrics_connect(enum pg_refusal refusal);
/* quintet_pg_closes_total{cause}; 'cause' is static text */
void pg_metrics_close(const char *cause);
/* quintet_pg_cancels_total */
void pg_metrics_cancel(void);
/* quintet_pg_moved_total */
void pg_metrics_moved(void);
/* quintet_pg_failures_total{reason} */
void pg_metrics_failure(const char *reason);
/* quintet_pg_statement_seconds{statement} */
struct qn_series *pg_metrics_statement_seconds(const char *statement);
/* quintet_pg_statements_total{statement,code} */
struct qn_series *pg_metrics_statements(const char *statement, enum qn_status status);

#endif
