#include "common/rpc/sp_stream.h"

#include <errno.h>
#include <sys/socket.h>

/* Of ciphertext that is read at once: two records of the largest size (RFC 8446, section 5.2). */
enum { CIPHERTEXT_MAX = 2 * (16384 + 256 + 5) };

/* Sends what TLS has to say. False: some of it is left, and errno says why. */
static bool push(struct qn_sp_stream *stream)
{
    const char *bytes;
    size_t len;
    while ((len = qn_sp_tls_pending(stream->tls, &bytes)) > 0) {
        ssize_t sent = send(stream->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        qn_sp_tls_sent(stream->tls, (size_t)sent);
    }
    return true;
}

/* Takes in the next ciphertext. As recv(2), with ENOMEM. */
static ssize_t pull(struct qn_sp_stream *stream)
{
    char bytes[CIPHERTEXT_MAX];
    ssize_t came = recv(stream->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (came > 0 && !qn_sp_tls_take(stream->tls, bytes, (size_t)came)) {
        errno = ENOMEM;
        return -1;
    }
    return came;
}

enum qn_sp_tls_step qn_sp_stream_shake(struct qn_sp_stream *stream)
{
    if (stream->tls == NULL)
        return QN_SP_TLS_DONE;
    for (;;) {
        enum qn_sp_tls_step step = qn_sp_tls_shake(stream->tls);
        if (step == QN_SP_TLS_FAILED || step == QN_SP_TLS_ENDED || !push(stream))
            return QN_SP_TLS_FAILED;
        if (step == QN_SP_TLS_DONE)
            return step;
        ssize_t came = pull(stream);
        if (came < 0 && (errno == EAGAIN || errno == EINTR))
            return QN_SP_TLS_MORE;
        if (came <= 0)
            return QN_SP_TLS_FAILED;
    }
}

ssize_t qn_sp_stream_write(struct qn_sp_stream *stream, const struct iovec *pieces, size_t n_pieces)
{
    if (stream->tls == NULL) {
        const struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = n_pieces};
        return sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (!push(stream))
        return -1;
    size_t taken = 0;
    if (n_pieces > 0 && qn_sp_tls_write(stream->tls, pieces, n_pieces, &taken) != QN_SP_TLS_DONE) {
        errno = ENOMEM;
        return -1;
    }
    push(stream); /* what fails now fails again */
    return (ssize_t)taken;
}

bool qn_sp_stream_is_behind(const struct qn_sp_stream *stream)
{
    const char *bytes;
    return stream->tls != NULL && qn_sp_tls_pending(stream->tls, &bytes) > 0;
}

ssize_t qn_sp_stream_read(struct qn_sp_stream *stream, const struct iovec *room, size_t n_room)
{
    if (stream->tls == NULL) {
        struct msghdr message = {.msg_iov = (struct iovec *)room, .msg_iovlen = n_room};
        return recvmsg(stream->fd, &message, MSG_DONTWAIT);
    }
    for (;;) {
        size_t len;
        enum qn_sp_tls_step step = qn_sp_tls_read(stream->tls, room, n_room, &len);
        if (step == QN_SP_TLS_DONE)
            return (ssize_t)len;
        if (step == QN_SP_TLS_ENDED)
            return 0;
        if (step == QN_SP_TLS_FAILED) {
            errno = EPROTO;
            return -1;
        }
        ssize_t came = pull(stream);
        if (came <= 0)
            return came;
    }
}

bool qn_sp_stream_has_more(const struct qn_sp_stream *stream)
{
    return stream->tls != NULL && qn_sp_tls_has_more(stream->tls);
}

void qn_sp_stream_refuse(struct qn_sp_stream *stream)
{
    if (stream->tls != NULL)
        push(stream);
}

const char *qn_sp_stream_why(const struct qn_sp_stream *stream)
{
    return stream->tls != NULL ? qn_sp_tls_why(stream->tls) : "";
}
