#include "services/gateway/cors.h"
#include "tests/harness/test.h"

static bool allows(const char *cors, const char *trusted, const char *origin)
{
    const struct gateway_settings settings = {.cors_origins = (char *)cors,
                                              .trusted_origins = (char *)trusted,
                                              .public_url = (char *)"http://localhost:8080"};
    return gateway_cors_allows(&settings, qn_str_c(origin));
}

static void test_exact_origins(void **state)
{
    (void)state;
    const char *cors = "https://app.example.com, http://localhost:3000";
    assert_true(allows(cors, "", "https://app.example.com"));
    assert_true(allows(cors, "", "http://localhost:3000"));
    assert_false(allows(cors, "", "http://app.example.com"));
    assert_false(allows(cors, "", "https://app.example.com:8443"));
    assert_false(allows(cors, "", "http://localhost:3001"));
    assert_false(allows(cors, "", "http://localhost"));
    assert_false(allows(cors, "", "http://localhost:8080")); /* our own needs none */
}

/* What tries to look like an origin that is allowed. */
static void test_hostile_origins(void **state)
{
    (void)state;
    static const char *const HOSTILE[] = {
        "",
        "null",
        "*",
        "https://app.example.com.evil.example",
        "https://evil.example/https://app.example.com",
        "https://app.example.com@evil.example",
        "https://evil-app.example.com.evil.example",
        "https://xapp.example.com",
        "https://example.com",
        "https://app.example.com/",
        "https://app.example.com:443",
        "https://APP.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com ",
        " https://app.example.com",
        "https://app.example.com, https://evil.example",
        "https://app.example.com\\.evil.example",
        "https://app.example.com%2eevil.example",
        "https://app.example.com?",
        "https://app.example.com#",
        "https:app.example.com",
        "app.example.com",
        "//app.example.com",
        "file://",
        "trusted",
    };
    for (size_t i = 0; i < sizeof HOSTILE / sizeof *HOSTILE; i++) {
        if (allows("https://app.example.com", "", HOSTILE[i]))
            fail_msg("%s is allowed", HOSTILE[i]);
        if (allows("https://app.example.com,trusted", "", HOSTILE[i]))
            fail_msg("%s is allowed with trusted", HOSTILE[i]);
    }
}

static void test_patterns(void **state)
{
    (void)state;
    const char *cors = "https://*.example.com,*.example.org:3000,http://192.168.*:3000";
    assert_true(allows(cors, "", "https://app.example.com"));
    assert_true(allows(cors, "", "https://a.b.example.com"));
    assert_true(allows(cors, "", "http://app.example.org:3000"));
    assert_true(allows(cors, "", "http://192.168.1.2:3000"));
    assert_false(allows(cors, "", "https://example.com"));
    assert_false(allows(cors, "", "https://evilexample.com"));
    assert_false(allows(cors, "", "https://app.example.com.evil.example"));
    assert_false(allows(cors, "", "https://app.example.com:8443"));
    assert_false(allows(cors, "", "http://app.example.org"));
    assert_false(allows(cors, "", "http://192.168.evil.example:3000"));
    assert_false(allows(cors, "", "http://192.168.1.2.evil.example:3000"));
}

static void test_apps_have_schemes_of_their_own(void **state)
{
    (void)state;
    assert_true(allows("capacitor://localhost", "", "capacitor://localhost"));
    assert_false(allows("capacitor://localhost", "", "capacitor://elsewhere"));
    assert_false(allows("capacitor://localhost", "", "http://localhost"));
}

static void test_trusted_stands_for_the_other_list(void **state)
{
    (void)state;
    assert_false(allows("https://a.example", "https://b.example", "https://b.example"));
    assert_true(allows("trusted", "https://b.example", "https://b.example"));
    assert_true(allows("https://a.example, trusted", "https://*.b.example", "https://x.b.example"));
    assert_false(allows("trusted", "https://b.example", "https://c.example"));
}

static void test_a_wildcard_alone_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {"*",   "https://*", "https://a.example,*", "*:3000",
                                      "*.*", "?",         "https://*:*"};
    static const char *const GOOD[] = {"",
                                       "trusted",
                                       "https://a.example",
                                       "*.a.example, https://*.b.example:*",
                                       "http://192.168.*:3000",
                                       "http://[::1]:3000",
                                       "app://x,"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (gateway_cors_valid(qn_str_c(BAD[i])))
            fail_msg("%s passes", BAD[i]);
    }
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        if (!gateway_cors_valid(qn_str_c(GOOD[i])))
            fail_msg("%s does not pass", GOOD[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_origins),
        cmocka_unit_test(test_hostile_origins),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_apps_have_schemes_of_their_own),
        cmocka_unit_test(test_trusted_stands_for_the_other_list),
        cmocka_unit_test(test_a_wildcard_alone_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
