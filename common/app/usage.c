#include "common/app/usage.h"

#include <string.h>

#include "common/core/utf8.h"

enum { INDENT = 2, GAP = 2 };

size_t qn_usage_wider(size_t width, const char *name)
{
    size_t own = strlen(name);
    return own > width ? own : width;
}

static void blanks(struct qn_buf *to, size_t n)
{
    while (n-- > 0)
        qn_buf_write_byte(to, ' ');
}

void qn_usage_entry(struct qn_buf *to, size_t width, const char *name, struct qn_str text)
{
    const size_t margin = INDENT + width + GAP;
    qn_buf_printf(to, "%*s%-*s", INDENT, "", (int)(width + GAP), name);
    size_t column = margin;
    struct qn_str word;
    while (qn_str_next(&text, ' ', &word)) {
        if (word.len == 0)
            continue;
        size_t wide = qn_utf8_count(word);
        if (column > margin && column + 1 + wide > QN_USAGE_COLUMNS) {
            qn_buf_write_byte(to, '\n');
            blanks(to, margin);
            column = margin;
        } else if (column > margin) {
            qn_buf_write_byte(to, ' ');
            column++;
        }
        qn_buf_write_str(to, word);
        column += wide;
    }
    qn_buf_write_byte(to, '\n');
}
