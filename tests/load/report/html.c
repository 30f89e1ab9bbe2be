#include "tests/load/report/html.h"

#include "common/core/utf8.h"

/* XML 1.0, production 2 (Char), without what the tables escape. C1 controls are allowed there but mean
 * nothing. */
static bool is_shown(uint32_t point)
{
    return point == '\t' || point == '\n' || (point >= 0x20 && point < 0x7f) ||
           (point >= 0xa0 && point != 0xfffe && point != 0xffff);
}

static const char *escape_of(uint32_t point)
{
    switch (point) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void load_html_text(struct qn_buf *to, const char *text)
{
    struct qn_str rest = qn_str_c(text);
    while (rest.len > 0) {
        uint32_t point;
        size_t len = qn_utf8_get(rest, &point), step = len ? len : 1;
        if (len == 0 || !is_shown(point))
            qn_buf_write_c(to, "\xef\xbf\xbd"); /* U+FFFD */
        else if (escape_of(point))
            qn_buf_write_c(to, escape_of(point));
        else
            qn_buf_write(to, rest.ptr, len);
        rest = qn_str_n(rest.ptr + step, rest.len - step);
    }
}

void load_html_element(struct qn_buf *to, const char *tag, const char *class, const char *text)
{
    qn_buf_printf(to, "<%s", tag);
    if (class)
        qn_buf_printf(to, " class=\"%s\"", class);
    qn_buf_write_c(to, ">");
    load_html_text(to, text);
    qn_buf_printf(to, "</%s>", tag);
}
