#include "common/core/clock.h"
#include "services/media/folder/object_when.h"
#include "tests/harness/test.h"

/* RFC 9110, section 5.6.7. */
#define EXAMPLE    "Sun, 06 Nov 1994 08:49:37 GMT"
#define EXAMPLE_MS 784111777000

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } dates[] = {{EXAMPLE_MS, EXAMPLE},
                 {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
                 {-1000, "Wed, 31 Dec 1969 23:59:59 GMT"},
                 {1709164800000, "Thu, 29 Feb 2024 00:00:00 GMT"},
                 {253402300799000, "Fri, 31 Dec 9999 23:59:59 GMT"}};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        char text[MEDIA_HTTP_DATE_LEN + 1];
        int64_t ms;
        media_http_date_format(dates[i].ms, text);
        assert_string_equal(text, dates[i].text);
        assert_true(media_http_date_parse(qn_str_c(text), &ms));
        assert_int_equal(ms, dates[i].ms);
    }
    char text[MEDIA_HTTP_DATE_LEN + 1];
    media_http_date_format(EXAMPLE_MS + 999, text);
    assert_string_equal(text, EXAMPLE);
}

static void test_what_is_no_date(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 anF 1994 08:49:37 GMT",
        "Sun- 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (media_http_date_parse(qn_str_c(texts[i]), &ms))
            fail_msg("taken for a date: %s", texts[i]);
    }
}

static struct qn_str header(const char *text)
{
    return text ? qn_str_c(text) : (struct qn_str){0};
}

static void test_conditions(void **state)
{
    (void)state;
    enum {
        HOLDS = MEDIA_CONDITION_HOLDS,
        SAME = MEDIA_CONDITION_UNMODIFIED,
        FAILED = MEDIA_CONDITION_FAILED
    };
    static const char older[] = "Sun, 06 Nov 1994 08:49:36 GMT", newer[] = "Sun, 06 Nov 1994 08:49:38 GMT";
    /* The object: ETag "e", last touched within the example's second. */
    static const struct {
        const char *match, *none_match, *modified, *unmodified;
        int verdict;
    } cases[] = {
        {NULL, NULL, NULL, NULL, HOLDS},
        {"\"e\"", NULL, NULL, NULL, HOLDS},
        {"\"x\", \"e\"", NULL, NULL, NULL, HOLDS},
        {"*", NULL, NULL, NULL, HOLDS},
        {"\"x\"", NULL, NULL, NULL, FAILED},
        {"W/\"e\"", NULL, NULL, NULL, FAILED},
        {"", NULL, NULL, NULL, FAILED},
        {NULL, "\"e\"", NULL, NULL, SAME},
        {NULL, "W/\"e\"", NULL, NULL, SAME},
        {NULL, "*", NULL, NULL, SAME},
        {NULL, "\"x\"", NULL, NULL, HOLDS},
        {NULL, NULL, EXAMPLE, NULL, SAME},
        {NULL, NULL, newer, NULL, SAME},
        {NULL, NULL, older, NULL, HOLDS},
        {NULL, NULL, "yesterday", NULL, HOLDS},
        {NULL, NULL, NULL, EXAMPLE, HOLDS},
        {NULL, NULL, NULL, newer, HOLDS},
        {NULL, NULL, NULL, older, FAILED},
        {NULL, NULL, NULL, "yesterday", HOLDS},
        /* ETags go before dates. */
        {"\"e\"", NULL, NULL, older, HOLDS},
        {NULL, "\"x\"", newer, NULL, HOLDS},
        {"\"e\"", "\"e\"", NULL, NULL, SAME},
        {"\"x\"", "\"e\"", NULL, NULL, FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct media_conditions conditions = {header(cases[i].match), header(cases[i].none_match),
                                                    header(cases[i].modified), header(cases[i].unmodified)};
        int verdict = (int)media_conditions_judge(&conditions, QN_STR("e"), EXAMPLE_MS + 937);
        if (verdict != cases[i].verdict)
            fail_msg("case %zu: %d", i, verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_what_is_no_date),
        cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
