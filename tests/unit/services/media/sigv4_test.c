#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/encode.h"
#include "services/media/sigv4_verify.h"
#include "tests/harness/test.h"

/* The keys of AWS's documentation. */
#define EXAMPLE_ID     "AKIAIOSFODNN7EXAMPLE"
#define EXAMPLE_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static const struct media_sigv4_key aws = {
    .access_key_id = QN_STR(EXAMPLE_ID),
    .secret = QN_STR(EXAMPLE_SECRET),
    .region = QN_STR("us-east-1"),
    .service = QN_STR("s3"),
};

static const struct media_sigv4_key ours = {
    .access_key_id = QN_STR(EXAMPLE_ID),
    .secret = QN_STR(EXAMPLE_SECRET),
    .region = QN_STR("auto"),
    .service = QN_STR("s3"),
};

static int64_t time_of(const char *text)
{
    int64_t ms;
    assert_true(qn_time_parse(qn_str_c(text), &ms));
    return ms;
}

/* "Authenticating Requests: Using Query Parameters", AWS S3 API reference: the example of test.txt. */
static void test_the_presigned_get_of_the_documentation(void **state)
{
    (void)state;
    const struct media_sigv4_request request = {
        .method = QN_STR("GET"),
        .host = QN_STR("examplebucket.s3.amazonaws.com"),
        .path = QN_STR("/test.txt"),
    };
    struct qn_buf url;
    qn_buf_init(&url, 4096);
    assert_int_equal(media_sigv4_presign(&aws, &request, time_of("2013-05-24T00:00:00Z"), 86400, &url),
                     QN_OK);
    assert_str(qn_buf_view(&url),
               "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
               "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
               "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
               "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    qn_buf_fini(&url);
}

/* "Examples of how to derive a signing key", AWS General Reference, in its two versions. */
static void test_the_signing_keys_of_the_documentation(void **state)
{
    (void)state;
    static const struct {
        const char *date, *key;
    } examples[] = {
        {"20150830", "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"},
        {"20120215", "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"},
    };
    const struct media_sigv4_key iam = {
        .access_key_id = QN_STR(EXAMPLE_ID),
        .secret = QN_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        .region = QN_STR("us-east-1"),
        .service = QN_STR("iam"),
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t key[32];
        char hex[65];
        media_sigv4_signing_key(&iam, qn_str_c(examples[i].date), key);
        qn_hex_encode(hex, key, sizeof key);
        assert_string_equal(hex, examples[i].key);
    }
}

/* Made with npm's @smithy/signature-v4 5 (what the AWS SDK for JavaScript signs with) for S3's rules, from
 * these keys, this time and these two parameters. They guard the escaping: letters that take several bytes,
 * blanks, '+', '%', an empty piece, dots, and every mark that some encoders leave bare. */
static const struct {
    const char *key, *signature;
} encodings[] = {
    {"photos/plain", "bf46abafa81063304f0c40a36c62c3e77b1c18786bec990fad5e1aa5549f0658"},
    {"a b+c%d//e", "05dd2e315dcb8f3f7696d311b24b0c447691ca0451e85d2c9321ebd4bc027d68"},
    {"ünï/日本語 🎉.jpg", "0c6473e3795b34630d6fc8401e0949095f24a57b30e57c1ab6fad11c8408507e"},
    {"it's (a) [b] {c}!*~&=?#;:@,$", "252b87a0dd972767b77f9f06fd18dad1d840b39465b3d671ef2640c27e6e8f16"},
    {"../x/./y", "a0b79e776e319a235735556d8c7f3ba920b75efba0a1b44402f33ec84616081e"},
};

static const struct media_sigv4_pair upload_headers[] = {
    {QN_STR("content-type"), QN_STR("image/jpeg")},
    {QN_STR("content-length"), QN_STR("12345")},
};

static const struct media_sigv4_pair sdk_query[] = {
    {QN_STR("x-id"), QN_STR("PutObject")},
    {QN_STR("sp ace"), QN_STR("a+b /ü")},
    {QN_STR("x-amz-content-sha256"), QN_STR("UNSIGNED-PAYLOAD")},
};

static void test_encodings_as_the_sdk(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        char path[256];
        snprintf(path, sizeof path, "/quintet/%s", encodings[i].key);
        const struct media_sigv4_request request = {
            .method = QN_STR("PUT"),
            .host = QN_STR("acc.r2.cloudflarestorage.com"),
            .path = qn_str_c(path),
            .headers = upload_headers,
            .n_headers = 2,
            .query = sdk_query,
            .n_query = 3,
        };
        struct qn_buf url;
        qn_buf_init(&url, 8192);
        assert_int_equal(media_sigv4_presign(&ours, &request, time_of("2026-11-23T04:15:56.937Z"), 600, &url),
                         QN_OK);
        struct qn_str text = qn_buf_view(&url);
        assert_true(text.len > 64);
        assert_str(qn_str_n(text.ptr + text.len - 64, 64), encodings[i].signature);
        qn_buf_fini(&url);
    }
}

/* A request as a client would send it. */
struct sent {
    char method[16], path[512], query[2048], host[128], type[64], length[16];
    bool without_type;
};

static struct qn_str sent_header(const void *context, const char *name)
{
    const struct sent *sent = context;
    if (strcmp(name, "host") == 0)
        return qn_str_c(sent->host);
    if (strcmp(name, "content-length") == 0)
        return qn_str_c(sent->length);
    if (strcmp(name, "content-type") == 0 && !sent->without_type)
        return qn_str_c(sent->type);
    return (struct qn_str){0};
}

#define SIGNED_AT "2026-11-23T04:15:56Z"

static void send_upload(struct sent *sent)
{
    const struct media_sigv4_request request = {
        .method = QN_STR("PUT"),
        .host = QN_STR("127.0.0.1:8081"),
        .path = QN_STR("/quintet/pending/dTE/0123456789abcdefABCDEF0123456789"),
        .headers = upload_headers,
        .n_headers = 2,
    };
    struct qn_buf url;
    qn_buf_init(&url, 4096);
    assert_int_equal(media_sigv4_presign(&ours, &request, time_of(SIGNED_AT), 600, &url), QN_OK);
    struct qn_str text = qn_buf_view(&url);
    ptrdiff_t question = qn_str_find(text, '?');
    *sent = (struct sent){.method = "PUT", .host = "127.0.0.1:8081", .type = "image/jpeg", .length = "12345"};
    snprintf(sent->path, sizeof sent->path, "%.*s", (int)question, text.ptr);
    snprintf(sent->query, sizeof sent->query, "%s", text.ptr + question + 1);
    qn_buf_fini(&url);
}

enum { MALFORMED = -1 };

/* A verdict, or MALFORMED. */
static int judge(const struct media_sigv4_key *key, const struct sent *sent, const char *now)
{
    static struct media_sigv4_claim claim;
    struct qn_error err;
    if (media_sigv4_parse(qn_str_c(sent->query), &claim, &err) != QN_OK)
        return MALFORMED;
    const struct media_sigv4_arrival arrival = {.method = qn_str_c(sent->method),
                                                .path = qn_str_c(sent->path),
                                                .header = sent_header,
                                                .context = sent,
                                                .now_ms = time_of(now)};
    return (int)media_sigv4_verify(key, &claim, &arrival);
}

static void test_what_we_sign_we_accept(void **state)
{
    (void)state;
    struct sent sent;
    send_upload(&sent);
    assert_int_equal(judge(&ours, &sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
    struct media_sigv4_claim claim;
    assert_int_equal(media_sigv4_parse(qn_str_c(sent.query), &claim, NULL), QN_OK);
    assert_true(media_sigv4_signs(&claim, QN_STR("content-length")));
    assert_true(media_sigv4_signs(&claim, QN_STR("content-type")));
    assert_false(media_sigv4_signs(&claim, QN_STR("content")));
    assert_false(media_sigv4_signs(&claim, QN_STR("")));
}

/* Parameters may come in another order: the algorithm sorts them. */
static void test_order_of_parameters_is_free(void **state)
{
    (void)state;
    struct sent sent;
    char query[2048];
    send_upload(&sent);
    char *last = strrchr(sent.query, '&');
    snprintf(query, sizeof query, "%s&%.*s", last + 1, (int)(last - sent.query), sent.query);
    memcpy(sent.query, query, sizeof query);
    assert_int_equal(judge(&ours, &sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
}

static void test_times(void **state)
{
    (void)state;
    struct sent sent;
    send_upload(&sent);
    assert_int_equal(judge(&ours, &sent, "2026-11-23T04:25:55.999Z"), MEDIA_SIGV4_GOOD);
    assert_int_equal(judge(&ours, &sent, "2026-11-23T04:25:56Z"), MEDIA_SIGV4_EXPIRED);
    assert_int_equal(judge(&ours, &sent, "2027-11-23T04:15:56Z"), MEDIA_SIGV4_EXPIRED);
    /* A signer whose clock is ahead: by 15 minutes, and by a millisecond more. */
    assert_int_equal(judge(&ours, &sent, "2026-11-23T04:00:56Z"), MEDIA_SIGV4_GOOD);
    assert_int_equal(judge(&ours, &sent, "2026-11-23T04:00:55.999Z"), MEDIA_SIGV4_SKEWED);
}

static void test_another_key(void **state)
{
    (void)state;
    struct sent sent;
    struct media_sigv4_key other;
    send_upload(&sent);
    other = ours;
    other.secret = QN_STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ");
    assert_int_equal(judge(&other, &sent, SIGNED_AT), MEDIA_SIGV4_MISMATCH);
    other = ours;
    other.access_key_id = QN_STR("AKIAIOSFODNN7EXAMPLF");
    assert_int_equal(judge(&other, &sent, SIGNED_AT), MEDIA_SIGV4_UNKNOWN_KEY);
    assert_int_equal(judge(&aws, &sent, SIGNED_AT), MEDIA_SIGV4_UNKNOWN_KEY);
    other = ours;
    other.secret = QN_STR("");
    assert_int_equal(judge(&other, &sent, SIGNED_AT), MEDIA_SIGV4_UNKNOWN_KEY);
}

static void test_a_signed_header_must_be_there(void **state)
{
    (void)state;
    struct sent sent;
    send_upload(&sent);
    sent.without_type = true;
    assert_int_equal(judge(&ours, &sent, SIGNED_AT), MEDIA_SIGV4_HEADER_GONE);
}

static void assert_no_flip_passes(struct sent *sent, char *text)
{
    for (size_t i = 0; text[i]; i++) {
        for (int bit = 0; bit < 8; bit++) {
            char was = text[i];
            text[i] = (char)(was ^ 1 << bit);
            /* One that ends the string cuts it; all others change one letter. */
            if (judge(&ours, sent, SIGNED_AT) == MEDIA_SIGV4_GOOD)
                fail_msg("passes with bit %d of byte %zu flipped: %s", bit, i, text);
            text[i] = was;
        }
    }
    assert_int_equal(judge(&ours, sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
}

/* Every single bit counts, of all that is signed and of the signature. */
static void test_no_changed_bit_passes(void **state)
{
    (void)state;
    struct sent sent;
    send_upload(&sent);
    assert_no_flip_passes(&sent, sent.method);
    assert_no_flip_passes(&sent, sent.path);
    assert_no_flip_passes(&sent, sent.query);
    assert_no_flip_passes(&sent, sent.host);
    assert_no_flip_passes(&sent, sent.type);
    assert_no_flip_passes(&sent, sent.length);
}

/* Another spelling of a path or a parameter is another request: what is looked up is what was signed. */
static void test_one_spelling(void **state)
{
    (void)state;
    struct sent sent;
    send_upload(&sent);
    char *slash = strstr(sent.path, "/pending");
    char path[512];
    snprintf(path, sizeof path, "%.*s%%2Fpending%s", (int)(slash - sent.path), sent.path, slash + 8);
    memcpy(sent.path, path, sizeof path);
    assert_int_equal(judge(&ours, &sent, SIGNED_AT), MEDIA_SIGV4_BAD_PATH);

    send_upload(&sent);
    char query[2048];
    char *escape = strstr(sent.query, "%2F");
    snprintf(query, sizeof query, "%.*s%%2f%s", (int)(escape - sent.query), sent.query, escape + 3);
    memcpy(sent.query, query, sizeof query);
    assert_int_equal(judge(&ours, &sent, SIGNED_AT), MALFORMED);
}

/* A query with one of its parts replaced. */
static void replace(struct sent *sent, const char *part, const char *by)
{
    char query[2048];
    send_upload(sent);
    char *at = strstr(sent->query, part);
    assert_non_null(at);
    snprintf(query, sizeof query, "%.*s%s%s", (int)(at - sent->query), sent->query, by, at + strlen(part));
    memcpy(sent->query, query, sizeof query);
}

static void test_malformed_queries(void **state)
{
    (void)state;
    static const struct {
        const char *part, *by;
    } changes[] = {
        {"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"},
        {"X-Amz-Expires=600", "X-Amz-Expires=0"},
        {"X-Amz-Expires=600", "X-Amz-Expires=604801"},
        {"X-Amz-Expires=600", "X-Amz-Expires=-600"},
        {"X-Amz-Expires=600", "X-Amz-Expires=99999999999999999999"},
        {"X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-Expires=700"},
        {"X-Amz-Expires=600&", ""},
        {"X-Amz-Expires=600", "X-Amz-Expires"},
        {"X-Amz-Expires=600", "=600"},
        {"X-Amz-Date=20261123T041556Z", "X-Amz-Date=20261323T041556Z"},
        {"X-Amz-Date=20261123T041556Z", "X-Amz-Date=20261123T041556"},
        {"X-Amz-Date=20261123T041556Z", "X-Amz-Date=2026-11-23T04:15"},
        {"X-Amz-Date=20261123T041556Z", "X-Amz-Date=20261124T041556Z"}, /* not the scope's day */
        {"aws4_request", "aws5_request"},
        {"%2Fs3%2F", "%2F"},
        {"%2Faws4_request", "%2Faws4_request%2F"},
        {"%2Faws4_request", "%2Faws4_request%2Faws4_request"},
        {"content-length%3B", "content-length%3B%3B"},
        {"content-length%3Bcontent-type%3Bhost", "content-length%3Bcontent-type"},
        {"content-length%3Bcontent-type%3Bhost", "content-type%3Bcontent-length%3Bhost"},
        {"content-length%3Bcontent-type%3Bhost", "content-length%3Bcontent-length%3Bhost"},
        {"content-length%3Bcontent-type%3Bhost", "Content-Length%3Bcontent-type%3Bhost"},
        {"X-Amz-Algorithm", "X-Amz-Algorith%6D"},
        {"X-Amz-Algorithm", "&X-Amz-Algorithm"},
        {"X-Amz-Algorithm=", "X-Amz-Algorithm=%G0"},
        {"X-Amz-Algorithm=", "a=+&X-Amz-Algorithm="},
        {"X-Amz-Signature=", "X-Amz-Signature=0"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct sent sent;
        replace(&sent, changes[i].part, changes[i].by);
        int verdict = judge(&ours, &sent, SIGNED_AT);
        if (verdict != MALFORMED)
            fail_msg("\"%s\" for \"%s\": verdict %d", changes[i].by, changes[i].part, verdict);
    }
}

static void test_bounds_of_a_query(void **state)
{
    (void)state;
    static struct media_sigv4_claim claim;
    struct sent sent;
    send_upload(&sent);
    struct qn_buf query;
    qn_buf_init(&query, 65536);
    qn_buf_write_c(&query, sent.query);
    for (int i = 5; i < MEDIA_SIGV4_PARAMS_MAX; i++)
        qn_buf_printf(&query, "&p%d=", i);
    assert_int_equal(media_sigv4_parse(qn_buf_view(&query), &claim, NULL), QN_OK);
    qn_buf_write_c(&query, "&one=more");
    assert_int_equal(media_sigv4_parse(qn_buf_view(&query), &claim, NULL), QN_INVALID_ARGUMENT);

    qn_buf_clear(&query);
    qn_buf_printf(&query, "%s&long=", sent.query);
    while (query.len < MEDIA_SIGV4_QUERY_MAX)
        qn_buf_write_byte(&query, 'x');
    assert_int_equal(media_sigv4_parse(qn_buf_view(&query), &claim, NULL), QN_OK);
    qn_buf_write_byte(&query, 'x');
    assert_int_equal(media_sigv4_parse(qn_buf_view(&query), &claim, NULL), QN_INVALID_ARGUMENT);
    qn_buf_fini(&query);
    assert_int_equal(media_sigv4_parse(QN_STR(""), &claim, NULL), QN_INVALID_ARGUMENT);
}

static void test_what_cannot_be_signed(void **state)
{
    (void)state;
    struct media_sigv4_request request = {.method = QN_STR("PUT"),
                                          .host = QN_STR("h"),
                                          .path = QN_STR("/k"),
                                          .headers = upload_headers,
                                          .n_headers = 2};
    struct qn_buf url;
    int64_t now_ms = time_of(SIGNED_AT);
    qn_buf_init(&url, 8192);
    assert_int_equal(media_sigv4_presign(&ours, &request, now_ms, 0, &url), QN_INVALID_ARGUMENT);
    assert_int_equal(media_sigv4_presign(&ours, &request, now_ms, MEDIA_SIGV4_EXPIRES_MAX + 1, &url),
                     QN_INVALID_ARGUMENT);
    assert_int_equal(media_sigv4_presign(&ours, &request, -1, 600, &url), QN_INVALID_ARGUMENT);
    assert_int_equal(media_sigv4_presign(&ours, &request, 253402300800000, 600, &url), QN_INVALID_ARGUMENT);
    const struct media_sigv4_pair twice[] = {upload_headers[0], upload_headers[0]};
    request.headers = twice;
    assert_int_equal(media_sigv4_presign(&ours, &request, now_ms, 600, &url), QN_INVALID_ARGUMENT);
    request.headers = upload_headers;
    char *path = calloc(1, 4002);
    memset(path, '/', 4001);
    request.path = qn_str_c(path);
    assert_int_equal(media_sigv4_presign(&ours, &request, now_ms, 600, &url), QN_RESOURCE_EXHAUSTED);
    free(path);
    assert_int_equal(url.len, 0);
    request.path = QN_STR("/k");
    qn_buf_fini(&url);
    qn_buf_init(&url, 100);
    assert_int_equal(media_sigv4_presign(&ours, &request, now_ms, 600, &url), QN_RESOURCE_EXHAUSTED);
    assert_true(qn_buf_failed(&url));
    qn_buf_fini(&url);
}

/* A header's value counts without blanks at its ends and with one for each run of them inside. */
static void test_blanks_in_headers(void **state)
{
    (void)state;
    struct sent sent;
    send_upload(&sent);
    memcpy(sent.type, "  image/jpeg\t", sizeof "  image/jpeg\t");
    assert_int_equal(judge(&ours, &sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
    memcpy(sent.type, "image /jpeg", sizeof "image /jpeg");
    assert_int_equal(judge(&ours, &sent, SIGNED_AT), MEDIA_SIGV4_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_presigned_get_of_the_documentation),
        cmocka_unit_test(test_the_signing_keys_of_the_documentation),
        cmocka_unit_test(test_encodings_as_the_sdk),
        cmocka_unit_test(test_what_we_sign_we_accept),
        cmocka_unit_test(test_order_of_parameters_is_free),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_a_signed_header_must_be_there),
        cmocka_unit_test(test_no_changed_bit_passes),
        cmocka_unit_test(test_one_spelling),
        cmocka_unit_test(test_malformed_queries),
        cmocka_unit_test(test_bounds_of_a_query),
        cmocka_unit_test(test_what_cannot_be_signed),
        cmocka_unit_test(test_blanks_in_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
