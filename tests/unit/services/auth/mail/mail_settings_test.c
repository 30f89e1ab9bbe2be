#include "services/auth/mail/mail_settings.h"
#include "tests/harness/test.h"

static struct auth_mail_settings of(const char *url, const char *from, const char *tls)
{
    return (struct auth_mail_settings){.smtp_url = (char *)url,
                                       .smtp_from = (char *)from,
                                       .smtp_tls = (char *)tls,
                                       .smtp_ca_file = (char *)"",
                                       .site = (char *)""};
}

static size_t complaints(const char *url, const char *from)
{
    struct auth_mail_settings settings = of(url, from, "auto");
    struct qn_config_report report = {0};
    qn_buf_init(&report.lines, 4096);
    auth_mail_settings_check(&settings, &report);
    /* A password is never shown. */
    assert_null(report.lines.data ? strstr(report.lines.data, "hush") : NULL);
    qn_buf_fini(&report.lines);
    return report.n_complaints;
}

static void test_what_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(complaints("", ""), 0);
    assert_int_equal(complaints("", "a@b.example"), 0);
    assert_int_equal(complaints("smtp://mail.example.com", "a@b.example"), 0);
    assert_int_equal(complaints("smtps://user:hush%40@mail.example.com:465", "Site <a@b.example>"), 0);
    assert_int_equal(complaints("smtp://[::1]:25/", "a@b.example"), 0);
    assert_int_equal(complaints("smtp://mail.example.com", ""), 1);
    assert_int_equal(complaints("smtp://mail.example.com", "nobody"), 1);
    assert_int_equal(complaints("http://user:hush@mail.example.com", "a@b.example"), 1);
    assert_int_equal(complaints("mail.example.com:25", "a@b.example"), 1);
    assert_int_equal(complaints("smtp://", "a@b.example"), 1);
    assert_int_equal(complaints("smtp://user:hush@", "a@b.example"), 1);
    assert_int_equal(complaints("smtp://user:hush hush@mail.example.com", "a@b.example"), 1);
    assert_int_equal(complaints("smtp://mail\r\n.example.com", "a@b.example"), 1);
}

static void expect_host(const char *url, const char *host)
{
    struct auth_mail_settings settings = of(url, "", "auto");
    struct qn_str got = auth_mail_settings_host(&settings);
    if (!qn_str_eq(got, qn_str_c(host)))
        fail_msg("%.*s, not %s", QN_STR_ARG(got), host);
}

static void test_the_host_goes_into_the_log_and_nothing_else(void **state)
{
    (void)state;
    expect_host("smtp://mail.example.com:587", "mail.example.com:587");
    expect_host("smtps://user:pa%2Fss@mail.example.com:465/x", "mail.example.com:465");
    expect_host("smtp://user:p@ss@mail.example.com", "mail.example.com");
    expect_host("smtp://[::1]:25", "[::1]:25");
    expect_host("nothing", "");
    expect_host("", "");
}

static void expect_tls(const char *url, const char *tls, enum auth_mail_tls wanted)
{
    struct auth_mail_settings settings = of(url, "", tls);
    assert_int_equal(auth_mail_settings_tls(&settings), wanted);
}

static void test_tls_is_required_but_on_this_machine(void **state)
{
    (void)state;
    expect_tls("smtp://mail.example.com:587", "auto", AUTH_MAIL_TLS_REQUIRED);
    expect_tls("smtp://localhost.example.com", "auto", AUTH_MAIL_TLS_REQUIRED);
    expect_tls("smtp://localhost@mail.example.com", "auto", AUTH_MAIL_TLS_REQUIRED);
    expect_tls("smtp://localhost:1025", "auto", AUTH_MAIL_TLS_TRIED);
    expect_tls("smtp://u:p@127.0.0.1", "auto", AUTH_MAIL_TLS_TRIED);
    expect_tls("smtp://[::1]:25", "auto", AUTH_MAIL_TLS_TRIED);
    expect_tls("smtp://localhost:1025", "required", AUTH_MAIL_TLS_REQUIRED);
    expect_tls("smtp://mail.example.com:587", "tried", AUTH_MAIL_TLS_TRIED);
}

static void expect_site(const char *site, const char *from, const char *wanted)
{
    struct auth_mail_settings settings = of("", from, "auto");
    settings.site = (char *)site;
    assert_true(qn_str_eq(auth_mail_settings_site(&settings), qn_str_c(wanted)));
}

static void test_what_the_site_is_called(void **state)
{
    (void)state;
    expect_site("My Site", "Other <a@b.example>", "My Site");
    expect_site("", "Other <a@b.example>", "Other");
    expect_site("", "a@b.example", "b.example");
    expect_site("", "", "the site");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_allowed),
        cmocka_unit_test(test_the_host_goes_into_the_log_and_nothing_else),
        cmocka_unit_test(test_tls_is_required_but_on_this_machine),
        cmocka_unit_test(test_what_the_site_is_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
