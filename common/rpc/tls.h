#ifndef QN_RPC_TLS_H
#define QN_RPC_TLS_H

#include <stdint.h>

#include "common/core/status.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* Who this process is to others, and whom it believes: a certificate, its key and the authority that others'
 * certificates must come from, in PEM files. The files are read again when they change, so a certificate is
 * renewed by writing a new one over it (or by Kubernetes, which swaps the folder of a Secret): connections
 * that are up stay as they are, the next one uses the new files. Inside the room; the loop's thread. */
struct qn_tls;

struct qn_tls_files {
    const char *certificate, *key, *ca; /* the certificate's file may hold a chain, the CA's several */
};

/* QN_INVALID_ARGUMENT: a file is not given, cannot be read or is no PEM, the key is not the certificate's;
 * 'err' names it. QN_RESOURCE_EXHAUSTED. */
QN_MUST_USE enum qn_status qn_tls_open(const struct qn_tls_files *files, struct qn_tls **ret_tls,
                                       struct qn_error *err);

void qn_tls_close(struct qn_tls *tls);

/* What a new connection of either side is made with. When the files have changed since they were read they
 * are read again; if they are not sound the ones before stay in use and that is logged, once for each change.
 * Valid until the next call; whoever makes an SSL of it holds a reference of its own. */
struct ssl_ctx_st *qn_tls_context(struct qn_tls *tls);

#endif
