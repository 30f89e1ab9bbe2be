#include <stdlib.h>
#include <string.h>

#include "common/app/config.h"
#include "common/core/check.h"
#include "tests/harness/dies.h"
#include "tests/harness/test.h"

struct subject {
    char *name;
    char *must;
    char *secret;
    char *choice;
    int64_t number;
    bool flag;
    int64_t duration_ms;
    int64_t bytes;
};

static const struct qn_setting table[] = {
    QN_SETTING_STRING("NAME", struct subject, name, "nobody", "who"),
    QN_SETTING_STRING("MUST", struct subject, must, NULL, "what cannot be guessed"),
    QN_SETTING_SECRET("SECRET", struct subject, secret, "", "what nobody shall see"),
    QN_SETTING_CHOICE("CHOICE", struct subject, choice, "text", "text|json", "how"),
    QN_SETTING_INT("NUMBER", struct subject, number, "5", -2, 64, "how many"),
    QN_SETTING_BOOL("FLAG", struct subject, flag, "no", "whether"),
    QN_SETTING_DURATION("DURATION", struct subject, duration_ms, "20s", 0, 600000, "how long"),
    QN_SETTING_SIZE("SIZE", struct subject, bytes, "1MiB", 1024, 1 << 30, "how large"),
};

/* The environment of a test: name, value, …, NULL. */
static const char *const *given;

static const char *get(const char *name)
{
    for (const char *const *at = given; at && *at; at += 2)
        if (strcmp(at[0], name) == 0)
            return at[1];
    return NULL;
}

static struct subject subject;
static struct qn_config_report report;

static void read_with(const char *const *environment)
{
    given = environment;
    subject = (struct subject){0};
    report = (struct qn_config_report){0};
    qn_buf_init(&report.lines, 16384);
    qn_config_read(table, QN_COUNT(table), &subject, get, &report);
}

static void forget(void)
{
    qn_config_free(table, QN_COUNT(table), &subject);
    qn_buf_fini(&report.lines);
}

#define READ(...) read_with((const char *const[]){__VA_ARGS__, NULL})

static void test_defaults_stand_for_what_is_not_given(void **state)
{
    (void)state;
    READ("MUST", "x", "NAME", "", "NUMBER", ""); /* an empty value counts as not given */
    assert_int_equal(report.n_complaints, 0);
    assert_string_equal(subject.name, "nobody");
    assert_string_equal(subject.secret, "");
    assert_string_equal(subject.choice, "text");
    assert_int_equal(subject.number, 5);
    assert_false(subject.flag);
    assert_int_equal(subject.duration_ms, 20000);
    assert_int_equal(subject.bytes, 1048576);
    forget();
}

static void test_what_is_given_is_taken(void **state)
{
    (void)state;
    READ("NAME", "me", "MUST", "a b", "SECRET", "s", "CHOICE", "json", "NUMBER", "-2", "FLAG", "Yes",
         "DURATION", "250ms", "SIZE", "64KiB");
    assert_int_equal(report.n_complaints, 0);
    assert_string_equal(subject.name, "me");
    assert_string_equal(subject.must, "a b");
    assert_string_equal(subject.secret, "s");
    assert_string_equal(subject.choice, "json");
    assert_int_equal(subject.number, -2);
    assert_true(subject.flag);
    assert_int_equal(subject.duration_ms, 250);
    assert_int_equal(subject.bytes, 65536);
    forget();
}

static void test_every_word_of_yes_and_no(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "1", "yes", "on", "TRUE", "On"};
    static const char *const no[] = {"false", "0", "no", "off", "False", "OFF"};
    for (size_t i = 0; i < QN_COUNT(yes); i++) {
        READ("MUST", "x", "FLAG", yes[i]);
        assert_true(subject.flag);
        forget();
        READ("MUST", "x", "FLAG", no[i]);
        assert_int_equal(report.n_complaints, 0);
        assert_false(subject.flag);
        forget();
    }
}

/* All at once: who has three wrong shall not need three starts to learn of them. */
static void test_each_bad_one_is_told_with_what_is_allowed(void **state)
{
    (void)state;
    READ("CHOICE", "xml", "NUMBER", "65", "FLAG", "maybe", "DURATION", "soon", "SIZE", "1023");
    assert_int_equal(report.n_complaints, 6);
    assert_str(qn_buf_view(&report.lines),
               "MUST: is not set; it has no default: what cannot be guessed\n"
               "CHOICE: \"xml\" is not allowed; one of text|json\n"
               "NUMBER: \"65\" is not allowed; a whole number from -2 to 64\n"
               "FLAG: \"maybe\" is not allowed; true or false (or 1, 0, yes, no, on, off)\n"
               "DURATION: \"soon\" is not allowed; a duration from 0s to 10m, as 250ms, 2s, 5m\n"
               "SIZE: \"1023\" is not allowed; a size from 1KiB to 1GiB, as 512, 64KiB, 1MiB\n");
    /* What is wrong holds its default all the same, so that checks across settings can look at everything. */
    assert_string_equal(subject.must, "");
    assert_string_equal(subject.choice, "text");
    assert_int_equal(subject.number, 5);
    assert_int_equal(subject.duration_ms, 20000);
    assert_int_equal(subject.bytes, 1048576);
    forget();
}

static void test_limits_hold_to_the_unit(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool good;
    } cases[] = {
        {"NUMBER", "64", true},     {"NUMBER", "-3", false},        {"NUMBER", "5 ", false},
        {"NUMBER", "0x10", false},  {"NUMBER", "1e1", false},       {"NUMBER", "99999999999999999999", false},
        {"DURATION", "0", true},    {"DURATION", "10m", true},      {"DURATION", "600001ms", false},
        {"DURATION", "-1s", false}, {"DURATION", "5", false},       {"DURATION", "1.5s", false},
        {"SIZE", "1024", true},     {"SIZE", "1GiB", true},         {"SIZE", "1073741825", false},
        {"SIZE", "1MB", false},     {"CHOICE", "text|json", false}, {"CHOICE", "Text", false},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        READ("MUST", "x", cases[i].name, cases[i].value);
        if ((report.n_complaints == 0) != cases[i].good)
            fail_msg("%s=%s", cases[i].name, cases[i].value);
        forget();
    }
}

/* A value is a peer's too, in a sense: it must not write to the operator's terminal what it likes. */
static void test_strange_values_are_shown_harmlessly_and_cut(void **state)
{
    (void)state;
    char huge[1001];
    memset(huge, 'x', 1000);
    huge[1000] = '\0';
    READ("MUST", "x", "NUMBER", "a\nb\x1b[31m\xff\xc3\xbc", "FLAG", huge);
    struct qn_str lines = qn_buf_view(&report.lines), first, second;
    assert_true(qn_str_next(&lines, '\n', &first));
    assert_true(qn_str_next(&lines, '\n', &second));
    assert_str(first, "NUMBER: \"a?b?[31m?\xc3\xbc\" is not allowed; a whole number from -2 to 64");
    assert_true(second.len < 200);
    assert_non_null(memmem(second.ptr, second.len, "xxx\xe2\x80\xa6\" is not", 13));
    forget();
}

static void test_a_secret_is_in_no_complaint_and_no_help(void **state)
{
    (void)state;
    static const struct qn_setting secrets[] = {
        QN_SETTING_SECRET("S", struct subject, secret, "default-password", "the key")};
    struct qn_buf help;
    qn_buf_init(&help, 4096);
    qn_config_help(secrets, 1, &help);
    assert_null(strstr(qn_buf_view(&help).ptr, "default-password"));
    assert_str(qn_buf_view(&help), "  S  the key (has a default)\n");
    qn_buf_fini(&help);
}

static void test_help_shows_every_setting_with_its_default(void **state)
{
    (void)state;
    struct qn_buf help;
    qn_buf_init(&help, 4096);
    qn_config_help(table, QN_COUNT(table), &help);
    assert_str(qn_buf_view(&help), "  NAME      who (default nobody)\n"
                                   "  MUST      what cannot be guessed (must be given)\n"
                                   "  SECRET    what nobody shall see\n"
                                   "  CHOICE    how: text or json (default text)\n"
                                   "  NUMBER    how many (default 5)\n"
                                   "  FLAG      whether (default no)\n"
                                   "  DURATION  how long (default 20s)\n"
                                   "  SIZE      how large (default 1MiB)\n");
    qn_buf_fini(&help);
}

static void read_bad_table(void *context)
{
    (void)context;
    static const struct qn_setting bad[] = {
        QN_SETTING_INT("N", struct subject, number, "100", 0, 10, "a default outside its own limits")};
    struct subject to = {0};
    struct qn_config_report complaints = {0};
    qn_buf_init(&complaints.lines, 1024);
    qn_config_read(bad, 1, &to, get, &complaints);
}

static void test_a_default_that_its_line_refuses_is_a_bug(void **state)
{
    (void)state;
    given = NULL;
    assert_dies(read_bad_table, NULL, "assign");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_stand_for_what_is_not_given),
        cmocka_unit_test(test_what_is_given_is_taken),
        cmocka_unit_test(test_every_word_of_yes_and_no),
        cmocka_unit_test(test_each_bad_one_is_told_with_what_is_allowed),
        cmocka_unit_test(test_limits_hold_to_the_unit),
        cmocka_unit_test(test_strange_values_are_shown_harmlessly_and_cut),
        cmocka_unit_test(test_a_secret_is_in_no_complaint_and_no_help),
        cmocka_unit_test(test_help_shows_every_setting_with_its_default),
        cmocka_unit_test(test_a_default_that_its_line_refuses_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
