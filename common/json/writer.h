#ifndef QN_JSON_WRITER_H
#define QN_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/buf.h"
#include "common/json/reader.h"

/* Writes JSON to a buffer, commas and colons by itself, without blanks. Errors are the buffer's: look at
 * qn_buf_failed() once at the end. Strings must be UTF-8; what must be escaped is, as JSON.stringify does. */
struct qn_json_writer {
    struct qn_buf *to;
    bool need_comma;
};

void qn_json_object_begin(struct qn_json_writer *w);
void qn_json_object_end(struct qn_json_writer *w);
void qn_json_array_begin(struct qn_json_writer *w);
void qn_json_array_end(struct qn_json_writer *w);
void qn_json_key(struct qn_json_writer *w, const char *key);
void qn_json_key_str(struct qn_json_writer *w, struct qn_str key);
void qn_json_str(struct qn_json_writer *w, struct qn_str text);
void qn_json_c(struct qn_json_writer *w, const char *text); /* NULL is written as null */
void qn_json_int(struct qn_json_writer *w, int64_t number);
/* The shortest that reads back, laid out as JSON.stringify does, but -0 keeps its sign; NaN and infinities as
 * null. A float needs only as many digits as tell it from other floats. */
void qn_json_double(struct qn_json_writer *w, double number);
void qn_json_float(struct qn_json_writer *w, float number);
void qn_json_bool(struct qn_json_writer *w, bool value);
void qn_json_null(struct qn_json_writer *w);
/* What a reader has read (reader.h), as JSON.stringify(JSON.parse(text)) would write it, but for the order
 * that JavaScript gives to keys that are array indices. */
void qn_json_value(struct qn_json_writer *w, const struct qn_json *value);

#endif
