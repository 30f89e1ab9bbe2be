#include <stdio.h>

#include "common/core/encode.h"
#include "services/auth/mail/message.h"
#include "tests/harness/test.h"

static struct auth_mail_message plain(void)
{
    return (struct auth_mail_message){
        .from_name = QN_STR("Example"),
        .from_address = QN_STR("no-reply@example.com"),
        .to_address = QN_STR("eve@example.org"),
        .subject = QN_STR("Hello"),
        .text = QN_STR("Good morning\n"),
        .html = QN_STR("<p>Good morning</p>\n"),
        .wall_ms = INT64_C(1764346159123),
        .id = "0123456789abcdef",
    };
}

/* The mail as text, until the next call. */
static const char *written(const struct auth_mail_message *message)
{
    static struct qn_buf buf;
    qn_buf_fini(&buf);
    qn_buf_init(&buf, 1 << 20);
    assert_int_equal(auth_mail_message_write(message, &buf), QN_OK);
    return qn_buf_view(&buf).ptr;
}

static void expect_line(const char *mail, const char *line)
{
    if (!strstr(mail, line))
        fail_msg("\"%s\" is not in\n%s", line, mail);
}

/* Every line ends in CRLF and is ASCII; the head has these headers and no others. */
static void expect_sound(const char *mail)
{
    static const char *const HEADERS[] = {
        "Date: ",       "From: ",           "To: ",           "Subject: ",
        "Message-ID: ", "Auto-Submitted: ", "MIME-Version: ", "Content-Type: "};
    size_t header = 0;
    bool head = true;
    for (const char *line = mail; *line;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 78);
        for (const char *c = line; c < end; c++)
            assert_true(*c >= ' ' && *c <= '~');
        if (head && line != end && *line != ' ') {
            assert_true(header < sizeof HEADERS / sizeof *HEADERS);
            assert_memory_equal(line, HEADERS[header], strlen(HEADERS[header]));
            header++;
        }
        head = head && line != end;
        line = end + 2;
    }
    assert_int_equal(header, sizeof HEADERS / sizeof *HEADERS);
}

static void test_a_plain_one(void **state)
{
    (void)state;
    struct auth_mail_message message = plain();
    assert_string_equal(written(&message),
                        "Date: Fri, 28 Nov 2025 16:09:19 +0000\r\n"
                        "From: \"Example\"\r\n <no-reply@example.com>\r\n"
                        "To: <eve@example.org>\r\n"
                        "Subject: Hello\r\n"
                        "Message-ID: <0123456789abcdef@example.com>\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: multipart/alternative;\r\n boundary=\"=_0123456789abcdef\"\r\n"
                        "\r\n--=_0123456789abcdef\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                        "Good morning\r\n"
                        "\r\n--=_0123456789abcdef\r\n"
                        "Content-Type: text/html; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                        "<p>Good morning</p>\r\n"
                        "\r\n--=_0123456789abcdef--\r\n");
    message.from_name = QN_STR("");
    expect_line(written(&message), "\r\nFrom: <no-reply@example.com>\r\n");
}

static void test_names_and_subjects_in_utf8(void **state)
{
    (void)state;
    struct auth_mail_message message = plain();
    message.from_name = QN_STR("Café Zoë");
    message.subject = QN_STR("Grüße");
    expect_line(written(&message), "From: =?UTF-8?B?Q2Fmw6kgWm/Dqw==?=\r\n <no-reply@example.com>\r\n");
    expect_line(written(&message), "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
    expect_sound(written(&message));
    message.from_name = QN_STR("a \"quoted\" \\ name");
    expect_line(written(&message), "From: \"a \\\"quoted\\\" \\\\ name\"\r\n");
    /* What looks like an encoded word is encoded itself. */
    message.subject = QN_STR("=?UTF-8?Q?hidden?=");
    expect_line(written(&message), "Subject: =?UTF-8?B?PT9VVEYtOD9RP2hpZGRlbj89?=\r\n");
}

/* The words of a long header decode to whole characters, all of them. */
static void test_a_long_subject(void **state)
{
    (void)state;
    struct auth_mail_message message = plain();
    char subject[400] = "";
    for (size_t i = 0; i < 100; i++)
        strcat(subject, i % 3 ? "\xc3\xa9" : "\xf0\x9f\x98\x80");
    message.subject = qn_str_c(subject);
    const char *mail = written(&message);
    expect_sound(mail);
    struct qn_buf decoded;
    qn_buf_init(&decoded, 1024);
    const char *end = strstr(mail, "\r\nMessage-ID");
    for (const char *at = strstr(mail, "Subject: "); (at = strstr(at, "?B?")) != NULL && at < end; at++) {
        const char *close = strstr(at + 3, "?=");
        uint8_t bytes[128];
        size_t len;
        assert_true(qn_base64_decode(qn_str_n(at + 3, (size_t)(close - at - 3)), bytes, &len));
        assert_true((bytes[0] & 0xc0) != 0x80); /* the beginning of a character */
        qn_buf_write(&decoded, bytes, len);
    }
    assert_string_equal(qn_buf_view(&decoded).ptr, subject);
    qn_buf_fini(&decoded);
}

static void test_no_header_can_be_slipped_in(void **state)
{
    (void)state;
    static const char *const HOSTILE[] = {
        "a\r\nBcc: everybody@example.com",
        "a\nBcc: everybody@example.com",
        "a\rBcc: everybody@example.com",
        "a\r\n\r\n<script>",
        "\r\n.\r\nMAIL FROM:<x@example.com>",
        "a\xc3\xa9\r\nBcc: x@example.com",
        "=?UTF-8?Q?=0D=0ABcc:_x@example.com?=",
        "a\x0b\x0c\x7f\x1b b",
        "\"><x@example.com>, \"",
    };
    for (size_t i = 0; i < sizeof HOSTILE / sizeof *HOSTILE; i++) {
        struct auth_mail_message message = plain();
        message.subject = message.from_name = qn_str_c(HOSTILE[i]);
        expect_sound(written(&message));
        assert_null(strstr(written(&message), "\r\nBcc"));
    }
    struct auth_mail_message message = plain();
    message.subject = qn_str_n("a\0b", 3);
    expect_sound(written(&message));
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"a@b", "eve+x@example.com", "o'neil@example.co.uk",
                                       "a_b-c.d@x-y.example"};
    static const char *const BAD[] = {
        "",      "a",     "@b",      "a@",    "a@b@c", "a b@c",         "a@b\r\n",  "a@b>",   "<a@b>",
        "a,b@c", "a@b;c", "\"a\"@b", "a@b\n", "a\\@b", "é@example.com", "a@b, c@d", "a(x)@b", "a:b@c"};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        assert_true(auth_mail_address_valid(qn_str_c(GOOD[i])));
    struct qn_buf buf;
    qn_buf_init(&buf, 4096);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct auth_mail_message to = plain(), from = plain();
        to.to_address = from.from_address = qn_str_c(BAD[i]);
        assert_false(auth_mail_address_valid(qn_str_c(BAD[i])));
        assert_int_equal(auth_mail_message_write(&to, &buf), QN_INVALID_ARGUMENT);
        assert_int_equal(auth_mail_message_write(&from, &buf), QN_INVALID_ARGUMENT);
    }
    assert_int_equal(buf.len, 0);
    qn_buf_fini(&buf);
    char longest[AUTH_MAIL_ADDRESS_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[1] = '@';
    assert_true(auth_mail_address_valid(qn_str_n(longest, AUTH_MAIL_ADDRESS_MAX)));
    assert_false(auth_mail_address_valid(qn_str_n(longest, AUTH_MAIL_ADDRESS_MAX + 1)));
}

static void expect_sender(const char *text, const char *name, const char *address)
{
    struct qn_str got_name, got_address;
    bool parsed = auth_mail_address_parse(qn_str_c(text), &got_name, &got_address);
    if (parsed != (address != NULL))
        fail_msg("\"%s\"", text);
    if (parsed) {
        assert_true(qn_str_eq(got_name, qn_str_c(name)));
        assert_true(qn_str_eq(got_address, qn_str_c(address)));
    }
}

static void test_senders(void **state)
{
    (void)state;
    expect_sender("a@b.example", "", "a@b.example");
    expect_sender(" <a@b.example> ", "", "a@b.example");
    expect_sender("Example <a@b.example>", "Example", "a@b.example");
    expect_sender("\"Example, Inc.\" <a@b.example>", "Example, Inc.", "a@b.example");
    expect_sender("Zoë <a@b.example>", "Zoë", "a@b.example");
    expect_sender("Example a@b.example", NULL, NULL);
    expect_sender("Example <a@b.example", NULL, NULL);
    expect_sender("Example <a@b.example> x", NULL, NULL);
    expect_sender("<>", NULL, NULL);
    expect_sender("", NULL, NULL);
    expect_sender("\xff <a@b.example>", NULL, NULL);
}

static const char *body_of(const char *text)
{
    static char body[4096];
    struct auth_mail_message message = plain();
    message.text = qn_str_c(text);
    const char *mail = written(&message);
    expect_sound(mail);
    const char *begin = strstr(mail, "printable\r\n\r\n") + strlen("printable\r\n\r\n");
    const char *end = strstr(begin, "\r\n--=_");
    snprintf(body, sizeof body, "%.*s", (int)(end - begin), begin);
    return body;
}

static void test_quoted_printable(void **state)
{
    (void)state;
    assert_string_equal(body_of(""), "");
    assert_string_equal(body_of("a"), "a\r\n");
    assert_string_equal(body_of("a\r\nb\nc\n"), "a\r\nb\r\nc\r\n");
    assert_string_equal(body_of("a=b"), "a=3Db\r\n");
    assert_string_equal(body_of("caf\xc3\xa9"), "caf=C3=A9\r\n");
    assert_string_equal(body_of("a \nb\t\nc "), "a=20\r\nb=09\r\nc=20\r\n");
    assert_string_equal(body_of("a\rb"), "a=0Db\r\n");
    assert_string_equal(body_of(".\n..\n"), ".\r\n..\r\n"); /* doubled by the transport */
    char line[200];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    const char *body = body_of(line);
    assert_int_equal(strstr(body, "=\r\n") - body, 75);
    /* An escape is not cut in two. */
    line[74] = '=';
    assert_non_null(strstr(body_of(line), "x=\r\n=3Dx"));
}

static void test_ceilings(void **state)
{
    (void)state;
    struct auth_mail_message message = plain();
    struct qn_buf buf;
    qn_buf_init(&buf, 100);
    assert_int_equal(auth_mail_message_write(&message, &buf), QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&buf);
    message.text = QN_STR("\xff");
    qn_buf_init(&buf, 4096);
    assert_int_equal(auth_mail_message_write(&message, &buf), QN_INVALID_ARGUMENT);
    qn_buf_fini(&buf);
    (void)written(
        &(struct auth_mail_message){.from_address = QN_STR("a@b"), .to_address = QN_STR("a@b"), .id = "x"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_one),      cmocka_unit_test(test_names_and_subjects_in_utf8),
        cmocka_unit_test(test_a_long_subject),   cmocka_unit_test(test_no_header_can_be_slipped_in),
        cmocka_unit_test(test_addresses),        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_quoted_printable), cmocka_unit_test(test_ceilings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
