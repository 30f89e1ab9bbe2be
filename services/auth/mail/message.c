#include "services/auth/mail/message.h"

#include <time.h>

#include "common/core/encode.h"
#include "common/core/utf8.h"

/* A line with an encoded word holds at most 76 characters (RFC 2047, 2): "Subject: " takes nine, "=?UTF-8?B?"
 * and "?=" twelve, and 39 bytes become 52. A quoted name may double, and stands behind "From: ". */
enum { WORD_BYTES = 39, PLAIN_SUBJECT_MAX = 67, PLAIN_NAME_MAX = 33 };

/* A line of quoted-printable, with room for the soft break's "=" (RFC 2045, 6.7). */
enum { QP_LINE_MAX = 75 };

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

bool auth_mail_address_valid(struct qn_str address)
{
    ptrdiff_t at = qn_str_find(address, '@');
    if (address.len > AUTH_MAIL_ADDRESS_MAX || at < 1 || (size_t)at + 1 == address.len ||
        qn_str_rfind(address, '@') != at)
        return false;
    for (size_t i = 0; i < address.len; i++) {
        if (!is_printable(address.ptr[i]) || memchr(" <>()[]\\,;:\"", address.ptr[i], 12))
            return false;
    }
    return true;
}

bool auth_mail_address_parse(struct qn_str text, struct qn_str *ret_name, struct qn_str *ret_address)
{
    text = qn_str_trim(text);
    ptrdiff_t open = qn_str_rfind(text, '<');
    *ret_name = QN_STR("");
    *ret_address = text;
    if (open >= 0) {
        if (text.ptr[text.len - 1] != '>')
            return false;
        *ret_name = qn_str_trim(qn_str_n(text.ptr, (size_t)open));
        *ret_address = qn_str_n(text.ptr + open + 1, text.len - (size_t)open - 2);
    }
    if (ret_name->len >= 2 && ret_name->ptr[0] == '"' && ret_name->ptr[ret_name->len - 1] == '"')
        *ret_name = qn_str_n(ret_name->ptr + 1, ret_name->len - 2);
    return ret_name->len <= AUTH_MAIL_NAME_MAX && qn_utf8_valid_text(*ret_name) &&
           auth_mail_address_valid(*ret_address);
}

/* Headers. */

/* Bytes of the character that begins here; of valid UTF-8. */
static size_t character_len(const char *at)
{
    unsigned char first = (unsigned char)*at;
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Without control characters, and cut at a whole character. Returns the length. */
static size_t clean(struct qn_str text, char *to, size_t max)
{
    size_t len = 0;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = character_len(text.ptr + i);
        if (n > text.len - i || len + n > max)
            break;
        memcpy(to + len, text.ptr + i, n);
        if (n == 1 && !is_printable(to[len]))
            to[len] = ' ';
        len += n;
    }
    return len;
}

static bool can_stand_as_it_is(struct qn_str text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_printable(text.ptr[i]) || (i > 0 && text.ptr[i] == '?' && text.ptr[i - 1] == '='))
            return false;
    }
    return text.len <= max;
}

/* Encoded words, as many as it takes, a line each; no character is cut in two. */
static void write_words(struct qn_buf *to, struct qn_str text)
{
    for (size_t i = 0; i < text.len;) {
        size_t len = 0;
        while (i + len < text.len && len + character_len(text.ptr + i + len) <= WORD_BYTES)
            len += character_len(text.ptr + i + len);
        qn_buf_write_c(to, i == 0 ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        char base64[(WORD_BYTES + 2) / 3 * 4 + 1];
        qn_buf_write(to, base64, qn_base64_encode(base64, text.ptr + i, len));
        qn_buf_write_c(to, "?=");
        i += len;
    }
}

static void write_quoted(struct qn_buf *to, struct qn_str text)
{
    qn_buf_write_byte(to, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            qn_buf_write_byte(to, '\\');
        qn_buf_write_byte(to, text.ptr[i]);
    }
    qn_buf_write_byte(to, '"');
}

static void write_from(struct qn_buf *to, const struct auth_mail_message *message)
{
    char copy[AUTH_MAIL_NAME_MAX];
    struct qn_str name = qn_str_trim(qn_str_n(copy, clean(message->from_name, copy, sizeof copy)));
    qn_buf_write_c(to, "From: ");
    if (name.len > 0) {
        if (can_stand_as_it_is(name, PLAIN_NAME_MAX))
            write_quoted(to, name);
        else
            write_words(to, name);
        qn_buf_write_c(to, "\r\n "); /* so that the longest address still fits its line */
    }
    qn_buf_printf(to, "<%.*s>\r\n", QN_STR_ARG(message->from_address));
}

static void write_subject(struct qn_buf *to, struct qn_str subject)
{
    char copy[AUTH_MAIL_SUBJECT_MAX];
    struct qn_str text = qn_str_trim(qn_str_n(copy, clean(subject, copy, sizeof copy)));
    qn_buf_write_c(to, "Subject: ");
    if (can_stand_as_it_is(text, PLAIN_SUBJECT_MAX))
        qn_buf_write_str(to, text);
    else
        write_words(to, text);
    qn_buf_write_c(to, "\r\n");
}

/* RFC 5322, 3.3; by hand, because strftime() speaks the locale's language. */
static void write_date(struct qn_buf *to, int64_t wall_ms)
{
    static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    qn_buf_printf(to, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", DAYS[tm.tm_wday], tm.tm_mday,
                  MONTHS[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Bodies. */

static bool ends_line(struct qn_str text, size_t at, size_t *ret_len)
{
    *ret_len = 0;
    if (at == text.len)
        return true;
    if (text.ptr[at] == '\n')
        *ret_len = 1;
    else if (text.ptr[at] == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n')
        *ret_len = 2;
    return *ret_len > 0;
}

/* Quoted-printable; the last line is ended. */
static void write_body(struct qn_buf *to, struct qn_str text)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t column = 0, newline;
    for (size_t i = 0; i < text.len;) {
        if (ends_line(text, i, &newline)) {
            qn_buf_write_c(to, "\r\n");
            column = 0;
            i += newline;
            continue;
        }
        unsigned char c = (unsigned char)text.ptr[i++];
        bool blank = c == ' ' || c == '\t';
        bool plain = blank ? !ends_line(text, i, &newline) : is_printable((char)c) && c != '=';
        size_t width = plain ? 1 : 3;
        if (column + width > QP_LINE_MAX) {
            qn_buf_write_c(to, "=\r\n");
            column = 0;
        }
        if (plain) {
            qn_buf_write_byte(to, (char)c);
        } else {
            qn_buf_write_byte(to, '=');
            qn_buf_write_byte(to, HEX[c >> 4]);
            qn_buf_write_byte(to, HEX[c & 15]);
        }
        column += width;
    }
    if (column > 0)
        qn_buf_write_c(to, "\r\n");
}

static void write_part(struct qn_buf *to, const char *id, const char *type, struct qn_str body)
{
    qn_buf_printf(to,
                  "\r\n--=_%s\r\n"
                  "Content-Type: %s; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                  id, type);
    write_body(to, body);
}

enum qn_status auth_mail_message_write(const struct auth_mail_message *message, struct qn_buf *to)
{
    if (!auth_mail_address_valid(message->from_address) || !auth_mail_address_valid(message->to_address) ||
        !qn_utf8_valid(message->from_name) || !qn_utf8_valid(message->subject) ||
        !qn_utf8_valid(message->text) || !qn_utf8_valid(message->html))
        return QN_INVALID_ARGUMENT;
    ptrdiff_t at = qn_str_find(message->from_address, '@');
    struct qn_str domain =
        qn_str_n(message->from_address.ptr + at + 1, message->from_address.len - (size_t)at - 1);
    write_date(to, message->wall_ms);
    write_from(to, message);
    qn_buf_printf(to, "To: <%.*s>\r\n", QN_STR_ARG(message->to_address));
    write_subject(to, message->subject);
    qn_buf_printf(to, "Message-ID: <%s@%.*s>\r\n", message->id, QN_STR_ARG(domain));
    /* RFC 3834: so that no out-of-office note comes back. */
    qn_buf_write_c(to, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    /* "=_" cannot occur in quoted-printable, so no body holds the boundary (RFC 2045, 6.7). */
    qn_buf_printf(to, "Content-Type: multipart/alternative;\r\n boundary=\"=_%s\"\r\n", message->id);
    write_part(to, message->id, "text/plain", message->text);
    write_part(to, message->id, "text/html", message->html);
    qn_buf_printf(to, "\r\n--=_%s--\r\n", message->id);
    return qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}
