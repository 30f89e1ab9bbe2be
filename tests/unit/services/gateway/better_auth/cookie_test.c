#include "services/gateway/better_auth/cookie.h"
#include "tests/harness/test.h"

#define PLAIN  "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
#define SECURE "__Secure-better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"

static void expect(const char *url, const char *env, const char *cookies, const char *set_cookie)
{
    const struct gateway_settings settings = {.public_url = (char *)url, .app.env = (char *)env};
    assert_str(gateway_cookie_forget_cache(&settings, qn_str_c(cookies)), set_cookie);
}

static void test_forgotten_when_shown(void **state)
{
    (void)state;
    expect("http://localhost", "", "better-auth.session_data=abc", PLAIN);
    expect("http://localhost", "", "a=b;better-auth.session_data = abc; c=d", PLAIN);
    expect("http://localhost", "", "better-auth.session_data=", PLAIN);
    expect("http://localhost", "", "", "");
    expect("http://localhost", "", NULL, "");
    expect("http://localhost", "", "better-auth.session_token=abc", "");
    expect("http://localhost", "", "better-auth.session_data", "");
    expect("http://localhost", "", "better-auth.session_data2=abc", "");
    expect("http://localhost", "", "x=better-auth.session_data=abc", "");
}

/* Only the name that counts here: the other belongs to another site on this host, or to none. */
static void test_the_name_goes_by_the_site(void **state)
{
    (void)state;
    expect("https://example.com", "", "__Secure-better-auth.session_data=abc", SECURE);
    expect("https://example.com", "", "better-auth.session_data=abc", "");
    expect("http://localhost", "production", "better-auth.session_data=abc", PLAIN);
    expect("http://localhost", "", "__Secure-better-auth.session_data=abc", "");
    expect("", "production", "__Secure-better-auth.session_data=abc", SECURE);
    expect("", "", "better-auth.session_data=abc", PLAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forgotten_when_shown),
        cmocka_unit_test(test_the_name_goes_by_the_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
