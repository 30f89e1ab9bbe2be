#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "services/media/sigv4_verify.h"
#include "tests/harness/test.h"

/* Requests signed in an Authorization header, as they arrive. What AWS signs is in sigv4_published_test.c. */

static const struct media_sigv4_key key = {
    .access_key_id = QN_STR("AKIAIOSFODNN7EXAMPLE"),
    .secret = QN_STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    .region = QN_STR("auto"),
    .service = QN_STR("s3"),
};

#define SIGNED_AT "2026-11-23T04:15:56Z"
#define HOST      "127.0.0.1:8081"

static int64_t time_of(const char *text)
{
    int64_t ms;
    assert_true(qn_time_parse(qn_str_c(text), &ms));
    return ms;
}

/* A request as a client would send it. */
struct sent {
    char method[8], path[64], query[256], host[64], authorization[512], date[32], payload[80], range[32];
};

static struct qn_str sent_header(const void *context, const char *name)
{
    const struct sent *sent = context;
    if (strcmp(name, "host") == 0)
        return qn_str_c(sent->host);
    if (strcmp(name, "x-amz-date") == 0)
        return qn_str_c(sent->date);
    if (strcmp(name, "x-amz-content-sha256") == 0)
        return qn_str_c(sent->payload);
    if (strcmp(name, "range") == 0 && sent->range[0] != '\0')
        return qn_str_c(sent->range);
    return (struct qn_str){0};
}

static void send_list(struct sent *sent)
{
    static const struct media_sigv4_pair query[] = {{QN_STR("prefix"), QN_STR("pending/a b+c")},
                                                    {QN_STR("list-type"), QN_STR("2")},
                                                    {QN_STR("empty"), QN_STR("")}};
    static const struct media_sigv4_pair headers[] = {{QN_STR("range"), QN_STR("bytes=0-9")}};
    const struct media_sigv4_request request = {.method = QN_STR("GET"),
                                                .host = QN_STR(HOST),
                                                .path = QN_STR("/quintet/"),
                                                .headers = headers,
                                                .n_headers = 1,
                                                .query = query,
                                                .n_query = 3};
    struct qn_buf target, authorization;
    qn_buf_init(&target, 4096);
    qn_buf_init(&authorization, 4096);
    *sent = (struct sent){.method = "GET", .path = "/quintet/", .host = HOST, .range = "bytes=0-9"};
    snprintf(sent->payload, sizeof sent->payload, "%s", MEDIA_SIGV4_UNSIGNED);
    assert_int_equal(media_sigv4_authorize(&key, &request, QN_STR(MEDIA_SIGV4_UNSIGNED), time_of(SIGNED_AT),
                                           sent->date, &target, &authorization),
                     QN_OK);
    assert_str(qn_buf_view(&target), "/quintet/?empty=&list-type=2&prefix=pending%2Fa%20b%2Bc");
    snprintf(sent->query, sizeof sent->query, "%s", strchr(target.data, '?') + 1);
    snprintf(sent->authorization, sizeof sent->authorization, "%s", authorization.data);
    qn_buf_fini(&target);
    qn_buf_fini(&authorization);
}

enum { MALFORMED = -1 };

/* A verdict, or MALFORMED. */
static int judge(const struct sent *sent, const char *now)
{
    static struct media_sigv4_claim claim;
    struct qn_error err;
    const struct media_sigv4_headers headers = {.authorization = qn_str_c(sent->authorization),
                                                .date = qn_str_c(sent->date),
                                                .payload = qn_str_c(sent->payload)};
    if (media_sigv4_parse_header(&headers, qn_str_c(sent->query), &claim, &err) != QN_OK)
        return MALFORMED;
    const struct media_sigv4_arrival arrival = {.method = qn_str_c(sent->method),
                                                .path = qn_str_c(sent->path),
                                                .header = sent_header,
                                                .context = sent,
                                                .now_ms = time_of(now)};
    return (int)media_sigv4_verify(&key, &claim, &arrival);
}

static void test_what_we_sign_we_accept(void **state)
{
    (void)state;
    struct sent sent;
    static struct media_sigv4_claim claim;
    send_list(&sent);
    assert_int_equal(judge(&sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
    const struct media_sigv4_headers headers = {.authorization = qn_str_c(sent.authorization),
                                                .date = qn_str_c(sent.date),
                                                .payload = qn_str_c(sent.payload)};
    assert_int_equal(media_sigv4_parse_header(&headers, qn_str_c(sent.query), &claim, NULL), QN_OK);
    assert_str(media_sigv4_param(&claim, QN_STR("prefix")), "pending/a b+c");
    assert_str(media_sigv4_param(&claim, QN_STR("empty")), "");
    assert_non_null(media_sigv4_param(&claim, QN_STR("empty")).ptr);
    assert_null(media_sigv4_param(&claim, QN_STR("Prefix")).ptr);
    assert_str(claim.payload, MEDIA_SIGV4_UNSIGNED);
    assert_int_equal(claim.expires_s, 0);
    assert_true(media_sigv4_signs(&claim, QN_STR("range")));
}

static void test_times(void **state)
{
    (void)state;
    struct sent sent;
    send_list(&sent);
    assert_int_equal(judge(&sent, "2026-11-23T04:30:56Z"), MEDIA_SIGV4_GOOD);
    assert_int_equal(judge(&sent, "2026-11-23T04:30:56.001Z"), MEDIA_SIGV4_SKEWED);
    assert_int_equal(judge(&sent, "2026-11-23T04:00:56Z"), MEDIA_SIGV4_GOOD);
    assert_int_equal(judge(&sent, "2026-11-23T04:00:55.999Z"), MEDIA_SIGV4_SKEWED);
}

static void assert_no_flip_passes(struct sent *sent, char *text)
{
    for (size_t i = 0; text[i]; i++) {
        for (int bit = 0; bit < 8; bit++) {
            char was = text[i];
            text[i] = (char)(was ^ 1 << bit);
            if (judge(sent, SIGNED_AT) == MEDIA_SIGV4_GOOD)
                fail_msg("passes with bit %d of byte %zu flipped: %s", bit, i, text);
            text[i] = was;
        }
    }
    assert_int_equal(judge(sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
}

static void test_no_changed_bit_passes(void **state)
{
    (void)state;
    struct sent sent;
    send_list(&sent);
    assert_no_flip_passes(&sent, sent.method);
    assert_no_flip_passes(&sent, sent.path);
    assert_no_flip_passes(&sent, sent.query);
    assert_no_flip_passes(&sent, sent.host);
    assert_no_flip_passes(&sent, sent.date);
    assert_no_flip_passes(&sent, sent.payload);
    assert_no_flip_passes(&sent, sent.range);
    /* Of the header itself all but the blanks behind its commas, which may be tabs, or missing. */
    char *comma = strchr(sent.authorization, ',');
    comma[1] = '\t';
    assert_int_equal(judge(&sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
    memmove(comma + 1, comma + 2, strlen(comma + 2) + 1);
    comma = strchr(comma + 1, ',');
    memmove(comma + 1, comma + 2, strlen(comma + 2) + 1);
    assert_no_flip_passes(&sent, sent.authorization);
}

static void test_a_signed_header_must_be_there(void **state)
{
    (void)state;
    struct sent sent;
    send_list(&sent);
    sent.range[0] = '\0';
    assert_int_equal(judge(&sent, SIGNED_AT), MEDIA_SIGV4_HEADER_GONE);
}

/* "name" is signed as "name=": the way S3's subresources are written. */
static void test_a_parameter_without_a_value(void **state)
{
    (void)state;
    struct sent sent;
    send_list(&sent);
    char *rest = strchr(sent.query, '=');
    memmove(rest, rest + 1, strlen(rest));
    assert_true(qn_str_starts(qn_str_c(sent.query), QN_STR("empty&")));
    assert_int_equal(judge(&sent, SIGNED_AT), MEDIA_SIGV4_GOOD);
}

static void replace(char *text, size_t room, const char *part, const char *by)
{
    char *copy = strdup(text), *at = strstr(copy, part);
    assert_non_null(at);
    snprintf(text, room, "%.*s%s%s", (int)(at - copy), copy, by, at + strlen(part));
    free(copy);
}

static void test_malformed_headers(void **state)
{
    (void)state;
    static const struct {
        const char *part, *by;
    } changes[] = {
        {"AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"},
        {"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"},
        {"AWS4-HMAC-SHA256", "AWS"},
        {"AWS4", " AWS4"},
        {"Credential=", "credential="},
        {", SignedHeaders", ";SignedHeaders"},
        {", SignedHeaders", ",, SignedHeaders"},
        {", SignedHeaders", ", Other=1, SignedHeaders"},
        {", SignedHeaders=", ", SignedHeaders=host, SignedHeaders="},
        {"Signature=", "Signature=0"},
        {"Signature=", "Signature=,"},
        {"aws4_request", "aws4_reques"},
        {"/auto/", "/"},
        {"/20261123/", "/20261124/"},
        {"host;", ""},
        {";x-amz-date", ""},
        {"x-amz-content-sha256;", ""},
        {"host;range", "range;host"},
        {"host;range", "host;host;range"},
        {"host;range", "Host;range"},
        {"host;range", "host;;range"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct sent sent;
        send_list(&sent);
        replace(sent.authorization, sizeof sent.authorization, changes[i].part, changes[i].by);
        int verdict = judge(&sent, SIGNED_AT);
        if (verdict != MALFORMED)
            fail_msg("\"%s\" for \"%s\": verdict %d", changes[i].by, changes[i].part, verdict);
    }
    static const char *const dates[] = {"", "20261123T041556", "20261323T041556Z", "2026-11-23T04:15:56Z"};
    static const char *const payloads[] = {
        "", "unsigned-payload", "UNSIGNED PAYLOAD",
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B8555",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"};
    struct sent sent;
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        send_list(&sent);
        snprintf(sent.date, sizeof sent.date, "%s", dates[i]);
        assert_int_equal(judge(&sent, SIGNED_AT), MALFORMED);
    }
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        send_list(&sent);
        snprintf(sent.payload, sizeof sent.payload, "%s", payloads[i]);
        assert_int_equal(judge(&sent, SIGNED_AT), MALFORMED);
    }
    send_list(&sent);
    sent.authorization[0] = '\0';
    assert_int_equal(judge(&sent, SIGNED_AT), MALFORMED);
}

static void test_malformed_queries(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "&", "=x", "a=%2f", "a=b=c", "a=b/c", "%61=b", "a=+", "X-Amz-Signature=00", "X-Amz-Expires=600", "a&",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        struct sent sent;
        send_list(&sent);
        snprintf(sent.query, sizeof sent.query, "%s", queries[i]);
        int verdict = judge(&sent, SIGNED_AT);
        if (verdict != MALFORMED)
            fail_msg("\"%s\": verdict %d", queries[i], verdict);
    }
}

static void test_what_cannot_be_signed(void **state)
{
    (void)state;
    struct media_sigv4_pair many[MEDIA_SIGV4_HEADERS_MAX];
    char names[MEDIA_SIGV4_HEADERS_MAX][8];
    struct media_sigv4_request request = {
        .method = QN_STR("GET"), .host = QN_STR(HOST), .path = QN_STR("/k"), .headers = many};
    struct qn_buf target, authorization;
    char date[MEDIA_SIGV4_DATE_ROOM];
    qn_buf_init(&target, 4096);
    qn_buf_init(&authorization, 4096);
    for (size_t i = 0; i < MEDIA_SIGV4_HEADERS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "h%zu", i);
        many[i] = (struct media_sigv4_pair){qn_str_c(names[i]), QN_STR("v")};
    }
    static const struct {
        size_t n_headers;
        const char *at;
        enum qn_status status;
    } cases[] = {
        {MEDIA_SIGV4_HEADERS_MAX - 3, SIGNED_AT, QN_OK}, /* three are its own */
        {MEDIA_SIGV4_HEADERS_MAX - 2, SIGNED_AT, QN_INVALID_ARGUMENT},
        {0, "1969-12-31T23:59:59Z", QN_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        request.n_headers = cases[i].n_headers;
        assert_int_equal(media_sigv4_authorize(&key, &request, QN_STR(MEDIA_SIGV4_UNSIGNED),
                                               time_of(cases[i].at), date, &target, &authorization),
                         cases[i].status);
    }
    many[0].name = QN_STR("x-amz-date"); /* its own, once more */
    request.n_headers = 1;
    assert_int_equal(media_sigv4_authorize(&key, &request, QN_STR(MEDIA_SIGV4_UNSIGNED), time_of(SIGNED_AT),
                                           date, &target, &authorization),
                     QN_INVALID_ARGUMENT);
    qn_buf_fini(&authorization);
    qn_buf_init(&authorization, 20);
    request.n_headers = 0;
    assert_int_equal(media_sigv4_authorize(&key, &request, QN_STR(MEDIA_SIGV4_UNSIGNED), time_of(SIGNED_AT),
                                           date, &target, &authorization),
                     QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&target);
    qn_buf_fini(&authorization);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_we_sign_we_accept),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_no_changed_bit_passes),
        cmocka_unit_test(test_a_signed_header_must_be_there),
        cmocka_unit_test(test_a_parameter_without_a_value),
        cmocka_unit_test(test_malformed_headers),
        cmocka_unit_test(test_malformed_queries),
        cmocka_unit_test(test_what_cannot_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
