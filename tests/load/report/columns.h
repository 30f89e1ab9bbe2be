#ifndef QN_LOAD_COLUMNS_H
#define QN_LOAD_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/core/arena.h"
#include "common/core/buf.h"

/* Rows of cells, written so that the columns line up, in colours where these are wanted. One thread. */

enum load_style { LOAD_PLAIN, LOAD_STRONG, LOAD_FAINT, LOAD_GOOD, LOAD_WARN, LOAD_BAD, LOAD_ALARM };

enum { LOAD_COLUMNS_MAX = 12 };

struct load_columns {
    struct qn_arena arena;
    const char *layout; /* a character a column: 'l'eft or 'r'ight */
    size_t n_columns, n_cells;
    size_t widths[LOAD_COLUMNS_MAX];
    struct load_cell *first, *last;
};

/* Requires: 'layout' has at most LOAD_COLUMNS_MAX characters and stays. */
void load_columns_init(struct load_columns *columns, const char *layout);
void load_columns_fini(struct load_columns *columns);

/* The next cell of the row, or the first of the next row; the text is copied. Past the ceiling of the table's
 * memory cells are left out. */
void load_columns_add(struct load_columns *columns, enum load_style style, const char *text);

/* Appends the rows, each behind 'indent' blanks, and empties the table. */
void load_columns_write(struct load_columns *columns, struct qn_buf *to, size_t indent, bool colours);

/* Begins and ends a style outside of columns; nothing without colours. */
void load_style_begin(struct qn_buf *to, enum load_style style, bool colours);
void load_style_end(struct qn_buf *to, enum load_style style, bool colours);

#endif
