#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/auth/mail/templates.h"
#include "tests/harness/test.h"

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/quintet-mails.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (int kind = 0; kind < AUTH_MAIL_KINDS; kind++) {
        char name[64];
        snprintf(name, sizeof name, "%s.txt", auth_mail_kind_name((enum auth_mail_kind)kind));
        unlink(path_of(name));
        snprintf(name, sizeof name, "%s.html", auth_mail_kind_name((enum auth_mail_kind)kind));
        unlink(path_of(name));
        rmdir(path_of(name));
    }
    return rmdir(folder);
}

static void expect_refused(const char *at, const char *why)
{
    struct auth_mail_templates templates;
    struct qn_error err = {0};
    assert_int_equal(auth_mail_templates_open(&templates, at, &err), QN_INVALID_ARGUMENT);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
    assert_int_equal(templates.n_files, 0);
}

static bool holds(struct qn_str text, const char *what)
{
    return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

/* Every mail leads to its link twice over, says who sent it and to whom, and names nobody: a name is the text
 * of whoever signed up, and would travel to an address of their choice. */
static void test_the_built_in_ones(void **state)
{
    (void)state;
    struct auth_mail_templates templates;
    struct qn_error err = {0};
    if (auth_mail_templates_open(&templates, "", &err) != QN_OK)
        fail_msg("%s", err.message);
    for (int kind = 0; kind < AUTH_MAIL_KINDS; kind++) {
        const struct auth_mail_template *template = &templates.of[kind];
        assert_true(template->subject.len > 0);
        assert_true(holds(template->text, "\n{{link}}\n"));
        assert_true(holds(template->html, "href=\"{{link}}\""));
        assert_true(holds(template->html, "</html>"));
        const struct qn_str both[] = {template->text, template->html};
        for (size_t i = 0; i < 2; i++) {
            assert_true(holds(both[i], "{{site}}") && holds(both[i], "{{email}}") &&
                        holds(both[i], "{{valid}}"));
            assert_false(holds(both[i], "{{name}}"));
            assert_true(holds(both[i], "{{new_email}}") == (kind == AUTH_MAIL_CHANGE_EMAIL));
        }
    }
    auth_mail_templates_close(&templates);
}

static void test_files_go_before_them_one_by_one(void **state)
{
    (void)state;
    struct auth_mail_templates templates;
    put("reset-password.txt", "Subject: Neues Passwort für {{name}}\r\n\r\nHier: {{link}}\r\n");
    assert_int_equal(auth_mail_templates_open(&templates, folder, NULL), QN_OK);
    const struct auth_mail_template *reset = &templates.of[AUTH_MAIL_RESET_PASSWORD];
    assert_true(qn_str_eq(reset->subject, QN_STR("Neues Passwort für {{name}}")));
    assert_true(qn_str_eq(reset->text, QN_STR("Hier: {{link}}\r\n")));
    assert_true(holds(reset->html, "Choose a password"));
    assert_true(holds(templates.of[AUTH_MAIL_VERIFY_EMAIL].text, "Confirm address"));
    auth_mail_templates_close(&templates);
}

static void test_files_that_will_not_do(void **state)
{
    (void)state;
    expect_refused("/nowhere/at-all", "no folder");
    static const struct {
        const char *file, *text, *why;
    } BAD[] = {
        {"verify-email.txt", "", "Subject"},
        {"verify-email.txt", "Hello\n\nHello\n", "Subject"},
        {"verify-email.txt", "Subject: a", "Subject"},
        {"verify-email.txt", "Subject:\n\na", "Subject"},
        {"verify-email.txt", "Subject: a\nb\n", "Subject"},
        {"verify-email.txt", "Subject: {{who}}\n\na", "{{who}}"},
        {"verify-email.txt", "Subject: a\n\n{{link", "{{link"},
        {"verify-email.html", "<p>{{user}}</p>", "verify-email.html: {{user}}"},
        {"verify-email.html", "\xff", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        put(BAD[i].file, BAD[i].text);
        expect_refused(folder, BAD[i].why);
        unlink(path_of(BAD[i].file));
    }
    mkdir(path_of("delete-account.html"), 0700);
    expect_refused(folder, "delete-account.html");
    char *large = malloc(AUTH_MAIL_TEMPLATE_MAX_BYTES + 2);
    memset(large, 'a', AUTH_MAIL_TEMPLATE_MAX_BYTES + 1);
    large[AUTH_MAIL_TEMPLATE_MAX_BYTES + 1] = '\0';
    put("verify-email.html", large);
    expect_refused(folder, "128 KiB");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_built_in_ones),
        cmocka_unit_test_setup_teardown(test_files_go_before_them_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_will_not_do, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
