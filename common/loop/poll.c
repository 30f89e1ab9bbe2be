#include "common/loop/poll.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/loop/private.h"

struct qn_poll {
    struct qn_owner owner;
    uv_poll_t uv;
    int wanted;
    qn_poll_cb *ready;
    void *context;
};

static void on_closed(uv_handle_t *handle)
{
    free(container_of(handle, struct qn_poll, uv));
}

static void on_ready(uv_poll_t *handle, int status, int uv_events);

static void arm(struct qn_poll *poll)
{
    int uv_events =
        (poll->wanted & QN_READABLE ? UV_READABLE : 0) | (poll->wanted & QN_WRITABLE ? UV_WRITABLE : 0);
    /* Fails only for a descriptor that another handle of this loop watches: a contract between its owners. */
    QN_CHECK((uv_events ? uv_poll_start(&poll->uv, uv_events, on_ready) : uv_poll_stop(&poll->uv)) == 0);
}

static void on_ready(uv_poll_t *handle, int status, int uv_events)
{
    struct qn_poll *poll = container_of(handle, struct qn_poll, uv);
    int events = (uv_events & UV_READABLE ? QN_READABLE : 0) | (uv_events & UV_WRITABLE ? QN_WRITABLE : 0);
    if (status < 0) {
        /* libuv has stopped watching. The owner's next read or write tells what is wrong, if it ever did
         * clear (an error on a socket does); so go on, as a level-triggered watch does. */
        events = poll->wanted;
        arm(poll);
    }
    events &= poll->wanted;
    if (events)
        poll->ready(poll->context, events);
}

enum qn_status qn_poll_open(struct qn_loop *loop, int fd, qn_poll_cb *ready, void *context,
                            struct qn_poll **ret_poll)
{
    struct qn_poll *poll = calloc(1, sizeof *poll);
    if (!poll)
        return QN_RESOURCE_EXHAUSTED;
    enum qn_status status = qn_loop_status(uv_poll_init(&loop->uv, &poll->uv, fd));
    if (status != QN_OK) {
        free(poll);
        return status;
    }
    poll->owner.kind = "poll";
    poll->uv.data = &poll->owner;
    poll->ready = ready;
    poll->context = context;
    *ret_poll = poll;
    return QN_OK;
}

void qn_poll_want(struct qn_poll *poll, int events)
{
    events &= QN_READABLE | QN_WRITABLE;
    if (events == poll->wanted)
        return; /* starting anew costs two system calls */
    poll->wanted = events;
    arm(poll);
}

void qn_poll_close(struct qn_poll *poll)
{
    /* uv_close takes the descriptor out of epoll at once and forgets its pending events. */
    uv_close((uv_handle_t *)&poll->uv, on_closed);
}
