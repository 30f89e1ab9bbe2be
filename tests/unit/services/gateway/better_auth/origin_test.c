#include "common/core/check.h"
#include "services/gateway/better_auth/origin.h"
#include "tests/harness/test.h"

static void expect_origin(const char *url, const char *origin)
{
    struct gateway_origin got;
    bool has = gateway_origin_read(qn_str_c(url), &got);
    if (has != (origin != NULL))
        fail_msg("%s: %s", url, has ? got.text : "no origin");
    if (origin) {
        assert_string_equal(got.text, origin);
        assert_int_equal(got.len, strlen(origin));
        assert_string_equal(got.text + got.host_at, strstr(origin, "://") + 3);
    }
}

static void test_origin_of_a_url(void **state)
{
    (void)state;
    expect_origin("https://example.com", "https://example.com");
    expect_origin("https://example.com/a?b#c", "https://example.com");
    expect_origin("https://example.com?b", "https://example.com");
    expect_origin("https://example.com#c", "https://example.com");
    expect_origin("HTTP://LOCALHOST:3000/x", "http://localhost:3000");
    expect_origin("http://example.com:80/", "http://example.com");
    expect_origin("https://example.com:443", "https://example.com");
    expect_origin("http://example.com:443", "http://example.com:443");
    expect_origin("http://example.com:0080", "http://example.com");
    expect_origin("http://example.com:/", "http://example.com");
    expect_origin("http://127.0.0.1:8080", "http://127.0.0.1:8080");
    expect_origin("http://[::1]:3000/", "http://[::1]:3000");
    expect_origin("http://[2001:DB8::1]", "http://[2001:db8::1]");
    expect_origin("http://a_b-c.example", "http://a_b-c.example");
}

/* What a browser reads as another host than it looks, or what nobody knows how a browser reads. */
static void test_no_origin(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "null",
        "example.com",
        "//example.com",
        "/path",
        "://example.com",
        "http:example.com",
        "http:/example.com",
        "http:\\\\example.com",
        "http://",
        "http:///x",
        "http://:80",
        "ftp://example.com",
        "javascript://example.com",
        " http://example.com",
        "http://exa mple.com",
        "http://user@example.com",
        "http://localhost:3000@evil.example.net/",
        "http://localhost:3000\\@evil.example.net/",
        "http://example.com\\.evil.example.net",
        "http://ex%61mple.com",
        "http://b\xc3\xbc"
        "cher.example",
        "http://example.com:x",
        "http://example.com:65536",
        "http://example.com:99999999999999999999",
        "http://example.com:-1",
        "http://[::1",
        "http://::1",
        "http://[::1]x:80",
        "http://[example.com]",
        "http://2130706433",
        "http://0x7f.1",
        "http://127.1",
        "http://0177.0.0.1",
        "http://127.0.0.1.2",
    };
    for (size_t i = 0; i < QN_COUNT(urls); i++)
        expect_origin(urls[i], NULL);
    static const char nul[] = "http://example.com\0.evil.example.net";
    struct gateway_origin origin;
    assert_false(gateway_origin_read(qn_str_n(nul, sizeof nul - 1), &origin));
    static const char nul_in_v6[] = "http://[::1\0]"; /* inet_pton() stops there */
    assert_false(gateway_origin_read(qn_str_n(nul_in_v6, sizeof nul_in_v6 - 1), &origin));
}

static void test_long_hosts(void **state)
{
    (void)state;
    char url[600] = "https://";
    struct gateway_origin origin;
    memset(url + 8, 'a', GATEWAY_ORIGIN_MAX - 8 - 6);
    memcpy(url + GATEWAY_ORIGIN_MAX - 6, ":65535", 7);
    assert_true(gateway_origin_read(qn_str_c(url), &origin));
    assert_int_equal(origin.len, GATEWAY_ORIGIN_MAX);
    assert_string_equal(origin.text, url);
    memset(url + 8, 'a', sizeof url - 9);
    assert_false(gateway_origin_read(qn_str_c(url), &origin));
}

static void test_globs(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},          {"", "a", false},         {"*", "", true},         {"*", "a.b.c", true},
        {"?", "", false},        {"?", "a", true},         {"?", "ab", false},      {"a*c", "abbc", true},
        {"a*c", "abcd", false},  {"a*b*c", "axbxc", true}, {"a*b*c", "acb", false}, {"**a", "a", true},
        {"*a*a*a", "aa", false}, {"*.b", "a.b.b", true},   {"a?c*", "abc", true},   {"a*?", "a", false},
        {"A", "a", false},       {"*", "*", true},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        if (gateway_origin_glob(qn_str_c(cases[i].pattern), qn_str_c(cases[i].text)) != cases[i].match)
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].text);
    }
}

static bool trusts(const char *site, const char *host, const char *entries, const char *url)
{
    const struct gateway_origin_trust trust = {qn_str_c(site), qn_str_c(host), qn_str_c(entries)};
    return gateway_origin_trusted(&trust, qn_str_c(url));
}

static void test_the_site_itself(void **state)
{
    (void)state;
    assert_true(trusts("https://app.example.com", "", "", "https://app.example.com"));
    assert_true(trusts("https://app.example.com/auth/v1", "", "", "https://app.example.com/page?x"));
    assert_true(trusts("https://App.Example.com:443", "", "", "HTTPS://app.example.com"));
    assert_false(trusts("https://app.example.com", "", "", "http://app.example.com"));
    assert_false(trusts("https://app.example.com", "", "", "https://app.example.com:8443"));
    assert_false(trusts("https://app.example.com", "", "", "https://app.example.com.evil.example.net"));
    assert_false(trusts("https://app.example.com", "evil.example.net", "", "https://evil.example.net"));
}

/* Without a URL of the site the request's own Host is the site, whichever scheme it came by. */
static void test_the_own_host(void **state)
{
    (void)state;
    assert_true(trusts("", "localhost:8080", "", "http://localhost:8080"));
    assert_true(trusts("", "Example.com", "", "https://example.com/x"));
    assert_true(trusts("", "example.com:443", "", "https://example.com"));
    assert_false(trusts("", "localhost:8080", "", "http://localhost:3000"));
    assert_false(trusts("", "", "", "http://localhost"));
    assert_false(trusts("", "a b", "", "http://a"));
    assert_false(trusts("", "good@evil.example", "", "http://evil.example"));
}

#define WILDCARDS "https://*.example.com,*.example.org, http://192.168.*:3000 ,http://tail-slash.example/"

/* The cases that were recorded with the product, and their neighbours. */
static void test_wildcards(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool trusted;
    } cases[] = {
        {"https://app.example.com", true},
        {"https://a.b.example.com", true},
        {"https://app.example.com/deep/page", true},
        {"http://app.example.com", false},
        {"https://example.com", false},
        {"https://app.example.com.evil.net", false},
        {"https://app.example.com:8443", false},
        {"https://x.example.org", true},
        {"http://x.example.org", true},
        {"https://x.example.org:443", true},
        {"https://x.example.org:8443", false},
        {"https://example.org", false},
        {"http://192.168.1.7:3000", true},
        {"http://192.168.1.7", false},
        {"https://192.168.1.7:3000", false},
        {"http://192.168.evil.example.net:3000", false},
        {"http://192.168.1.7:3000.evil.example.net", false},
        {"http://tail-slash.example", false},
        {"http://tail-slash.example/", false},
        {"javascript://x.example.org/%0aalert(1)", false},
        {"ftp://x.example.org", false},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        if (trusts("http://localhost:8080", "", WILDCARDS, cases[i].url) != cases[i].trusted)
            fail_msg("%s", cases[i].url);
    }
}

static void test_entries_are_compared_whole(void **state)
{
    (void)state;
    assert_true(trusts("http://a", "", "http://localhost:3000", "http://localhost:3000/x"));
    assert_true(trusts("http://a", "", " , http://b ,http://localhost:3000", "http://localhost:3000"));
    assert_false(trusts("http://a", "", "http://localhost:3000/app", "http://localhost:3000/app"));
    assert_false(trusts("http://a", "", "HTTP://LOCALHOST:3000", "http://localhost:3000"));
    assert_false(trusts("http://a", "", "localhost:3000", "http://localhost:3000"));
    assert_false(trusts("http://a", "", "http://localhost:3000", "http://localhost:30001"));
    assert_false(trusts("http://a", "", "http://localhost:3000", "null"));
    assert_false(trusts("http://a", "", "null", "null"));
    assert_false(trusts("http://a", "", "", ""));
}

/* Apps on telephones: their scheme belongs to them, as the system sees to it. */
static void test_schemes_of_apps(void **state)
{
    (void)state;
    static const struct {
        const char *entry, *url;
        bool trusted;
    } cases[] = {
        {"myapp://", "myapp://", true},
        {"myapp://", "myapp://anything/at/all", true},
        {"myapp://", "MyApp://x", true},
        {"myapp://", "myapp:x", false},
        {"myapp://", "myapp2://x", false},
        {"myapp://host", "myapp://host/x", true},
        {"myapp://host", "myapp://HOST", true},
        {"myapp://host", "myapp://host.evil", false},
        {"myapp://host", "myapp://host:1", false},
        {"myapp://host/cb", "myapp://host/cb", true},
        {"myapp://host/cb", "myapp://host/cb/", true},
        {"myapp://host/cb", "myapp://host/cb/deep?x#y", true},
        {"myapp://host/cb", "myapp://host/cbx", false},
        {"myapp://host/cb", "myapp://host/cb/../evil", false},
        {"myapp://host/cb", "myapp://host/cb/%2e%2e/evil", false},
        {"myapp://host/cb", "myapp://host/x/../cb", true},
        {"myapp://host/cb", "myapp://host/./cb/%", true},
        {"myapp://host/cb", "myapp://host", false},
        {"myapp://*.trusted", "myapp://a.trusted", true},
        {"myapp://*.trusted", "myapp://a.untrusted", false},
        {"http://host", "myapp://host", false},
        {"*", "myapp://host", false},
        {"myapp://host", "http://host", false},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        if (trusts("http://a", "", cases[i].entry, cases[i].url) != cases[i].trusted)
            fail_msg("%s and %s", cases[i].entry, cases[i].url);
    }
}

static void test_nothing_with_control_characters(void **state)
{
    (void)state;
    assert_false(trusts("http://a", "", "", "http://a/\r\nSet-Cookie: x"));
    assert_false(trusts("http://a", "", "", "http://a/\tx"));
    assert_false(trusts("http://a", "", "", "\nhttp://a/"));
    assert_false(trusts("http://a", "", "", "http://a/\x7f"));
    assert_false(trusts("http://a", "", "myapp://", "myapp://\n"));
    const struct gateway_origin_trust trust = {QN_STR("http://a"), QN_STR(""), QN_STR("")};
    static const char nul[] = "http://a/\0";
    assert_false(gateway_origin_trusted(&trust, qn_str_n(nul, sizeof nul - 1)));
}

static void test_paths_on_the_own_site(void **state)
{
    (void)state;
    static const char *const taken[] = {
        "/",           "/dashboard", "/a//b", "/a b", "/../x", "/dash?next=//evil.example.net#frag",
        "/a?x=%2F%5C", "/a#%2f",     "/100%", "/%",   "/%2",   "/%zz",
        "/\xc3\xbc",
    };
    static const char *const refused[] = {
        "",
        "dashboard",
        "?x=1",
        "#x",
        "//",
        "//evil.example.net",
        "/\\evil.example.net",
        "/a\\b",
        "/%2F/evil",
        "/%2f",
        "/a%5Cb",
        "/a%5cb",
        "/a\nb",
        "/\t/evil.example.net",
        "/a\x7f",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://evil.example.net",
        "\\/evil.example.net",
        "/?x=\\y",
    };
    for (size_t i = 0; i < QN_COUNT(taken); i++) {
        if (!gateway_origin_is_path(qn_str_c(taken[i])))
            fail_msg("%s was refused", taken[i]);
    }
    for (size_t i = 0; i < QN_COUNT(refused); i++) {
        if (gateway_origin_is_path(qn_str_c(refused[i])))
            fail_msg("%s was taken", refused[i]);
    }
    assert_false(gateway_origin_is_path(qn_str_n("/a\0b", 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin_of_a_url),
        cmocka_unit_test(test_no_origin),
        cmocka_unit_test(test_long_hosts),
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_the_site_itself),
        cmocka_unit_test(test_the_own_host),
        cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_entries_are_compared_whole),
        cmocka_unit_test(test_schemes_of_apps),
        cmocka_unit_test(test_nothing_with_control_characters),
        cmocka_unit_test(test_paths_on_the_own_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
