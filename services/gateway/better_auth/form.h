#ifndef GATEWAY_BETTER_AUTH_FORM_H
#define GATEWAY_BETTER_AUTH_FORM_H

#include "common/core/buf.h"
#include "common/json/reader.h"

/* Bodies of type application/x-www-form-urlencoded, as the URL standard reads them
 * (url.spec.whatwg.org, 5.1): '+' is a blank, and a '%' without two hex digits after it is a percent sign. */

enum { GATEWAY_FORM_FIELDS_MAX = 256 }; /* the routes know six; names are compared one by one */

/* The fields as an object of strings, in the arena; the last of a repeated name wins. QN_INVALID_ARGUMENT: a
 * name or value is not UTF-8.  QN_RESOURCE_EXHAUSTED: too many fields, or the arena's ceiling. */
QN_MUST_USE enum qn_status gateway_form_read(struct qn_str text, struct qn_arena *arena,
                                             struct qn_json **ret_object);

/* A name or value as such a body has it: blanks as '+', all but A–Z a–z 0–9 * - . _ as percent signs. */
void gateway_form_write(struct qn_buf *to, struct qn_str text);

#endif
