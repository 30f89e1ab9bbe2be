#include "tests/load/watch/metrics_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Go's strconv writes at most 24 characters for a double; people write a few more. */
enum { NUMBER_MAX = 64 };

static bool is_name(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

static size_t scan_name(struct qn_str text, size_t at)
{
    size_t end = at;
    while (end < text.len && is_name(text.ptr[end], end == at))
        end++;
    return end;
}

static size_t skip_blanks(struct qn_str text, size_t at)
{
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t'))
        at++;
    return at;
}

/* From behind '{' to behind '}'; 0: it is not well-formed. Between braces a comma may also follow the last
 * label. */
static size_t scan_labels(struct qn_str text, size_t at)
{
    for (;;) {
        at = skip_blanks(text, at);
        if (at < text.len && text.ptr[at] == '}')
            return at + 1;
        size_t end = scan_name(text, at);
        if (end == at)
            return 0;
        at = skip_blanks(text, end);
        if (at >= text.len || text.ptr[at] != '=')
            return 0;
        at = skip_blanks(text, at + 1);
        if (at >= text.len || text.ptr[at] != '"')
            return 0;
        for (at++; at < text.len && text.ptr[at] != '"'; at++)
            if (text.ptr[at] == '\\')
                at++;
        if (at >= text.len)
            return 0;
        at = skip_blanks(text, at + 1);
        if (at < text.len && text.ptr[at] == ',')
            at++;
        else if (at >= text.len || text.ptr[at] != '}')
            return 0;
    }
}

static bool number_of(struct qn_str text, double *ret_value)
{
    char copy[NUMBER_MAX];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    if (qn_str_eq(text, QN_STR("NaN"))) {
        *ret_value = NAN;
        return true;
    }
    if (qn_str_eq(text, QN_STR("+Inf")) || qn_str_eq(text, QN_STR("-Inf")) ||
        qn_str_eq(text, QN_STR("Inf"))) {
        *ret_value = text.ptr[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    for (size_t i = 0; i < text.len; i++) /* no hexadecimal, no "nan(…)" */
        if (!strchr("0123456789+-.eE", text.ptr[i]) || text.ptr[i] == '\0')
            return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    *ret_value = strtod(copy, &end);
    return end == copy + text.len;
}

/* NULL: a sample. */
static const char *read_sample(struct qn_str line, struct load_metrics_sample *ret_sample)
{
    size_t end = scan_name(line, 0);
    if (end == 0)
        return "a line begins with a metric's name";
    ret_sample->name = qn_str_n(line.ptr, end);
    size_t at = skip_blanks(line, end);
    if (at < line.len && line.ptr[at] == '{') {
        end = at = scan_labels(line, at + 1);
        if (end == 0)
            return "labels are written {name=\"value\",…}";
    } else if (at == end && at < line.len) {
        return "a metric's name is letters, digits, '_' and ':'";
    }
    ret_sample->series = qn_str_n(line.ptr, end);
    struct qn_str rest = qn_str_trim(qn_str_n(line.ptr + at, line.len - at));
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != ' ' && rest.ptr[len] != '\t')
        len++;
    if (!number_of(qn_str_n(rest.ptr, len), &ret_sample->value))
        return "a number is missing";
    int64_t timestamp;
    struct qn_str stamp = qn_str_trim(qn_str_n(rest.ptr + len, rest.len - len));
    return stamp.len == 0 || qn_str_to_i64(stamp, &timestamp)
               ? NULL
               : "behind the number only a timestamp may stand";
}

bool load_metrics_text_next(struct load_metrics_text *text, struct load_metrics_sample *ret_sample)
{
    struct qn_str line;
    while (!text->problem && qn_str_next(&text->rest, '\n', &line)) {
        text->line++;
        line = qn_str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        text->problem = read_sample(line, ret_sample);
        return text->problem == NULL;
    }
    return false;
}
