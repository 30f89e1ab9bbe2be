#include "common/core/utf8.h"

/* Unicode 15, table 3-7: the second byte's range depends on the first; later bytes are 80..BF. */
size_t qn_utf8_get(struct qn_str s, uint32_t *ret_code_point)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    if (s.len == 0)
        return 0;
    if (p[0] < 0x80) {
        *ret_code_point = p[0];
        return 1;
    }
    uint8_t low = 0x80, high = 0xbf;
    size_t len;
    uint32_t code_point;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
        code_point = p[0] & 0x1fu;
    } else if ((p[0] & 0xf0) == 0xe0) {
        len = 3;
        code_point = p[0] & 0x0fu;
        if (p[0] == 0xe0)
            low = 0xa0; /* shorter forms exist below */
        if (p[0] == 0xed)
            high = 0x9f; /* surrogates above */
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        code_point = p[0] & 0x07u;
        if (p[0] == 0xf0)
            low = 0x90; /* shorter forms exist below */
        if (p[0] == 0xf4)
            high = 0x8f; /* over U+10FFFF above */
    } else {
        return 0;
    }
    if (s.len < len || p[1] < low || p[1] > high)
        return 0;
    code_point = code_point << 6 | (p[1] & 0x3fu);
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (p[i] & 0x3fu);
    }
    *ret_code_point = code_point;
    return len;
}

/* How many bytes at the front are from 'least' (0 or 1) to 7f, eight at a time: most text is ASCII. A byte
 * that is 0 gets its high bit by the subtraction; where all are 1 to 7f, nothing is borrowed and none has it.
 */
static size_t ascii_front(struct qn_str s, uint8_t least)
{
    const uint64_t highs = 0x8080808080808080u, ones = 0x0101010101010101u;
    size_t i = 0;
    uint64_t eight;
    for (; s.len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, s.ptr + i, sizeof eight);
        if (((eight | (eight - ones * least)) & highs) != 0)
            return i;
    }
    while (i < s.len && (uint8_t)s.ptr[i] >= least && (uint8_t)s.ptr[i] < 0x80)
        i++;
    return i;
}

static inline bool is_valid(struct qn_str s, uint8_t least)
{
    while (s.len) {
        size_t len = ascii_front(s, least);
        s.ptr += len;
        s.len -= len;
        /* Up to eight characters one by one: some of them were no ASCII. */
        for (int i = 0; i < 8 && s.len; i++) {
            uint32_t code_point;
            len = qn_utf8_get(s, &code_point);
            if (len == 0 || code_point < least)
                return false;
            s.ptr += len;
            s.len -= len;
        }
    }
    return true;
}

bool qn_utf8_valid(struct qn_str s)
{
    return is_valid(s, 0);
}

bool qn_utf8_valid_text(struct qn_str s)
{
    return is_valid(s, 1);
}

size_t qn_utf8_count(struct qn_str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
    return count;
}

size_t qn_utf8_utf16_len(struct qn_str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.ptr[i];
        count += (byte & 0xc0) != 0x80; /* one for each first byte … */
        count += byte >= 0xf0;          /* … and a second where a pair of surrogates is needed */
    }
    return count;
}

size_t qn_utf8_put(char to[4], uint32_t code_point)
{
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        code_point = 0xfffd;
    if (code_point < 0x80) {
        to[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    to[0] = (char)(first[len] | code_point);
    return len;
}
