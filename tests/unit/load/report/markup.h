#ifndef QN_TESTS_LOAD_MARKUP_H
#define QN_TESTS_LOAD_MARKUP_H

#include "common/core/arena.h"
#include "common/core/str.h"

/* A strict reader of the markup that the reports write: well-formed XML without comments and processing
 * instructions, of elements, quoted attributes, the five references that load_html_text() makes, and CDATA.
 * What it takes, an HTML parser takes in the same way. */

struct markup_element {
    const char *name;
    const char *id, *class, *src; /* decoded; NULL: not there */
    struct qn_str attributes;     /* as written */
    const char *text;             /* decoded, of itself and all within it */
    size_t begin, end;            /* offsets of its content in the text */
    size_t parent;                /* index; of the root its own */
};

struct markup {
    struct qn_arena arena;
    struct markup_element *elements; /* in order of their beginning */
    size_t n_elements;
};

/* Fails the test when the text is not well-formed or two elements share an id. */
void markup_read(struct markup *markup, struct qn_str text);
void markup_fini(struct markup *markup);

/* The n-th element of that name (and class, unless NULL), from 0; NULL when there are fewer. */
const struct markup_element *markup_find(const struct markup *markup, const char *name, const char *class,
                                         size_t n);
const struct markup_element *markup_by_id(const struct markup *markup, const char *id);

#endif
