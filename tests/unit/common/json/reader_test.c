#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/json/reader.h"
#include "common/json/writer.h"
#include "tests/harness/test.h"

enum { ROOM = 64 * 1024 * 1024 };

static enum qn_status parse_within(struct qn_str text, size_t room, struct qn_error *ret_err)
{
    struct qn_arena arena;
    struct qn_json *value;
    qn_arena_init(&arena, room);
    *ret_err = (struct qn_error){0};
    enum qn_status status = qn_json_parse(text, false, &arena, &value, ret_err);
    qn_arena_fini(&arena);
    return status;
}

/* Parses and writes again; fails the test when the text is refused. */
static void assert_reads_as(struct qn_str text, const char *again)
{
    struct qn_arena arena;
    struct qn_json *value;
    struct qn_error err = {0};
    struct qn_buf to;
    qn_arena_init(&arena, ROOM);
    qn_buf_init(&to, ROOM);
    struct qn_json_writer w = {.to = &to};
    if (qn_json_parse(text, false, &arena, &value, &err) != QN_OK)
        fail_msg("%.*s: %s", QN_STR_ARG(text), err.message);
    qn_json_value(&w, value);
    assert_str(qn_buf_view(&to), again);
    qn_buf_fini(&to);
    qn_arena_fini(&arena);
}

static void what_json_parse_takes_is_taken(void **state)
{
    (void)state;
    static const struct {
        struct qn_str text;
        const char *again;
    } cases[] = {
        /* any value at the top, any of the four blanks around every token */
        {QN_STR("null"), "null"},
        {QN_STR(" true"), "true"},
        {QN_STR("false\n"), "false"},
        {QN_STR("\"\""), "\"\""},
        {QN_STR("0"), "0"},
        {QN_STR("{}"), "{}"},
        {QN_STR("[]"), "[]"},
        {QN_STR("\t[\r\n1 , 2\t]\n"), "[1,2]"},
        {QN_STR("{ \"a\" : { } , \"b\":[ ] }"), "{\"a\":{},\"b\":[]}"},
        {QN_STR("[[[[]]],{}]"), "[[[[]]],{}]"},
        {QN_STR("[null,true,false,\"x\",{\"k\":null}]"), "[null,true,false,\"x\",{\"k\":null}]"},
        /* numbers of any size */
        {QN_STR("-0"), "0"},
        {QN_STR("-0.0e-0"), "0"},
        {QN_STR("1E+2"), "100"},
        {QN_STR("123e65"), "1.23e+67"},
        {QN_STR("0e1"), "0"},
        {QN_STR("20e1"), "200"},
        {QN_STR("1e999"), "null"}, /* Infinity, and JSON.stringify says null for it */
        {QN_STR("-1e-999"), "0"},
        {QN_STR("123123e100000"), "null"},
        {QN_STR("100000000000000000000"), "100000000000000000000"},
        {QN_STR("0.1234567890123456789012345678901234567890"), "0.12345678901234568"},
        {QN_STR("[1.5,-1.5,1.5e-3,1.5e3]"), "[1.5,-1.5,0.0015,1500]"},
        /* strings */
        {QN_STR("\"\\u0061\\u30af\\u30EA\\u30b9\""), "\"aクリス\""},
        {QN_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {QN_STR("\"\\u0000\""), "\"\\u0000\""},
        {QN_STR("\"\\uD801\\udc37\""), "\"\xf0\x90\x90\xb7\""},
        {QN_STR("\"\\uDADA\""), "\"\ufffd\""},
        {QN_STR("\"\\uD888\\u1234\""), "\"\ufffd\u1234\""},
        {QN_STR("\"\\uDFAA\""), "\"\ufffd\""},
        {QN_STR("\"\x7f\""), "\"\x7f\""},
        {QN_STR("\"\xe2\x80\xa8\xe2\x80\xa9\""), "\"\xe2\x80\xa8\xe2\x80\xa9\""}, /* U+2028, U+2029 */
        {QN_STR("\"\xef\xbf\xbf\""), "\"\xef\xbf\xbf\""},                         /* U+FFFF */
        {QN_STR("\"\xf4\x8f\xbf\xbf\""), "\"\xf4\x8f\xbf\xbf\""},                 /* U+10FFFF */
        {QN_STR("\"\xef\xbb\xbf\""), "\"\xef\xbb\xbf\""}, /* a byte order mark inside is text */
        {QN_STR("\"/*comment*/\""), "\"/*comment*/\""},
        /* keys: any string, and of duplicates the last value in the first's place */
        {QN_STR("{\"\":0}"), "{\"\":0}"},
        {QN_STR("{\"a\\u0000b\":0}"), "{\"a\\u0000b\":0}"},
        {QN_STR("{\"a\":1,\"b\":2,\"a\":3}"), "{\"a\":3,\"b\":2}"},
        {QN_STR("{\"a\":1,\"\\u0061\":{\"a\":2,\"a\":[]}}"), "{\"a\":{\"a\":[]}}"},
        {QN_STR("{\"\\ud800\":1,\"\\ufffd\":2}"), "{\"\ufffd\":2}"},
        {QN_STR("{\"__proto__\":1}"), "{\"__proto__\":1}"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++)
        assert_reads_as(cases[i].text, cases[i].again);
}

static void what_json_parse_refuses_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct qn_str text;
        size_t offset;
    } cases[] = {
        {QN_STR(""), 0},
        {QN_STR(" "), 1},
        {QN_STR("\xef\xbb\xbf{}"), 0},
        {QN_STR("\0"), 0},
        {QN_STR("1\0"), 1},
        {QN_STR("\x0b"
                "1"),
         0}, /* a vertical tab, a form feed, a no-break space are no blanks */
        {QN_STR("1\f"), 1},
        {QN_STR("\xc2\xa0"
                "1"),
         0},
        {QN_STR("1 2"), 2},
        {QN_STR("{}}"), 2},
        {QN_STR("[]]"), 2},
        {QN_STR("[]x"), 2},
        {QN_STR("\"a\"b"), 3},
        /* words */
        {QN_STR("nul"), 0},
        {QN_STR("NULL"), 0},
        {QN_STR("nulll"), 4},
        {QN_STR("True"), 0},
        {QN_STR("fals"), 0},
        {QN_STR("undefined"), 0},
        {QN_STR("NaN"), 0},
        {QN_STR("Infinity"), 0},
        {QN_STR("-Infinity"), 0},
        /* numbers */
        {QN_STR("01"), 1},
        {QN_STR("-01"), 2},
        {QN_STR("-"), 0},
        {QN_STR("--1"), 0},
        {QN_STR("+1"), 0},
        {QN_STR(".1"), 0},
        {QN_STR("1."), 1},
        {QN_STR("1.e1"), 1},
        {QN_STR("-.1"), 0},
        {QN_STR("1e"), 1},
        {QN_STR("1e+"), 1},
        {QN_STR("1e1.5"), 3},
        {QN_STR("0x1"), 1},
        {QN_STR("1_0"), 1},
        {QN_STR("1n"), 1},
        {QN_STR("[- 1]"), 1},
        {QN_STR("[1 000]"), 3},
        {QN_STR("\xef\xbc\x91"), 0}, /* a full-width one */
        /* strings */
        {QN_STR("\""), 1},
        {QN_STR("\"abc"), 4},
        {QN_STR("'a'"), 0},
        {QN_STR("abc"), 0},
        {QN_STR("\"\\"), 2},
        {QN_STR("\"\\\""), 3},
        {QN_STR("\"\\a\""), 2},
        {QN_STR("\"\\x41\""), 2},
        {QN_STR("\"\\U0041\""), 2},
        {QN_STR("\"\\'\""), 2},
        {QN_STR("\"\\0\""), 2},
        {QN_STR("\"\\u\""), 3},
        {QN_STR("\"\\u00\""), 5},
        {QN_STR("\"\\u00G0\""), 5},
        {QN_STR("\"\\u+041\""), 3},
        {QN_STR("\"a\nb\""), 2},
        {QN_STR("\"a\tb\""), 2},
        {QN_STR("\"a\0b\""), 2},
        {QN_STR("\"\x1f\""), 1},
        {QN_STR("\"\\\n\""), 2},
        /* not UTF-8: a lone byte, overlong, a surrogate, over U+10FFFF, cut short */
        {QN_STR("\"\xff\""), 1},
        {QN_STR("\"\x80\""), 1},
        {QN_STR("\"\xc0\xaf\""), 1},
        {QN_STR("\"\xe0\x80\xaf\""), 1},
        {QN_STR("\"\xed\xa0\x80\""), 1},
        {QN_STR("\"\xf4\x90\x80\x80\""), 1},
        {QN_STR("\"a\xe2\x82\""), 2},
        {QN_STR("\"a\xe2\x82"), 2},
        {QN_STR("\xe9"), 0},
        {QN_STR("{\"\xff\":0}"), 2},
        /* arrays */
        {QN_STR("["), 1},
        {QN_STR("[1"), 2},
        {QN_STR("[1,"), 3},
        {QN_STR("[1,]"), 3},
        {QN_STR("[,1]"), 1},
        {QN_STR("[1,,2]"), 3},
        {QN_STR("[,]"), 1},
        {QN_STR("[1 2]"), 3},
        {QN_STR("[1:2]"), 2},
        {QN_STR("[1}"), 2},
        {QN_STR("]"), 0},
        {QN_STR("[\"a\""), 4},
        {QN_STR("[1,/**/2]"), 3},
        {QN_STR("[1] // x"), 4},
        /* objects */
        {QN_STR("{"), 1},
        {QN_STR("{\"a\""), 4},
        {QN_STR("{\"a\":"), 5},
        {QN_STR("{\"a\":1"), 6},
        {QN_STR("{\"a\":1,"), 7},
        {QN_STR("{\"a\":1,}"), 7},
        {QN_STR("{\"a\":1,,\"b\":2}"), 7},
        {QN_STR("{,\"a\":1}"), 1},
        {QN_STR("{\"a\",1}"), 4},
        {QN_STR("{\"a\" \"b\"}"), 5},
        {QN_STR("{\"a\"::1}"), 5},
        {QN_STR("{\"a\":1 \"b\":2}"), 7},
        {QN_STR("{a:1}"), 1},
        {QN_STR("{'a':1}"), 1},
        {QN_STR("{1:1}"), 1},
        {QN_STR("{null:1}"), 1},
        {QN_STR("{\"a\":1]"), 6},
        {QN_STR("{:1}"), 1},
        {QN_STR("}"), 0},
        {QN_STR("{[]:1}"), 1},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct qn_error err;
        char place[32];
        enum qn_status status = parse_within(cases[i].text, ROOM, &err);
        snprintf(place, sizeof place, "offset %zu: ", cases[i].offset);
        if (status != QN_INVALID_ARGUMENT || err.status != status ||
            !qn_str_starts(qn_str_c(err.message), qn_str_c(place)))
            fail_msg("%.*s: %s, \"%s\", not at offset %zu", QN_STR_ARG(cases[i].text), qn_status_name(status),
                     err.message, cases[i].offset);
    }
}

static void a_byte_order_mark_is_taken_if_asked(void **state)
{
    (void)state;
    struct qn_arena arena;
    struct qn_json *value;
    qn_arena_init(&arena, ROOM);
    assert_int_equal(qn_json_parse(QN_STR("\xef\xbb\xbf[1]"), true, &arena, &value, NULL), QN_OK);
    assert_int_equal(value->n_items, 1);
    assert_int_equal(qn_json_parse(QN_STR("[1]"), true, &arena, &value, NULL), QN_OK);
    /* one, and only as a whole */
    assert_int_equal(qn_json_parse(QN_STR("\xef\xbb\xbf\xef\xbb\xbf[1]"), true, &arena, &value, NULL),
                     QN_INVALID_ARGUMENT);
    assert_int_equal(qn_json_parse(QN_STR("\xef\xbb[1]"), true, &arena, &value, NULL), QN_INVALID_ARGUMENT);
    assert_int_equal(qn_json_parse(QN_STR("\xef\xbb\xbf"), true, &arena, &value, NULL), QN_INVALID_ARGUMENT);
    qn_arena_fini(&arena);
}

static void the_tree_outlives_the_text(void **state)
{
    (void)state;
    static const char text[] = "{\"key\":[\"plain\",\"esc\\u0061ped\",12.50]}";
    char *copy = strdup(text);
    struct qn_arena arena;
    struct qn_json *value;
    qn_arena_init(&arena, ROOM);
    assert_int_equal(qn_json_parse(qn_str_n(copy, sizeof text - 1), false, &arena, &value, NULL), QN_OK);
    free(copy);

    const struct qn_json *list = qn_json_get(value, "key");
    assert_non_null(list);
    assert_int_equal(list->kind, QN_JSON_ARRAY);
    assert_int_equal(list->n_items, 3);
    assert_str(list->items[0].text, "plain");
    assert_str(list->items[1].text, "escaped");
    assert_str(list->items[2].text, "12.50"); /* a number's text stays as written */
    assert_true(list->items[2].number == 12.5);
    qn_arena_fini(&arena);
}

static void members_are_found_by_name(void **state)
{
    (void)state;
    struct qn_arena arena;
    struct qn_json *value;
    qn_arena_init(&arena, ROOM);
    assert_int_equal(
        qn_json_parse(QN_STR("{\"a\":true,\"b\\u0000\":null,\"\":[]}"), false, &arena, &value, NULL), QN_OK);
    assert_true(qn_json_get(value, "a")->boolean);
    assert_null(qn_json_get(value, "b")); /* its name goes on behind the NUL */
    assert_int_equal(qn_json_get(value, "")->kind, QN_JSON_ARRAY);
    assert_null(qn_json_get(value, "c"));
    assert_null(qn_json_get(qn_json_get(value, "a"), "a"));
    assert_null(qn_json_get(qn_json_get(value, "none"), "a"));
    qn_arena_fini(&arena);
}

/* 64 levels, of either kind, and not one more: the parser uses the C stack. */
static void nesting_ends_at_64_levels(void **state)
{
    (void)state;
    static const struct {
        const char *open, *core, *close;
    } kinds[] = {{"[", "", "]"}, {"{\"a\":", "0", "}"}, {"[{\"a\":", "[]", "}]"}};
    for (size_t k = 0; k < QN_COUNT(kinds); k++) {
        size_t levels_each = k == 2 ? 2 : 1, inner = k == 2 ? 1 : 0;
        for (size_t levels = 60; levels < 70; levels++) {
            size_t n = (levels - inner) / levels_each;
            struct qn_buf text;
            struct qn_error err;
            qn_buf_init(&text, 4096);
            for (size_t i = 0; i < n; i++)
                qn_buf_write_c(&text, kinds[k].open);
            qn_buf_write_c(&text, kinds[k].core);
            for (size_t i = 0; i < n; i++)
                qn_buf_write_c(&text, kinds[k].close);
            assert_int_equal(parse_within(qn_buf_view(&text), ROOM, &err),
                             n * levels_each + inner <= 64 ? QN_OK : QN_RESOURCE_EXHAUSTED);
            qn_buf_fini(&text);
        }
    }
    /* A hundred thousand levels cost no more than 65. */
    char *deep = malloc(100000);
    memset(deep, '[', 100000);
    struct qn_error err;
    assert_int_equal(parse_within(qn_str_n(deep, 100000), ROOM, &err), QN_RESOURCE_EXHAUSTED);
    assert_string_equal(err.message, "offset 64: nested too deeply");
    free(deep);
}

/* Small and large objects find their duplicates in different ways; both keep the first's place. */
static void duplicates_are_found_in_objects_of_any_size(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200; n += n < 40 ? 1 : 37) {
        struct qn_buf text, again;
        qn_buf_init(&text, ROOM);
        qn_buf_init(&again, ROOM);
        qn_buf_write_byte(&text, '{');
        for (size_t i = 0; i < 3 * n; i++)
            qn_buf_printf(&text, "%s\"k%zu\":%zu", i ? "," : "", i % n, i);
        qn_buf_write_byte(&text, '}');
        qn_buf_write_byte(&again, '{');
        for (size_t i = 0; i < n; i++)
            qn_buf_printf(&again, "%s\"k%zu\":%zu", i ? "," : "", i, 2 * n + i);
        qn_buf_write_byte(&again, '}');
        assert_reads_as(qn_buf_view(&text), again.data);
        qn_buf_fini(&text);
        qn_buf_fini(&again);
    }
}

/* A body of a mebibyte holds some hundred thousand members; comparing each with each would take minutes, and
 * the test's time limit would end it. */
static void a_large_object_is_no_burden(void **state)
{
    (void)state;
    enum { MEMBERS = 200000 };
    struct qn_buf text;
    qn_buf_init(&text, ROOM);
    qn_buf_write_byte(&text, '{');
    for (int i = 0; i < MEMBERS; i++)
        qn_buf_printf(&text, "%s\"%x\":0", i ? "," : "", i);
    qn_buf_write_byte(&text, '}');
    struct qn_arena arena;
    struct qn_json *value;
    qn_arena_init(&arena, ROOM);
    assert_int_equal(qn_json_parse(qn_buf_view(&text), false, &arena, &value, NULL), QN_OK);
    assert_int_equal(value->n_items, MEMBERS);
    qn_arena_fini(&arena);
    qn_buf_fini(&text);
}

/* Whatever the ceiling, the answer is the tree or QN_RESOURCE_EXHAUSTED, and once there is room there stays
 * room. */
static void a_full_arena_is_a_status(void **state)
{
    (void)state;
    struct qn_buf text;
    qn_buf_init(&text, ROOM);
    qn_buf_write_c(&text, "[{\"a\":1,\"b\":[\"x\\n\",2.5],\"c\":{}}");
    for (int i = 0; i < 20; i++)
        qn_buf_printf(&text, ",{\"k%d\":null}", i);
    qn_buf_write_c(&text, ",{");
    for (int i = 0; i < 20; i++)
        qn_buf_printf(&text, "%s\"k%d\":null", i ? "," : "", i);
    qn_buf_write_c(&text, "}]");
    bool enough = false;
    for (size_t room = 1; room < 16000; room += 23) {
        struct qn_error err;
        enum qn_status status = parse_within(qn_buf_view(&text), room, &err);
        if (enough)
            assert_int_equal(status, QN_OK);
        else if (status != QN_OK)
            assert_int_equal(status, QN_RESOURCE_EXHAUSTED);
        enough = status == QN_OK;
    }
    assert_true(enough);
    qn_buf_fini(&text);
}

/* Digits without end are one number, not one number each. */
static void a_number_may_be_as_long_as_the_text(void **state)
{
    (void)state;
    enum { DIGITS = 1024 * 1024 };
    char *text = malloc(DIGITS);
    memset(text, '7', DIGITS);
    struct qn_arena arena;
    struct qn_json *value;
    qn_arena_init(&arena, ROOM);
    assert_int_equal(qn_json_parse(qn_str_n(text, DIGITS), false, &arena, &value, NULL), QN_OK);
    assert_true(isinf(value->number));
    assert_int_equal(value->text.len, DIGITS);
    text[1] = '.';
    assert_int_equal(qn_json_parse(qn_str_n(text, DIGITS), false, &arena, &value, NULL), QN_OK);
    assert_true(value->number == 7.0 + 7.0 / 9);
    qn_arena_fini(&arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_parse_takes_is_taken),
        cmocka_unit_test(what_json_parse_refuses_is_refused),
        cmocka_unit_test(a_byte_order_mark_is_taken_if_asked),
        cmocka_unit_test(the_tree_outlives_the_text),
        cmocka_unit_test(members_are_found_by_name),
        cmocka_unit_test(nesting_ends_at_64_levels),
        cmocka_unit_test(duplicates_are_found_in_objects_of_any_size),
        cmocka_unit_test(a_large_object_is_no_burden),
        cmocka_unit_test(a_full_arena_is_a_status),
        cmocka_unit_test(a_number_may_be_as_long_as_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
