#include "services/media/folder/object_range.h"
#include "tests/harness/test.h"

static void test_ranges(void **state)
{
    (void)state;
    enum { ALL = MEDIA_OBJECT_RANGE_ALL, PART = MEDIA_OBJECT_RANGE_PART, BAD = MEDIA_OBJECT_RANGE_BAD };
    static const struct {
        const char *header;
        uint64_t size;
        int answer;
        uint64_t offset, length;
    } cases[] = {
        {"bytes=0-0", 10, PART, 0, 1},
        {"bytes=0-9", 10, PART, 0, 10},
        {"bytes=0-99", 10, PART, 0, 10},
        {"bytes=3-5", 10, PART, 3, 3},
        {"bytes=9-", 10, PART, 9, 1},
        {"bytes=0-", 10, PART, 0, 10},
        {"bytes=-1", 10, PART, 9, 1},
        {"bytes=-10", 10, PART, 0, 10},
        {"bytes=-99", 10, PART, 0, 10},
        {"Bytes= 2-3 ", 10, PART, 2, 2},
        {"bytes=0-18446744073709551615", 10, PART, 0, 10},
        {"bytes=10-", 10, BAD, 0, 0},
        {"bytes=10-20", 10, BAD, 0, 0},
        {"bytes=18446744073709551615-", 10, BAD, 0, 0},
        {"bytes=-0", 10, BAD, 0, 0},
        {"bytes=0-", 0, BAD, 0, 0},
        {"bytes=-1", 0, BAD, 0, 0},
        {"", 10, ALL, 0, 0},
        {"bytes", 10, ALL, 0, 0},
        {"bytes=", 10, ALL, 0, 0},
        {"bytes=-", 10, ALL, 0, 0},
        {"bytes=5", 10, ALL, 0, 0},
        {"bytes=5-3", 10, ALL, 0, 0},
        {"bytes=0-1,3-4", 10, ALL, 0, 0},
        {"bytes=a-b", 10, ALL, 0, 0},
        {"bytes=--1", 10, ALL, 0, 0},
        {"bytes=0x1-2", 10, ALL, 0, 0},
        {"bytes=18446744073709551616-", 10, ALL, 0, 0},
        {"items=0-1", 10, ALL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t offset = 0, length = 0;
        int answer = (int)media_object_range_read(qn_str_c(cases[i].header), cases[i].size, &offset, &length);
        if (answer != cases[i].answer ||
            (answer == PART && (offset != cases[i].offset || length != cases[i].length)))
            fail_msg("%s of %llu: %d, %llu from %llu", cases[i].header, (unsigned long long)cases[i].size,
                     answer, (unsigned long long)length, (unsigned long long)offset);
    }
}

static void test_etags(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool matches;
    } cases[] = {
        {"\"abc\"", true},        {"W/\"abc\"", true},     {"*", true},        {" * ", true},
        {"\"x\", \"abc\"", true}, {"\"x\",\"abc\"", true}, {"", false},        {"abc", false},
        {"\"ab\"", false},        {"\"abcd\"", false},     {"\"ABC\"", false}, {"\"abc", false},
        {"abc\"", false},         {"w/\"abc\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (media_object_etag_matches(qn_str_c(cases[i].header), QN_STR("abc")) != cases[i].matches)
            fail_msg("%s", cases[i].header);
    assert_true(media_object_etag_matches(QN_STR("\"\""), QN_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_etags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
