#include <string.h>

#include "common/app/usage.h"
#include "tests/harness/test.h"

static void test_text_is_wrapped_under_itself(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    qn_usage_entry(&to, qn_usage_wider(4, "--verbose"), "--check",
                   QN_STR("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh "
                          "iiiiiiiii jjjjjjjjj"));
    assert_str(qn_buf_view(&to),
               "  --check    aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg "
               "hhhhhhhhh\n             iiiiiiiii jjjjjjjjj\n");
    qn_buf_fini(&to);
}

static void test_a_word_wider_than_the_column_stands_alone(void **state)
{
    (void)state;
    char word[121] = "";
    for (int i = 0; i < 120; i++)
        word[i] = 'w';
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    qn_buf_printf(&to, "%s", "");
    struct qn_buf text;
    qn_buf_init(&text, 4096);
    qn_buf_printf(&text, "see %s", word);
    qn_usage_entry(&to, 1, "x", qn_buf_view(&text));
    struct qn_str rest = qn_buf_view(&to), line;
    assert_true(qn_str_next(&rest, '\n', &line));
    assert_str(line, "  x  see");
    assert_true(qn_str_next(&rest, '\n', &line));
    assert_int_equal(line.len, 5 + 120);
    qn_buf_fini(&text);
    qn_buf_fini(&to);
}

/* Columns are characters, not bytes. */
static void test_width_counts_characters(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    struct qn_buf text;
    qn_buf_init(&text, 4096);
    for (int i = 0; i < 19; i++)
        qn_buf_write_c(&text,
                       "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f "); /* four characters and a blank: 19 × 5 = 95 */
    qn_usage_entry(&to, 1, "x", qn_buf_view(&text));
    struct qn_str rest = qn_buf_view(&to), line;
    assert_true(qn_str_next(&rest, '\n', &line));
    assert_null(memchr(rest.ptr, ' ', rest.len)); /* one line */
    qn_buf_fini(&text);
    qn_buf_fini(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_wrapped_under_itself),
        cmocka_unit_test(test_a_word_wider_than_the_column_stands_alone),
        cmocka_unit_test(test_width_counts_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
