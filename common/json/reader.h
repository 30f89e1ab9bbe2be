#ifndef QN_JSON_READER_H
#define QN_JSON_READER_H

#include "common/core/arena.h"
#include "common/core/status.h"
#include "common/core/str.h"

/* JSON text into a tree in an arena. The accepted language is JSON.parse's of ECMAScript (RFC 8259, with any
 * value at the top, duplicate keys, lone surrogates as U+FFFD, numbers of any size); a leading byte order
 * mark is taken if asked. Input must be UTF-8. */

enum qn_json_kind {
    QN_JSON_NULL,
    QN_JSON_BOOL,
    QN_JSON_NUMBER,
    QN_JSON_STRING,
    QN_JSON_ARRAY,
    QN_JSON_OBJECT
};

struct qn_json {
    enum qn_json_kind kind;
    bool boolean;
    double number;
    struct qn_str text;    /* string: decoded, may hold NUL; number: its text as written */
    struct qn_json *items; /* array: elements; object: values, in order of appearance, first of duplicates'
                              place, last's value */
    struct qn_str *keys;   /* object: decoded */
    size_t n_items;
};

/* QN_INVALID_ARGUMENT with the offset in 'err'; QN_RESOURCE_EXHAUSTED at the arena's ceiling or over 64
 * levels deep. */
QN_MUST_USE enum qn_status qn_json_parse(struct qn_str text, bool allow_bom, struct qn_arena *arena,
                                         struct qn_json **ret_value, struct qn_error *err);

/* The member of an object, or NULL (also when it is no object). */
const struct qn_json *qn_json_get(const struct qn_json *object, const char *key);

#endif
