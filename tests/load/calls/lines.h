#ifndef QN_LOAD_LINES_H
#define QN_LOAD_LINES_H

#include <stddef.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* A text file as its lines, without the empty ones. */
struct load_line {
    struct qn_str text; /* without the end of the line, LF or CR LF */
    size_t number;      /* from 1 */
};

struct load_lines {
    struct load_line *lines;
    size_t n;
    char *bytes;
};

/* A million lines of 256 bytes; they stay in memory. */
enum { LOAD_LINES_BYTES_MAX = 256 << 20 };

/* "-" is standard input. QN_NOT_FOUND, QN_PERMISSION_DENIED, QN_RESOURCE_EXHAUSTED (too large),
 * QN_INVALID_ARGUMENT (no line in it, or it cannot be read): 'err' says which file and why. */
QN_MUST_USE enum qn_status load_lines_read(const char *path, struct load_lines *ret_lines,
                                           struct qn_error *err);
void load_lines_free(struct load_lines *lines); /* also of a zeroed one */

#endif
