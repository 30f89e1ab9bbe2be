#ifndef QN_CORE_ENCODE_H
#define QN_CORE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/buf.h"
#include "common/core/str.h"

/* Bytes as text and back. Decoders write to 'to' (room as said), return false on any byte that does not
 * belong, and then say nothing of 'to'. No decoder writes a NUL. */

/* Lower case, two characters a byte; writes a NUL after them. Room: 2 * len + 1. */
void qn_hex_encode(char *to, const void *data, size_t len);
bool qn_hex_decode(struct qn_str text, uint8_t *to); /* either case; room: text.len / 2 */

/* RFC 4648 section 4 (standard, padded) and section 5 (URL alphabet, unpadded). Encoders write a NUL. */
size_t qn_base64_encode(char *to, const void *data, size_t len);    /* room: (len + 2) / 3 * 4 + 1 */
size_t qn_base64url_encode(char *to, const void *data, size_t len); /* room: the same */
/* Strict: alphabet, padding and zero trailing bits must be exact. Room: text.len / 4 * 3. */
bool qn_base64_decode(struct qn_str text, uint8_t *to, size_t *ret_len);
/* As proto3 JSON wants on input: either alphabet, padding optional. Room: text.len / 4 * 3 + 3. */
bool qn_base64_decode_lax(struct qn_str text, uint8_t *to, size_t *ret_len);

/* Percent encoding (RFC 3986). What is left as it is: */
enum qn_percent {
    QN_PERCENT_COMPONENT,  /* A–Z a–z 0–9 - _ . ! ~ * ' ( ) : JavaScript's encodeURIComponent */
    QN_PERCENT_UNRESERVED, /* A–Z a–z 0–9 - _ . ~ : AWS Signature Version 4 */
    QN_PERCENT_PATH,       /* as UNRESERVED, and '/' */
};
enum qn_status qn_percent_encode(struct qn_buf *to, struct qn_str text, enum qn_percent keep);
/* False when a '%' is not followed by two hex digits. Room: text.len. With plus_is_space, '+' becomes ' '. */
bool qn_percent_decode(struct qn_str text, char *to, size_t *ret_len, bool plus_is_space);

#endif
