#include "tests/harness/loop_fixture.h"

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/log.h"
#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "tests/harness/test.h"

static struct qn_loop *current;

struct qn_loop *loop_fixture_begin(void)
{
    if (current) { /* left by a test that failed halfway: what it held is unknown, so it is leaked, not freed
                    */
        qn_log_redirect(NULL, NULL);
        qn_metric_reset();
        current = NULL;
    }
    if (qn_loop_new(&current) != QN_OK)
        fail_msg("no loop");
    return current;
}

void loop_fixture_end(void)
{
    struct qn_buf names;
    qn_buf_init(&names, 512);
    size_t count = qn_loop_leftovers(current, &names);
    if (count > 0)
        fail_msg("the loop still has %zu open: %s", count, qn_buf_view(&names).ptr);
    qn_buf_fini(&names);
    assert_true(qn_loop_free(current));
    current = NULL;
}

struct guard {
    struct qn_timer timer;
    bool fired;
};

static void on_guard(struct qn_timer *timer)
{
    container_of(timer, struct guard, timer)->fired = true;
}

static bool is_set(const void *flag)
{
    return *(const bool *)flag;
}

struct count {
    const size_t *at;
    size_t want;
};

static bool is_reached(const void *context)
{
    const struct count *count = context;
    return *count->at >= count->want;
}

static void run_until(bool (*reached)(const void *context), const void *context, uint64_t timeout_ms)
{
    struct guard guard = {0};
    qn_timer_start(current, &guard.timer, timeout_ms, on_guard);
    while (!reached(context) && !guard.fired)
        qn_loop_wait(current); /* the guard is always there to wait for */
    qn_timer_cancel(current, &guard.timer);
    if (!reached(context))
        fail_msg("waited %llu ms in vain", (unsigned long long)timeout_ms);
}

void loop_fixture_run_until(const bool *flag, uint64_t timeout_ms)
{
    run_until(is_set, flag, timeout_ms);
}

void loop_fixture_run_until_count(const size_t *count, size_t want, uint64_t timeout_ms)
{
    const struct count context = {count, want};
    run_until(is_reached, &context, timeout_ms);
}

int loop_fixture_setup(void **state)
{
    *state = loop_fixture_begin();
    return 0;
}

int loop_fixture_teardown(void **state)
{
    (void)state;
    loop_fixture_end();
    return 0;
}
