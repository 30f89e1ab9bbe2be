#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/system/beside_fixture.h"

/* Odd questions by the hundred, each to the gateway and to a real Better Auth on the same rows: paths,
 * methods, bodies, origins, callbacks, addresses, fields and cookies as nobody recorded them. Both must
 * answer the same, but for what tests/npm/better-auth/differ.mjs lists with a reason. */

static int set_up(void **state)
{
    (void)state;
    beside_start(HARNESS_TABLES_KYSELY, NULL);
    return 0;
}

static void test_odd_questions(void **state)
{
    (void)state;
    struct harness_node *asking = harness_node_start(&(const struct harness_node_options){
        .group = "better-auth",
        .script = "differ.mjs",
        .environment =
            (const char *const[]){harness_text("OURS=%s", beside.stack.url),
                                  harness_text("THEIRS=%s", beside.product.url), "SITE=" BESIDE_SITE, NULL}});
    const char *line;
    while ((line = harness_node_line(asking)))
        print_message("%s\n", line);
    assert_int_equal(harness_node_end(asking), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_odd_questions)};
    return cmocka_run_group_tests(tests, set_up, beside_stop);
}
