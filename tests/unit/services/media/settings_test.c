#include <stdio.h>
#include <string.h>

#include "services/media/settings.h"
#include "tests/harness/test.h"

static const char *const *given;

static const char *get(const char *name)
{
    size_t len = strlen(name);
    for (const char *const *one = given; *one; one++)
        if (strncmp(*one, name, len) == 0 && (*one)[len] == '=')
            return *one + len + 1;
    return NULL;
}

/* How many complaints these settings draw, and whether their lines hold 'says'. */
static size_t complaints(const char *const *settings, const char *says, const char *never)
{
    static struct media_settings set;
    struct qn_config_report report = {.n_complaints = 0};
    qn_buf_init(&report.lines, 65536);
    given = settings;
    qn_config_read(media_settings_table, media_settings_count, &set, get, &report);
    media_settings_check(&set, &report);
    qn_config_free(media_settings_table, media_settings_count, &set);
    const char *lines = report.lines.data ? report.lines.data : "";
    if (says && !strstr(lines, says))
        fail_msg("\"%s\" is not in: %s", says, lines);
    if (never && strstr(lines, never))
        fail_msg("\"%s\" is in: %s", never, lines);
    qn_buf_fini(&report.lines);
    return report.n_complaints;
}

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_defaults_are_sound(void **state)
{
    (void)state;
    assert_int_equal(complaints(SETTINGS("PATH=/bin"), NULL, NULL), 0);
}

#define R2                                                                                                   \
    "R2_ACCOUNT_ID=0123456789abcdef0123456789abcdef", "R2_ACCESS_KEY_ID=AK",                                 \
        "R2_SECRET_ACCESS_KEY=top-secret", "R2_BUCKET=pictures"
#define S3(endpoint)                                                                                         \
    "S3_ENDPOINT=" endpoint, "S3_ACCESS_KEY_ID=AK", "S3_SECRET_ACCESS_KEY=top-secret", "S3_BUCKET=pictures"

/* Pictures must not land in a folder, or in another bucket, while their owner believes them in this one. */
static void test_half_a_bucket_is_refused_by_name(void **state)
{
    (void)state;
    assert_int_equal(complaints(SETTINGS("R2_BUCKET=pics"), "R2_ACCOUNT_ID", NULL), 3);
    assert_int_equal(complaints(SETTINGS("R2_SECRET_ACCESS_KEY=top-secret"), "R2_BUCKET", "top-secret"), 3);
    assert_int_equal(complaints(SETTINGS("CLOUDFLARE_R2_DOMAIN=pics.example.com"), "R2_ACCOUNT_ID", NULL), 4);
    assert_int_equal(complaints(SETTINGS("S3_ENDPOINT=https://s3.example.com"), "S3_BUCKET", NULL), 3);
    assert_int_equal(complaints(SETTINGS("S3_PUBLIC_DOMAIN=pics.example.com"), "QUINTET_MEDIA_FOLDER", NULL),
                     4);
    assert_int_equal(complaints(SETTINGS(R2, "S3_BUCKET=pics", "S3_SECRET_ACCESS_KEY=top-secret"),
                                "S3_BUCKET: \"pics\"", "top-secret"),
                     2);
}

static void test_buckets_that_are_sound(void **state)
{
    (void)state;
    assert_int_equal(complaints(SETTINGS(R2), NULL, NULL), 0);
    assert_int_equal(complaints(SETTINGS(R2, "CLOUDFLARE_R2_DOMAIN=pics.example.com"), NULL, NULL), 0);
    assert_int_equal(complaints(SETTINGS(R2, "CLOUDFLARE_R2_DOMAIN=https://pub-1f.r2.dev/"), NULL, NULL), 0);
    assert_int_equal(complaints(SETTINGS(S3("https://s3.example.com:9000")), NULL, NULL), 0);
    assert_int_equal(complaints(SETTINGS(S3("http://127.0.0.1:9000")), NULL, NULL), 0);
    assert_int_equal(complaints(SETTINGS(S3("http://[::1]:9000")), NULL, NULL), 0);
    assert_int_equal(complaints(SETTINGS(S3("http://minio:9000"), "S3_ALLOW_HTTP=true"), NULL, NULL), 0);
    assert_int_equal(
        complaints(SETTINGS(S3("https://s3.eu-central-1.amazonaws.com"), "S3_REGION=eu-central-1"), NULL,
                   NULL),
        0);
    /* The folder's own settings are of no concern then. */
    assert_int_equal(complaints(SETTINGS(R2, "QUINTET_MEDIA_LISTEN=0.0.0.0:80"), NULL, NULL), 0);
}

static void test_buckets_that_could_not_work(void **state)
{
    (void)state;
    static const struct {
        const char *const settings[6];
        const char *says;
    } bad[] = {
        {{R2, "CLOUDFLARE_R2_DOMAIN=0123.r2.cloudflarestorage.com"}, "the S3 API"},
        {{R2, "CLOUDFLARE_R2_DOMAIN=pics.example.com/pictures"}, "without a path"},
        {{R2, "CLOUDFLARE_R2_DOMAIN=http://pics.example.com"}, "CLOUDFLARE_R2_DOMAIN"},
        {{"R2_ACCOUNT_ID=https://0123.r2.cloudflarestorage.com", "R2_ACCESS_KEY_ID=AK",
          "R2_SECRET_ACCESS_KEY=top-secret", "R2_BUCKET=pictures"},
         "the account's id alone"},
        {{"R2_ACCOUNT_ID=0123", "R2_ACCESS_KEY_ID=A/K", "R2_SECRET_ACCESS_KEY=top-secret",
          "R2_BUCKET=pictures"},
         "R2_ACCESS_KEY_ID: \"A/K\""},
        {{"R2_ACCOUNT_ID=0123", "R2_ACCESS_KEY_ID=AK", "R2_SECRET_ACCESS_KEY=top-secret ",
          "R2_BUCKET=pictures"},
         "R2_SECRET_ACCESS_KEY"},
        {{"R2_ACCOUNT_ID=0123", "R2_ACCESS_KEY_ID=AK", "R2_SECRET_ACCESS_KEY=top-secret",
          "R2_BUCKET=my pictures"},
         "a bucket's name alone"},
        {{S3("https://s3.example.com/pictures")}, "the bucket goes into S3_BUCKET"},
        {{S3("s3.example.com")}, "S3_ENDPOINT"},
        {{S3("http://s3.example.com")}, "S3_ALLOW_HTTP"},
        {{S3("http://127.0.0.1.example.com"), "S3_REGION=eu"}, "S3_ALLOW_HTTP"},
        {{S3("https://s3.eu-central-1.amazonaws.com")}, "S3_REGION"},
        {{S3("https://s3.example.com"), "S3_REGION=eu central"}, "S3_REGION"},
        {{S3("https://s3.example.com"), "S3_CONDITIONAL_WRITES=perhaps"}, "auto|on|off"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(complaints(bad[i].settings, bad[i].says, "top-secret"), 1);
}

/* What the settings come to. */
static struct media_bucket bucket_of(const char *const *settings, struct media_settings *set)
{
    struct media_bucket bucket;
    struct qn_config_report report = {.n_complaints = 0};
    qn_buf_init(&report.lines, 65536);
    given = settings;
    qn_config_read(media_settings_table, media_settings_count, set, get, &report);
    assert_int_equal(report.n_complaints, 0);
    qn_buf_fini(&report.lines);
    assert_true(media_settings_bucket(set, &bucket));
    return bucket;
}

static void test_which_bucket(void **state)
{
    (void)state;
    struct media_settings set;
    struct media_bucket bucket =
        bucket_of(SETTINGS(R2, "CLOUDFLARE_R2_DOMAIN=https://Pics.example.com/"), &set);
    assert_string_equal(bucket.scheme, "https://");
    assert_string_equal(bucket.host, "0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com");
    assert_str(bucket.name, "pictures");
    assert_str(bucket.region, "auto");
    assert_str(bucket.secret, "top-secret");
    assert_string_equal(bucket.public_origin, "https://pics.example.com");
    assert_true(bucket.write_once);
    qn_config_free(media_settings_table, media_settings_count, &set);

    bucket = bucket_of(SETTINGS(S3("http://127.0.0.1:9000/"), "S3_REGION=eu-1"), &set);
    assert_string_equal(bucket.scheme, "http://");
    assert_string_equal(bucket.host, "127.0.0.1:9000");
    assert_str(bucket.region, "eu-1");
    assert_string_equal(bucket.public_origin, "");
    assert_false(bucket.write_once);
    qn_config_free(media_settings_table, media_settings_count, &set);

    bucket = bucket_of(SETTINGS(S3("https://S3.Example.com:443"), "S3_CONDITIONAL_WRITES=on"), &set);
    assert_string_equal(bucket.host, "s3.example.com");
    assert_true(bucket.write_once);
    qn_config_free(media_settings_table, media_settings_count, &set);
}

static void test_public_url(void **state)
{
    (void)state;
    static const char *const good[] = {"http://127.0.0.1:8081", "https://pics.example.com",
                                       "https://pics.example.com/", "http://[::1]:9"};
    static const char *const bad[] = {"pics.example.com", "ftp://x",    "http://",          "http://a/b",
                                      "http://a b",       "http://a?x", "http://user@host", "https://a\"b"};
    char text[512];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(text, sizeof text, "QUINTET_MEDIA_PUBLIC_URL=%s", good[i]);
        assert_int_equal(complaints(SETTINGS(text), NULL, NULL), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "QUINTET_MEDIA_PUBLIC_URL=%s", bad[i]);
        assert_int_equal(complaints(SETTINGS(text), "QUINTET_MEDIA_PUBLIC_URL", NULL), 1);
    }
    /* What listens everywhere has no address of its own to put into URLs. */
    assert_int_equal(
        complaints(SETTINGS("QUINTET_MEDIA_LISTEN=0.0.0.0:80"), "QUINTET_MEDIA_PUBLIC_URL", NULL), 1);
    assert_int_equal(
        complaints(SETTINGS("QUINTET_MEDIA_LISTEN=0.0.0.0:80", "QUINTET_MEDIA_PUBLIC_URL=http://a"), NULL,
                   NULL),
        0);
}

static void test_origins_as_browsers_send_them(void **state)
{
    (void)state;
    static const struct {
        const char *url, *scheme, *host;
    } origins[] = {
        {"http://a.example:80", "http://", "a.example"},
        {"https://a.example:443/", "https://", "a.example"},
        {"http://a.example:443", "http://", "a.example:443"},
        {"http://127.0.0.1:8081", "http://", "127.0.0.1:8081"},
    };
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        struct qn_str scheme, host;
        assert_true(media_settings_origin(qn_str_c(origins[i].url), &scheme, &host));
        assert_str(scheme, origins[i].scheme);
        assert_str(host, origins[i].host);
    }
    assert_int_equal(
        complaints(SETTINGS("QUINTET_MEDIA_CORS_ORIGINS=https://a.example, http://b:3000"), NULL, NULL), 0);
    assert_int_equal(complaints(SETTINGS("QUINTET_MEDIA_CORS_ORIGINS=https://a.example/"), "CORS", NULL), 1);
    assert_int_equal(complaints(SETTINGS("QUINTET_MEDIA_CORS_ORIGINS=https://a.example:443"), "CORS", NULL),
                     1);
    assert_int_equal(complaints(SETTINGS("QUINTET_MEDIA_CORS_ORIGINS=a.example"), "CORS", NULL), 1);
    assert_int_equal(complaints(SETTINGS("QUINTET_MEDIA_CORS_ORIGINS=https://a.example,,"), "CORS", NULL), 1);
}

static void test_keys_come_in_pairs(void **state)
{
    (void)state;
    assert_int_equal(complaints(SETTINGS("QUINTET_MEDIA_ACCESS_KEY_ID=a"), "together", NULL), 1);
    assert_int_equal(
        complaints(SETTINGS("QUINTET_MEDIA_SECRET_ACCESS_KEY=top-secret"), "together", "top-secret"), 1);
    assert_int_equal(
        complaints(SETTINGS("QUINTET_MEDIA_ACCESS_KEY_ID=a", "QUINTET_MEDIA_SECRET_ACCESS_KEY=b"), NULL,
                   NULL),
        0);
    assert_int_equal(
        complaints(SETTINGS("QUINTET_MEDIA_ACCESS_KEY_ID=a/b", "QUINTET_MEDIA_SECRET_ACCESS_KEY=c"),
                   "QUINTET_MEDIA_ACCESS_KEY_ID", NULL),
        1);
}

/* All that is wrong is told at once. */
static void test_all_at_once(void **state)
{
    (void)state;
    assert_int_equal(
        complaints(SETTINGS("QUINTET_MEDIA_UPLOAD_VALID=soon", "QUINTET_MEDIA_PUBLIC_URL=x",
                            "QUINTET_MEDIA_CORS_ORIGINS=y", "QUINTET_PROFILE_ADDRESS=z", "R2_BUCKET=w"),
                   "soon", NULL),
        8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_sound),
        cmocka_unit_test(test_half_a_bucket_is_refused_by_name),
        cmocka_unit_test(test_buckets_that_are_sound),
        cmocka_unit_test(test_buckets_that_could_not_work),
        cmocka_unit_test(test_which_bucket),
        cmocka_unit_test(test_public_url),
        cmocka_unit_test(test_origins_as_browsers_send_them),
        cmocka_unit_test(test_keys_come_in_pairs),
        cmocka_unit_test(test_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
