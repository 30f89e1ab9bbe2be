#include "services/auth/mail/template.h"

#include "common/core/check.h"

static const struct qn_str NAMES[AUTH_MAIL_VALUES] = {
    [AUTH_MAIL_SITE] = {"site", 4},   [AUTH_MAIL_NAME] = {"name", 4},
    [AUTH_MAIL_EMAIL] = {"email", 5}, [AUTH_MAIL_NEW_EMAIL] = {"new_email", 9},
    [AUTH_MAIL_LINK] = {"link", 4},   [AUTH_MAIL_VALID] = {"valid", 5},
};

/* Cuts the text up to the next place off the front of *rest, and the place itself with its braces. False: no
 * place is left, the text is all of it. A place that does not end is all of the rest. */
static bool next_place(struct qn_str *rest, struct qn_str *ret_text, struct qn_str *ret_place)
{
    const char *open = rest->len > 0 ? memmem(rest->ptr, rest->len, "{{", 2) : NULL;
    *ret_text = *rest;
    if (!open)
        return false;
    ret_text->len = (size_t)(open - rest->ptr);
    size_t left = rest->len - ret_text->len;
    const char *close = memmem(open, left, "}}", 2);
    *ret_place = qn_str_n(open, close ? (size_t)(close - open) + 2 : left);
    *rest = qn_str_n(open + ret_place->len, left - ret_place->len);
    return true;
}

static bool find(struct qn_str place, enum auth_mail_value *ret_value)
{
    if (place.len < 4 || !qn_str_ends(place, QN_STR("}}")))
        return false;
    struct qn_str name = qn_str_trim(qn_str_n(place.ptr + 2, place.len - 4));
    for (int i = 0; i < AUTH_MAIL_VALUES; i++) {
        if (qn_str_eq(name, NAMES[i])) {
            *ret_value = (enum auth_mail_value)i;
            return true;
        }
    }
    return false;
}

enum qn_status auth_mail_template_check(struct qn_str source, struct qn_error *err)
{
    enum { SHOWN_MAX = 40 };
    struct qn_str text, place;
    enum auth_mail_value value;
    while (next_place(&source, &text, &place)) {
        if (!find(place, &value)) {
            place.len = place.len < SHOWN_MAX ? place.len : SHOWN_MAX;
            return qn_error_set(
                err, QN_INVALID_ARGUMENT,
                "%.*s stands for nothing; there are site, name, email, new_email, link and valid",
                QN_STR_ARG(place));
        }
    }
    return QN_OK;
}

static void write_value(struct qn_buf *to, struct qn_str value, enum auth_mail_format format)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        const char *entity = c == '&'    ? "&amp;"
                             : c == '<'  ? "&lt;"
                             : c == '>'  ? "&gt;"
                             : c == '"'  ? "&quot;"
                             : c == '\'' ? "&#39;"
                                         : NULL;
        if (format == AUTH_MAIL_HTML && entity)
            qn_buf_write_c(to, entity);
        else
            qn_buf_write_byte(to, (unsigned char)c < ' ' || c == 0x7f ? ' ' : c);
    }
}

void auth_mail_template_render(struct qn_str source, const struct auth_mail_values *values,
                               enum auth_mail_format format, struct qn_buf *to)
{
    struct qn_str text, place;
    enum auth_mail_value value;
    while (next_place(&source, &text, &place)) {
        qn_buf_write_str(to, text);
        QN_CHECK(find(place, &value));
        write_value(to, values->of[value], format);
    }
    qn_buf_write_str(to, text);
}
