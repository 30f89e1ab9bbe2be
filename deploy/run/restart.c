#include "deploy/run/restart.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "deploy/run/wiring.h"

static void next(struct run_stack *stack);

static struct run_stack *stack_of(struct run_roll *roll)
{
    return container_of(roll, struct run_stack, restart.roll);
}

static void not_restarted(struct run_stack *stack, const char *why)
{
    qn_log(NULL, QN_ERROR, "not restarted: it goes on as it was, and so do those that were to follow",
           QN_F_C("service", run_stack_kinds[stack->restart.which].name), QN_F_C("why", why));
    stack->restart.wanted = 0;
    stack->restart.busy = false;
}

static void on_taken_over(struct run_roll *roll)
{
    struct run_stack *stack = stack_of(roll);
    stack->services[stack->restart.which] = roll->successor;
    run_wiring_endpoints(stack);
}

static void on_done(struct run_roll *roll, const char *why_not)
{
    struct run_stack *stack = stack_of(roll);
    const struct run_service *service = stack->services[stack->restart.which];
    if (why_not) {
        not_restarted(stack, why_not);
        return;
    }
    qn_log(NULL, QN_INFO, "restarted", QN_F_C("service", service->name), QN_F_INT("pid", service->child.pid),
           QN_F_INT("took_ms", qn_clock_now_ms() - stack->restart.since_ms));
    next(stack);
}

static void roll(struct run_stack *stack)
{
    enum run_stack_service which = stack->restart.which;
    struct run_service *pair = stack->pairs[which], *incumbent = stack->services[which];
    struct run_roll *roll = &stack->restart.roll;
    roll->loop = stack->loop;
    roll->patience_ms = RUN_RESTART_PATIENCE_MS;
    roll->stop_limit_ms = run_stack_stop_limit_ms(stack);
    roll->taken_over = on_taken_over;
    roll->done = on_done;
    run_roll_start(roll, incumbent, incumbent == &pair[0] ? &pair[1] : &pair[0]);
}

static void on_prepared(struct run_prepare *prepare, const struct qn_error *err)
{
    struct run_stack *stack = container_of(prepare, struct run_stack, prepare);
    if (err)
        not_restarted(stack, err->message);
    else
        roll(stack);
}

static void next(struct run_stack *stack)
{
    stack->restart.busy = stack->restart.wanted != 0;
    if (!stack->restart.busy)
        return;
    stack->restart.which = (enum run_stack_service)__builtin_ctz(stack->restart.wanted);
    stack->restart.wanted &= stack->restart.wanted - 1;
    stack->restart.since_ms = qn_clock_now_ms();
    qn_log(NULL, QN_INFO, "restarting", QN_F_C("service", run_stack_kinds[stack->restart.which].name),
           QN_F_INT("pid", stack->services[stack->restart.which]->child.pid));
    if (stack->restart.which == RUN_PROFILE)
        run_stack_prepare(stack, on_prepared);
    else
        roll(stack);
}

void run_restart_ask(struct run_stack *stack, unsigned services)
{
    QN_CHECK(services < 1U << RUN_SERVICES);
    if (stack->stopping || !stack->announced) {
        qn_log(NULL, QN_WARN, "not restarted",
               QN_F_C("why", stack->stopping ? "all is stopped" : "it is still starting"));
        return;
    }
    stack->restart.wanted |= services;
    if (!stack->restart.busy)
        next(stack);
}

static void on_stopped(struct run_roll *roll)
{
    struct run_stack *stack = stack_of(roll);
    stack->restart.stopped(stack);
}

void run_restart_stop(struct run_stack *stack, void (*stopped)(struct run_stack *stack))
{
    stack->restart.wanted = 0;
    stack->restart.stopped = stopped;
    run_roll_stop(&stack->restart.roll, on_stopped);
}

void run_restart_kill(struct run_stack *stack)
{
    run_roll_kill(&stack->restart.roll);
}
