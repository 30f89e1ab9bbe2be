#include "services/media/sigv4_verify.h"

#include <openssl/crypto.h>
#include <stdio.h>

#include "common/core/encode.h"
#include "services/media/sigv4_private.h"

static bool path_is_canonical(struct qn_str path)
{
    char decoded[MEDIA_SIGV4_PATH_MAX];
    size_t len;
    if (path.len > sizeof decoded || !qn_percent_decode(path, decoded, &len, false))
        return false;
    struct qn_buf again;
    qn_buf_init(&again, MEDIA_SIGV4_PATH_MAX);
    qn_percent_encode(&again, qn_str_n(decoded, len), QN_PERCENT_PATH);
    bool same = !qn_buf_failed(&again) && qn_str_eq(qn_buf_view(&again), path);
    qn_buf_fini(&again);
    return same;
}

/* False when a signed header is not there. */
static bool write_canonical(const struct media_sigv4_claim *claim, const struct media_sigv4_arrival *arrival,
                            struct qn_buf *to)
{
    media_sigv4_write_line(to, arrival->method);
    media_sigv4_write_line(to, arrival->path);
    for (size_t i = 0; i < claim->n_params; i++) {
        if (i > 0)
            qn_buf_write_byte(to, '&');
        media_sigv4_write_query(to, &claim->params[i].encoded, 1);
    }
    qn_buf_write_byte(to, '\n');
    struct qn_str rest = claim->signed_headers, name;
    while (qn_str_next(&rest, ';', &name)) {
        char text[MEDIA_SIGV4_HEADER_NAME_MAX + 1];
        snprintf(text, sizeof text, "%.*s", QN_STR_ARG(name));
        struct qn_str value = arrival->header(arrival->context, text);
        if (!value.ptr)
            return false;
        media_sigv4_write_header(to, name, value);
    }
    media_sigv4_write_line(to, QN_STR(""));
    media_sigv4_write_line(to, claim->signed_headers);
    qn_buf_write_str(to, claim->payload);
    return true;
}

enum media_sigv4_verdict media_sigv4_verify(const struct media_sigv4_key *key,
                                            const struct media_sigv4_claim *claim,
                                            const struct media_sigv4_arrival *arrival)
{
    if (!media_sigv4_key_is_usable(key) || !qn_str_eq(claim->access_key_id, key->access_key_id) ||
        !qn_str_eq(claim->region, key->region) || !qn_str_eq(claim->service, key->service))
        return MEDIA_SIGV4_UNKNOWN_KEY;
    if (!path_is_canonical(arrival->path))
        return MEDIA_SIGV4_BAD_PATH;
    if (claim->signed_at_ms > arrival->now_ms + MEDIA_SIGV4_SKEW_MAX_MS ||
        (claim->expires_s == 0 && arrival->now_ms > claim->signed_at_ms + MEDIA_SIGV4_SKEW_MAX_MS))
        return MEDIA_SIGV4_SKEWED;
    if (claim->expires_s > 0 && arrival->now_ms >= claim->signed_at_ms + (int64_t)claim->expires_s * 1000)
        return MEDIA_SIGV4_EXPIRED;

    struct qn_buf canonical;
    qn_buf_init(&canonical, MEDIA_SIGV4_CANONICAL_MAX);
    enum media_sigv4_verdict verdict = MEDIA_SIGV4_HEADER_GONE;
    if (write_canonical(claim, arrival, &canonical)) {
        char signature[2 * MEDIA_SIGV4_HASH_BYTES + 1];
        media_sigv4_sign(key, claim->timestamp, qn_buf_view(&canonical), signature);
        bool same = !qn_buf_failed(&canonical) &&
                    CRYPTO_memcmp(signature, claim->signature.ptr, 2 * MEDIA_SIGV4_HASH_BYTES) == 0;
        verdict = same ? MEDIA_SIGV4_GOOD : MEDIA_SIGV4_MISMATCH;
    }
    qn_buf_fini(&canonical);
    return verdict;
}
