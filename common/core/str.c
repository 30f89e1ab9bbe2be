#include "common/core/str.h"

#include <endian.h>
#include <pthread.h>

#include "common/core/id.h"

bool qn_str_eq(struct qn_str a, struct qn_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Not tolower(): that one follows the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool qn_str_eq_nocase(struct qn_str a, struct qn_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool qn_str_starts(struct qn_str s, struct qn_str prefix)
{
    return s.len >= prefix.len && qn_str_eq(qn_str_n(s.ptr, prefix.len), prefix);
}

bool qn_str_ends(struct qn_str s, struct qn_str suffix)
{
    if (s.len < suffix.len)
        return false;
    return suffix.len == 0 || qn_str_eq(qn_str_n(s.ptr + (s.len - suffix.len), suffix.len), suffix);
}

ptrdiff_t qn_str_find(struct qn_str s, char byte)
{
    const char *at = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return at ? at - s.ptr : -1;
}

ptrdiff_t qn_str_rfind(struct qn_str s, char byte)
{
    const char *at = s.len ? memrchr(s.ptr, byte, s.len) : NULL;
    return at ? at - s.ptr : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct qn_str qn_str_trim(struct qn_str s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool qn_str_next(struct qn_str *rest, char separator, struct qn_str *ret_piece)
{
    /* What is left after a closing separator is one empty piece; its address tells it from a text that was
     * empty all along. */
    static const char last_is_empty[1];

    if (rest->len == 0) {
        bool one_more = rest->ptr == last_is_empty;
        *rest = qn_str_n(NULL, 0);
        if (one_more)
            *ret_piece = QN_STR("");
        return one_more;
    }
    ptrdiff_t at = qn_str_find(*rest, separator);
    if (at < 0) {
        *ret_piece = *rest;
        *rest = qn_str_n(NULL, 0);
        return true;
    }
    *ret_piece = qn_str_n(rest->ptr, (size_t)at);
    size_t left = rest->len - (size_t)at - 1;
    *rest = left ? qn_str_n(rest->ptr + at + 1, left) : qn_str_n(last_is_empty, 0);
    return true;
}

bool qn_str_to_u64(struct qn_str s, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool qn_str_to_i64(struct qn_str s, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t magnitude;
    if (!qn_str_to_u64(negative ? qn_str_n(s.ptr + 1, s.len - 1) : s, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    /* In unsigned arithmetic, where INT64_MIN has a magnitude. */
    *ret_value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_make(void)
{
    qn_random_bytes(hash_key, sizeof hash_key);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t qn_str_siphash13(const uint64_t key[2], struct qn_str s)
{
    uint64_t v[4] = {
        key[0] ^ 0x736f6d6570736575u, /* "somepseudorandomlygeneratedbytes", as the paper has it */
        key[1] ^ 0x646f72616e646f6du,
        key[0] ^ 0x6c7967656e657261u,
        key[1] ^ 0x7465646279746573u,
    };
    uint64_t word;
    size_t whole = s.len / sizeof word * sizeof word;
    for (size_t i = 0; i < whole; i += sizeof word) {
        memcpy(&word, s.ptr + i, sizeof word);
        word = le64toh(word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    if (s.len > whole)
        memcpy(&word, s.ptr + whole, s.len - whole);
    word = le64toh(word) | (uint64_t)s.len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t qn_str_hash(struct qn_str s)
{
    pthread_once(&hash_key_once, hash_key_make);
    return qn_str_siphash13(hash_key, s);
}
