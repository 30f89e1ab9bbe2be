#ifndef QN_JSON_QUOTE_H
#define QN_JSON_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/core/buf.h"
#include "common/core/str.h"

/* JSON's strings as text. Any thread. */

/* Appends the text between quotes, escaping what JSON.stringify does and no more (ECMA-262, QuoteJSONString).
 * Requires: UTF-8. */
void qn_quote_write(struct qn_buf *to, struct qn_str text);

/* Looks from behind an opening quote for the closing one and checks all before it: UTF-8, escapes, no control
 * characters. NULL: found, *ret_len bytes on. Otherwise what is wrong there, for people; static text. */
const char *qn_quote_scan(struct qn_str text, size_t *ret_len, bool *ret_escaped);

/* Decodes the escapes in place, writes a NUL behind, and returns the new length. A lone surrogate becomes
 * U+FFFD. Requires: what qn_quote_scan() has passed, with room for the NUL. */
size_t qn_quote_unescape(char *text, size_t len);

#endif
