#ifndef QN_CORE_UTF8_H
#define QN_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/str.h"

/* Well-formed per Unicode 15, table 3-7: no overlong forms, no surrogates, nothing over U+10FFFF. NUL is
 * well-formed. */
bool qn_utf8_valid(struct qn_str s);

/* The same, and no NUL in it: what can travel on as a C string. */
bool qn_utf8_valid_text(struct qn_str s);

/* Length in UTF-16 code units, as JavaScript counts. Requires: well-formed text. */
size_t qn_utf8_utf16_len(struct qn_str s);

/* Length in code points. Requires: well-formed text. */
size_t qn_utf8_count(struct qn_str s);

/* Reads the code point at the front: its length in bytes (1–4), or 0 when the text is empty or ill-formed
 * there. */
size_t qn_utf8_get(struct qn_str s, uint32_t *ret_code_point);

/* Writes one code point (1–4 bytes) to 'to' and returns how many. A surrogate or a number over U+10FFFF is
 * written as U+FFFD. */
size_t qn_utf8_put(char to[4], uint32_t code_point);

#endif
