#ifndef QN_LOAD_TEXT_H
#define QN_LOAD_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/core/buf.h"

/* Numbers as people read them, three digits that count, and columns of them. Texts are UTF-8 ("µs"); a blank
 * stands between number and unit. Any thread. */

enum { LOAD_TEXT_MAX = 32 };

/* Each writes into 'to' and returns it. */
const char *load_text_duration(char to[LOAD_TEXT_MAX],
                               double ns);                     /* "0 ns", "842 µs", "1.21 ms", "2 min 3 s" */
const char *load_text_span(char to[LOAD_TEXT_MAX], double ms); /* the same, trimmed: "10 s", "1.5 s" */
const char *load_text_count(char to[LOAD_TEXT_MAX], uint64_t count);  /* "49,982" */
const char *load_text_rate(char to[LOAD_TEXT_MAX], double a_second);  /* "4,998/s", "12.5/s" */
const char *load_text_share(char to[LOAD_TEXT_MAX], double share);    /* 0.5 is "50%", 0.00004 is "0.004%" */
const char *load_text_number(char to[LOAD_TEXT_MAX], double number);  /* "12.5", "1,234,567" */
const char *load_text_quantile(char to[LOAD_TEXT_MAX], double share); /* 0.999 is "p99.9" */

/* True when colours help: 'to' is a terminal, which is not "dumb", and NO_COLOR is unset or empty
 * (no-color.org). */
bool load_text_colours(FILE *to);

/* Appends a text from outside so that a terminal shows it and obeys nothing in it: control characters and
 * what is no UTF-8 as "\x1b", everything else as it is. */
void load_text_clean(struct qn_buf *to, const char *text);

/* The columns that a terminal needs for the text, taking each code point for one. */
size_t load_text_width(const char *text);

/* Appends the text, filled up with blanks in front (or behind) to 'width' columns. */
void load_text_right(struct qn_buf *to, const char *text, size_t width);
void load_text_left(struct qn_buf *to, const char *text, size_t width);

#endif
