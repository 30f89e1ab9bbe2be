#include <math.h>

#include "common/json/writer.h"
#include "tests/harness/test.h"

static void commas_and_colons_come_by_themselves(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    struct qn_json_writer w = {.to = &to};
    qn_json_object_begin(&w);
    qn_json_key(&w, "empty");
    qn_json_object_begin(&w);
    qn_json_object_end(&w);
    qn_json_key(&w, "list");
    qn_json_array_begin(&w);
    qn_json_array_begin(&w);
    qn_json_array_end(&w);
    qn_json_int(&w, INT64_MIN);
    qn_json_object_begin(&w);
    qn_json_key_str(&w, QN_STR("a\0b"));
    qn_json_bool(&w, true);
    qn_json_object_end(&w);
    qn_json_bool(&w, false);
    qn_json_null(&w);
    qn_json_c(&w, NULL);
    qn_json_c(&w, "x");
    qn_json_str(&w, qn_str_n(NULL, 0));
    qn_json_array_end(&w);
    qn_json_key(&w, "quote\"");
    qn_json_int(&w, INT64_MAX);
    qn_json_object_end(&w);
    assert_false(qn_buf_failed(&to));
    assert_str(qn_buf_view(&to),
               "{\"empty\":{},\"list\":[[],-9223372036854775808,{\"a\\u0000b\":true},false,null,"
               "null,\"x\",\"\"],\"quote\\\"\":9223372036854775807}");
    qn_buf_fini(&to);
}

static void any_value_may_stand_at_the_top(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    struct qn_json_writer w = {.to = &to};
    qn_json_c(&w, "text");
    assert_str(qn_buf_view(&to), "\"text\"");
    qn_buf_fini(&to);
}

static void numbers_that_json_cannot_say_are_null(void **state)
{
    (void)state;
    struct qn_buf to;
    qn_buf_init(&to, 4096);
    struct qn_json_writer w = {.to = &to};
    qn_json_array_begin(&w);
    qn_json_double(&w, 0.1);
    qn_json_double(&w, (double)NAN);
    qn_json_double(&w, (double)INFINITY);
    qn_json_double(&w, (double)-INFINITY);
    qn_json_float(&w, 0.1f);
    qn_json_float(&w, NAN);
    qn_json_float(&w, -INFINITY);
    qn_json_double(&w, -0.0);
    qn_json_array_end(&w);
    assert_str(qn_buf_view(&to), "[0.1,null,null,null,0.1,null,null,-0]");
    qn_buf_fini(&to);
}

/* However small the buffer, the failure is told at the end and nothing is written past it. */
static void a_full_buffer_is_told_once_at_the_end(void **state)
{
    (void)state;
    static const char whole[] = "{\"key\":[1,\"a\\u0001\",0.5,true,null]}";
    for (size_t ceiling = 1; ceiling < sizeof whole + 2; ceiling++) {
        struct qn_buf to;
        qn_buf_init(&to, ceiling);
        struct qn_json_writer w = {.to = &to};
        qn_json_object_begin(&w);
        qn_json_key(&w, "key");
        qn_json_array_begin(&w);
        qn_json_int(&w, 1);
        qn_json_c(&w, "a\x01");
        qn_json_double(&w, 0.5);
        qn_json_bool(&w, true);
        qn_json_null(&w);
        qn_json_array_end(&w);
        qn_json_object_end(&w);
        assert_int_equal(qn_buf_failed(&to), ceiling < sizeof whole - 1);
        assert_true(to.len <= ceiling);
        if (!qn_buf_failed(&to))
            assert_str(qn_buf_view(&to), whole);
        qn_buf_fini(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_colons_come_by_themselves),
        cmocka_unit_test(any_value_may_stand_at_the_top),
        cmocka_unit_test(numbers_that_json_cannot_say_are_null),
        cmocka_unit_test(a_full_buffer_is_told_once_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
