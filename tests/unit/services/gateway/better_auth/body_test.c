#include "common/core/check.h"
#include "services/gateway/better_auth/body.h"
#include "tests/harness/test.h"

static const struct gateway_body_field FIELDS[] = {
    {"name", GATEWAY_FIELD_STRING},
    {"email", GATEWAY_FIELD_EMAIL},
    {"password", GATEWAY_FIELD_FILLED},
    {"image", GATEWAY_FIELD_STRING, true},
    {"rememberMe", GATEWAY_FIELD_BOOLEAN, true},
};

#define SOUND "\"name\":\"\",\"email\":\"a@example.com\",\"password\":\"p\""

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

static struct qn_json *parse(const char *text)
{
    struct qn_json *value = NULL;
    assert_int_equal(qn_json_parse(qn_str_c(text), true, &arena, &value, NULL), QN_OK);
    return value;
}

/* 'json' NULL: no body. */
static void expect(const char *json, enum gateway_body_shape shape, const char *issues)
{
    struct qn_buf got;
    qn_buf_init(&got, 4096);
    gateway_body_issues(json ? parse(json) : NULL, FIELDS, QN_COUNT(FIELDS), shape, &got);
    assert_str(qn_buf_view(&got), issues);
    qn_buf_fini(&got);
}

static void test_sound_bodies(void **state)
{
    (void)state;
    expect("{" SOUND "}", GATEWAY_BODY_OBJECT_AND_RECORD, "");
    expect("{" SOUND ",\"image\":\"\",\"rememberMe\":false,\"unknown\":[1]}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "");
    expect("{\"password\":\"\"," SOUND "}", GATEWAY_BODY_OBJECT_AND_RECORD, ""); /* the last of two wins */
}

/* The sentences are zod's, as the product's clients see them. */
static void test_each_issue(void **state)
{
    (void)state;
    expect("{\"email\":\"a@example.com\",\"password\":\"p\"}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.name] Invalid input: expected string, received undefined");
    expect("{" SOUND ",\"name\":null}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.name] Invalid input: expected string, received null");
    expect("{" SOUND ",\"name\":1}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.name] Invalid input: expected string, received number");
    expect("{" SOUND ",\"name\":true}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.name] Invalid input: expected string, received boolean");
    expect("{" SOUND ",\"name\":[]}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.name] Invalid input: expected string, received array");
    expect("{" SOUND ",\"name\":{}}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.name] Invalid input: expected string, received object");
    expect("{" SOUND ",\"email\":\"a@b\"}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.email] Invalid email address");
    expect("{" SOUND ",\"email\":7}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.email] Invalid input: expected string, received number");
    expect("{" SOUND ",\"password\":\"\"}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.password] Too small: expected string to have >=1 characters");
    expect("{" SOUND ",\"rememberMe\":\"yes\"}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.rememberMe] Invalid input: expected boolean, received string");
    expect("{" SOUND ",\"rememberMe\":null}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.rememberMe] Invalid input: expected boolean, received null");
    expect("{" SOUND ",\"image\":null}", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body.image] Invalid input: expected string, received null");
}

static void test_issues_come_in_the_order_of_the_fields(void **state)
{
    (void)state;
    expect(
        "{\"rememberMe\":1,\"password\":\"\",\"email\":\"x\"}", GATEWAY_BODY_OBJECT_AND_RECORD,
        "[body.name] Invalid input: expected string, received undefined; [body.email] Invalid email address; "
        "[body.password] Too small: expected string to have >=1 characters; "
        "[body.rememberMe] Invalid input: expected boolean, received number");
}

static void test_bodies_that_are_no_object(void **state)
{
    (void)state;
    expect(NULL, GATEWAY_BODY_OBJECT, "[body] Invalid input: expected object, received undefined");
    expect("[]", GATEWAY_BODY_OBJECT, "[body] Invalid input: expected object, received array");
    expect("null", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body] Invalid input: expected object, received null; [body] Invalid input: expected record, "
           "received null");
    expect("\"x\"", GATEWAY_BODY_OBJECT_AND_RECORD,
           "[body] Invalid input: expected object, received string; [body] Invalid input: expected record, "
           "received string");
}

static void test_members(void **state)
{
    (void)state;
    const struct qn_json *body = parse("{\"a\":\"x\",\"empty\":\"\",\"n\":1,\"yes\":true,\"no\":false}");
    assert_str(gateway_body_str(body, "a"), "x");
    assert_int_equal(gateway_body_str(body, "empty").len, 0);
    assert_null(gateway_body_str(body, "n").ptr);
    assert_null(gateway_body_str(body, "none").ptr);
    assert_null(gateway_body_str(NULL, "a").ptr);
    assert_true(gateway_body_bool(body, "yes", false));
    assert_false(gateway_body_bool(body, "no", true));
    assert_true(gateway_body_bool(body, "none", true));
    assert_true(gateway_body_bool(body, "a", true));
    assert_false(gateway_body_bool(NULL, "yes", false));
}

/* Routes that take members of any name say so in another word. */
static void test_records(void **state)
{
    (void)state;
    expect("[]", GATEWAY_BODY_RECORD, "[body] Invalid input: expected record, received array");
    expect(NULL, GATEWAY_BODY_RECORD, "[body] Invalid input: expected record, received undefined");
}

static void expect_text(const char *json, const char *text)
{
    struct gateway_request req = {.arena = arena};
    char *is = gateway_body_text_of_any(&req, parse(json));
    arena = req.arena;
    if (!text ? is != NULL : !is || strcmp(is, text) != 0)
        fail_msg("%s is %s, not %s", json, is ? is : "none", text ? text : "none");
}

/* As a number would stand in a column of text if JavaScript had put it there. */
static void test_text_of_any(void **state)
{
    (void)state;
    expect_text("\"x\"", "x");
    expect_text("\"\"", "");
    expect_text("5", "5");
    expect_text("5.0", "5");
    expect_text("-0", "0");
    expect_text("1e3", "1000");
    expect_text("0.1", "0.1");
    expect_text("1e21", "1e+21");
    expect_text("true", "true");
    expect_text("false", "false");
    expect_text("null", NULL);
    expect_text("[1]", NULL);
    expect_text("{}", NULL);
    expect_text("\"a\\u0000b\"", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_bodies),
        cmocka_unit_test(test_each_issue),
        cmocka_unit_test(test_issues_come_in_the_order_of_the_fields),
        cmocka_unit_test(test_bodies_that_are_no_object),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_text_of_any),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
