#include "services/media/picture/worker.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/core/check.h"
#include "common/core/clock.h"

/* To load libvips takes 30 ms; a machine that swaps takes longer. */
enum { START_LIMIT_MS = 10000 };

static void enter(struct media_picture_worker *worker, enum media_worker_state state)
{
    worker->state = state;
    worker->since_ms = qn_clock_now_ms();
}

static void end(struct media_picture_worker *worker)
{
    qn_timer_cancel(worker->pool->loop, &worker->start_limit);
    qn_buf_fini(&worker->body);
    worker->job = NULL;
    enter(worker, MEDIA_WORKER_ENDING);
    media_process_kill(&worker->process);
}

static void lose(struct media_picture_worker *worker, enum qn_status status)
{
    enum media_worker_state was = worker->state;
    struct media_picture_job *job = worker->job;
    worker->by_us = status == QN_INTERNAL;
    end(worker);
    media_pool_worker_lost(worker, was, job, status);
}

static void on_ended(struct media_process *process, int status)
{
    struct media_picture_worker *worker = container_of(process, struct media_picture_worker, process);
    if (worker->state != MEDIA_WORKER_ENDING)
        lose(worker, QN_UNAVAILABLE); /* its end came before the end of the stream was seen */
    enter(worker, MEDIA_WORKER_ABSENT);
    media_pool_worker_ended(worker, status);
}

/* --- what it is told --- */

static struct qn_str rest_to_send(const struct media_picture_worker *worker)
{
    struct qn_str bytes = worker->job->bytes;
    if (worker->sent < sizeof worker->ask)
        return qn_str_n(worker->ask + worker->sent, sizeof worker->ask - worker->sent);
    size_t at = worker->sent - sizeof worker->ask;
    return qn_str_n(bytes.ptr + at, bytes.len - at);
}

/* False: the worker is lost. */
static bool send_some(struct media_picture_worker *worker)
{
    for (;;) {
        struct qn_str rest = rest_to_send(worker);
        if (rest.len == 0) {
            media_process_want(&worker->process, QN_READABLE);
            return true;
        }
        ssize_t n = send(worker->process.fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            media_process_want(&worker->process, QN_READABLE | QN_WRITABLE);
            return true;
        }
        if (n < 0) {
            lose(worker, QN_UNAVAILABLE);
            return false;
        }
        worker->sent += (size_t)n;
    }
}

void media_worker_ask(struct media_picture_worker *worker, struct media_picture_job *job)
{
    QN_CHECK(worker->state == MEDIA_WORKER_IDLE);
    const struct media_frame_ask ask = {.kind = job->kind, .length = (uint32_t)job->bytes.len};
    media_frame_write_ask(&ask, worker->ask);
    worker->job = job;
    worker->sent = 0;
    worker->received = 0;
    enter(worker, MEDIA_WORKER_BUSY);
    /* Sent when the loop says so: the pool is in the middle of handing out jobs, and must not hear of one
     * lost meanwhile. */
    media_process_want(&worker->process, QN_READABLE | QN_WRITABLE);
}

/* --- what it says --- */

static bool all_sent(const struct media_picture_worker *worker)
{
    return worker->sent == sizeof worker->ask + worker->job->bytes.len;
}

static void finish(struct media_picture_worker *worker)
{
    struct media_picture_job *job = worker->job;
    struct qn_str large = {0}, small = {0}, blur = {0};
    if (worker->answer.outcome == MEDIA_FRAME_DONE &&
        media_frame_read_body(&worker->answer, qn_buf_view(&worker->body), &large, &small, &blur) != QN_OK) {
        lose(worker, QN_INTERNAL);
        return;
    }
    worker->job = NULL;
    worker->received = 0;
    worker->n_answered++;
    enter(worker, MEDIA_WORKER_IDLE);
    struct qn_buf body = worker->body; /* the views are into it, and the next job may begin meanwhile */
    worker->body = (struct qn_buf){0};
    media_pool_worker_answered(worker, job, &worker->answer, large, small, blur);
    qn_buf_fini(&body);
}

static void take_hello(struct media_picture_worker *worker)
{
    if (media_frame_read_hello(qn_str_n(worker->head, MEDIA_FRAME_HELLO_LEN)) != QN_OK) {
        lose(worker, QN_INTERNAL);
        return;
    }
    qn_timer_cancel(worker->pool->loop, &worker->start_limit);
    worker->received = 0;
    enter(worker, MEDIA_WORKER_IDLE);
    media_pool_worker_ready(worker);
}

static void take_head(struct media_picture_worker *worker)
{
    enum qn_status status =
        media_frame_read_answer(qn_str_n(worker->head, MEDIA_FRAME_ANSWER_LEN), &worker->answer);
    if (status != QN_OK || !all_sent(worker)) {
        lose(worker, QN_INTERNAL);
        return;
    }
    size_t len = media_frame_body_len(&worker->answer);
    if (len == 0) {
        finish(worker);
        return;
    }
    qn_buf_init(&worker->body, len);
    if (!qn_buf_reserve(&worker->body, len))
        lose(worker, QN_INTERNAL);
}

/* Where its next bytes go, and how many may come. A NULL place: none may. */
static void *place_for(struct media_picture_worker *worker, size_t *ret_len)
{
    if (worker->state == MEDIA_WORKER_IDLE) {
        *ret_len = 1;
        return NULL;
    }
    size_t want = worker->state == MEDIA_WORKER_STARTING ? MEDIA_FRAME_HELLO_LEN : MEDIA_FRAME_ANSWER_LEN;
    if (worker->received < want) {
        *ret_len = want - worker->received;
        return worker->head + worker->received;
    }
    *ret_len = worker->body.ceiling - worker->body.len;
    return worker->body.data + worker->body.len;
}

static void take(struct media_picture_worker *worker, size_t n)
{
    bool starting = worker->state == MEDIA_WORKER_STARTING;
    size_t want = starting ? MEDIA_FRAME_HELLO_LEN : MEDIA_FRAME_ANSWER_LEN;
    if (worker->received == want) {
        qn_buf_commit(&worker->body, n);
        if (worker->body.len == worker->body.ceiling)
            finish(worker);
        return;
    }
    worker->received += n;
    if (worker->received < want)
        return;
    if (starting)
        take_hello(worker);
    else
        take_head(worker);
}

/* One read a turn, of whatever is there: an answer of half a megabyte takes a few turns. */
static void receive_some(struct media_picture_worker *worker)
{
    char none;
    size_t len;
    void *to = place_for(worker, &len);
    ssize_t n = recv(worker->process.fd, to ? to : &none, len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0)
        lose(worker, QN_UNAVAILABLE);
    else if (!to)
        lose(worker, QN_INTERNAL); /* it speaks without having been asked */
    else
        take(worker, (size_t)n);
}

static void on_ready(struct media_process *process, int events)
{
    struct media_picture_worker *worker = container_of(process, struct media_picture_worker, process);
    if ((events & QN_WRITABLE) && !send_some(worker))
        return;
    if (events & QN_READABLE)
        receive_some(worker);
}

/* --- its life --- */

static void on_start_limit(struct qn_timer *timer)
{
    lose(container_of(timer, struct media_picture_worker, start_limit), QN_INTERNAL);
}

enum qn_status media_worker_start(struct media_picture_worker *worker, struct qn_error *err)
{
    QN_CHECK(worker->state == MEDIA_WORKER_ABSENT);
    QN_TRY(media_process_start(&worker->process, worker->pool->loop, worker->pool->program, on_ready,
                               on_ended, err));
    worker->n_answered = 0;
    worker->received = 0;
    worker->by_us = false;
    enter(worker, MEDIA_WORKER_STARTING);
    qn_timer_start(worker->pool->loop, &worker->start_limit, START_LIMIT_MS, on_start_limit);
    return QN_OK;
}

void media_worker_kill(struct media_picture_worker *worker)
{
    if (worker->state == MEDIA_WORKER_ABSENT || worker->state == MEDIA_WORKER_ENDING)
        return;
    worker->by_us = true;
    end(worker);
}
