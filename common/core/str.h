#ifndef QN_CORE_STR_H
#define QN_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes that somebody else owns; not NUL-terminated unless its maker says so. ptr may be NULL only
 * when len is 0. */
struct qn_str {
    const char *ptr;
    size_t len;
};

#define QN_STR(literal) ((struct qn_str){"" literal, sizeof(literal) - 1})

/* For printf's "%.*s". */
#define QN_STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct qn_str qn_str_n(const char *ptr, size_t len)
{
    return (struct qn_str){ptr, len};
}

/* The view of a C string; NULL gives the empty view. */
static inline struct qn_str qn_str_c(const char *text)
{
    return (struct qn_str){text, text ? strlen(text) : 0};
}

bool qn_str_eq(struct qn_str a, struct qn_str b);
bool qn_str_eq_nocase(struct qn_str a, struct qn_str b); /* ASCII case only */
bool qn_str_starts(struct qn_str s, struct qn_str prefix);
bool qn_str_ends(struct qn_str s, struct qn_str suffix);

/* Index of the first (last) such byte, or -1. */
ptrdiff_t qn_str_find(struct qn_str s, char byte);
ptrdiff_t qn_str_rfind(struct qn_str s, char byte);

/* Without ASCII blanks and tabs at both ends. */
struct qn_str qn_str_trim(struct qn_str s);

/* Cuts the next piece off the front of *rest at 'separator'. False when nothing is left (an empty *rest gives
 * no piece; "a," gives "a" and then ""). Pass *rest on as it was left: where a closing separator leaves
 * nothing but an empty piece, it no longer points into the text. */
bool qn_str_next(struct qn_str *rest, char separator, struct qn_str *ret_piece);

/* Decimal, optional leading '-', the whole view, no blanks; false on anything else or overflow. */
bool qn_str_to_i64(struct qn_str s, int64_t *ret_value);
bool qn_str_to_u64(struct qn_str s, uint64_t *ret_value);

/* 64-bit hash for tables within this process, keyed once per process from getrandom(2), so that a peer cannot
 * choose collisions (SipHash-1-3: Aumasson and Bernstein, 2012). */
uint64_t qn_str_hash(struct qn_str s);

/* The same function with a key of one's own; here so that it can be held against known answers. */
uint64_t qn_str_siphash13(const uint64_t key[2], struct qn_str s);

#endif
