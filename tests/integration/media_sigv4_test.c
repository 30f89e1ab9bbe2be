#include "tests/harness/node.h"
#include "tests/harness/sigv4_cases.h"
#include "tests/harness/test.h"

/* What the official client signs, byte for byte: tests/npm/s3/presign.mjs. */

#define CASES 400

static void test_signatures_of_the_official_client(void **state)
{
    (void)state;
    static struct sigv4_case one;
    struct qn_buf text;
    size_t n = 0, in_query = 0;
    qn_buf_init(&text, 16 << 20);
    struct harness_node *node = harness_node_start(&(const struct harness_node_options){
        .group = "s3", .script = "presign.mjs", .arguments = (const char *const[]){"400", "20261128", NULL}});
    for (const char *line; (line = harness_node_line(node));)
        qn_buf_printf(&text, "%s\n", line);
    assert_int_equal(harness_node_end(node), 0);
    assert_false(qn_buf_failed(&text));

    struct qn_str rest = qn_buf_view(&text);
    for (; sigv4_case_next(&rest, &one); n++) {
        sigv4_case_check(&one);
        in_query += one.expires_s > 0;
    }
    qn_buf_fini(&text);
    assert_int_equal(n, CASES);
    assert_in_range(in_query, CASES / 4, 3 * CASES / 4 + CASES / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signatures_of_the_official_client)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
