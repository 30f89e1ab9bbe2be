#include "common/core/encode.h"

static const char hex_digits[] = "0123456789abcdef";

void qn_hex_encode(char *to, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        *to++ = hex_digits[bytes[i] >> 4];
        *to++ = hex_digits[bytes[i] & 15];
    }
    *to = '\0';
}

/* The value of a digit, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool qn_hex_decode(struct qn_str text, uint8_t *to)
{
    if (text.len % 2)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_value(text.ptr[i]), low = hex_value(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        *to++ = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t base64_encode(const char *alphabet, bool pad, char *to, const uint8_t *data, size_t len)
{
    char *start = to;
    for (; len >= 3; data += 3, len -= 3) {
        uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = alphabet[bits >> 6 & 63];
        *to++ = alphabet[bits & 63];
    }
    if (len > 0) {
        uint32_t bits = (uint32_t)data[0] << 16 | (len == 2 ? (uint32_t)data[1] << 8 : 0);
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        if (len == 2)
            *to++ = alphabet[bits >> 6 & 63];
        for (size_t i = len; pad && i < 3; i++)
            *to++ = '=';
    }
    *to = '\0';
    return (size_t)(to - start);
}

size_t qn_base64_encode(char *to, const void *data, size_t len)
{
    return base64_encode(base64_standard, true, to, data, len);
}

size_t qn_base64url_encode(char *to, const void *data, size_t len)
{
    return base64_encode(base64_url, false, to, data, len);
}

/* The value of a letter, or -1. */
static int base64_value(char c, bool url_too)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || (url_too && c == '-'))
        return 62;
    if (c == '/' || (url_too && c == '_'))
        return 63;
    return -1;
}

/* 'text' without its padding. */
static bool base64_decode(struct qn_str text, bool lax, uint8_t *to, size_t *ret_len)
{
    if (text.len % 4 == 1)
        return false; /* six bits make no byte */
    uint8_t *start = to;
    uint32_t bits = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i], lax);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            *to++ = (uint8_t)(bits >> n_bits);
        }
    }
    /* What is left over must be zero bits, or one value would have several texts. proto3's conformance tests
     * want it lax on JSON input. */
    if (!lax && (bits & ((1u << n_bits) - 1)) != 0)
        return false;
    *ret_len = (size_t)(to - start);
    return true;
}

static struct qn_str without_padding(struct qn_str text)
{
    for (int i = 0; i < 2 && qn_str_ends(text, QN_STR("=")); i++)
        text.len--;
    return text;
}

bool qn_base64_decode(struct qn_str text, uint8_t *to, size_t *ret_len)
{
    return text.len % 4 == 0 && base64_decode(without_padding(text), false, to, ret_len);
}

bool qn_base64_decode_lax(struct qn_str text, uint8_t *to, size_t *ret_len)
{
    struct qn_str letters = without_padding(text);
    if (letters.len != text.len && text.len % 4 != 0)
        return false; /* padding may be left out, but not be wrong */
    return base64_decode(letters, true, to, ret_len);
}

static bool is_kept(char c, enum qn_percent keep)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
        c == '.' || c == '~')
        return true;
    switch (keep) {
    case QN_PERCENT_COMPONENT:
        return c == '!' || c == '*' || c == '\'' || c == '(' || c == ')';
    case QN_PERCENT_UNRESERVED:
        return false;
    case QN_PERCENT_PATH:
        return c == '/';
    }
    return false;
}

enum qn_status qn_percent_encode(struct qn_buf *to, struct qn_str text, enum qn_percent keep)
{
    static const char upper[] = "0123456789ABCDEF"; /* RFC 3986 section 2.1 */

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (is_kept(text.ptr[i], keep)) {
            QN_TRY(qn_buf_write_byte(to, text.ptr[i]));
        } else {
            char escaped[] = {'%', upper[byte >> 4], upper[byte & 15]};
            QN_TRY(qn_buf_write(to, escaped, sizeof escaped));
        }
    }
    return QN_OK;
}

bool qn_percent_decode(struct qn_str text, char *to, size_t *ret_len, bool plus_is_space)
{
    char *start = to;
    while (text.len > 0) {
        const char *percent = memchr(text.ptr, '%', text.len);
        size_t plain = percent ? (size_t)(percent - text.ptr) : text.len;
        memmove(to, text.ptr, plain);
        for (size_t i = 0; plus_is_space && i < plain; i++) {
            if (to[i] == '+')
                to[i] = ' ';
        }
        to += plain;
        text = qn_str_n(text.ptr + plain, text.len - plain);
        if (!percent)
            break;
        uint8_t byte;
        if (text.len < 3 || !qn_hex_decode(qn_str_n(text.ptr + 1, 2), &byte))
            return false;
        *to++ = (char)byte;
        text = qn_str_n(text.ptr + 3, text.len - 3);
    }
    *ret_len = (size_t)(to - start);
    return true;
}
