#include <stdio.h>

#include "services/gateway/limit_rule.h"
#include "tests/harness/test.h"

/* Which rule holds for a path: "max/seconds", or "off". */
static void expect(const char *custom, const char *path, const char *wanted)
{
    const struct gateway_limit_rules rules = {.all = {100, 10}, .custom = qn_str_c(custom)};
    struct gateway_limit_rule rule;
    char got[64] = "off";
    if (gateway_limit_rule_find(&rules, qn_str_c(path), &rule))
        snprintf(got, sizeof got, "%u/%u", rule.max, rule.window_s);
    assert_string_equal(got, wanted);
}

static void test_better_auths_own(void **state)
{
    (void)state;
    expect("", "/get-session", "100/10");
    expect("", "*", "100/10");
    expect("", "/sign-in/email", "3/10");
    expect("", "/sign-in-with-anything", "3/10"); /* as the product: every path that begins so */
    expect("", "/sign-up/email", "3/10");
    expect("", "/sign-out", "100/10");
    expect("", "/change-password", "3/10");
    expect("", "/change-email", "3/10");
    expect("", "/request-password-reset", "3/60");
    expect("", "/request-password-reset/callback", "100/10");
    expect("", "/send-verification-email", "3/60");
    expect("", "/forget-password/email", "3/60");
    expect("", "/reset-password", "100/10");
}

static void test_a_sites_own_go_before(void **state)
{
    (void)state;
    expect("/sign-in/email=5/60", "/sign-in/email", "5/60");
    expect("/sign-in/email=5/60", "/sign-in/social", "3/10");
    expect(" /sign-in/email = 5/60 , /get-session=off", "/get-session", "off");
    expect("/get-session=off", "/sign-in/email", "3/10");
    expect("/sign-in/email=1/1,/sign-in/*=2/2", "/sign-in/email", "1/1");
    expect("/sign-in/*=2/2,/sign-in/email=1/1", "/sign-in/email", "2/2");
}

static void test_wildcards_stay_within_a_segment(void **state)
{
    (void)state;
    expect("/sign-*/email=5/60", "/sign-in/email", "5/60");
    expect("/sign-*/email=5/60", "/sign-up/email", "5/60");
    expect("/*=5/60", "/get-session", "5/60");
    expect("/*=5/60", "/sign-in/email", "3/10");
    expect("/**=5/60", "/sign-in/email", "5/60");
    expect("/sign-in/**=5/60", "/sign-in/a/b/c", "5/60");
    expect("/sign-?n/email=5/60", "/sign-in/email", "5/60");
    expect("/sign-?/email=5/60", "/sign-in/email", "3/10");
    expect("/sign-in=5/60", "/sign-in/email", "3/10");
    expect("/get-session=5/60", "/get-session/", "100/10");
}

static void test_what_is_no_rule(void **state)
{
    (void)state;
    static const char *const BAD[] = {"/a",       "a=1/1",    "/a=",      "/a=1",       "/a=1/",
                                      "/a=/1",    "/a=0/1",   "/a=1/0",   "/a=-1/1",    "/a=1/86401",
                                      "/a=1.5/1", "/a=1/1/1", "/a=false", "/a=1/1,b=1", "=1/1"};
    static const char *const GOOD[] = {"",        "/a=1/1", "/a=off", "/a=1/86400,", "/a=1/1, /b/**=off",
                                       "/a=b=1/1"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (gateway_limit_rule_valid(qn_str_c(BAD[i])))
            fail_msg("%s is taken for a rule", BAD[i]);
    }
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        if (!gateway_limit_rule_valid(qn_str_c(GOOD[i])))
            fail_msg("%s is not taken for a rule", GOOD[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_better_auths_own),
        cmocka_unit_test(test_a_sites_own_go_before),
        cmocka_unit_test(test_wildcards_stay_within_a_segment),
        cmocka_unit_test(test_what_is_no_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
