#include <stdio.h>

#include "tests/harness/sigv4_cases.h"
#include "tests/harness/test.h"

/* AWS's own examples, tests/fixtures/sigv4/README.md. QN_SOURCE_DIR: from CMakeLists.txt. */

enum { FILE_MAX = 65536, CASES = 37 };

static void test_the_published_signatures(void **state)
{
    (void)state;
    static char text[FILE_MAX];
    static struct sigv4_case one;
    FILE *file = fopen(QN_SOURCE_DIR "/tests/fixtures/sigv4/published.txt", "r");
    assert_non_null(file);
    struct qn_str rest = qn_str_n(text, fread(text, 1, sizeof text, file));
    fclose(file);
    assert_in_range(rest.len, 1, sizeof text - 1);
    size_t n = 0;
    for (; sigv4_case_next(&rest, &one); n++)
        sigv4_case_check(&one);
    assert_int_equal(n, CASES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_published_signatures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
