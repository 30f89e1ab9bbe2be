#ifndef QN_LOAD_HTML_H
#define QN_LOAD_HTML_H

#include "common/core/buf.h"
#include "common/core/str.h"

/* HTML that is well-formed XML, too, so that strict readers take it. Any thread. */

/* Appends a text from outside for content or a quoted attribute: markup is escaped, what is no UTF-8 or no
 * character of XML becomes U+FFFD. NULL is nothing. */
void load_html_text(struct qn_buf *to, const char *text);

/* "<td class="…">text</td>", likewise escaped; without a class when that is NULL. 'tag' and 'class' are ours.
 */
void load_html_element(struct qn_buf *to, const char *tag, const char *class, const char *text);

#endif
