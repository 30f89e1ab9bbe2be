#include "common/rpc/sp_pipe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "common/core/metric.h"

/* A connection: 1. connects  2. shakes hands, with TLS  3. both sides say hello  4. messages come, each
 * handed to the owner, and leave, all that were queued in a turn of the loop with one system call. A
 * stranger's hello, bytes that break the framing, a message over the limit, no hello in time, a reader that
 * stands still, a message that is not sent to its end: the connection is closed, and counted. */

enum {
    /* Who is there says hello at once; a peer that has taken no byte of an answer for so long gets none. */
    GREETING_MS = 5000,
    STALLED_MS = 30000,
    /* Likewise of a message: 1,024 connections that each begin one of 4 MiB would hold 4 GiB for ever. */
    UNFINISHED_MS = 30000,
    /* A machine may go without a word, and a firewall may forget a connection, or reset the other end alone.
     * The system asks about a connection on which nothing has come for KEEPALIVE_AFTER_S, and gives it up
     * when nothing, asked or sent, was acknowledged for as long as a reader may stand still. Without, it asks
     * after two hours, and a server that is to end waits for a client that is no more. */
    KEEPALIVE_AFTER_S = 5,
    KEEPALIVE_EVERY_S = 5,
    UNACKNOWLEDGED_MS = STALLED_MS,
    /* Of the queue, in one system call; two pieces each, and IOV_MAX is 1,024. */
    WRITE_AT_ONCE = 32,
    /* Of what came before a connection broke. A kernel's buffer is a few hundred KB, and each read takes 32
     * KiB or what is missing of a message; a peer that goes on sending is not waited for. */
    READS_AT_END_MAX = 256,
    WARN_EVERY_MS = 1000,
};

static struct qn_metric broken_metric = {
    .name = "quintet_rpc_connections_broken_total",
    .help = "Connections closed by us because of the other side",
    .kind = QN_COUNTER,
    .labels = {"reason"},
};

static void count_broken(const char *reason)
{
    qn_metric_add(qn_metric_series(&broken_metric, reason, NULL, NULL), 1);
}

static void on_work(struct qn_later *later);

static void work_later(struct qn_sp_pipe *pipe)
{
    qn_later_start(pipe->loop, &pipe->work, on_work);
}

/* A server hears nothing more of a client that does not take its answers: so what waits for it has an end. A
 * client always hears: were both deaf, neither would get on. */
static bool is_deaf(const struct qn_sp_pipe *pipe)
{
    return pipe->paused || (pipe->blocked && pipe->protocol == QN_SP_REP);
}

/* Readable is wanted only when all that came is handed on, for only then the inbox has room. */
static void want(struct qn_sp_pipe *pipe)
{
    bool write = pipe->state == QN_SP_CONNECTING || pipe->blocked;
    qn_poll_want(pipe->poll, (is_deaf(pipe) ? 0 : QN_READABLE) | (write ? QN_WRITABLE : 0));
}

/* Closing. */

static void shut(struct qn_sp_pipe *pipe)
{
    pipe->state = QN_SP_CLOSED;
    qn_timer_cancel(pipe->loop, &pipe->timer);
    qn_timer_cancel(pipe->loop, &pipe->rest);
    if (pipe->poll != NULL)
        qn_poll_close(pipe->poll);
    close(pipe->stream.fd);
    qn_sp_tls_free(pipe->stream.tls);
    pipe->stream.tls = NULL;
    qn_sp_inbox_fini(&pipe->inbox);
    struct qn_node *node;
    while ((node = qn_list_pop(&pipe->out)) != NULL) {
        struct qn_message *message = container_of(node, struct qn_message, node);
        if (message->sender == NULL)
            qn_message_free(message);
    }
    work_later(pipe); /* whoever is still looking at it is done by then */
}

void qn_sp_pipe_close(struct qn_sp_pipe *pipe)
{
    QN_CHECK(pipe->state != QN_SP_CLOSED);
    shut(pipe);
}

static void lose(struct qn_sp_pipe *pipe)
{
    shut(pipe);
    pipe->events->closed(pipe);
}

static void lose_for(struct qn_sp_pipe *pipe, const char *reason)
{
    count_broken(reason);
    lose(pipe);
}

/* Both sides' operators want to know why their services do not speak. */
static void lose_for_tls(struct qn_sp_pipe *pipe)
{
    static struct qn_log_limit limit;
    uint64_t held_back;
    qn_sp_stream_refuse(&pipe->stream);
    if (qn_log_due(&limit, WARN_EVERY_MS, &held_back))
        qn_log(NULL, QN_WARN, "connection between services refused by TLS",
               QN_F_C("why", qn_sp_stream_why(&pipe->stream)),
               QN_F_C("side", pipe->protocol == QN_SP_REP ? "server" : "client"),
               QN_F_INT("held_back", held_back));
    lose_for(pipe, "tls");
}

/* Writing. */

/* The pieces of the queue that come next. */
static size_t gather(struct qn_sp_pipe *pipe, struct iovec pieces[2 * WRITE_AT_ONCE])
{
    size_t n = 0;
    qn_list_each (node, &pipe->out) {
        struct qn_message *message = container_of(node, struct qn_message, node);
        size_t skip = message->sent > message->head_len ? message->sent - message->head_len : 0;
        if (n + 2 > 2 * WRITE_AT_ONCE)
            break;
        if (message->sent < message->head_len)
            pieces[n++] = (struct iovec){message->head + message->sent, message->head_len - message->sent};
        if (message->len > skip)
            pieces[n++] = (struct iovec){message->bytes + skip, message->len - skip};
    }
    return n;
}

/* So many bytes of the queue have left. False: the pipe was closed in an event. */
static bool account(struct qn_sp_pipe *pipe, size_t sent)
{
    while (!qn_list_empty(&pipe->out)) {
        struct qn_message *message = container_of(qn_list_first(&pipe->out), struct qn_message, node);
        size_t left = message->head_len + message->len - message->sent, part = sent < left ? sent : left;
        message->sent += part;
        sent -= part;
        if (part < left)
            break;
        void *sender = message->sender;
        qn_list_remove(&pipe->out, &message->node);
        qn_message_free(message);
        if (sender != NULL)
            pipe->events->written(pipe, sender);
        if (pipe->state == QN_SP_CLOSED)
            return false;
    }
    return true;
}

static void on_stalled(struct qn_timer *timer)
{
    lose_for(container_of(timer, struct qn_sp_pipe, timer), "stalled");
}

static void await_movement(struct qn_sp_pipe *pipe)
{
    pipe->blocked = true;
    qn_timer_start(pipe->loop, &pipe->timer, pipe->stalled_ms, on_stalled);
}

static void read_to_end(struct qn_sp_pipe *pipe);

/* Writes what is queued, as far as the kernel takes it. False: the pipe is closed. */
static bool flush(struct qn_sp_pipe *pipe)
{
    for (;;) {
        struct iovec pieces[2 * WRITE_AT_ONCE];
        size_t n_pieces = gather(pipe, pieces);
        if (n_pieces == 0 && !qn_sp_stream_is_behind(&pipe->stream))
            break;
        ssize_t sent = qn_sp_stream_write(&pipe->stream, pieces, n_pieces);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!pipe->blocked)
                await_movement(pipe);
            return true;
        }
        if (sent < 0) {
            read_to_end(pipe);
            return false;
        }
        if (pipe->blocked)
            await_movement(pipe); /* it moves */
        if (!account(pipe, (size_t)sent))
            return false;
    }
    if (pipe->blocked) {
        pipe->blocked = false;
        qn_timer_cancel(pipe->loop, &pipe->timer);
        work_later(pipe); /* messages may have waited for this */
    }
    return true;
}

void qn_sp_pipe_send(struct qn_sp_pipe *pipe, struct qn_message *message, void *sender,
                     const struct qn_sp_trace *trace)
{
    QN_CHECK(pipe->state == QN_SP_OPEN);
    message->head_len = qn_sp_put_head(message->head, pipe->inbox.ipc, trace, message->len);
    message->sent = 0;
    message->sender = sender;
    qn_list_push(&pipe->out, &message->node);
    if (!pipe->blocked)
        work_later(pipe);
}

void qn_sp_pipe_unsend(struct qn_sp_pipe *pipe, struct qn_message *message)
{
    QN_CHECK(message->sent == 0);
    qn_list_remove(&pipe->out, &message->node);
}

/* Reading. */

/* Hands on what has come. False: the pipe is closed. */
static bool hand_on(struct qn_sp_pipe *pipe)
{
    while (!is_deaf(pipe)) {
        struct qn_sp_trace trace;
        struct qn_message *message;
        switch (qn_sp_inbox_next(&pipe->inbox, &trace, &message)) {
        case QN_SP_MORE:
            return true;
        case QN_SP_HELLO:
            pipe->state = QN_SP_OPEN;
            qn_timer_cancel(pipe->loop, &pipe->timer);
            pipe->events->open(pipe);
            break;
        case QN_SP_MESSAGE:
            pipe->paused = !pipe->events->message(pipe, &trace, message) && pipe->state != QN_SP_CLOSED;
            break;
        case QN_SP_MALFORMED:
            lose_for(pipe, "malformed");
            return false;
        case QN_SP_TOO_LARGE:
            lose_for(pipe, "too_large");
            return false;
        case QN_SP_NO_MEMORY:
            lose_for(pipe, "memory");
            return false;
        }
        if (pipe->state == QN_SP_CLOSED)
            return false;
    }
    want(pipe);
    return true;
}

static void on_unfinished(struct qn_timer *timer)
{
    lose_for(container_of(timer, struct qn_sp_pipe, rest), "unfinished");
}

/* Of a message that has come in part the rest is waited for, but not for ever. 'moved': some of it came just
 * now. What waits in the kernel while we do not read is not the other side's fault. */
static void await_rest(struct qn_sp_pipe *pipe, bool moved)
{
    if (is_deaf(pipe) || !qn_sp_inbox_is_partial(&pipe->inbox))
        qn_timer_cancel(pipe->loop, &pipe->rest);
    else if (moved || !qn_timer_active(&pipe->rest))
        qn_timer_start(pipe->loop, &pipe->rest, pipe->unfinished_ms, on_unfinished);
}

/* False: nothing came, or the pipe is closed. */
static bool read_some(struct qn_sp_pipe *pipe)
{
    struct iovec room[2];
    size_t n_room = qn_sp_inbox_room(&pipe->inbox, room);
    if (n_room == 0) {
        lose_for(pipe, "memory");
        return false;
    }
    ssize_t came = qn_sp_stream_read(&pipe->stream, room, n_room);
    if (came < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (came <= 0) {
        (came < 0 && errno == EPROTO ? lose_for_tls : lose)(pipe);
        return false;
    }
    qn_sp_inbox_filled(&pipe->inbox, (size_t)came);
    if (!hand_on(pipe))
        return false;
    await_rest(pipe, true);
    return true;
}

/* What came already, and is seen by no poll. */
static void read_on(struct qn_sp_pipe *pipe)
{
    while (!is_deaf(pipe) && qn_sp_stream_has_more(&pipe->stream) && read_some(pipe)) {
    }
}

/* The other side has gone, and takes nothing more. What it said before counts all the same: a client's call
 * that was answered is not to be told as lost. */
static void read_to_end(struct qn_sp_pipe *pipe)
{
    for (int i = 0; i < READS_AT_END_MAX && pipe->protocol == QN_SP_REQ && read_some(pipe); i++) {
    }
    if (pipe->state != QN_SP_CLOSED)
        lose(pipe);
}

void qn_sp_pipe_resume(struct qn_sp_pipe *pipe)
{
    if (!pipe->paused)
        return;
    pipe->paused = false;
    work_later(pipe);
}

/* Its life. */

static void on_work(struct qn_later *later)
{
    struct qn_sp_pipe *pipe = container_of(later, struct qn_sp_pipe, work);
    if (pipe->state == QN_SP_CLOSED) {
        free(pipe);
        return;
    }
    if (pipe->state != QN_SP_OPEN || pipe->blocked || flush(pipe)) {
        if (!hand_on(pipe))
            return;
        want(pipe);
        await_rest(pipe, false);
        read_on(pipe);
    }
}

static void on_late(struct qn_timer *timer)
{
    lose_for(container_of(timer, struct qn_sp_pipe, timer), "no_hello");
}

static void say_hello(struct qn_sp_pipe *pipe)
{
    uint8_t hello[QN_SP_HELLO_BYTES];
    const struct iovec piece = {hello, sizeof(hello)};
    qn_sp_put_hello(hello, pipe->protocol);
    pipe->state = QN_SP_GREETING;
    /* The connection is new, so its buffer has room for eight bytes. */
    if (qn_sp_stream_write(&pipe->stream, &piece, 1) != (ssize_t)sizeof(hello)) {
        lose(pipe);
        return;
    }
    want(pipe);
    read_on(pipe); /* its hello may have come with the last of the hand-shake */
}

static void shake(struct qn_sp_pipe *pipe)
{
    enum qn_sp_tls_step step = qn_sp_stream_shake(&pipe->stream);
    if (step == QN_SP_TLS_DONE)
        say_hello(pipe);
    else if (step == QN_SP_TLS_FAILED)
        lose_for_tls(pipe);
    else
        want(pipe);
}

static void on_connected(struct qn_sp_pipe *pipe)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(pipe->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        lose(pipe);
    } else {
        pipe->state = QN_SP_SHAKING;
        shake(pipe);
    }
}

static void on_ready(void *context, int events)
{
    struct qn_sp_pipe *pipe = context;
    if (pipe->state == QN_SP_CONNECTING) {
        on_connected(pipe);
        return;
    }
    if (pipe->state == QN_SP_SHAKING) {
        shake(pipe);
        return;
    }
    if ((events & QN_WRITABLE) && pipe->blocked && !flush(pipe))
        return;
    if ((events & QN_READABLE) && !is_deaf(pipe) && read_some(pipe))
        read_on(pipe);
}

static void set_tcp_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1}, /* messages are whole when they are written */
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_AFTER_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
    };
    for (size_t i = 0; i < QN_COUNT(options); i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

struct qn_sp_pipe *qn_sp_pipe_open(struct qn_loop *loop, const struct qn_sp_pipe_options *options)
{
    struct qn_sp_pipe *pipe = calloc(1, sizeof(*pipe));
    bool room = pipe != NULL;
    if (room && options->tls != NULL)
        room = (pipe->stream.tls = qn_sp_tls_new(options->tls, options->protocol == QN_SP_REP,
                                                 options->tls_server_name)) != NULL;
    if (!room || qn_poll_open(loop, options->fd, on_ready, pipe, &pipe->poll) != QN_OK) {
        if (room)
            qn_sp_tls_free(pipe->stream.tls);
        free(pipe);
        close(options->fd);
        return NULL;
    }
    if (!options->ipc)
        set_tcp_options(options->fd);
    pipe->loop = loop;
    pipe->owner = options->owner;
    pipe->events = options->events;
    pipe->stream.fd = options->fd;
    pipe->protocol = options->protocol;
    pipe->stalled_ms = options->stalled_ms != 0 ? options->stalled_ms : STALLED_MS;
    pipe->unfinished_ms = options->unfinished_ms != 0 ? options->unfinished_ms : UNFINISHED_MS;
    qn_list_init(&pipe->out);
    qn_sp_inbox_init(&pipe->inbox, options->ipc, options->protocol == QN_SP_REQ ? QN_SP_REP : QN_SP_REQ,
                     options->message_max_bytes);
    qn_timer_start(loop, &pipe->timer, options->greeting_ms != 0 ? options->greeting_ms : GREETING_MS,
                   on_late);
    /* One that is connected is writable at once, and says hello from the loop: no event comes from here. */
    pipe->state = QN_SP_CONNECTING;
    want(pipe);
    return pipe;
}
