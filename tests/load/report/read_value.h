#ifndef QN_LOAD_READ_VALUE_H
#define QN_LOAD_READ_VALUE_H

#include "common/json/reader.h"
#include "tests/load/report/schema.h"

/* Single members of a JSON tree into C, strictly, for read_json.c. What is missing or wrong is told with its
 * place; all statuses are QN_OK, QN_INVALID_ARGUMENT or, when the arena is full, QN_RESOURCE_EXHAUSTED. */

enum { LOAD_PLACE_MAX = 96 }; /* longer paths are cut: the deepest is "methods[99].response.buckets[4607]" */

/* Where we are, for messages: "methods[2].response"; empty at the top. */
struct load_place {
    struct qn_arena *arena; /* of what is read */
    struct qn_error *err;
    char path[LOAD_PLACE_MAX];
};

struct load_place load_value_inside(const struct load_place *outer, const char *key);
struct load_place load_value_element(const struct load_place *outer, size_t index);

/* Says what is wrong with the member of this place, or with the place itself when 'key' is "". */
enum qn_status load_value_wrong(const struct load_place *place, const char *key, const char *what);

/* The member, which must be there and of that kind. */
QN_MUST_USE enum qn_status load_value_member(const struct load_place *place, const struct qn_json *object,
                                             const char *key, enum qn_json_kind kind,
                                             const struct qn_json **ret_value);
/* True for a whole number from 0 to 'max', however it is written. */
bool load_value_whole(const struct qn_json *value, uint64_t max, uint64_t *ret_number);
QN_MUST_USE enum qn_status load_value_count(const struct load_place *place, const struct qn_json *object,
                                            const char *key, uint64_t max, uint64_t *ret_number);
/* A finite number. */
QN_MUST_USE enum qn_status load_value_double(const struct load_place *place, const struct qn_json *object,
                                             const char *key, double *ret_number);
/* All members of one of schema.h's tables into the struct that it is of. */
QN_MUST_USE enum qn_status load_value_fields(const struct load_place *place, const struct qn_json *object,
                                             const struct load_field *fields, void *into);

#endif
