#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "services/media/s3/url.h"
#include "services/media/sigv4_verify.h"
#include "tests/harness/test.h"

/* URLs for browsers and next/image. */

#define NOW_MS  INT64_C(1795000000000) /* in November 2026 */
#define HOUR_MS INT64_C(3600000)

static const struct media_bucket private_bucket = {.scheme = "https://",
                                                   .host = "0123.r2.cloudflarestorage.com",
                                                   .name = {"pictures", 8},
                                                   .access_key_id = {"AK", 2},
                                                   .secret = {"secret", 6},
                                                   .region = {"auto", 4},
                                                   .write_once = true};

static struct media_bucket public_bucket(void)
{
    struct media_bucket bucket = private_bucket;
    snprintf(bucket.public_origin, sizeof bucket.public_origin, "https://pics.example.com");
    return bucket;
}

struct url {
    char text[2048];
};

static struct url read_url(const struct media_bucket *bucket, const char *key, int64_t now_ms)
{
    struct url url;
    struct qn_buf to;
    qn_buf_init(&to, sizeof url.text - 1);
    assert_int_equal(media_s3_url_read(bucket, qn_str_c(key), now_ms, &to), QN_OK);
    snprintf(url.text, sizeof url.text, "%s", to.data);
    qn_buf_fini(&to);
    return url;
}

/* When it was signed and when it ends, in milliseconds. */
static void life_of(const struct url *url, int64_t *ret_signed_ms, int64_t *ret_ends_ms)
{
    static struct media_sigv4_claim claim;
    struct qn_error err;
    const char *query = strchr(url->text, '?');
    assert_non_null(query);
    if (media_sigv4_parse(qn_str_c(query + 1), &claim, &err) != QN_OK)
        fail_msg("%s: %s", url->text, err.message);
    *ret_signed_ms = claim.signed_at_ms;
    *ret_ends_ms = claim.signed_at_ms + (int64_t)claim.expires_s * 1000;
}

static void test_a_public_domain_gives_the_same_url_for_ever(void **state)
{
    (void)state;
    const struct media_bucket bucket = public_bucket();
    assert_string_equal(read_url(&bucket, "photos/p/h.webp", NOW_MS).text,
                        "https://pics.example.com/photos/p/h.webp");
    assert_string_equal(read_url(&bucket, "photos/p/h.webp", NOW_MS + 1000 * HOUR_MS).text,
                        "https://pics.example.com/photos/p/h.webp");
}

/* Without one: each URL is given out for a whole window and no longer, by every process; whenever it is given
 * it has more than an hour to live, and it was never signed in the future. */
static void test_signed_urls_stay_the_same_for_a_window(void **state)
{
    (void)state;
    static const char *const keys[] = {"photos/a/1.webp", "photos/b/2.webp", "photos/c/3.webp"};
    enum { STEP_MS = 60 * 1000, STEPS = 24 * 60 };
    for (size_t i = 0; i < QN_COUNT(keys); i++) {
        struct url last = read_url(&private_bucket, keys[i], NOW_MS);
        int64_t since_ms = -1, signed_ms, ends_ms;
        unsigned changes = 0;
        for (int64_t now_ms = NOW_MS; now_ms < NOW_MS + STEPS * (int64_t)STEP_MS; now_ms += STEP_MS) {
            struct url url = read_url(&private_bucket, keys[i], now_ms);
            life_of(&url, &signed_ms, &ends_ms);
            assert_true(signed_ms <= now_ms);
            assert_true(ends_ms - now_ms > HOUR_MS);
            if (strcmp(url.text, last.text) != 0) {
                if (since_ms >= 0)
                    assert_true(now_ms - since_ms >= HOUR_MS);
                since_ms = now_ms;
                last = url;
                changes++;
            }
        }
        assert_int_equal(changes, STEPS * (int64_t)STEP_MS / MEDIA_OBJECT_READ_WINDOW_MS);
    }
}

/* Both ends of a window, to the millisecond. A signature tells whole seconds, rounded down. */
static void test_the_ends_of_a_window(void **state)
{
    (void)state;
    struct url url = read_url(&private_bucket, "photos/p/h.webp", NOW_MS);
    int64_t low_ms = NOW_MS - MEDIA_OBJECT_READ_WINDOW_MS, high_ms = NOW_MS;
    while (high_ms - low_ms > 1) { /* the first moment of this URL */
        int64_t middle_ms = low_ms + (high_ms - low_ms) / 2;
        bool same = strcmp(read_url(&private_bucket, "photos/p/h.webp", middle_ms).text, url.text) == 0;
        *(same ? &high_ms : &low_ms) = middle_ms;
    }
    int64_t last_ms = high_ms + MEDIA_OBJECT_READ_WINDOW_MS - 1, signed_ms, ends_ms;
    assert_string_equal(read_url(&private_bucket, "photos/p/h.webp", last_ms).text, url.text);
    assert_string_not_equal(read_url(&private_bucket, "photos/p/h.webp", last_ms + 1).text, url.text);
    life_of(&url, &signed_ms, &ends_ms);
    assert_in_range(high_ms - signed_ms, 0, 999);
    assert_true(ends_ms - last_ms > MEDIA_OBJECT_READ_WINDOW_MS - 1000);
    /* Before 1970 nothing is signed; but no window is miscounted there either. */
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    assert_int_equal(media_s3_url_read(&private_bucket, QN_STR("photos/p/h.webp"),
                                       -2 * (int64_t)MEDIA_OBJECT_READ_WINDOW_MS, &to),
                     QN_INVALID_ARGUMENT);
    qn_buf_fini(&to);
}

static void test_windows_of_pictures_do_not_end_together(void **state)
{
    (void)state;
    enum { PICTURES = 50 };
    int64_t first_ms = 0, signed_ms, ends_ms;
    unsigned others = 0;
    for (int i = 0; i < PICTURES; i++) {
        char key[64];
        snprintf(key, sizeof key, "photos/%d/x.webp", i);
        struct url url = read_url(&private_bucket, key, NOW_MS);
        life_of(&url, &signed_ms, &ends_ms);
        first_ms = i == 0 ? signed_ms : first_ms;
        others += signed_ms != first_ms;
    }
    assert_true(others > PICTURES / 2);
}

static void test_what_next_js_is_told(void **state)
{
    (void)state;
    struct media_object_source source;
    struct media_bucket bucket = public_bucket();
    media_s3_url_source(&bucket, &source);
    assert_string_equal(source.scheme, "https");
    assert_string_equal(source.hostname, "pics.example.com");
    assert_string_equal(source.port, "");
    assert_string_equal(source.pathname, "/photos/**");
    media_s3_url_source(&private_bucket, &source);
    assert_string_equal(source.hostname, "0123.r2.cloudflarestorage.com");
    assert_string_equal(source.pathname, "/pictures/photos/**");
    bucket = private_bucket;
    snprintf(bucket.scheme, sizeof bucket.scheme, "http://");
    snprintf(bucket.host, sizeof bucket.host, "[::1]:9000");
    media_s3_url_source(&bucket, &source);
    assert_string_equal(source.scheme, "http");
    assert_string_equal(source.hostname, "[::1]");
    assert_string_equal(source.port, "9000");
}

static const char *header(const struct media_object_put_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->n_headers; i++) {
        if (strcmp(headers->headers[i].name, name) == 0)
            return headers->headers[i].value;
    }
    return NULL;
}

static void test_an_upload_signs_what_it_must_be(void **state)
{
    (void)state;
    static struct media_sigv4_claim claim;
    struct media_bucket bucket = public_bucket();
    struct media_object_put put = {.key = QN_STR("pending/u/p"),
                                   .content_type = QN_STR("image/jpeg"),
                                   .size_bytes = 1234,
                                   .sha256 = QN_STR("0123456789abcdef0123456789abcdef"),
                                   .expires_s = 600};
    struct media_object_put_headers headers;
    struct qn_error err;
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    assert_int_equal(media_s3_url_put(&bucket, &put, NOW_MS, &to, &headers), QN_OK);
    /* Never on the public domain: R2 takes no signature there. */
    assert_true(qn_str_starts(qn_buf_view(&to),
                              QN_STR("https://0123.r2.cloudflarestorage.com/pictures/pending/u/p?")));
    assert_int_equal(media_sigv4_parse(qn_str_c(strchr(to.data, '?') + 1), &claim, &err), QN_OK);
    assert_str(claim.signed_headers, "content-length;content-type;host;if-none-match;x-amz-checksum-sha256");
    assert_int_equal(claim.expires_s, 600);
    assert_int_equal(headers.n_headers, 3);
    assert_string_equal(header(&headers, "content-type"), "image/jpeg");
    assert_string_equal(header(&headers, "if-none-match"), "*");
    assert_string_equal(header(&headers, "x-amz-checksum-sha256"),
                        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");

    qn_buf_clear(&to);
    bucket.write_once = false;
    put.sha256 = (struct qn_str){0};
    assert_int_equal(media_s3_url_put(&bucket, &put, NOW_MS, &to, &headers), QN_OK);
    assert_int_equal(media_sigv4_parse(qn_str_c(strchr(to.data, '?') + 1), &claim, &err), QN_OK);
    assert_str(claim.signed_headers, "content-length;content-type;host");
    assert_int_equal(headers.n_headers, 1);

    put.sha256 = QN_STR("short");
    assert_int_equal(media_s3_url_put(&bucket, &put, NOW_MS, &to, &headers), QN_INVALID_ARGUMENT);
    qn_buf_fini(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_public_domain_gives_the_same_url_for_ever),
        cmocka_unit_test(test_signed_urls_stay_the_same_for_a_window),
        cmocka_unit_test(test_the_ends_of_a_window),
        cmocka_unit_test(test_windows_of_pictures_do_not_end_together),
        cmocka_unit_test(test_what_next_js_is_told),
        cmocka_unit_test(test_an_upload_signs_what_it_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
