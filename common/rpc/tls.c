#include "common/rpc/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/metric.h"

/* One context serves both sides. TLS 1.2 is the least: nng's library in Debian, which may be the other side,
 * speaks no more. Tickets and the cache of sessions are off: a resumed session would not show its certificate
 * again, and connections here live for hours. */

enum { N_FILES = 3 };

struct qn_tls {
    char *files[N_FILES]; /* certificate, key, CA */
    struct stat read[N_FILES];
    SSL_CTX *context;
};

static struct qn_metric expires_metric = {
    .name = "quintet_rpc_tls_certificate_expires_seconds",
    .help = "When the certificate ends that this process shows, in seconds since 1970",
    .kind = QN_GAUGE,
};

static struct qn_metric loads_metric = {
    .name = "quintet_rpc_tls_loads_total",
    .help = "Times that certificate, key and authority were read, by what came of it",
    .kind = QN_COUNTER,
    .labels = {"outcome"},
};

/* What OpenSSL says of its last failure; clears the rest. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text != NULL ? text : "unknown reason";
}

static void look_at(const struct qn_tls *tls, struct stat ret_found[N_FILES])
{
    memset(ret_found, 0, N_FILES * sizeof(*ret_found));
    for (int i = 0; i < N_FILES; i++)
        if (stat(tls->files[i], &ret_found[i]) != 0)
            ret_found[i].st_ino = 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Nobody is asked for a key's password. */
static int no_password(char *to, int size, int writing, void *context)
{
    (void)to, (void)size, (void)writing, (void)context;
    return -1;
}

static enum qn_status load(const struct qn_tls *tls, SSL_CTX **ret_context, struct qn_error *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (context == NULL)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "TLS: %s", reason());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    enum qn_status status = QN_OK;
    if (SSL_CTX_use_certificate_chain_file(context, tls->files[0]) != 1)
        status =
            qn_error_set(err, QN_INVALID_ARGUMENT, "%s: no certificate in PEM: %s", tls->files[0], reason());
    else if (SSL_CTX_use_PrivateKey_file(context, tls->files[1], SSL_FILETYPE_PEM) != 1)
        status =
            qn_error_set(err, QN_INVALID_ARGUMENT, "%s: not the key of %s in PEM, without a password: %s",
                         tls->files[1], tls->files[0], reason());
    else if (SSL_CTX_load_verify_file(context, tls->files[2]) != 1)
        status = qn_error_set(err, QN_INVALID_ARGUMENT, "%s: no authority's certificate in PEM: %s",
                              tls->files[2], reason());
    if (status != QN_OK) {
        SSL_CTX_free(context);
        return status;
    }
    *ret_context = context;
    return QN_OK;
}

static int64_t expires_s(SSL_CTX *context)
{
    struct tm at;
    X509 *certificate = SSL_CTX_get0_certificate(context);
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &at) != 1)
        return 0;
    return timegm(&at);
}

/* Reads the files, and remembers which. What was read before stays when they are not sound. */
static enum qn_status read_files(struct qn_tls *tls, struct qn_error *err)
{
    SSL_CTX *context = NULL;
    look_at(tls, tls->read); /* first: what changes while it is read is read again */
    enum qn_status status = load(tls, &context, err);
    qn_metric_add(qn_metric_series(&loads_metric, status == QN_OK ? "ok" : "failed", NULL, NULL), 1);
    if (status != QN_OK)
        return status;
    SSL_CTX_free(tls->context);
    tls->context = context;
    qn_metric_set(qn_metric_series(&expires_metric, NULL, NULL, NULL), expires_s(context));
    return QN_OK;
}

enum qn_status qn_tls_open(const struct qn_tls_files *files, struct qn_tls **ret_tls, struct qn_error *err)
{
    const char *const given[N_FILES] = {files->certificate, files->key, files->ca};
    for (int i = 0; i < N_FILES; i++)
        if (given[i] == NULL)
            return qn_error_set(err, QN_INVALID_ARGUMENT,
                                "TLS wants a certificate, its key and an authority");
    struct qn_tls *tls = calloc(1, sizeof(*tls));
    bool room = tls != NULL;
    for (int i = 0; i < N_FILES && room; i++)
        room = (tls->files[i] = strdup(given[i])) != NULL;
    enum qn_status status =
        room ? read_files(tls, err) : qn_error_set(err, QN_RESOURCE_EXHAUSTED, "TLS: out of memory");
    if (status == QN_OK)
        *ret_tls = tls;
    else if (tls != NULL)
        qn_tls_close(tls);
    return status;
}

void qn_tls_close(struct qn_tls *tls)
{
    SSL_CTX_free(tls->context);
    for (int i = 0; i < N_FILES; i++)
        free(tls->files[i]);
    free(tls);
}

struct ssl_ctx_st *qn_tls_context(struct qn_tls *tls)
{
    struct stat found[N_FILES];
    bool same = true;
    look_at(tls, found);
    for (int i = 0; i < N_FILES; i++)
        same = same && is_same(&found[i], &tls->read[i]);
    if (same)
        return tls->context;
    struct qn_error err = {0};
    if (read_files(tls, &err) == QN_OK)
        qn_log(NULL, QN_INFO, "TLS certificate read again", QN_F_C("certificate", tls->files[0]),
               QN_F_INT("expires_s", expires_s(tls->context)));
    else
        qn_log(NULL, QN_ERROR, "TLS certificate has changed and is not sound; the one before stays in use",
               QN_F_C("error", err.message));
    return tls->context;
}
