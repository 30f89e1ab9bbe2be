#ifndef QN_APP_USAGE_H
#define QN_APP_USAGE_H

#include "common/core/buf.h"

/* The layout of --help: two columns, the second wrapped. */

enum { QN_USAGE_COLUMNS = 100, QN_USAGE_ENTRY_MAX = 2048 };

/* The larger of 'width' and the name's. */
size_t qn_usage_wider(size_t width, const char *name);

/* "  name   text text text", text continued under itself. 'width': of the widest name. */
void qn_usage_entry(struct qn_buf *to, size_t width, const char *name, struct qn_str text);

#endif
