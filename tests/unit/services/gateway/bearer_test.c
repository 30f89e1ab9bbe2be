#include "common/core/check.h"
#include "services/gateway/bearer.h"
#include "services/gateway/settings.h"
#include "tests/harness/test.h"

static const char *taken(const char *setting, const char *authorization)
{
    static char text[128];
    const struct gateway_settings settings = {.bearer = (char *)setting};
    struct qn_str token = gateway_bearer_of(&settings, qn_str_c(authorization));
    assert_true(token.len < sizeof text);
    memcpy(text, token.ptr, token.len);
    text[token.len] = '\0';
    return text;
}

static void test_what_is_a_token(void **state)
{
    (void)state;
    static const struct {
        const char *authorization, *token;
    } CASES[] = {
        {"", ""},
        {"Bearer", ""},
        {"Bearer ", ""},
        {"Bearer    ", ""},
        {"Bearer a", "a"},
        {"bearer a", "a"},
        {"BEARER a.b", "a.b"},
        {"Bearer  a\t", "a"},
        {"Bearer a b", "a b"}, /* nobody's; auth says so */
        {"Bearera", ""},
        {"Bearer\ta", ""},
        {" Bearer a", ""},
        {"Basic YTpi", ""},
        {"Token Bearer a", ""},
    };
    for (size_t i = 0; i < QN_COUNT(CASES); i++)
        assert_string_equal(taken("true", CASES[i].authorization), CASES[i].token);
}

static void test_which_are_taken(void **state)
{
    (void)state;
    assert_string_equal(taken("false", "Bearer a"), "");
    assert_string_equal(taken("false", "Bearer a.b"), "");
    assert_string_equal(taken("signed", "Bearer a"), "");
    assert_string_equal(taken("signed", "Bearer a.b"), "a.b");
    assert_string_equal(taken("signed", "Bearer a%2Eb"), ""); /* as the product: the dot must be one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_token),
        cmocka_unit_test(test_which_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
