#include "services/auth/mail/template.h"
#include "tests/harness/test.h"

static struct auth_mail_values values;

static const char *rendered(const char *source, enum auth_mail_format format)
{
    static struct qn_buf buf;
    qn_buf_fini(&buf);
    qn_buf_init(&buf, 4096);
    assert_int_equal(auth_mail_template_check(qn_str_c(source), NULL), QN_OK);
    auth_mail_template_render(qn_str_c(source), &values, format, &buf);
    return qn_buf_view(&buf).ptr;
}

static int set_up(void **state)
{
    (void)state;
    values = (struct auth_mail_values){0};
    values.of[AUTH_MAIL_SITE] = QN_STR("Example");
    values.of[AUTH_MAIL_NAME] = QN_STR("Zoë");
    values.of[AUTH_MAIL_LINK] = QN_STR("https://example.com/?a=1&b=2");
    return 0;
}

static void test_values_in_their_places(void **state)
{
    (void)state;
    assert_string_equal(rendered("{{site}}", AUTH_MAIL_TEXT), "Example");
    assert_string_equal(rendered("a {{ name }} b{{site}}{{site}}", AUTH_MAIL_TEXT), "a Zoë bExampleExample");
    assert_string_equal(rendered("", AUTH_MAIL_TEXT), "");
    assert_string_equal(rendered("{{email}}", AUTH_MAIL_TEXT), "");
    assert_string_equal(rendered("p { a: b } }} {", AUTH_MAIL_HTML), "p { a: b } }} {");
    assert_string_equal(rendered("<a href=\"{{link}}\">", AUTH_MAIL_HTML),
                        "<a href=\"https://example.com/?a=1&amp;b=2\">");
    assert_string_equal(rendered("{{link}}", AUTH_MAIL_TEXT), "https://example.com/?a=1&b=2");
}

static void test_a_value_is_never_more_than_text(void **state)
{
    (void)state;
    values.of[AUTH_MAIL_NAME] = QN_STR("<b onclick='x'>&\"</b>");
    assert_string_equal(rendered("<p title='{{name}}'>", AUTH_MAIL_HTML),
                        "<p title='&lt;b onclick=&#39;x&#39;&gt;&amp;&quot;&lt;/b&gt;'>");
    values.of[AUTH_MAIL_NAME] = QN_STR("{{link}}{{name}}");
    assert_string_equal(rendered("{{name}}", AUTH_MAIL_TEXT), "{{link}}{{name}}");
    values.of[AUTH_MAIL_NAME] = QN_STR("a\r\n\r\nPay here:\x1b\x7f");
    assert_string_equal(rendered("{{name}}", AUTH_MAIL_TEXT), "a    Pay here:  ");
    values.of[AUTH_MAIL_NAME] = QN_STR("a}}b");
    assert_string_equal(rendered("{{name}}{{site}}", AUTH_MAIL_TEXT), "a}}bExample");
}

static void test_places_for_nothing(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "{{",         "{{}}",     "{{user}}",      "{{site",        "{{ site }",
        "{{{site}}}", "{{Site}}", "{{site}}{{x}}", "{{site.name}}", "{{#if name}}"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct qn_error err = {0};
        if (auth_mail_template_check(qn_str_c(BAD[i]), &err) != QN_INVALID_ARGUMENT)
            fail_msg("%s passes", BAD[i]);
        assert_non_null(strstr(err.message, "stands for nothing"));
    }
}

static void test_the_ceiling_is_the_buffers(void **state)
{
    (void)state;
    struct qn_buf buf;
    qn_buf_init(&buf, 10);
    auth_mail_template_render(QN_STR("{{site}}{{site}}"), &values, AUTH_MAIL_TEXT, &buf);
    assert_true(qn_buf_failed(&buf));
    qn_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_values_in_their_places, set_up),
        cmocka_unit_test_setup(test_a_value_is_never_more_than_text, set_up),
        cmocka_unit_test_setup(test_places_for_nothing, set_up),
        cmocka_unit_test_setup(test_the_ceiling_is_the_buffers, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
