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

bool qn_utf8_valid(struct qn_str s)
{
    while (s.len) {
        uint64_t eight;
        if (s.len >= sizeof eight) { /* most text is ASCII */
            memcpy(&eight, s.ptr, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                s.ptr += sizeof eight;
                s.len -= sizeof eight;
                continue;
            }
        }
        uint32_t code_point;
        size_t len = qn_utf8_get(s, &code_point);
        if (len == 0)
            return false;
        s.ptr += len;
        s.len -= len;
    }
    return true;
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
