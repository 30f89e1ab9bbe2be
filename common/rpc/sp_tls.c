#include "common/rpc/sp_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"

enum {
    /* Of plaintext that is encrypted at once: enough that a system call carries something, little enough that
     * a slow reader's answers wait as messages, which can be counted, and not as ciphertext. */
    WRITE_MAX = 64 * 1024,
    /* A record's (RFC 8446, section 5.1). Messages that leave together are put into records together. */
    RECORD_MAX = 16384,
};

struct qn_sp_tls {
    SSL *ssl;
    BIO *in, *out;        /* the SSL's: what came, what is to leave */
    size_t sent;          /* of 'out' */
    GENERAL_NAMES *names; /* of the peer's certificate, once the hand-shake is done */
    char why[160];
};

struct qn_sp_tls *qn_sp_tls_new(struct qn_tls *tls, bool server, const char *name)
{
    struct qn_sp_tls *self = calloc(1, sizeof(*self));
    if (self == NULL)
        return NULL;
    ERR_clear_error();
    self->ssl = SSL_new(qn_tls_context(tls));
    self->in = BIO_new(BIO_s_mem());
    self->out = BIO_new(BIO_s_mem());
    bool room = self->ssl != NULL && self->in != NULL && self->out != NULL;
    if (!room) {
        BIO_free(self->in);
        BIO_free(self->out);
    } else {
        BIO_set_mem_eof_return(self->in, -1); /* empty is "come again", not the end */
        SSL_set_bio(self->ssl, self->in, self->out);
        if (server)
            SSL_set_accept_state(self->ssl);
        else
            SSL_set_connect_state(self->ssl);
    }
    if (room && !server) {
        struct in6_addr address;
        bool is_address = inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
        SSL_set_hostflags(self->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        room = is_address
                   ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(self->ssl), name) == 1
                   : SSL_set1_host(self->ssl, name) == 1 && SSL_set_tlsext_host_name(self->ssl, name) == 1;
    }
    if (!room) {
        qn_sp_tls_free(self);
        return NULL;
    }
    return self;
}

void qn_sp_tls_free(struct qn_sp_tls *tls)
{
    if (tls == NULL)
        return;
    GENERAL_NAMES_free(tls->names);
    SSL_free(tls->ssl); /* and both BIOs */
    free(tls);
}

/* Notes why, of a call that returned 'result'. */
static enum qn_sp_tls_step judge(struct qn_sp_tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        ERR_clear_error();
        return QN_SP_TLS_MORE;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        snprintf(tls->why, sizeof(tls->why), "the other side ended it");
        return QN_SP_TLS_ENDED;
    }
    long verdict = SSL_get_verify_result(tls->ssl);
    const char *text = ERR_reason_error_string(ERR_peek_error());
    if (verdict != X509_V_OK)
        snprintf(tls->why, sizeof(tls->why), "the other side's certificate: %s",
                 X509_verify_cert_error_string(verdict));
    else
        snprintf(tls->why, sizeof(tls->why), "%s", text != NULL ? text : "broken");
    ERR_clear_error();
    return QN_SP_TLS_FAILED;
}

enum qn_sp_tls_step qn_sp_tls_shake(struct qn_sp_tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        return judge(tls, result);
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    if (tls->names == NULL && certificate != NULL)
        tls->names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    return QN_SP_TLS_DONE;
}

bool qn_sp_tls_take(struct qn_sp_tls *tls, const void *bytes, size_t len)
{
    size_t taken;
    return BIO_write_ex(tls->in, bytes, len, &taken) == 1 && taken == len;
}

enum qn_sp_tls_step qn_sp_tls_read(struct qn_sp_tls *tls, const struct iovec *room, size_t n_room,
                                   size_t *ret_len)
{
    *ret_len = 0;
    ERR_clear_error();
    for (size_t i = 0, at = 0; i < n_room;) {
        size_t len;
        int result = SSL_read_ex(tls->ssl, (char *)room[i].iov_base + at, room[i].iov_len - at, &len);
        if (result != 1) /* what came before counts; a failure is told again */
            return *ret_len > 0 ? QN_SP_TLS_DONE : judge(tls, result);
        *ret_len += len;
        at += len;
        if (at == room[i].iov_len) {
            i++;
            at = 0;
        }
    }
    return QN_SP_TLS_DONE;
}

bool qn_sp_tls_has_more(const struct qn_sp_tls *tls)
{
    return SSL_pending(tls->ssl) > 0 || BIO_ctrl_pending(tls->in) > 0;
}

static bool encrypt(struct qn_sp_tls *tls, const void *bytes, size_t len)
{
    size_t written;
    ERR_clear_error();
    /* A memory BIO takes all, or there is no memory. */
    return SSL_write_ex(tls->ssl, bytes, len, &written) == 1 && written == len;
}

enum qn_sp_tls_step qn_sp_tls_write(struct qn_sp_tls *tls, const struct iovec *pieces, size_t n_pieces,
                                    size_t *ret_len)
{
    char record[RECORD_MAX];
    size_t filled = 0, taken = 0;
    for (size_t i = 0; i < n_pieces; i++) {
        for (size_t at = 0; at < pieces[i].iov_len && taken < WRITE_MAX;) {
            size_t left = pieces[i].iov_len - at, room = sizeof(record) - filled;
            size_t part = left < room ? left : room;
            memcpy(record + filled, (const char *)pieces[i].iov_base + at, part);
            filled += part;
            taken += part;
            at += part;
            if (filled < sizeof(record))
                continue;
            if (!encrypt(tls, record, filled))
                return QN_SP_TLS_FAILED;
            filled = 0;
        }
    }
    if (filled > 0 && !encrypt(tls, record, filled))
        return QN_SP_TLS_FAILED;
    *ret_len = taken;
    return QN_SP_TLS_DONE;
}

size_t qn_sp_tls_pending(const struct qn_sp_tls *tls, const char **ret_bytes)
{
    char *bytes;
    long len = BIO_get_mem_data(tls->out, &bytes);
    QN_CHECK(len >= 0 && (size_t)len >= tls->sent);
    *ret_bytes = bytes + tls->sent;
    return (size_t)len - tls->sent;
}

void qn_sp_tls_sent(struct qn_sp_tls *tls, size_t len)
{
    const char *bytes;
    QN_CHECK(len <= qn_sp_tls_pending(tls, &bytes));
    tls->sent += len;
    if (len == 0 || qn_sp_tls_pending(tls, &bytes) > 0)
        return;
    BIO_reset(tls->out);
    tls->sent = 0;
}

static bool bears(const GENERAL_NAME *entry, const char *name)
{
    if (entry->type != GEN_DNS)
        return false;
    const char *text = (const char *)ASN1_STRING_get0_data(entry->d.dNSName);
    size_t len = (size_t)ASN1_STRING_length(entry->d.dNSName), want = strlen(name);
    return len >= want && strncasecmp(text, name, want) == 0 && (len == want || text[want] == '.');
}

bool qn_sp_tls_peer_is(const struct qn_sp_tls *tls, const char *name)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(tls->names); i++)
        if (bears(sk_GENERAL_NAME_value(tls->names, i), name))
            return true;
    return false;
}

const char *qn_sp_tls_why(const struct qn_sp_tls *tls)
{
    return tls->why[0] != '\0' ? tls->why : "the connection broke";
}
