#include "services/media/folder/object_gate.h"

#include "common/core/check.h"
#include "common/core/clock.h"

/* 1. one of two ways to sign, whole   2. signed by us, for this method, host, path, headers and parameters,
 * and in time   3. only then: does it ask for something that is not done here? A stranger learns nothing of
 * that. */

static const struct qn_str bucket = QN_STR("/" MEDIA_OBJECT_FOLDER_BUCKET);

/* What any request may say, in its query or in headers that it signs: the signature, and what the official
 * clients add of themselves. What is of a body is looked at by who takes it. */
#define EVERY                                                                                                \
    "x-amz-algorithm,x-amz-credential,x-amz-date,x-amz-expires,x-amz-signedheaders,x-amz-content-sha256,"    \
    "x-id,x-amz-checksum-mode,x-amz-sdk-checksum-algorithm,x-amz-checksum-sha256,x-amz-checksum-sha1,"       \
    "x-amz-checksum-crc32,x-amz-user-agent,x-amz-trailer,x-amz-decoded-content-length"

/* Headers that would make it another request even where nobody has signed them; passed over, it would seem to
 * have been done. */
static const char *const undone[] = {
    "x-amz-copy-source",
    "x-amz-write-offset-bytes",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
};

static struct qn_str header_of(const void *context, const char *name)
{
    return qn_exchange_header(context, name);
}

static bool is_listed(struct qn_str list, struct qn_str name)
{
    struct qn_str rest = list, one;
    while (qn_str_next(&rest, ',', &one)) {
        if (qn_str_eq_nocase(one, name))
            return true;
    }
    return false;
}

static bool asks_for_more(const struct media_object_pass *pass, struct qn_str params)
{
    for (size_t i = 0; i < pass->claim.n_params; i++) {
        struct qn_str name = pass->claim.params[i].plain.name;
        if (!is_listed(QN_STR(EVERY), name) && !is_listed(params, name))
            return true;
    }
    struct qn_str rest = pass->claim.signed_headers, name;
    while (qn_str_next(&rest, ';', &name)) {
        if (qn_str_starts(name, QN_STR("x-amz-")) && !is_listed(QN_STR(EVERY), name))
            return true;
    }
    for (size_t i = 0; i < QN_COUNT(undone); i++) {
        if (qn_exchange_header(pass->exchange, undone[i]).ptr)
            return true;
    }
    return false;
}

static enum media_object_error of_verdict(enum media_sigv4_verdict verdict)
{
    switch (verdict) {
    case MEDIA_SIGV4_UNKNOWN_KEY:
        return MEDIA_OBJECT_ERROR_UNKNOWN_KEY;
    case MEDIA_SIGV4_SKEWED:
        return MEDIA_OBJECT_ERROR_SKEWED;
    case MEDIA_SIGV4_EXPIRED:
        return MEDIA_OBJECT_ERROR_EXPIRED;
    case MEDIA_SIGV4_BAD_PATH:
        return MEDIA_OBJECT_ERROR_BAD_KEY;
    case MEDIA_SIGV4_GOOD:
    case MEDIA_SIGV4_HEADER_GONE:
    case MEDIA_SIGV4_MISMATCH:
        break;
    }
    return MEDIA_OBJECT_ERROR_MISMATCH;
}

/* Whether the length that was signed was not said. */
static bool lacks_length(const struct media_object_pass *pass)
{
    return qn_str_eq(pass->exchange->method, QN_STR("PUT")) &&
           media_sigv4_signs(&pass->claim, QN_STR("content-length")) &&
           qn_exchange_content_length(pass->exchange) < 0;
}

/* Takes the signature apart, whichever way it was sent. */
static bool read_claim(const struct qn_exchange *exchange, struct media_sigv4_claim *claim,
                       enum media_object_error *ret_error)
{
    const struct media_sigv4_headers headers = {
        .authorization = qn_exchange_header(exchange, "Authorization"),
        .date = qn_exchange_header(exchange, "x-amz-date"),
        .payload = qn_exchange_header(exchange, "x-amz-content-sha256"),
    };
    *ret_error = MEDIA_OBJECT_ERROR_ACCESS_DENIED;
    if (headers.authorization.ptr) {
        *ret_error = MEDIA_OBJECT_ERROR_BAD_AUTHORIZATION;
        return media_sigv4_parse_header(&headers, exchange->query, claim, NULL) == QN_OK;
    }
    if (exchange->query.len == 0 || !memmem(exchange->query.ptr, exchange->query.len, "X-Amz-", 6))
        return false; /* nobody's */
    *ret_error = MEDIA_OBJECT_ERROR_BAD_QUERY;
    return media_sigv4_parse(exchange->query, claim, NULL) == QN_OK;
}

struct media_object_pass *media_object_gate(struct media_object_http *http,
                                            const struct qn_exchange *exchange, struct qn_str params,
                                            enum media_object_error *ret_error)
{
    struct qn_str path = exchange->path;
    struct qn_str behind = qn_str_n(path.ptr + bucket.len, path.len > bucket.len ? path.len - bucket.len : 0);
    *ret_error = MEDIA_OBJECT_ERROR_ACCESS_DENIED;
    if (!qn_str_starts(path, bucket) || (behind.len > 0 && behind.ptr[0] != '/'))
        return NULL;
    struct media_object_pass *pass = qn_arena_new(exchange->arena, struct media_object_pass);
    *ret_error = MEDIA_OBJECT_ERROR_SLOW_DOWN;
    if (!pass)
        return NULL;
    pass->exchange = exchange;
    pass->key = behind.len > 0 ? qn_str_n(behind.ptr + 1, behind.len - 1) : QN_STR("");
    const struct media_sigv4_arrival arrival = {.method = exchange->method,
                                                .path = path,
                                                .header = header_of,
                                                .context = exchange,
                                                .now_ms = qn_clock_wall_ms()};
    if (!read_claim(exchange, &pass->claim, ret_error))
        return NULL;
    enum media_sigv4_verdict verdict = media_sigv4_verify(&http->folder->key, &pass->claim, &arrival);
    *ret_error = verdict == MEDIA_SIGV4_HEADER_GONE && lacks_length(pass) ? MEDIA_OBJECT_ERROR_LENGTH_MISSING
                                                                          : of_verdict(verdict);
    if (verdict != MEDIA_SIGV4_GOOD)
        return NULL;
    *ret_error = MEDIA_OBJECT_ERROR_NOT_IMPLEMENTED;
    return asks_for_more(pass, params) ? NULL : pass;
}

struct qn_str media_object_pass_value(const struct media_object_pass *pass, const char *name)
{
    struct qn_str value = qn_exchange_header(pass->exchange, name);
    for (size_t i = 0; i < pass->claim.n_params && !value.ptr; i++) {
        if (qn_str_eq_nocase(pass->claim.params[i].plain.name, qn_str_c(name)))
            value = pass->claim.params[i].plain.value;
    }
    return value;
}
