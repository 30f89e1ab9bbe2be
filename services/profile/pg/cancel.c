#include <stdlib.h>

#include "common/core/check.h"
#include "services/profile/pg/conn.h"

/* PQcancel() opens a connection of its own and waits for the server to close it, which libpq 15 can do in no
 * other way than blocking; so it runs in a lane, two at once. PostgreSQL's signal goes to whatever the
 * backend does at that moment. Therefore nothing else may be under way on the connection, and nothing is sent
 * on it until PQcancel() has returned (then the signal has been sent: the server closes afterwards) and the
 * answer has been read (then the backend waits for a command, where a late signal is thrown away).
 *
 * In a network that swallows all, PQcancel() returns after minutes. So the job has memory of its own: when
 * its connection is given up it is an orphan, aimed at a backend that nobody speaks to any more, and the
 * connection opens anew without it. Orphans keep their threads; when they have both, late statements are
 * left to statement_timeout. The pool's end waits for none. */

enum {
    CANCELS_AT_ONCE = 2,
    /* From the wish to cancel until the answer. Beyond it the server hangs or the network is gone. */
    PATIENCE_MS = 5000,
};

struct pg_cancel {
    struct qn_work work;
    struct pg_canceller *canceller;
    struct pg_conn *conn; /* NULL: an orphan; the loop's alone, as is the line above */
    PGcancel *target;
    bool failed;
    char said[256];
};

static void free_job(struct pg_cancel *job)
{
    PQfreeCancel(job->target);
    free(job);
}

/* On a thread of the lane: touches nothing but what PQgetCancel() copied and the two results. */
static void run_cancel(struct qn_work *work)
{
    struct pg_cancel *job = container_of(work, struct pg_cancel, work);
    job->failed = PQcancel(job->target, job->said, sizeof job->said) != 1;
}

static void on_cancelled(struct qn_work *work, enum qn_status status)
{
    struct pg_cancel *job = container_of(work, struct pg_cancel, work);
    struct pg_conn *conn = job->conn;
    if (!conn) {
        job->canceller->n_orphans--;
        free_job(job);
        return;
    }
    conn->cancel = NULL;
    if (status == QN_OK && job->failed)
        qn_log(&conn->log, QN_WARN, "cancel failed", QN_F_C("said", job->said));
    free_job(job);
    pg_cancel_settle(conn);
    conn->owner->room(conn);
}

/* On its thread, when the pool has ended without it. */
static void on_left(struct qn_work *work)
{
    free_job(container_of(work, struct pg_cancel, work));
}

static void on_impatience(struct qn_timer *timer)
{
    pg_conn_close(container_of(timer, struct pg_conn, timer), "cancel without effect");
}

bool pg_cancel_may_start(const struct pg_conn *conn)
{
    return conn->canceller->n_orphans < CANCELS_AT_ONCE;
}

void pg_cancel_start(struct pg_conn *conn)
{
    QN_CHECK(conn->n_flights == 1 && !conn->cancel);
    pg_conn_move(conn, PG_CONN_CANCELLING);
    qn_timer_start(conn->loop, &conn->timer, PATIENCE_MS, on_impatience);
    struct pg_cancel *job = calloc(1, sizeof *job);
    if (job)
        job->target = PQgetCancel(conn->pg);
    if (!job || !job->target) {
        free(job);
        return; /* out of memory: the timer ends the wait */
    }
    job->canceller = conn->canceller;
    job->conn = conn;
    conn->cancel = job;
    pg_metrics_cancel();
    qn_work_start(conn->canceller->lane, &job->work, 0, run_cancel, on_cancelled);
}

void pg_cancel_settle(struct pg_conn *conn)
{
    if (conn->state != PG_CONN_CANCELLING || conn->n_flights > 0)
        return;
    if (conn->cancel)
        qn_work_cancel(&conn->cancel->work); /* the answer was faster: perhaps it need not begin at all */
    else
        pg_conn_move(conn, PG_CONN_IDLE);
}

void pg_cancel_orphan(struct pg_conn *conn)
{
    struct pg_cancel *job = conn->cancel;
    if (!job)
        return;
    conn->cancel = NULL;
    job->conn = NULL;
    job->canceller->n_orphans++;
    qn_work_cancel(&job->work); /* perhaps it need not begin at all */
}

enum qn_status pg_canceller_open(struct pg_canceller *canceller, struct qn_loop *loop)
{
    struct qn_lane_options lane = {
        .name = "pg_cancel", .threads = CANCELS_AT_ONCE, .queue_max = PG_CONNECTIONS_MAX};
    return qn_lane_open(loop, &lane, &canceller->lane);
}

void pg_canceller_close(struct pg_canceller *canceller, void (*closed)(void *context), void *context)
{
    qn_lane_abandon(canceller->lane, on_left, closed, context);
}
