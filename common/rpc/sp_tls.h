#ifndef QN_RPC_SP_TLS_H
#define QN_RPC_SP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "common/rpc/tls.h"

/* TLS between a stream and its socket: bytes in, bytes out, no descriptor and no waiting. Ciphertext that
 * came goes in by qn_sp_tls_take(), what is to be sent is looked at by qn_sp_tls_pending(). Inside the room;
 * the loop's thread.
 *
 * nng's "tls+tcp" is the tcp wire inside of TLS, nothing more; so is ours. Both sides show a certificate. */
struct qn_sp_tls;

/* 'server': waits for the other's hello. Otherwise 'name' (may be NULL for a server) is what the peer's
 * certificate must bear: a DNS name, or an address if it is one. NULL without memory. */
struct qn_sp_tls *qn_sp_tls_new(struct qn_tls *tls, bool server, const char *name);
void qn_sp_tls_free(struct qn_sp_tls *tls);

enum qn_sp_tls_step {
    QN_SP_TLS_DONE,
    QN_SP_TLS_MORE,   /* wants what the other side has not sent yet */
    QN_SP_TLS_ENDED,  /* the other side has said farewell */
    QN_SP_TLS_FAILED, /* qn_sp_tls_why() says; the rest of what is pending tells the other side */
};

/* Takes the hand-shake as far as it goes. */
enum qn_sp_tls_step qn_sp_tls_shake(struct qn_sp_tls *tls);

/* Ciphertext that came. False without memory. Holds no more than what was given since it was last read to
 * its end. */
bool qn_sp_tls_take(struct qn_sp_tls *tls, const void *bytes, size_t len);

/* Plaintext into up to two pieces of room; '*ret_len' is 0 unless DONE. MORE: nothing is left to read. */
enum qn_sp_tls_step qn_sp_tls_read(struct qn_sp_tls *tls, const struct iovec *room, size_t n_room,
                                   size_t *ret_len);

/* Whether something was taken that has not been read. */
bool qn_sp_tls_has_more(const struct qn_sp_tls *tls);

/* Encrypts the pieces, as far as a bound of some records goes; what was taken is pending then, and on its way
 * as far as the sender is concerned. '*ret_len': how much of the pieces was taken, less than all of it only
 * at that bound. Requires: nothing is pending; the hand-shake is done. FAILED: without memory. */
enum qn_sp_tls_step qn_sp_tls_write(struct qn_sp_tls *tls, const struct iovec *pieces, size_t n_pieces,
                                    size_t *ret_len);

/* What is to be sent: 0, or so many bytes at '*ret_bytes', valid until the next call. */
size_t qn_sp_tls_pending(const struct qn_sp_tls *tls, const char **ret_bytes);
void qn_sp_tls_sent(struct qn_sp_tls *tls, size_t len);

/* Whether the peer's certificate bears this name: as one of its DNS names, or as the first label of one
 * ("auth" is borne by auth.quintet.svc). No wildcards. False before the hand-shake is done. */
bool qn_sp_tls_peer_is(const struct qn_sp_tls *tls, const char *name);

/* For logs: why it failed. Static, or the session's. */
const char *qn_sp_tls_why(const struct qn_sp_tls *tls);

#endif
