#include "common/json/quote.h"

#include "common/core/utf8.h"

static bool must_escape(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

static void write_escaped(struct qn_buf *to, char c)
{
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *byte = c ? strchr(bytes, c) : NULL;
    if (byte)
        qn_buf_write(to, (char[]){'\\', letters[byte - bytes]}, 2);
    else
        qn_buf_printf(to, "\\u%04x", (unsigned)c);
}

/* Whether any of eight bytes must be escaped: below 0x20, a quote or a backslash. Exact (Bit Twiddling Hacks,
 * "Determine if a word has a byte less than n"). */
static bool any_must_escape(uint64_t eight)
{
    const uint64_t highs = 0x8080808080808080u, ones = 0x0101010101010101u;
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    return ((((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) |
             ((backslash - ones) & ~backslash)) &
            highs) != 0;
}

/* Whether it can be written as it is, as most text can. */
static bool is_plain(struct qn_str text)
{
    uint64_t eight;
    size_t i = 0;
    for (; text.len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, text.ptr + i, sizeof eight);
        if (any_must_escape(eight))
            return false;
    }
    if (text.len >= sizeof eight) { /* the last eight, some of them for the second time */
        memcpy(&eight, text.ptr + text.len - sizeof eight, sizeof eight);
        return !any_must_escape(eight);
    }
    while (i < text.len && !must_escape(text.ptr[i]))
        i++;
    return i == text.len;
}

void qn_quote_write(struct qn_buf *to, struct qn_str text)
{
    char *room = text.len > 0 && is_plain(text) ? qn_buf_reserve(to, text.len + 2) : NULL;
    if (room) {
        room[0] = '"';
        memcpy(room + 1, text.ptr, text.len);
        room[1 + text.len] = '"';
        qn_buf_commit(to, text.len + 2);
        return;
    }
    qn_buf_write_byte(to, '"');
    size_t plain = 0; /* first byte not yet written */
    for (size_t i = 0; i < text.len; i++) {
        if (must_escape(text.ptr[i])) {
            qn_buf_write(to, text.ptr + plain, i - plain);
            write_escaped(to, text.ptr[i]);
            plain = i + 1;
        }
    }
    if (plain < text.len)
        qn_buf_write(to, text.ptr + plain, text.len - plain);
    qn_buf_write_byte(to, '"');
}

static const char ends_early[] = "the text ends too early";

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Passes an escape sequence, *i standing at its backslash. */
static const char *scan_escape(struct qn_str text, size_t *i)
{
    if (++*i == text.len)
        return ends_early;
    char letter = text.ptr[*i];
    if (letter == '\0' || !strchr("\"\\/bfnrtu", letter))
        return "no such escape";
    ++*i;
    for (int n = 0; letter == 'u' && n < 4; n++, ++*i) {
        if (*i == text.len)
            return ends_early;
        if (!is_hex(text.ptr[*i]))
            return "four hex digits must follow \\u";
    }
    return NULL;
}

/* Passes one character that is not the closing quote; stops at what is wrong. */
static const char *scan_character(struct qn_str text, size_t *i)
{
    unsigned char c = (unsigned char)text.ptr[*i];
    uint32_t code_point;
    if (c == '\\')
        return scan_escape(text, i);
    if (c < 0x20)
        return "control character in a string";
    size_t len = c < 0x80 ? 1 : qn_utf8_get(qn_str_n(text.ptr + *i, text.len - *i), &code_point);
    *i += len;
    return len ? NULL : "not UTF-8";
}

const char *qn_quote_scan(struct qn_str text, size_t *ret_len, bool *ret_escaped)
{
    size_t i = 0;
    const char *wrong = NULL;
    *ret_escaped = false;
    while (!wrong && i < text.len && text.ptr[i] != '"') {
        *ret_escaped |= text.ptr[i] == '\\';
        wrong = scan_character(text, &i);
    }
    *ret_len = i;
    return wrong || i < text.len ? wrong : ends_early;
}

static uint32_t hex4(const char *digits)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = digits[i];
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* Reads the \u escape at 'from', and the one behind it where they make a pair of surrogates. A lone surrogate
 * stays one here; qn_utf8_put() writes U+FFFD for it. */
static const char *read_unicode(const char *from, const char *end, uint32_t *ret_code_point)
{
    uint32_t high = hex4(from + 2);
    from += 6;
    if (high >= 0xd800 && high <= 0xdbff && end - from >= 6 && from[0] == '\\' && from[1] == 'u') {
        uint32_t low = hex4(from + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *ret_code_point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return from + 6;
        }
    }
    *ret_code_point = high;
    return from;
}

/* In place, because no escape is shorter than what it stands for. */
size_t qn_quote_unescape(char *text, size_t len)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *from = text, *end = text + len;
    char *to = text;
    while (from < end) {
        if (*from != '\\') {
            *to++ = *from++;
        } else if (from[1] == 'u') {
            uint32_t code_point;
            from = read_unicode(from, end, &code_point);
            to += qn_utf8_put(to, code_point);
        } else {
            *to++ = bytes[strchr(letters, from[1]) - letters];
            from += 2;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}
