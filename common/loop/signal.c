#include "common/loop/signal.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/loop/private.h"

struct qn_signal {
    struct qn_owner owner;
    uv_signal_t uv;
    void (*caught)(void *context, int number);
    void *context;
};

static void on_closed(uv_handle_t *handle)
{
    free(container_of(handle, struct qn_signal, uv));
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct qn_signal *signal = container_of(handle, struct qn_signal, uv);
    signal->caught(signal->context, number);
}

enum qn_status qn_signal_open(struct qn_loop *loop, int number, void (*caught)(void *context, int number),
                              void *context, struct qn_signal **ret_signal)
{
    struct qn_signal *signal = calloc(1, sizeof *signal);
    if (!signal)
        return QN_RESOURCE_EXHAUSTED;
    enum qn_status status = qn_loop_status(uv_signal_init(&loop->uv, &signal->uv));
    if (status != QN_OK) {
        free(signal);
        return status;
    }
    signal->owner.kind = "signal";
    signal->uv.data = &signal->owner;
    signal->caught = caught;
    signal->context = context;
    status = qn_loop_status(uv_signal_start(&signal->uv, on_signal, number));
    if (status != QN_OK) {
        uv_close((uv_handle_t *)&signal->uv, on_closed);
        return status;
    }
    *ret_signal = signal;
    return QN_OK;
}

void qn_signal_close(struct qn_signal *signal)
{
    uv_close((uv_handle_t *)&signal->uv, on_closed);
}
