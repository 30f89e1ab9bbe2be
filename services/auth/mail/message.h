#ifndef AUTH_MAIL_MESSAGE_H
#define AUTH_MAIL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/buf.h"

/* One mail as bytes: RFC 5322 headers, MIME's multipart/alternative (RFC 2046) with a text and an HTML, both
 * UTF-8 in quoted-printable. Pure. What comes out is ASCII in CRLF lines of at most 78 characters (longer
 * only where an address is), whatever goes in; no text can begin a header or end one. Dots at the beginning
 * of a line are the transport's to double. */

enum {
    AUTH_MAIL_ADDRESS_MAX = 254, /* RFC 5321, 4.5.3.1.3: 256 with its brackets */
    AUTH_MAIL_NAME_MAX = 256,
    AUTH_MAIL_SUBJECT_MAX = 512,
};

/* Whether it can stand between angle brackets as it is: ASCII, one '@' inside, nothing that needs quoting. */
bool auth_mail_address_valid(struct qn_str address);

/* "Name <address>", "\"Name\" <address>", "<address>" or "address" → both; the name may be empty. False:
 * neither. */
bool auth_mail_address_parse(struct qn_str text, struct qn_str *ret_name, struct qn_str *ret_address);

struct auth_mail_message {
    struct qn_str from_name, from_address;
    struct qn_str to_address;
    struct qn_str subject;
    struct qn_str text, html; /* UTF-8; lines end in LF or CRLF */
    int64_t wall_ms;          /* qn_clock_wall_ms() */
    const char *id;           /* unique, of A–Z a–z 0–9: for Message-ID and the boundary */
};

/* Appends the whole mail. QN_INVALID_ARGUMENT: an address is not valid, or a text is not UTF-8;
 * QN_RESOURCE_EXHAUSTED: the buffer's ceiling. Control characters in a name or the subject become blanks;
 * beyond the limits above they are cut. */
QN_MUST_USE enum qn_status auth_mail_message_write(const struct auth_mail_message *message,
                                                   struct qn_buf *to);

#endif
