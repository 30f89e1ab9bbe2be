#include "tests/load/report/columns.h"

#include <string.h>

#include "common/core/check.h"
#include "tests/load/report/text.h"

enum {
    ROOM = 16 * 1024 * 1024, /* some 50,000 rows: more than anybody reads */
    GAP = 2                  /* blanks between columns */
};

struct load_cell {
    struct load_cell *next;
    const char *text;
    enum load_style style;
};

/* ECMA-48, SGR. The sixteen colours, so that they suit the user's own theme. */
static const char *const BEGINS[] = {
    [LOAD_PLAIN] = "",
    [LOAD_STRONG] = "\x1b[1m",
    [LOAD_FAINT] = "\x1b[2m",
    [LOAD_GOOD] = "\x1b[32m",
    [LOAD_WARN] = "\x1b[33m",
    [LOAD_BAD] = "\x1b[31m",
    [LOAD_ALARM] = "\x1b[1;97;41m",
};

void load_style_begin(struct qn_buf *to, enum load_style style, bool colours)
{
    if (colours)
        qn_buf_write_c(to, BEGINS[style]);
}

void load_style_end(struct qn_buf *to, enum load_style style, bool colours)
{
    if (colours && style != LOAD_PLAIN)
        qn_buf_write_c(to, "\x1b[0m");
}

void load_columns_init(struct load_columns *columns, const char *layout)
{
    *columns = (struct load_columns){.layout = layout, .n_columns = strlen(layout)};
    QN_CHECK(columns->n_columns > 0 && columns->n_columns <= LOAD_COLUMNS_MAX);
    qn_arena_init(&columns->arena, ROOM);
}

void load_columns_fini(struct load_columns *columns)
{
    qn_arena_fini(&columns->arena);
}

void load_columns_add(struct load_columns *columns, enum load_style style, const char *text)
{
    struct load_cell *cell = qn_arena_new(&columns->arena, struct load_cell);
    char *copy = qn_arena_strdup(&columns->arena, text);
    if (!cell || !copy)
        return;
    *cell = (struct load_cell){.text = copy, .style = style};
    if (columns->last)
        columns->last->next = cell;
    else
        columns->first = cell;
    columns->last = cell;
    size_t *width = &columns->widths[columns->n_cells++ % columns->n_columns], wants = load_text_width(text);
    if (wants > *width)
        *width = wants;
}

static void write_cell(const struct load_columns *columns, size_t column, const struct load_cell *cell,
                       struct qn_buf *to, bool colours)
{
    size_t wants = load_text_width(cell->text), blanks = columns->widths[column] - wants;
    bool is_left = columns->layout[column] == 'l', is_last = column + 1 == columns->n_columns;
    for (size_t i = 0; !is_left && i < blanks; i++)
        qn_buf_write_byte(to, ' ');
    load_style_begin(to, cell->style, colours);
    qn_buf_write_c(to, cell->text);
    load_style_end(to, cell->style, colours);
    for (size_t i = 0; is_left && !is_last && i < blanks; i++)
        qn_buf_write_byte(to, ' ');
    for (size_t i = 0; !is_last && i < GAP; i++)
        qn_buf_write_byte(to, ' ');
}

void load_columns_write(struct load_columns *columns, struct qn_buf *to, size_t indent, bool colours)
{
    size_t column = 0;
    for (const struct load_cell *cell = columns->first; cell; cell = cell->next) {
        for (size_t i = 0; column == 0 && i < indent; i++)
            qn_buf_write_byte(to, ' ');
        write_cell(columns, column, cell, to, colours);
        column = (column + 1) % columns->n_columns;
        if (column == 0 || !cell->next) {
            /* A row that ends in empty cells leaves no blanks behind. */
            while (!qn_buf_failed(to) && to->len > 0 && to->data[to->len - 1] == ' ')
                to->data[--to->len] = '\0';
            qn_buf_write_byte(to, '\n');
        }
    }
    const char *layout = columns->layout;
    load_columns_fini(columns);
    load_columns_init(columns, layout);
}
