#ifndef AUTH_MAIL_TEMPLATE_H
#define AUTH_MAIL_TEMPLATE_H

#include "common/core/buf.h"

/* Texts with places for values: "{{link}}". Nothing else: no conditions, no loops, no files. Pure. */

enum auth_mail_value {
    AUTH_MAIL_SITE,      /* {{site}}: what the site is called */
    AUTH_MAIL_NAME,      /* {{name}}: of the user; chosen by whoever signed up */
    AUTH_MAIL_EMAIL,     /* {{email}}: the user's address */
    AUTH_MAIL_NEW_EMAIL, /* {{new_email}}: the one it is to become */
    AUTH_MAIL_LINK,      /* {{link}}: where a click does it */
    AUTH_MAIL_VALID,     /* {{valid}}: how long the link works, "1 hour" */
    AUTH_MAIL_VALUES,
};

struct auth_mail_values {
    struct qn_str of[AUTH_MAIL_VALUES];
};

enum auth_mail_format { AUTH_MAIL_TEXT, AUTH_MAIL_HTML };

/* Whether every "{{" begins a place for a known value. QN_INVALID_ARGUMENT: 'err' says which does not. */
QN_MUST_USE enum qn_status auth_mail_template_check(struct qn_str source, struct qn_error *err);

/* Appends the text with the values in place. No value can be more than text: in HTML what could be markup is
 * escaped, also within quoted attributes; in both, control characters (line breaks too) become blanks, and
 * what a value holds of "{{" is no place. Requires: a source that passed the check. */
void auth_mail_template_render(struct qn_str source, const struct auth_mail_values *values,
                               enum auth_mail_format format, struct qn_buf *to);

#endif
