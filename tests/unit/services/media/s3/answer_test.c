#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "services/media/s3/answer.h"
#include "tests/harness/test.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define LIST                                                                                                 \
    "<ListBucketResult "                                                                                     \
    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>pictures</Name><KeyCount>2</KeyCount>"
#define ENTRY(key)                                                                                           \
    "<Contents><Key>" key                                                                                    \
    "</Key><LastModified>2026-11-23T04:15:56.937Z</LastModified><ETag>&quot;e&quot;</ETag>"                  \
    "<Size>3</Size><Owner><ID>1</ID><DisplayName>D</DisplayName></Owner></Contents>"

static struct media_object_entry entries[MEDIA_OBJECT_LIST_MAX];
static size_t n_entries;
static struct qn_error err;

static enum qn_status list(const char *xml)
{
    return media_s3_answer_list(qn_str_c(xml), QN_STR("photos/"), QN_STR("photos/a"), entries,
                                MEDIA_OBJECT_LIST_MAX, &n_entries, &err);
}

static void test_errors(void **state)
{
    (void)state;
    struct media_s3_fault fault;
    media_s3_answer_fault(QN_STR(XML "<Error><Code>NoSuchKey</Code><Message>No &lt;such&gt; key</Message>"
                                     "<Key>a</Key><RequestId>1</RequestId></Error>"),
                          &fault);
    assert_string_equal(fault.code, "NoSuchKey");
    assert_string_equal(fault.text, "No <such> key");
    static const char *const not_s3[] = {
        "",
        "<html><body><h1>502 Bad Gateway</h1></body></html>",
        "<Error><Code>NoSuchKey</Code>",
        "<Error><Code>No Such Key\n</Code></Error>",
        "<Error><Detail><Code>NoSuchKey</Code></Detail></Error>",
        "<!DOCTYPE Error [<!ENTITY e \"NoSuchKey\">]><Error><Code>&e;</Code></Error>",
        "{\"code\":\"NoSuchKey\"}",
        "<Error><Code>\xff\xfe</Code></Error>",
    };
    for (size_t i = 0; i < QN_COUNT(not_s3); i++) {
        media_s3_answer_fault(qn_str_c(not_s3[i]), &fault);
        assert_string_equal(fault.code, "");
    }
    /* Long ones: a code is dropped, a message cut. */
    char xml[4096], many[2000];
    memset(many, 'A', sizeof many);
    snprintf(xml, sizeof xml, "<Error><Code>%.*s</Code><Message>%.*s</Message></Error>", 64, many, 1000,
             many);
    media_s3_answer_fault(qn_str_c(xml), &fault);
    assert_string_equal(fault.code, "");
    assert_int_equal(strlen(fault.text), MEDIA_S3_FAULT_TEXT_MAX);
}

static void test_listings(void **state)
{
    (void)state;
    assert_int_equal(list(XML LIST ENTRY("photos/b/1.webp") ENTRY("photos/b/2.webp") "</ListBucketResult>"),
                     QN_OK);
    assert_int_equal(n_entries, 2);
    assert_string_equal(entries[1].key, "photos/b/2.webp");
    assert_int_equal(entries[0].touched_ms, INT64_C(1795407356937));
    assert_int_equal(list(XML LIST "</ListBucketResult>"), QN_OK);
    assert_int_equal(n_entries, 0);
}

static void test_listings_of_something_else(void **state)
{
    (void)state;
    static const struct {
        const char *xml, *why;
    } bad[] = {
        {"", "no XML"},
        {XML LIST ENTRY("photos/b"), "no XML"},
        {"<Error><Code>NoSuchBucket</Code></Error>", "no listing"},
        {LIST ENTRY("photos/b") ENTRY("photos/b") "</ListBucketResult>", "not asked for"},
        {LIST ENTRY("photos/c") ENTRY("photos/b") "</ListBucketResult>", "not asked for"},
        {LIST ENTRY("photos/a") "</ListBucketResult>", "not asked for"},
        {LIST ENTRY("other/b") "</ListBucketResult>", "not asked for"},
        {LIST ENTRY("photos/../b") "</ListBucketResult>", "did not make"},
        {LIST ENTRY("photos/b c") "</ListBucketResult>", "did not make"},
        {LIST "<Contents><Key>photos/b</Key></Contents></ListBucketResult>", "without a key or a time"},
        {LIST "<Contents><Key>photos/b</Key><Key>photos/c</Key></Contents></ListBucketResult>", "two keys"},
        {LIST "<Contents><Key>photos/b</Key><LastModified>today</LastModified></Contents></ListBucketResult>",
         "without a key or a time"},
        {"<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\">]>" LIST ENTRY("photos/&a;") "</ListBucketResult>",
         "document type"},
        {"<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>", "too deep"},
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        assert_int_equal(list(bad[i].xml), QN_DATA_LOSS);
        assert_int_equal(n_entries, 0);
        if (!strstr(err.message, bad[i].why))
            fail_msg("%s: %s", bad[i].xml, err.message);
    }
}

static void test_listings_have_bounds(void **state)
{
    (void)state;
    struct qn_buf xml;
    qn_buf_init(&xml, 1 << 20);
    qn_buf_write_c(&xml, LIST);
    for (int i = 0; i <= MEDIA_OBJECT_LIST_MAX; i++) {
        qn_buf_printf(&xml, ENTRY("photos/b/%04d"), i);
        if (i == MEDIA_OBJECT_LIST_MAX - 1) {
            size_t len = xml.len;
            qn_buf_write_c(&xml, "</ListBucketResult>");
            assert_int_equal(list(xml.data), QN_OK);
            assert_int_equal(n_entries, MEDIA_OBJECT_LIST_MAX);
            xml.len = len;
        }
    }
    qn_buf_write_c(&xml, "</ListBucketResult>");
    assert_int_equal(list(xml.data), QN_DATA_LOSS);
    assert_non_null(strstr(err.message, "more keys"));

    qn_buf_clear(&xml);
    qn_buf_write_c(&xml, LIST "<Delimiter>");
    for (int i = 0; i < 2000; i++)
        qn_buf_write_byte(&xml, 'd');
    qn_buf_write_c(&xml, "</Delimiter></ListBucketResult>");
    assert_int_equal(list(xml.data), QN_DATA_LOSS);
    assert_non_null(strstr(err.message, "overlong"));

    qn_buf_clear(&xml);
    qn_buf_write_c(&xml, LIST);
    for (int i = 0; i <= MEDIA_S3_ANSWER_LIST_BYTES_MAX; i++)
        qn_buf_write_byte(&xml, ' ');
    qn_buf_write_c(&xml, "</ListBucketResult>");
    assert_int_equal(list(xml.data), QN_DATA_LOSS);
    qn_buf_fini(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_listings_of_something_else),
        cmocka_unit_test(test_listings_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
