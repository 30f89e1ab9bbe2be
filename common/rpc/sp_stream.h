#ifndef QN_RPC_SP_STREAM_H
#define QN_RPC_SP_STREAM_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "common/rpc/sp_tls.h"

/* The bytes of a connection, as they are or inside of TLS: what a pipe reads and writes. Never waits. Inside
 * the room; the loop's thread. */
struct qn_sp_stream {
    int fd;                /* non-blocking; its owner's to close */
    struct qn_sp_tls *tls; /* NULL: bytes go as they are */
};

/* Takes TLS's hand-shake as far as what has come goes; the socket is new, so it takes what there is to say.
 * DONE at once without TLS. FAILED: it was refused, or the connection broke; qn_sp_stream_why() says. */
enum qn_sp_tls_step qn_sp_stream_shake(struct qn_sp_stream *stream);

/* How many bytes of the pieces have left or will: of TLS they may be on their way inside, then
 * qn_sp_stream_is_behind(). No pieces: only moves on what is. -1: as sendmsg(2); EAGAIN when nothing was
 * taken because the other side reads no faster. */
ssize_t qn_sp_stream_write(struct qn_sp_stream *stream, const struct iovec *pieces, size_t n_pieces);
bool qn_sp_stream_is_behind(const struct qn_sp_stream *stream);

/* As recvmsg(2): how many bytes came; 0: the other side has ended; -1: EAGAIN, nothing came, or EPROTO, what
 * came is not TLS (qn_sp_stream_why()). */
ssize_t qn_sp_stream_read(struct qn_sp_stream *stream, const struct iovec *room, size_t n_room);

/* Whether there may be more to read without the socket being readable. */
bool qn_sp_stream_has_more(const struct qn_sp_stream *stream);

/* After a failure of TLS: says so to the other side, as far as it hears. */
void qn_sp_stream_refuse(struct qn_sp_stream *stream);

/* Why TLS failed, for logs. Valid while the stream is. */
const char *qn_sp_stream_why(const struct qn_sp_stream *stream);

#endif
