
#include "common/core/check.h"
#include "services/media/sigv4_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A presigned PUT as a stranger sends it: a line each of path, query, host and content type. Nothing that the
 * key of this store has not signed may pass; what the store signs itself must. */

static const struct media_sigv4_key key = {
    .access_key_id = QN_STR("AKIDEXAMPLE"),
    .secret = QN_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    .region = QN_STR("auto"),
    .service = QN_STR("s3"),
};

static const int64_t now_ms = 1795407356000; /* 2026-11-23T04:15:56Z */

struct arrived {
    struct qn_str host, type;
};

static struct qn_str header_of(const void *context, const char *name)
{
    const struct arrived *arrived = context;
    if (qn_str_eq(qn_str_c(name), QN_STR("host")))
        return arrived->host;
    if (qn_str_eq(qn_str_c(name), QN_STR("content-type")))
        return arrived->type;
    if (qn_str_eq(qn_str_c(name), QN_STR("content-length")))
        return QN_STR("100");
    return (struct qn_str){0};
}

/* Parses and judges; whether it passes. */
static bool passes(struct qn_str path, struct qn_str query, const struct arrived *arrived)
{
    static struct media_sigv4_claim claim;
    struct qn_error err;
    if (media_sigv4_parse(query, &claim, &err) != QN_OK)
        return false;
    QN_CHECK(claim.n_params >= 5 && claim.n_params <= MEDIA_SIGV4_PARAMS_MAX && claim.signature.len == 64);
    QN_CHECK(media_sigv4_signs(&claim, QN_STR("host")));
    const struct media_sigv4_arrival arrival = {
        .method = QN_STR("PUT"), .path = path, .header = header_of, .context = arrived, .now_ms = now_ms};
    return media_sigv4_verify(&key, &claim, &arrival) == MEDIA_SIGV4_GOOD;
}

/* What is signed for these texts is accepted for them, and for no other path. */
static void check_own(struct qn_str path, const struct arrived *arrived)
{
    const struct media_sigv4_pair headers[] = {{QN_STR("content-type"), arrived->type},
                                               {QN_STR("content-length"), QN_STR("100")}};
    const struct media_sigv4_request request = {
        .method = QN_STR("PUT"), .host = arrived->host, .path = path, .headers = headers, .n_headers = 2};
    struct qn_buf url;
    qn_buf_init(&url, 16384);
    if (path.len > 0 && arrived->host.len > 0 && arrived->type.len > 0 &&
        media_sigv4_presign(&key, &request, now_ms, 600, &url) == QN_OK) {
        struct qn_str text = qn_buf_view(&url);
        ptrdiff_t question = qn_str_find(text, '?');
        QN_CHECK(question > 0);
        struct qn_str encoded = qn_str_n(text.ptr, (size_t)question);
        struct qn_str query = qn_str_n(text.ptr + question + 1, text.len - (size_t)question - 1);
        QN_CHECK(passes(encoded, query, arrived));
        QN_CHECK(!passes(QN_STR("/another/path"), query, arrived) ||
                 qn_str_eq(encoded, QN_STR("/another/path")));
    }
    qn_buf_fini(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str rest = qn_str_n((const char *)data, size), path = {0}, query = {0};
    struct arrived arrived = {{0}, {0}};
    if (!qn_str_next(&rest, '\n', &path) || !qn_str_next(&rest, '\n', &query) ||
        !qn_str_next(&rest, '\n', &arrived.host))
        return 0;
    if (!qn_str_next(&rest, '\n', &arrived.type))
        arrived.type = QN_STR("image/png");
    /* A stranger's passes only if it is the one in the corpus that the key has signed, unchanged. */
    if (passes(path, query, &arrived))
        QN_CHECK(qn_str_eq(path, QN_STR("/quintet/pending/dTE/0123456789abcdefABCDEF0123456789")));
    check_own(path, &arrived);
    return 0;
}
