#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "services/media/sigv4_private.h"

/* Names and values of a query, so that with '=', '&' and the signature it is within MEDIA_SIGV4_QUERY_MAX. */
enum { ENCODED_MAX = MEDIA_SIGV4_QUERY_MAX - 256 };

/* Escapes name and value into 'to', whose memory does not move (its room was taken before). */
static void encode_pair(struct qn_buf *to, struct qn_str name, struct qn_str value,
                        struct media_sigv4_pair *ret)
{
    size_t start = to->len;
    qn_percent_encode(to, name, QN_PERCENT_UNRESERVED);
    ret->name = qn_str_n(to->data + start, to->len - start);
    start = to->len;
    qn_percent_encode(to, value, QN_PERCENT_UNRESERVED);
    ret->value = qn_str_n(to->data + start, to->len - start);
}

enum { SCOPE_MAX = 4 * MEDIA_SIGV4_SCOPE_PART_MAX };

/* "AKID/20261123/auto/s3/aws4_request" */
static void write_scope(const struct media_sigv4_key *key, const char *timestamp, char ret_scope[SCOPE_MAX])
{
    int len =
        snprintf(ret_scope, SCOPE_MAX, "%.*s/%.*s/%.*s/%.*s/aws4_request", QN_STR_ARG(key->access_key_id),
                 MEDIA_SIGV4_DATE_LEN, timestamp, QN_STR_ARG(key->region), QN_STR_ARG(key->service));
    QN_CHECK(len > 0 && len < SCOPE_MAX); /* the parts were measured by media_sigv4_key_is_usable() */
}

/* "20261123T041556Z" */
static bool write_timestamp(int64_t now_ms, char ret_text[MEDIA_SIGV4_TIMESTAMP_LEN + 1])
{
    static const int64_t last_ms = 253402300799999; /* the end of the year 9999 */
    if (now_ms < 0 || now_ms > last_ms)
        return false;
    char text[QN_TIME_TEXT_LEN + 1];
    qn_time_format(now_ms, text);
    snprintf(ret_text, MEDIA_SIGV4_TIMESTAMP_LEN + 1, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", text, text + 5, text + 8,
             text + 11, text + 14, text + 17);
    return true;
}

/* What is signed, by name: "content-length;host", and the views of it. */
struct names {
    struct media_sigv4_pair headers[MEDIA_SIGV4_HEADERS_MAX];
    size_t n;
    char text[MEDIA_SIGV4_HEADERS_MAX * (MEDIA_SIGV4_HEADER_NAME_MAX + 1)];
    size_t text_len;
};

/* False when there are too many, one is named twice, or a name has no length of ours. */
static bool take_headers(const struct media_sigv4_request *request, const struct media_sigv4_pair *own,
                         size_t n_own, struct names *names)
{
    if (request->n_headers + n_own + 1 > MEDIA_SIGV4_HEADERS_MAX)
        return false;
    names->n = 0;
    names->text_len = 0;
    names->headers[names->n++] = (struct media_sigv4_pair){QN_STR("host"), request->host};
    for (size_t i = 0; i < n_own; i++)
        names->headers[names->n++] = own[i];
    for (size_t i = 0; i < request->n_headers; i++)
        names->headers[names->n++] = request->headers[i];
    qsort(names->headers, names->n, sizeof *names->headers, media_sigv4_compare_pairs);
    for (size_t i = 0; i < names->n; i++) {
        struct qn_str name = names->headers[i].name;
        if (name.len == 0 || name.len > MEDIA_SIGV4_HEADER_NAME_MAX ||
            (i > 0 && qn_str_eq(names->headers[i - 1].name, name)))
            return false;
        if (i > 0)
            names->text[names->text_len++] = ';';
        memcpy(names->text + names->text_len, name.ptr, name.len);
        names->text_len += name.len;
    }
    return true;
}

static struct qn_str names_view(const struct names *names)
{
    return qn_str_n(names->text, names->text_len);
}

/* The parts of a request as they are signed, and sent. */
struct parts {
    struct qn_buf path, encoded; /* 'params' point into the second */
    struct media_sigv4_pair params[MEDIA_SIGV4_PARAMS_MAX];
    size_t n_params;
};

static void parts_init(struct parts *parts, struct qn_str path)
{
    qn_buf_init(&parts->path, MEDIA_SIGV4_PATH_MAX);
    qn_buf_init(&parts->encoded, ENCODED_MAX);
    qn_percent_encode(&parts->path, path, QN_PERCENT_PATH);
    parts->n_params = 0;
}

static void parts_fini(struct parts *parts)
{
    qn_buf_fini(&parts->path);
    qn_buf_fini(&parts->encoded);
}

/* The request's own parameters and these, escaped and sorted. */
static enum qn_status encode_params(const struct media_sigv4_request *request,
                                    const struct media_sigv4_pair *own, size_t n_own, struct parts *parts)
{
    if (request->n_query > MEDIA_SIGV4_PARAMS_MAX - n_own - 1) /* one for the signature */
        return QN_INVALID_ARGUMENT;
    /* The pairs point into the buffer, so all its memory is taken before the first. */
    if (n_own + request->n_query > 0 && !qn_buf_reserve(&parts->encoded, ENCODED_MAX))
        return QN_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < n_own; i++)
        encode_pair(&parts->encoded, own[i].name, own[i].value, &parts->params[parts->n_params++]);
    for (size_t i = 0; i < request->n_query; i++)
        encode_pair(&parts->encoded, request->query[i].name, request->query[i].value,
                    &parts->params[parts->n_params++]);
    if (qn_buf_failed(&parts->encoded))
        return QN_RESOURCE_EXHAUSTED;
    qsort(parts->params, parts->n_params, sizeof *parts->params, media_sigv4_compare_pairs);
    return QN_OK;
}

static enum qn_status sign_parts(const struct media_sigv4_key *key, struct qn_str method,
                                 const struct parts *parts, const struct names *names, struct qn_str payload,
                                 struct qn_str timestamp, char ret_hex[2 * MEDIA_SIGV4_HASH_BYTES + 1])
{
    struct qn_buf canonical;
    qn_buf_init(&canonical, MEDIA_SIGV4_CANONICAL_MAX);
    media_sigv4_write_line(&canonical, method);
    media_sigv4_write_line(&canonical, qn_buf_view(&parts->path));
    media_sigv4_write_query(&canonical, parts->params, parts->n_params);
    qn_buf_write_byte(&canonical, '\n');
    for (size_t i = 0; i < names->n; i++)
        media_sigv4_write_header(&canonical, names->headers[i].name, names->headers[i].value);
    media_sigv4_write_line(&canonical, QN_STR(""));
    media_sigv4_write_line(&canonical, names_view(names));
    qn_buf_write_str(&canonical, payload);
    enum qn_status status =
        qn_buf_failed(&canonical) || qn_buf_failed(&parts->path) ? QN_RESOURCE_EXHAUSTED : QN_OK;
    if (status == QN_OK)
        media_sigv4_sign(key, timestamp, qn_buf_view(&canonical), ret_hex);
    qn_buf_fini(&canonical);
    return status;
}

static enum qn_status write_target(const struct parts *parts, struct qn_buf *to)
{
    qn_buf_write_str(to, qn_buf_view(&parts->path));
    if (parts->n_params > 0)
        qn_buf_write_byte(to, '?');
    media_sigv4_write_query(to, parts->params, parts->n_params);
    return qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}

enum qn_status media_sigv4_presign(const struct media_sigv4_key *key,
                                   const struct media_sigv4_request *request, int64_t now_ms,
                                   uint32_t expires_s, struct qn_buf *to)
{
    struct names names;
    struct parts parts;
    char timestamp[MEDIA_SIGV4_TIMESTAMP_LEN + 1], signature[2 * MEDIA_SIGV4_HASH_BYTES + 1],
        scope[SCOPE_MAX], expires[12];
    if (!media_sigv4_key_is_usable(key) || !write_timestamp(now_ms, timestamp) || expires_s == 0 ||
        expires_s > MEDIA_SIGV4_EXPIRES_MAX || !take_headers(request, NULL, 0, &names))
        return QN_INVALID_ARGUMENT;
    write_scope(key, timestamp, scope);
    snprintf(expires, sizeof expires, "%u", (unsigned)expires_s);
    const struct media_sigv4_pair own[] = {
        {QN_STR("X-Amz-Algorithm"), QN_STR(MEDIA_SIGV4_ALGORITHM)},
        {QN_STR("X-Amz-Credential"), qn_str_c(scope)},
        {QN_STR("X-Amz-Date"), qn_str_c(timestamp)},
        {QN_STR("X-Amz-Expires"), qn_str_c(expires)},
        {QN_STR("X-Amz-SignedHeaders"), names_view(&names)},
    };
    parts_init(&parts, request->path);
    enum qn_status status = encode_params(request, own, QN_COUNT(own), &parts);
    if (status == QN_OK)
        status = sign_parts(key, request->method, &parts, &names, QN_STR(MEDIA_SIGV4_UNSIGNED),
                            qn_str_c(timestamp), signature);
    if (status == QN_OK)
        status = write_target(&parts, to);
    if (status == QN_OK)
        status = qn_buf_printf(to, "&X-Amz-Signature=%s", signature);
    parts_fini(&parts);
    return status;
}

enum qn_status media_sigv4_authorize_bare(const struct media_sigv4_key *key,
                                          const struct media_sigv4_request *request,
                                          const struct media_sigv4_pair *own, size_t n_own,
                                          struct qn_str payload, const char *timestamp, struct qn_buf *target,
                                          struct qn_buf *authorization)
{
    struct names names;
    struct parts parts;
    char signature[2 * MEDIA_SIGV4_HASH_BYTES + 1], scope[SCOPE_MAX];
    if (!media_sigv4_key_is_usable(key) || !take_headers(request, own, n_own, &names))
        return QN_INVALID_ARGUMENT;
    write_scope(key, timestamp, scope);
    parts_init(&parts, request->path);
    enum qn_status status = encode_params(request, NULL, 0, &parts);
    if (status == QN_OK)
        status = sign_parts(key, request->method, &parts, &names, payload, qn_str_c(timestamp), signature);
    if (status == QN_OK)
        status = write_target(&parts, target);
    if (status == QN_OK)
        status = qn_buf_printf(authorization,
                               MEDIA_SIGV4_ALGORITHM " Credential=%s, SignedHeaders=%.*s, Signature=%s",
                               scope, QN_STR_ARG(names_view(&names)), signature);
    parts_fini(&parts);
    return status;
}

enum qn_status media_sigv4_authorize(const struct media_sigv4_key *key,
                                     const struct media_sigv4_request *request, struct qn_str payload,
                                     int64_t now_ms, char ret_date[MEDIA_SIGV4_DATE_ROOM],
                                     struct qn_buf *target, struct qn_buf *authorization)
{
    if (!write_timestamp(now_ms, ret_date))
        return QN_INVALID_ARGUMENT;
    const struct media_sigv4_pair own[] = {
        {QN_STR("x-amz-content-sha256"), payload},
        {QN_STR("x-amz-date"), qn_str_c(ret_date)},
    };
    return media_sigv4_authorize_bare(key, request, own, QN_COUNT(own), payload, ret_date, target,
                                      authorization);
}
