#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/metric.h"
#include "services/auth/mail/mail.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/smtp.h"
#include "tests/harness/test.h"

/* Mail from the hand-over to the server, over a socket: what arrives, what is tried again and what is not,
 * and that nothing waits for ever. */

enum { WAIT_MS = 30000 };

static struct qn_loop *loop;
static struct harness_smtp *server;
static struct auth_mail mail;
static struct auth_mail_settings settings;
static char url[256], *env;
static struct qn_buf said; /* the log */

static void on_line(void *context, struct qn_str line)
{
    qn_buf_write_str(context, line);
}

static bool logged(const char *what)
{
    return strstr(qn_buf_view(&said).ptr, what) != NULL;
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_fixture_begin();
    qn_buf_init(&said, 4 << 20);
    qn_log_redirect(on_line, &said);
    env = (char *)"production";
    settings = (struct auth_mail_settings){
        .smtp_url = url,
        .smtp_from = (char *)"Example Site <no-reply@example.com>",
        .smtp_tls = (char *)"auto",
        .smtp_ca_file = (char *)QN_SOURCE_DIR "/tests/fixtures/tls/ca.pem",
        .templates = (char *)"",
        .site = (char *)"",
        .queue_max = 100,
        .timeout_ms = 20000,
        .retry_for_ms = 600000,
    };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (server)
        harness_smtp_stop(server);
    server = NULL;
    qn_log_redirect(NULL, NULL);
    qn_buf_fini(&said);
    loop_fixture_end();
    return 0;
}

static void serve(enum harness_smtp_tls tls, const char *user, const char *password)
{
    server = harness_smtp_start(tls, user, password);
    snprintf(url, sizeof url, "%s://localhost:%u", tls == HARNESS_SMTP_TLS ? "smtps" : "smtp",
             harness_smtp_port(server));
}

static void open_mail(void)
{
    struct qn_error err = {0};
    mail = (struct auth_mail)AUTH_MAIL(&settings, &env);
    if (auth_mail_open(&mail.part, loop, &err) != QN_OK)
        fail_msg("%s", err.message);
}

static bool closed, drained;

static void on_closed(struct qn_part *part)
{
    (void)part;
    closed = true;
}

static void on_drained(struct qn_part *part)
{
    (void)part;
    drained = true;
}

static void close_mail(void)
{
    closed = false;
    auth_mail_close(&mail.part, on_closed);
    loop_fixture_run_until(&closed, WAIT_MS);
}

static void drain_mail(uint64_t limit_ms)
{
    drained = false;
    auth_mail_drain(&mail.part, limit_ms, on_drained);
    assert_false(drained);
    loop_fixture_run_until(&drained, WAIT_MS);
}

static enum qn_status post_to(const char *to, const char *name)
{
    struct auth_mail_values values = {0};
    values.of[AUTH_MAIL_NAME] = qn_str_c(name);
    values.of[AUTH_MAIL_EMAIL] = qn_str_c(to);
    values.of[AUTH_MAIL_LINK] = QN_STR("https://example.com/verify?token=a.b-c&callbackURL=%2F");
    values.of[AUTH_MAIL_VALID] = QN_STR("1 hour");
    return auth_mail_post(&mail, AUTH_MAIL_VERIFY_EMAIL, qn_str_c(to), &values);
}

static struct qn_timer glance;
static bool glanced;

static void on_glance(struct qn_timer *timer)
{
    (void)timer;
    glanced = true;
}

/* Runs the loop until nothing waits any more. */
static void await_idle(void)
{
    for (uint64_t end_ms = qn_clock_now_ms() + WAIT_MS; mail.jobs.len > 0;) {
        assert_true(qn_clock_now_ms() < end_ms);
        glanced = false;
        qn_timer_start(loop, &glance, 2, on_glance);
        loop_fixture_run_until(&glanced, WAIT_MS);
    }
}

/* What has been counted of an outcome. */
static double counted(const char *outcome)
{
    char series[128];
    struct qn_buf text;
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    snprintf(series, sizeof series, "\nquintet_auth_mail_total{mail=\"verify-email\",outcome=\"%s\"} ",
             outcome);
    const char *at = strstr(qn_buf_view(&text).ptr, series);
    double value = at ? strtod(at + strlen(series), NULL) : 0;
    qn_buf_fini(&text);
    return value;
}

static void expect_in(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("\"%s\" is not in\n%s", what, text);
}

static void test_a_mail_arrives(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    open_mail();
    assert_true(auth_mail_can_send(&mail));
    double before = counted("sent");
    assert_int_equal(post_to("eve@example.org", "Eve"), QN_OK);
    await_idle();
    harness_smtp_await(server, 1);
    struct harness_smtp_mail got = harness_smtp_mail(server, 0);
    assert_string_equal(got.from, "no-reply@example.com");
    assert_string_equal(got.to, "eve@example.org");
    expect_in(got.data, "From: \"Example Site\"\r\n <no-reply@example.com>\r\n");
    expect_in(got.data, "To: <eve@example.org>\r\n");
    expect_in(got.data, "Subject: Confirm your email address\r\n");
    expect_in(got.data, "https://example.com/verify?token=3Da.b-c&callbackURL=3D%2F");
    expect_in(got.data, "https://example.com/verify?token=3Da.b-c&amp;callbackURL");
    assert_float_equal(counted("sent"), before + 1, 0);
    assert_true(logged("mail sent"));
    assert_false(logged("eve@")); /* whom we write to is not the log's business */
    close_mail();
}

static void test_starttls_and_sign_in(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_STARTTLS, "us er", "p@ss:w/rd%");
    snprintf(url, sizeof url, "smtp://us%%20er:p%%40ss%%3Aw%%2Frd%%25@localhost:%u",
             harness_smtp_port(server));
    settings.smtp_tls = (char *)"required";
    open_mail();
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    harness_smtp_await(server, 1);
    await_idle();
    assert_true(harness_smtp_mail(server, 0).tls);
    assert_true(harness_smtp_mail(server, 0).signed_in);
    close_mail();
}

static void test_tls_from_the_start(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_TLS, NULL, NULL);
    open_mail();
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    harness_smtp_await(server, 1);
    await_idle();
    assert_true(harness_smtp_mail(server, 0).tls);
    close_mail();
}

/* One try, and no word of the mail: a server that offers no TLS where it is required, one whose certificate
 * is of another authority, or for another name. */
static void expect_no_word(void)
{
    settings.retry_for_ms = 400;
    open_mail();
    double before = counted("expired");
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    await_idle();
    assert_float_equal(counted("expired"), before + 1, 0);
    assert_int_equal(harness_smtp_n_reached(server, HARNESS_SMTP_MAIL), 0);
    assert_int_equal(harness_smtp_n_reached(server, HARNESS_SMTP_AUTH), 0);
    close_mail();
}

static void test_no_tls_no_mail(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, "user", "hush");
    snprintf(url, sizeof url, "smtp://user:hush@localhost:%u", harness_smtp_port(server));
    settings.smtp_tls = (char *)"required";
    expect_no_word();
    assert_false(logged("hush"));
}

static void test_a_strange_authority(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_STARTTLS, NULL, NULL);
    settings.smtp_ca_file = (char *)QN_SOURCE_DIR "/tests/fixtures/tls/other-ca.pem";
    settings.smtp_tls = (char *)"required";
    expect_no_word();
}

static void test_a_certificate_for_another_name(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_TLS, NULL, NULL);
    snprintf(url, sizeof url, "smtps://127.0.0.1:%u", harness_smtp_port(server));
    expect_no_word();
}

/* 4xx at each place, a connection that ends: tried again, and then it arrives, once. */
static void test_temporary_failures_are_tried_again(void **state)
{
    (void)state;
    static const struct {
        enum harness_smtp_stage stage;
        const char *reply;
    } FAILURES[] = {
        {HARNESS_SMTP_GREETING, "421 4.3.2 busy"},   {HARNESS_SMTP_MAIL, "451 4.3.0 later"},
        {HARNESS_SMTP_RCPT, "450 4.2.1 greylisted"}, {HARNESS_SMTP_DATA, "452 4.3.1 full"},
        {HARNESS_SMTP_END, "451 4.7.1 later"},       {HARNESS_SMTP_RCPT, ""},
    };
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    for (size_t i = 0; i < QN_COUNT(FAILURES); i++) {
        open_mail();
        harness_smtp_answer(server, FAILURES[i].stage, FAILURES[i].reply, 1);
        size_t connections = harness_smtp_n_connections(server);
        assert_int_equal(post_to("eve@example.org", ""), QN_OK);
        await_idle();
        assert_int_equal(harness_smtp_n_mails(server), i + 1);
        assert_int_equal(harness_smtp_n_connections(server), connections + 2);
        close_mail();
    }
    assert_true(logged("greylisted"));
    assert_true(logged("will be tried again"));
}

static void test_refusals_are_not(void **state)
{
    (void)state;
    static const struct {
        enum harness_smtp_stage stage;
        const char *reply;
    } REFUSALS[] = {
        {HARNESS_SMTP_GREETING, "554 5.3.2 not here"}, {HARNESS_SMTP_MAIL, "550 5.7.1 not from you"},
        {HARNESS_SMTP_RCPT, "550 5.1.1 nobody"},       {HARNESS_SMTP_DATA, "554 5.5.1 no"},
        {HARNESS_SMTP_END, "554 5.7.1 spam"},
    };
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    open_mail();
    double before = counted("refused");
    for (size_t i = 0; i < QN_COUNT(REFUSALS); i++) {
        harness_smtp_answer(server, REFUSALS[i].stage, REFUSALS[i].reply, 1);
        assert_int_equal(post_to("eve@example.org", ""), QN_OK);
        await_idle();
        assert_int_equal(harness_smtp_n_connections(server), i + 1);
    }
    assert_int_equal(harness_smtp_n_mails(server), 0);
    assert_float_equal(counted("refused"), before + QN_COUNT(REFUSALS), 0);
    assert_true(logged("5.1.1 nobody"));
    close_mail();
}

static void test_a_wrong_password_is_a_refusal(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_STARTTLS, "user", "right");
    snprintf(url, sizeof url, "smtp://user:hush@localhost:%u", harness_smtp_port(server));
    open_mail();
    double before = counted("refused");
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    await_idle();
    assert_float_equal(counted("refused"), before + 1, 0);
    assert_true(logged("5.7.8 who are you"));
    assert_false(logged("hush"));
    close_mail();
}

/* A server that takes the connection and says nothing: each try ends by itself, and all of them in the end.
 */
static void test_a_black_hole_is_left(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    harness_smtp_answer(server, HARNESS_SMTP_GREETING, NULL, 100);
    settings.timeout_ms = 200;
    settings.retry_for_ms = 1500;
    open_mail();
    double before = counted("expired");
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    await_idle();
    assert_float_equal(counted("expired"), before + 6, 0);
    assert_int_equal(harness_smtp_n_mails(server), 0);
    close_mail();
}

/* Nobody listens. */
static void test_a_server_that_is_away(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    harness_smtp_stop(server);
    server = NULL;
    settings.retry_for_ms = 400;
    open_mail();
    double before = counted("expired");
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    await_idle();
    assert_float_equal(counted("expired"), before + 1, 0);
    close_mail();
}

static void test_the_queue_is_bounded(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    harness_smtp_answer(server, HARNESS_SMTP_GREETING, NULL, 100);
    settings.queue_max = 3;
    open_mail();
    double before = counted("full");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(post_to("eve@example.org", ""), QN_RESOURCE_EXHAUSTED);
    assert_float_equal(counted("full"), before + 5, 0);
    /* And a close does not wait for the black hole: its time would be 20 s. */
    uint64_t began_ms = qn_clock_now_ms();
    close_mail();
    assert_true(qn_clock_now_ms() - began_ms < 15000);
    assert_true(counted("ended") >= 3);
}

static void test_a_drain_tries_once_more(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    open_mail();
    harness_smtp_answer(server, HARNESS_SMTP_MAIL, "451 4.3.0 later", 1);
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    while (!logged("will be tried again")) {
        glanced = false;
        qn_timer_start(loop, &glance, 2, on_glance);
        loop_fixture_run_until(&glanced, WAIT_MS);
    }
    drain_mail(20000);
    assert_int_equal(harness_smtp_n_mails(server), 1);
    assert_int_equal(post_to("eve@example.org", ""), QN_RESOURCE_EXHAUSTED);
    close_mail();
    /* With nothing to do, and with what cannot be done in time. */
    open_mail();
    drain_mail(20000);
    close_mail();
    open_mail();
    harness_smtp_answer(server, HARNESS_SMTP_GREETING, NULL, 1);
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    drain_mail(50);
    close_mail();
}

/* A name or an address cannot become a header, another recipient or a command. */
static void test_injections(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    char folder[] = "/tmp/quintet-mails.XXXXXX", file[64];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/verify-email.txt", folder);
    FILE *to = fopen(file, "w");
    assert_non_null(to);
    fputs("Subject: Hello {{name}}\n\n{{name}}\n.\n..two\n{{link}}\n", to);
    fclose(to);
    settings.templates = folder;
    open_mail();
    static const char *const ADDRESSES[] = {"eve@example.org\r\nRCPT TO:<x@example.org>",
                                            "eve@example.org>\r\nDATA",
                                            "a@b,c@d",
                                            "",
                                            "eve",
                                            "eve@example.org> SIZE=1"};
    for (size_t i = 0; i < QN_COUNT(ADDRESSES); i++)
        assert_int_equal(post_to(ADDRESSES[i], "Eve"), QN_INVALID_ARGUMENT);
    assert_int_equal(
        post_to("eve@example.org", "Zo\xc3\xab\r\nBcc: x@example.org\r\n\r\n.\r\nMAIL FROM:<y@z>"), QN_OK);
    await_idle();
    harness_smtp_await(server, 1);
    assert_int_equal(harness_smtp_n_mails(server), 1);
    assert_int_equal(harness_smtp_n_reached(server, HARNESS_SMTP_RCPT), 1);
    struct harness_smtp_mail got = harness_smtp_mail(server, 0);
    assert_null(strstr(got.data, "\nBcc:"));
    expect_in(got.data, "Subject: =?UTF-8?B?SGVsbG8gWm/Dqy");
    expect_in(got.data, "\r\n.\r\n..two\r\nhttps://"); /* dots arrive as they were written */
    close_mail();
    unlink(file);
    rmdir(folder);
}

static void test_links_of_other_schemes(void **state)
{
    (void)state;
    serve(HARNESS_SMTP_PLAIN, NULL, NULL);
    open_mail();
    struct auth_mail_values values = {0};
    values.of[AUTH_MAIL_LINK] = QN_STR("javascript:alert(1)");
    assert_int_equal(auth_mail_post(&mail, AUTH_MAIL_RESET_PASSWORD, QN_STR("eve@example.org"), &values),
                     QN_INVALID_ARGUMENT);
    /* Values beyond any reason. */
    static char large[70000];
    memset(large, 'n', sizeof large);
    values.of[AUTH_MAIL_LINK] = QN_STR("https://example.com/");
    values.of[AUTH_MAIL_NAME] = qn_str_n(large, sizeof large);
    assert_int_equal(auth_mail_post(&mail, AUTH_MAIL_RESET_PASSWORD, QN_STR("eve@example.org"), &values),
                     QN_RESOURCE_EXHAUSTED);
    close_mail();
}

static void test_a_bad_template_ends_the_start(void **state)
{
    (void)state;
    struct qn_error err = {0};
    settings.templates = (char *)"/nowhere/at-all";
    mail = (struct auth_mail)AUTH_MAIL(&settings, &env);
    assert_int_equal(auth_mail_open(&mail.part, loop, &err), QN_INVALID_ARGUMENT);
    expect_in(err.message, "/nowhere/at-all");
}

static void test_without_a_server(void **state)
{
    (void)state;
    settings.smtp_url = (char *)"";
    env = (char *)"development";
    open_mail();
    assert_true(auth_mail_can_send(&mail));
    assert_int_equal(post_to("eve@example.org", ""), QN_OK);
    assert_true(logged("https://example.com/verify?token=a.b-c"));
    close_mail();
    static const char *const OTHERS[] = {"production", "", "staging"};
    for (size_t i = 0; i < QN_COUNT(OTHERS); i++) {
        env = (char *)OTHERS[i];
        qn_buf_clear(&said);
        open_mail();
        assert_true(logged("no mail can be sent"));
        assert_false(auth_mail_can_send(&mail));
        assert_int_equal(post_to("eve@example.org", ""), QN_FAILED_PRECONDITION);
        assert_false(logged("token=")); /* it is as good as a password */
        close_mail();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_mail_arrives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_starttls_and_sign_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tls_from_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_tls_no_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_strange_authority, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_certificate_for_another_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_temporary_failures_are_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wrong_password_is_a_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_black_hole_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_server_that_is_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_queue_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_drain_tries_once_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_injections, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links_of_other_schemes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_bad_template_ends_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_server, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
