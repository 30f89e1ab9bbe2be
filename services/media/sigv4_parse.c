#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/encode.h"
#include "services/media/sigv4_private.h"
#include "services/media/sigv4_verify.h"

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

/* One of the six, or -1. */
static int which_own(struct qn_str name)
{
    for (int i = 0; i < N_OWN; i++) {
        if (qn_str_eq(name, own[i].name))
            return i;
    }
    return -1;
}

/* "name=value", or in a header-signed request "name" alone. */
static bool split_param(struct qn_str piece, bool bare, struct media_sigv4_pair *ret_encoded)
{
    ptrdiff_t equals = qn_str_find(piece, '=');
    if (equals < 0 && bare)
        *ret_encoded = (struct media_sigv4_pair){piece, QN_STR("")};
    else if (equals < 0)
        return false;
    else
        *ret_encoded =
            (struct media_sigv4_pair){qn_str_n(piece.ptr, (size_t)equals),
                                      qn_str_n(piece.ptr + equals + 1, piece.len - (size_t)equals - 1)};
    return ret_encoded->name.len > 0;
}

static enum qn_status read_param(struct qn_str piece, struct media_sigv4_claim *claim, size_t *used,
                                 bool *seen, struct qn_error *err)
{
    struct media_sigv4_param param;
    if (!split_param(piece, seen == NULL, &param.encoded))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "a query parameter without a name or a value");
    if (!decode(claim, used, param.encoded.name, &param.plain.name) ||
        !decode(claim, used, param.encoded.value, &param.plain.value))
        return qn_error_set(err, QN_INVALID_ARGUMENT,
                            "a query parameter is not escaped as signatures want it");
    int which = which_own(param.plain.name);
    if (which >= 0) {
        if (!seen || seen[which] || !own[which].read(param.plain.value, claim))
            return qn_error_set(err, QN_INVALID_ARGUMENT, "%s is malformed, or there twice",
                                own[which].name.ptr);
        seen[which] = true;
    }
    if (which != OWN_SIGNATURE) {
        if (claim->n_params == MEDIA_SIGV4_PARAMS_MAX)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "more than %d query parameters",
                                MEDIA_SIGV4_PARAMS_MAX);
        claim->params[claim->n_params++] = param;
    }
    return QN_OK;
}

static int compare_params(const void *a, const void *b)
{
    const struct media_sigv4_param *left = a, *right = b;
    return media_sigv4_compare_pairs(&left->encoded, &right->encoded);
}

/* 'seen': which of the six were there; NULL: none may be. */
static enum qn_status read_query(struct qn_str query, struct media_sigv4_claim *claim, bool *seen,
                                 struct qn_error *err)
{
    size_t used = 0;
    struct qn_str rest = query, piece;
    claim->n_params = 0;
    if (query.len > MEDIA_SIGV4_QUERY_MAX)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "a query of more than %d bytes", MEDIA_SIGV4_QUERY_MAX);
    while (query.len > 0 && qn_str_next(&rest, '&', &piece))
        QN_TRY(read_param(piece, claim, &used, seen, err));
    qsort(claim->params, claim->n_params, sizeof claim->params[0], compare_params);
    return QN_OK;
}

enum qn_status media_sigv4_parse(struct qn_str query, struct media_sigv4_claim *ret_claim,
                                 struct qn_error *err)
{
    bool seen[N_OWN] = {0};
    QN_TRY(read_query(query, ret_claim, seen, err));
    for (size_t i = 0; i < N_OWN; i++) {
        if (!seen[i])
            return qn_error_set(err, QN_INVALID_ARGUMENT, "%s is missing", own[i].name.ptr);
    }
    if (!qn_str_starts(ret_claim->timestamp, ret_claim->date))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "X-Amz-Date is of another day than X-Amz-Credential");
    ret_claim->payload = QN_STR(MEDIA_SIGV4_UNSIGNED);
    return QN_OK;
}

/* "Credential=…, SignedHeaders=…, Signature=…" behind the algorithm. */
static bool read_authorization(struct qn_str text, struct media_sigv4_claim *claim)
{
    static const struct own parts[] = {
        {QN_STR("Credential="), read_credential},
        {QN_STR("SignedHeaders="), read_signed_headers},
        {QN_STR("Signature="), read_signature},
    };
    static const struct qn_str algorithm = QN_STR(MEDIA_SIGV4_ALGORITHM " ");
    bool seen[3] = {0};
    if (!qn_str_starts(text, algorithm))
        return false;
    struct qn_str rest = qn_str_n(text.ptr + algorithm.len, text.len - algorithm.len), piece;
    while (qn_str_next(&rest, ',', &piece)) {
        size_t which = 0;
        piece = qn_str_trim(piece);
        while (which < 3 && !qn_str_starts(piece, parts[which].name))
            which++;
        if (which == 3 || seen[which])
            return false;
        seen[which] = true;
        size_t skip = parts[which].name.len;
        if (!parts[which].read(qn_str_n(piece.ptr + skip, piece.len - skip), claim))
            return false;
    }
    return seen[0] && seen[1] && seen[2];
}

static bool read_payload(struct qn_str text, struct media_sigv4_claim *claim)
{
    claim->payload = text;
    return text.len > 0 && text.len <= 2 * MEDIA_SIGV4_HASH_BYTES &&
           (is_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ||
            (text.len == 2 * MEDIA_SIGV4_HASH_BYTES && is_of(text, "0123456789abcdef")));
}

enum qn_status media_sigv4_parse_header(const struct media_sigv4_headers *headers, struct qn_str query,
                                        struct media_sigv4_claim *ret_claim, struct qn_error *err)
{
    QN_TRY(read_query(query, ret_claim, NULL, err));
    if (!read_authorization(headers->authorization, ret_claim))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "Authorization is malformed");
    if (!read_timestamp(headers->date, ret_claim) || !qn_str_starts(ret_claim->timestamp, ret_claim->date))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "x-amz-date is malformed, or not of the scope's day");
    if (!read_payload(headers->payload, ret_claim))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "x-amz-content-sha256 is malformed");
    if (!media_sigv4_signs(ret_claim, QN_STR("x-amz-date")) ||
        !media_sigv4_signs(ret_claim, QN_STR("x-amz-content-sha256")))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "x-amz-date or x-amz-content-sha256 is not signed");
    ret_claim->expires_s = 0;
    return QN_OK;
}

struct qn_str media_sigv4_param(const struct media_sigv4_claim *claim, struct qn_str name)
{
    for (size_t i = 0; i < claim->n_params; i++) {
        if (qn_str_eq(claim->params[i].plain.name, name))
            return claim->params[i].plain.value;
    }
    return (struct qn_str){0};
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
