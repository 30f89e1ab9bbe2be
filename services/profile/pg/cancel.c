#include "common/core/check.h"
#include "services/profile/pg/conn.h"

/* PQcancel() opens a connection of its own and waits for the server to close it, which libpq 15 can do in no
 * other way than blocking; so it runs in a lane, two at once. PostgreSQL's signal goes to whatever the
 * backend does at that moment. Therefore nothing else may be under way on the connection, and nothing is sent
 * on it until PQcancel() has returned (then the signal has been sent: the server closes afterwards) and the
 * answer has been read (then the backend waits for a command, where a late signal is thrown away). */

enum {
    /* From the wish to cancel until the answer. Beyond it the server hangs or the network is gone. */
    PATIENCE_MS = 5000,
};

/* On a thread of the lane: touches nothing but what PQgetCancel() copied and the two results. */
static void run_cancel(struct qn_work *work)
{
    struct pg_conn *conn = container_of(work, struct pg_conn, cancel_work);
    conn->cancel_failed = PQcancel(conn->cancel, conn->cancel_error, sizeof conn->cancel_error) != 1;
}

static void on_cancelled(struct qn_work *work, enum qn_status status)
{
    struct pg_conn *conn = container_of(work, struct pg_conn, cancel_work);
    conn->cancel_busy = false;
    PQfreeCancel(conn->cancel);
    conn->cancel = NULL;
    if (status == QN_OK && conn->cancel_failed)
        qn_log(&conn->log, QN_WARN, "cancel failed", QN_F_C("said", conn->cancel_error));
    pg_cancel_settle(conn);
    conn->owner->room(conn);
}

static void on_impatience(struct qn_timer *timer)
{
    pg_conn_close(container_of(timer, struct pg_conn, timer), "cancel without effect");
}

void pg_cancel_start(struct pg_conn *conn)
{
    QN_CHECK(conn->n_flights == 1 && !conn->cancel_busy);
    pg_conn_move(conn, PG_CONN_CANCELLING);
    qn_timer_start(conn->loop, &conn->timer, PATIENCE_MS, on_impatience);
    conn->cancel = PQgetCancel(conn->pg);
    if (!conn->cancel)
        return; /* out of memory: the timer ends the wait */
    conn->cancel_busy = true;
    conn->cancel_failed = false;
    pg_metrics_cancel();
    qn_work_start(conn->cancel_lane, &conn->cancel_work, 0, run_cancel, on_cancelled);
}

void pg_cancel_settle(struct pg_conn *conn)
{
    if (conn->state != PG_CONN_CANCELLING || conn->n_flights > 0)
        return;
    if (conn->cancel_busy)
        qn_work_cancel(&conn->cancel_work); /* the answer was faster: perhaps it need not begin at all */
    else
        pg_conn_move(conn, PG_CONN_IDLE);
}
