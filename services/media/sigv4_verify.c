#include "services/media/sigv4_verify.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/encode.h"
#include "services/media/sigv4_private.h"

static bool is_of(struct qn_str s, const char *alphabet)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || !strchr(alphabet, s.ptr[i]))
            return false;
    }
    return true;
}

/* Decodes into the claim's text; false unless encoding again gives the same spelling. */
static bool decode(struct media_sigv4_claim *claim, size_t *used, struct qn_str encoded,
                   struct qn_str *ret_text)
{
    char *to = claim->text + *used;
    size_t len;
    /* All that is decoded is no longer than the query, so it fits. */
    if (!qn_percent_decode(encoded, to, &len, false))
        return false;
    struct qn_buf again;
    qn_buf_init(&again, MEDIA_SIGV4_QUERY_MAX);
    qn_percent_encode(&again, qn_str_n(to, len), QN_PERCENT_UNRESERVED);
    bool same = !qn_buf_failed(&again) && qn_str_eq(qn_buf_view(&again), encoded);
    qn_buf_fini(&again);
    *used += len;
    *ret_text = qn_str_n(to, len);
    return same;
}

/* "AKID/20261123/auto/s3/aws4_request" */
static bool read_credential(struct qn_str text, struct media_sigv4_claim *claim)
{
    struct qn_str parts[5], rest = text;
    for (size_t i = 0; i < 5; i++) {
        if (!qn_str_next(&rest, '/', &parts[i]) || parts[i].len == 0 ||
            parts[i].len > MEDIA_SIGV4_SCOPE_PART_MAX)
            return false;
    }
    claim->access_key_id = parts[0];
    claim->date = parts[1];
    claim->region = parts[2];
    claim->service = parts[3];
    return rest.len == 0 && qn_str_ends(text, QN_STR("/aws4_request"));
}

static bool read_timestamp(struct qn_str text, struct media_sigv4_claim *claim)
{
    if (text.len != MEDIA_SIGV4_TIMESTAMP_LEN || !is_of(qn_str_n(text.ptr, 8), "0123456789") ||
        !is_of(qn_str_n(text.ptr + 9, 6), "0123456789") || text.ptr[8] != 'T' || text.ptr[15] != 'Z')
        return false;
    char rfc3339[32];
    int len = snprintf(rfc3339, sizeof rfc3339, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text.ptr, text.ptr + 4,
                       text.ptr + 6, text.ptr + 9, text.ptr + 11, text.ptr + 13);
    claim->timestamp = text;
    return qn_time_parse(qn_str_n(rfc3339, (size_t)len), &claim->signed_at_ms);
}

static bool read_expires(struct qn_str text, struct media_sigv4_claim *claim)
{
    uint64_t seconds;
    if (!qn_str_to_u64(text, &seconds) || seconds == 0 || seconds > MEDIA_SIGV4_EXPIRES_MAX)
        return false;
    claim->expires_s = (uint32_t)seconds;
    return true;
}

static bool read_signed_headers(struct qn_str text, struct media_sigv4_claim *claim)
{
    struct qn_str rest = text, name, before = {0};
    size_t n = 0;
    while (qn_str_next(&rest, ';', &name)) {
        if (++n > MEDIA_SIGV4_HEADERS_MAX || name.len == 0 || name.len > MEDIA_SIGV4_HEADER_NAME_MAX ||
            !is_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-_"))
            return false;
        const struct media_sigv4_pair pairs[] = {{before, {0}}, {name, {0}}};
        if (n > 1 && media_sigv4_compare_pairs(&pairs[0], &pairs[1]) >= 0)
            return false;
        before = name;
    }
    claim->signed_headers = text;
    return media_sigv4_signs(claim, QN_STR("host"));
}

static bool read_algorithm(struct qn_str text, struct media_sigv4_claim *claim)
{
    (void)claim;
    return qn_str_eq(text, QN_STR(MEDIA_SIGV4_ALGORITHM));
}

static bool read_signature(struct qn_str text, struct media_sigv4_claim *claim)
{
    claim->signature = text;
    return text.len == 2 * MEDIA_SIGV4_HASH_BYTES && is_of(text, "0123456789abcdef");
}

/* The six that must be there. */
static const struct own {
    struct qn_str name;
    bool (*read)(struct qn_str text, struct media_sigv4_claim *claim);
} own[] = {
    {QN_STR("X-Amz-Algorithm"), read_algorithm},
    {QN_STR("X-Amz-Credential"), read_credential},
    {QN_STR("X-Amz-Date"), read_timestamp},
    {QN_STR("X-Amz-Expires"), read_expires},
    {QN_STR("X-Amz-SignedHeaders"), read_signed_headers},
    {QN_STR("X-Amz-Signature"), read_signature},
};

enum { N_OWN = sizeof own / sizeof own[0], OWN_SIGNATURE = N_OWN - 1 };

static enum qn_status read_param(struct qn_str piece, struct media_sigv4_claim *claim, size_t *used,
                                 bool seen[N_OWN], struct qn_error *err)
{
    ptrdiff_t equals = qn_str_find(piece, '=');
    if (equals < 1)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "a query parameter without a name or a value");
    struct media_sigv4_pair encoded = {qn_str_n(piece.ptr, (size_t)equals),
                                       qn_str_n(piece.ptr + equals + 1, piece.len - (size_t)equals - 1)};
    struct qn_str name, value;
    if (!decode(claim, used, encoded.name, &name) || !decode(claim, used, encoded.value, &value))
        return qn_error_set(err, QN_INVALID_ARGUMENT,
                            "a query parameter is not escaped as signatures want it");

    size_t which = 0;
    while (which < N_OWN && !qn_str_eq(name, own[which].name))
        which++;
    if (which < N_OWN) {
        if (seen[which] || !own[which].read(value, claim))
            return qn_error_set(err, QN_INVALID_ARGUMENT, "%s is malformed, or there twice",
                                own[which].name.ptr);
        seen[which] = true;
    }
    if (which != OWN_SIGNATURE) {
        if (claim->n_params == MEDIA_SIGV4_PARAMS_MAX)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "more than %d query parameters",
                                MEDIA_SIGV4_PARAMS_MAX);
        claim->params[claim->n_params++] = encoded;
    }
    return QN_OK;
}

enum qn_status media_sigv4_parse(struct qn_str query, struct media_sigv4_claim *ret_claim,
                                 struct qn_error *err)
{
    bool seen[N_OWN] = {0};
    size_t used = 0;
    struct qn_str rest = query, piece;
    ret_claim->n_params = 0;
    if (query.len > MEDIA_SIGV4_QUERY_MAX)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "a query of more than %d bytes", MEDIA_SIGV4_QUERY_MAX);
    while (qn_str_next(&rest, '&', &piece))
        QN_TRY(read_param(piece, ret_claim, &used, seen, err));
    for (size_t i = 0; i < N_OWN; i++) {
        if (!seen[i])
            return qn_error_set(err, QN_INVALID_ARGUMENT, "%s is missing", own[i].name.ptr);
    }
    if (!qn_str_starts(ret_claim->timestamp, ret_claim->date))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "X-Amz-Date is of another day than X-Amz-Credential");
    qsort(ret_claim->params, ret_claim->n_params, sizeof ret_claim->params[0], media_sigv4_compare_pairs);
    return QN_OK;
}

bool media_sigv4_signs(const struct media_sigv4_claim *claim, struct qn_str header)
{
    struct qn_str rest = claim->signed_headers, name;
    while (qn_str_next(&rest, ';', &name)) {
        if (qn_str_eq(name, header))
            return true;
    }
    return false;
}

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
    media_sigv4_write_query(to, claim->params, claim->n_params);
    media_sigv4_write_line(to, QN_STR(""));
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
    qn_buf_write_str(to, QN_STR(MEDIA_SIGV4_UNSIGNED));
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
    if (claim->signed_at_ms > arrival->now_ms + MEDIA_SIGV4_SKEW_MAX_MS)
        return MEDIA_SIGV4_SKEWED;
    if (arrival->now_ms >= claim->signed_at_ms + (int64_t)claim->expires_s * 1000)
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
