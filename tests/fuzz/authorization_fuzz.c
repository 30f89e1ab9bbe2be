#include "common/core/check.h"
#include "services/media/sigv4_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A request signed in its headers as a stranger sends it: a line each of path, query, Authorization,
 * x-amz-date, x-amz-content-sha256 and host. Nothing that the key of this store has not signed may pass; what
 * the store signs itself must, and not for another payload. */

static const struct media_sigv4_key key = {
    .access_key_id = QN_STR("AKIDEXAMPLE"),
    .secret = QN_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    .region = QN_STR("auto"),
    .service = QN_STR("s3"),
};

static const int64_t now_ms = 1795407356000; /* 2026-11-23T04:15:56Z */

struct arrived {
    struct media_sigv4_headers headers;
    struct qn_str path, query, host;
};

static struct qn_str header_of(const void *context, const char *name)
{
    const struct arrived *arrived = context;
    if (qn_str_eq(qn_str_c(name), QN_STR("host")))
        return arrived->host;
    if (qn_str_eq(qn_str_c(name), QN_STR("x-amz-date")))
        return arrived->headers.date;
    if (qn_str_eq(qn_str_c(name), QN_STR("x-amz-content-sha256")))
        return arrived->headers.payload;
    return (struct qn_str){0};
}

static bool passes(const struct arrived *arrived)
{
    static struct media_sigv4_claim claim;
    struct qn_error err;
    if (media_sigv4_parse_header(&arrived->headers, arrived->query, &claim, &err) != QN_OK)
        return false;
    QN_CHECK(claim.n_params <= MEDIA_SIGV4_PARAMS_MAX && claim.signature.len == 64 && claim.expires_s == 0);
    QN_CHECK(media_sigv4_signs(&claim, QN_STR("host")) && media_sigv4_signs(&claim, QN_STR("x-amz-date")) &&
             media_sigv4_signs(&claim, QN_STR("x-amz-content-sha256")));
    QN_CHECK(!media_sigv4_param(&claim, QN_STR("X-Amz-Signature")).ptr);
    for (size_t i = 0; i < claim.n_params; i++)
        QN_CHECK(media_sigv4_param(&claim, claim.params[i].plain.name).ptr != NULL);
    const struct media_sigv4_arrival arrival = {.method = QN_STR("GET"),
                                                .path = arrived->path,
                                                .header = header_of,
                                                .context = arrived,
                                                .now_ms = now_ms};
    return media_sigv4_verify(&key, &claim, &arrival) == MEDIA_SIGV4_GOOD;
}

/* What is signed for this path, a parameter of these texts and this host. */
static void check_own(const struct arrived *stranger)
{
    const struct media_sigv4_pair query[] = {{QN_STR("prefix"), stranger->query},
                                             {stranger->headers.payload, stranger->headers.date}};
    const struct media_sigv4_request request = {.method = QN_STR("GET"),
                                                .host = stranger->host,
                                                .path = stranger->path,
                                                .query = query,
                                                .n_query = stranger->headers.payload.len > 0 ? 2 : 1};
    struct qn_buf target, authorization;
    char date[MEDIA_SIGV4_DATE_ROOM];
    qn_buf_init(&target, 32768);
    qn_buf_init(&authorization, 4096);
    if (stranger->path.len > 0 && stranger->host.len > 0 &&
        media_sigv4_authorize(&key, &request, QN_STR(MEDIA_SIGV4_UNSIGNED), now_ms, date, &target,
                              &authorization) == QN_OK) {
        struct qn_str text = qn_buf_view(&target);
        ptrdiff_t question = qn_str_find(text, '?');
        QN_CHECK(question > 0);
        struct arrived own = {
            .headers = {.authorization = qn_buf_view(&authorization),
                        .date = qn_str_c(date),
                        .payload = QN_STR(MEDIA_SIGV4_UNSIGNED)},
            .path = qn_str_n(text.ptr, (size_t)question),
            .query = qn_str_n(text.ptr + question + 1, text.len - (size_t)question - 1),
            .host = stranger->host,
        };
        /* But for a parameter that is the mark of the other way to sign. */
        bool mixed = qn_str_starts(query[1].name, QN_STR("X-Amz-"));
        QN_CHECK(passes(&own) || mixed);
        own.headers.payload = QN_STR("UNSIGNED-PAYLOAE");
        QN_CHECK(!passes(&own));
    }
    qn_buf_fini(&target);
    qn_buf_fini(&authorization);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str rest = qn_str_n((const char *)data, size);
    struct arrived stranger = {.headers = {.authorization = {0}}};
    struct qn_str *const lines[] = {
        &stranger.path,         &stranger.query,           &stranger.headers.authorization,
        &stranger.headers.date, &stranger.headers.payload, &stranger.host};
    for (size_t i = 0; i < QN_COUNT(lines); i++) {
        if (!qn_str_next(&rest, '\n', lines[i]))
            return 0;
    }
    /* A stranger's passes only if it is the one in the corpus that the key has signed, unchanged. */
    if (passes(&stranger))
        QN_CHECK(qn_str_eq(stranger.path, QN_STR("/quintet/")));
    check_own(&stranger);
    return 0;
}
