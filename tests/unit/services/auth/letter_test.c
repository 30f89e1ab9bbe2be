#include "common/core/check.h"
#include "services/auth/letter.h"
#include "tests/harness/test.h"

static void test_how_long_a_link_works(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } CASES[] = {
        {3600, "1 hour"},   {7200, "2 hours"},   {86400, "1 day"},
        {604800, "7 days"}, {90000, "25 hours"}, {5400, "90 minutes"},
        {60, "1 minute"},   {61, "61 seconds"},  {365 * 86400, "365 days"},
    };
    for (size_t i = 0; i < QN_COUNT(CASES); i++) {
        char text[AUTH_LETTER_VALID_LEN];
        auth_letter_write_valid(CASES[i].seconds * 1000, text);
        assert_string_equal(text, CASES[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_how_long_a_link_works)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
