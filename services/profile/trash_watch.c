/* 1. ask  2. the answer sets the gauges, and a minute later: 1.
 * No connection is ours: nobody is asked, and a little later: 1. No answer: the gauges stay as they are, and
 * a minute later: 1. An end while a question is under way: it is cancelled and the part is done when it has
 * come back. */
#include "services/profile/trash_watch.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"

enum {
    EVERY_MS = 60000,
    UNTIL_UP_MS = 5000, /* of several processes one may have no connection */
    LIMIT_MS = 10000,
    ARENA_MAX = 4096, /* the statement has no parameters */
};

static struct qn_metric due = {
    .name = "quintet_profile_trash_due",
    .help = "Entries for the object store that should be gone and are not; 10000: so many or more.",
    .kind = QN_GAUGE,
};
static struct qn_metric oldest = {
    .name = "quintet_profile_trash_oldest_seconds",
    .help = "For how long one of them should have been gone.",
    .kind = QN_GAUGE,
};

static struct profile_trash_watch *watch_of(struct qn_part *part)
{
    return container_of(part, struct profile_trash_watch, part);
}

static void on_ended(struct qn_later *later)
{
    struct profile_trash_watch *watch = container_of(later, struct profile_trash_watch, later);
    watch->done(&watch->part);
}

static void on_timer(struct qn_timer *timer);

static void on_looked(struct pg_query *query)
{
    struct profile_trash_watch *watch = container_of(query, struct profile_trash_watch, query);
    struct store_trash_state state;
    if (query->status == QN_OK && store_trash_read_state(watch->steps.at[0].result, &state)) {
        qn_metric_set(qn_metric_series(&due, NULL, NULL, NULL), (double)state.due);
        qn_metric_set(qn_metric_series(&oldest, NULL, NULL, NULL), (double)state.oldest_ms / 1000);
    }
    qn_arena_fini(&watch->arena);
    watch->asking = false;
    if (watch->done)
        qn_later_start(watch->loop, &watch->later, on_ended);
    else if (!watch->ending)
        qn_timer_start(watch->loop, &watch->timer, EVERY_MS, on_timer);
}

static void on_timer(struct qn_timer *timer)
{
    struct profile_trash_watch *watch = container_of(timer, struct profile_trash_watch, timer);
    if (pg_pool_slots(watch->database->pool) == 0) {
        qn_timer_start(watch->loop, &watch->timer, UNTIL_UP_MS, on_timer);
        return;
    }
    qn_arena_init(&watch->arena, ARENA_MAX);
    store_steps_init(&watch->steps, &watch->arena);
    store_trash_look(&watch->steps);
    watch->query = (struct pg_query){
        .steps = watch->steps.at,
        .n_steps = watch->steps.n,
        .deadline_ms = qn_clock_now_ms() + LIMIT_MS,
        .done = on_looked,
    };
    watch->asking = true;
    pg_query_start(&watch->query, watch->database->pool);
}

enum qn_status profile_trash_watch_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct profile_trash_watch *watch = watch_of(part);
    (void)err;
    watch->loop = loop;
    watch->ending = false;
    qn_timer_start(loop, &watch->timer, 0, on_timer);
    return QN_OK;
}

static void on_drained(struct qn_later *later)
{
    struct profile_trash_watch *watch = container_of(later, struct profile_trash_watch, later);
    watch->drained(&watch->part);
}

void profile_trash_watch_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct profile_trash_watch *watch = watch_of(part);
    (void)limit_ms;
    watch->ending = true;
    watch->drained = done;
    qn_timer_cancel(watch->loop, &watch->timer);
    qn_later_start(watch->loop, &watch->later, on_drained);
}

void profile_trash_watch_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct profile_trash_watch *watch = watch_of(part);
    watch->ending = true;
    watch->done = done;
    qn_timer_cancel(watch->loop, &watch->timer);
    if (watch->asking)
        pg_query_cancel(&watch->query);
    else
        qn_later_start(watch->loop, &watch->later, on_ended);
}
