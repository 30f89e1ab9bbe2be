#include "deploy/run/signals.h"

#include <signal.h>

#include "common/core/check.h"

static const struct {
    int number;
    const char *name;
} caught[RUN_SIGNALS] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGUSR1, "SIGUSR1"}};

static void on_instant(struct qn_timer *timer)
{
    container_of(timer, struct run_signals, instant)->same = false;
}

static const char *name_of(int number)
{
    for (size_t i = 0; i < RUN_SIGNALS; i++)
        if (caught[i].number == number)
            return caught[i].name;
    return "?";
}

static void on_signal(void *context, int number)
{
    struct run_signals *signals = context;
    if (number == SIGUSR1) {
        if (signals->number == 0)
            signals->restart(signals);
    } else if (signals->number == 0) {
        signals->number = number;
        signals->same = true;
        qn_timer_start(signals->loop, &signals->instant, RUN_SIGNALS_SAME_MS, on_instant);
        signals->first(signals, name_of(number));
    } else if (number != SIGHUP && !(signals->same && number == signals->number)) {
        signals->second(signals, number, name_of(number));
    }
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

enum qn_status run_signals_open(struct run_signals *signals, struct qn_loop *loop)
{
    signals->loop = loop;
    for (size_t i = 0; i < RUN_SIGNALS; i++) {
        if (caught[i].number == SIGHUP && is_ignored(SIGHUP))
            continue;
        enum qn_status status =
            qn_signal_open(loop, caught[i].number, on_signal, signals, &signals->caught[i]);
        if (status != QN_OK) {
            run_signals_close(signals);
            return status;
        }
    }
    return QN_OK;
}

void run_signals_close(struct run_signals *signals)
{
    qn_timer_cancel(signals->loop, &signals->instant);
    for (size_t i = 0; i < RUN_SIGNALS; i++) {
        if (signals->caught[i])
            qn_signal_close(signals->caught[i]);
        signals->caught[i] = NULL;
    }
}
