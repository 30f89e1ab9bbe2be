#include "common/core/buf.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/form.h"
#include "tests/harness/test.h"

static struct qn_arena arena;

static int set_up(void **state)
{
    (void)state;
    qn_arena_init(&arena, 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    qn_arena_fini(&arena);
    return 0;
}

static const struct qn_json *read(struct qn_str text)
{
    struct qn_json *object = NULL;
    assert_int_equal(gateway_form_read(text, &arena, &object), QN_OK);
    assert_int_equal(object->kind, QN_JSON_OBJECT);
    return object;
}

/* 'fields' is name, value, name, value …, ended by NULL. */
static void expect(const char *text, const char *const *fields)
{
    const struct qn_json *object = read(qn_str_c(text));
    size_t n = 0;
    for (; fields[2 * n]; n++) {
        assert_true(n < object->n_items);
        assert_str(object->keys[n], fields[2 * n]);
        assert_int_equal(object->items[n].kind, QN_JSON_STRING);
        assert_str(object->items[n].text, fields[2 * n + 1]);
    }
    assert_int_equal(object->n_items, n);
}

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_fields(void **state)
{
    (void)state;
    expect("", FIELDS(NULL));
    expect("&&", FIELDS(NULL));
    expect("a=1&b=2", FIELDS("a", "1", "b", "2"));
    expect("email=ada%40example.com&password=correct+horse+1",
           FIELDS("email", "ada@example.com", "password", "correct horse 1"));
    expect("a", FIELDS("a", ""));
    expect("a=&=b", FIELDS("a", "", "", "b"));
    expect("a=b=c&", FIELDS("a", "b=c"));
    expect("%61=%C3%BC%2b+", FIELDS("a", "\xc3\xbc+ "));
}

static void test_the_last_of_a_repeated_name_wins(void **state)
{
    (void)state;
    expect("a=1&b=2&a=3", FIELDS("a", "3", "b", "2"));
    expect("a=1&%61=2", FIELDS("a", "2"));
}

/* The URL standard leaves a '%' that begins nothing as it is, where decodeURIComponent would throw. */
static void test_percent_signs(void **state)
{
    (void)state;
    expect("a=100%&b=%zz&c=%4&d=%%41", FIELDS("a", "100%", "b", "%zz", "c", "%4", "d", "%A"));
}

static void test_nul_is_a_character(void **state)
{
    (void)state;
    const struct qn_json *object = read(QN_STR("password=abc%00defgh"));
    assert_int_equal(object->items[0].text.len, 9);
    assert_memory_equal(object->items[0].text.ptr, "abc\0defgh", 9);
}

static void test_what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    struct qn_json *object = NULL;
    static const char *const bad[] = {"a=%ff", "%C3=x", "a=\xc3", "a=%ED%A0%80", "ok=1&a=%80"};
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        assert_int_equal(gateway_form_read(qn_str_c(bad[i]), &arena, &object), QN_INVALID_ARGUMENT);
    assert_null(object);
}

static void test_too_many_fields(void **state)
{
    (void)state;
    struct qn_json *object = NULL;
    struct qn_buf text;
    qn_buf_init(&text, 64 * 1024);
    for (int i = 0; i < GATEWAY_FORM_FIELDS_MAX; i++)
        qn_buf_printf(&text, "f%d=%d&", i, i);
    assert_int_equal(read(qn_buf_view(&text))->n_items, GATEWAY_FORM_FIELDS_MAX);
    qn_buf_write_c(&text, "f0=again");
    assert_int_equal(read(qn_buf_view(&text))->n_items, GATEWAY_FORM_FIELDS_MAX);
    qn_buf_write_c(&text, "&one=more");
    assert_int_equal(gateway_form_read(qn_buf_view(&text), &arena, &object), QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&text);
}

static void test_arena_ceiling(void **state)
{
    (void)state;
    struct qn_json *object = NULL;
    struct qn_arena small;
    qn_arena_init(&small, 1024);
    assert_int_equal(gateway_form_read(QN_STR("a=1"), &small, &object), QN_RESOURCE_EXHAUSTED);
    qn_arena_fini(&small);
}

static void expect_written(struct qn_str text, const char *written)
{
    struct qn_buf to;
    qn_buf_init(&to, 1024);
    gateway_form_write(&to, text);
    assert_str(qn_buf_view(&to), written);
    qn_buf_fini(&to);
}

/* As URLSearchParams writes it. */
static void test_writing(void **state)
{
    (void)state;
    expect_written(QN_STR("some text"), "some+text");
    expect_written(QN_STR("aZ09*-._"), "aZ09*-._");
    expect_written(QN_STR("~'()!&=+%/"), "%7E%27%28%29%21%26%3D%2B%25%2F");
    expect_written(QN_STR("\xc3\xa9\r\n"), "%C3%A9%0D%0A");
    expect_written(QN_STR(""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_the_last_of_a_repeated_name_wins),
        cmocka_unit_test(test_percent_signs),
        cmocka_unit_test(test_nul_is_a_character),
        cmocka_unit_test(test_what_is_not_utf8_is_refused),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_arena_ceiling),
        cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
