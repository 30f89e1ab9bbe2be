#include <stdint.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "services/auth/mail/message.h"
#include "services/auth/mail/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What people call themselves, addresses they give and templates that sites write: the input is cut at NULs
 * into name, address, sender and template. Whatever comes, the mail has its own headers and no others, in
 * short lines of ASCII; and a value in HTML is no markup. */

enum { INPUT_MAX = 4096, MESSAGE_MAX = 1 << 20 };

static struct qn_str piece(struct qn_str *rest)
{
    struct qn_str got = QN_STR("");
    return qn_str_next(rest, '\0', &got) ? got : QN_STR("");
}

static void check_mail(struct qn_str mail)
{
    static const struct qn_str HEADERS[] = {
        {"Date:", 5},          {"From:", 5},         {"To:", 3},
        {"Subject:", 8},       {"Message-ID:", 11},  {"Auto-Submitted:", 15},
        {"MIME-Version:", 13}, {"Content-Type:", 13}};
    size_t header = 0, parts = 0;
    bool head = true;
    struct qn_str rest = mail, line;
    while (qn_str_next(&rest, '\n', &line) && rest.len > 0) {
        QN_CHECK(line.len > 0 && line.ptr[line.len - 1] == '\r' && line.len <= AUTH_MAIL_ADDRESS_MAX * 2);
        line.len--;
        for (size_t i = 0; i < line.len; i++)
            QN_CHECK((line.ptr[i] >= ' ' && line.ptr[i] <= '~') || (!head && line.ptr[i] == '\t'));
        parts += qn_str_starts(line, QN_STR("--=_fuzz"));
        head = head && line.len > 0;
        if (head && line.ptr[0] != ' ') {
            QN_CHECK(header < QN_COUNT(HEADERS) && qn_str_starts(line, HEADERS[header]));
            header++;
        }
    }
    QN_CHECK(header == QN_COUNT(HEADERS) && parts == 2); /* and the closing one, which is the last line */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str rest = qn_str_n((const char *)data, size), sender, sender_name;
    if (size > INPUT_MAX)
        return 0;
    struct qn_str name = piece(&rest), address = piece(&rest), from = piece(&rest), source = piece(&rest);
    struct auth_mail_values values = {0};
    for (int i = 0; i < AUTH_MAIL_VALUES; i++)
        values.of[i] = name;

    struct qn_buf html, text, mail;
    qn_buf_init(&html, MESSAGE_MAX);
    qn_buf_init(&text, MESSAGE_MAX);
    qn_buf_init(&mail, MESSAGE_MAX * 4);
    auth_mail_template_render(QN_STR("{{name}}"), &values, AUTH_MAIL_HTML, &html);
    QN_CHECK(qn_str_find(qn_buf_view(&html), '<') < 0 && qn_str_find(qn_buf_view(&html), '"') < 0);
    if (auth_mail_template_check(source, NULL) == QN_OK)
        auth_mail_template_render(source, &values, AUTH_MAIL_TEXT, &text);

    bool parsed = auth_mail_address_parse(from, &sender_name, &sender);
    const struct auth_mail_message message = {
        .from_name = parsed ? sender_name : name,
        .from_address = parsed ? sender : QN_STR("no-reply@example.com"),
        .to_address = address,
        .subject = name,
        .text = qn_buf_view(&text),
        .html = qn_buf_view(&html),
        .id = "fuzz",
    };
    enum qn_status status = auth_mail_message_write(&message, &mail);
    bool good = auth_mail_address_valid(address) && qn_utf8_valid(name) && qn_utf8_valid(source) &&
                (parsed || qn_utf8_valid(name));
    QN_CHECK(status == QN_OK || status == QN_INVALID_ARGUMENT);
    QN_CHECK(!good || status == QN_OK);
    if (status == QN_OK)
        check_mail(qn_buf_view(&mail));
    qn_buf_fini(&html);
    qn_buf_fini(&text);
    qn_buf_fini(&mail);
    return 0;
}
