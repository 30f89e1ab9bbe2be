#include "tests/load/report/read_value.h"

#include <math.h>
#include <stdio.h>

#include "common/json/number.h"

enum qn_status load_value_wrong(const struct load_place *place, const char *key, const char *what)
{
    return qn_error_set(place->err, QN_INVALID_ARGUMENT, "%s%s%s: %s", place->path,
                        *place->path && *key ? "." : "", key, what);
}

struct load_place load_value_inside(const struct load_place *outer, const char *key)
{
    struct load_place place = {.arena = outer->arena, .err = outer->err};
    snprintf(place.path, sizeof place.path, "%.60s%s%s", outer->path, *outer->path ? "." : "", key);
    return place;
}

struct load_place load_value_element(const struct load_place *outer, size_t index)
{
    struct load_place place = {.arena = outer->arena, .err = outer->err};
    snprintf(place.path, sizeof place.path, "%.60s[%zu]", outer->path, index);
    return place;
}

enum qn_status load_value_member(const struct load_place *place, const struct qn_json *object,
                                 const char *key, enum qn_json_kind kind, const struct qn_json **ret_value)
{
    static const char *const WANTED[] = {
        [QN_JSON_NULL] = "must be null",       [QN_JSON_BOOL] = "must be true or false",
        [QN_JSON_NUMBER] = "must be a number", [QN_JSON_STRING] = "must be a string",
        [QN_JSON_ARRAY] = "must be an array",  [QN_JSON_OBJECT] = "must be an object",
    };
    *ret_value = qn_json_get(object, key);
    if (!*ret_value)
        return load_value_wrong(place, key, "is missing");
    return (*ret_value)->kind == kind ? QN_OK : load_value_wrong(place, key, WANTED[kind]);
}

/* A whole number from 0 to 'max'. */
bool load_value_whole(const struct qn_json *value, uint64_t max, uint64_t *ret_number)
{
    bool negative;
    return value->kind == QN_JSON_NUMBER &&
           qn_number_to_integer(value->text, &negative, ret_number) == QN_OK &&
           (!negative || *ret_number == 0) && *ret_number <= max;
}

enum qn_status load_value_count(const struct load_place *place, const struct qn_json *object, const char *key,
                                uint64_t max, uint64_t *ret_number)
{
    const struct qn_json *value;
    QN_TRY(load_value_member(place, object, key, QN_JSON_NUMBER, &value));
    return load_value_whole(value, max, ret_number)
               ? QN_OK
               : load_value_wrong(place, key, "is no whole number in range");
}

static enum qn_status read_text(const struct load_place *place, const struct qn_json *object, const char *key,
                                const char **ret_text)
{
    const struct qn_json *value = qn_json_get(object, key);
    *ret_text = NULL;
    if (value && value->kind == QN_JSON_NULL)
        return QN_OK;
    QN_TRY(load_value_member(place, object, key, QN_JSON_STRING, &value));
    if (qn_str_find(value->text, '\0') >= 0)
        return load_value_wrong(place, key, "must not hold U+0000");
    *ret_text = qn_arena_copy(place->arena, value->text.ptr, value->text.len);
    return *ret_text ? QN_OK : qn_error_set(place->err, QN_RESOURCE_EXHAUSTED, "too large");
}

static enum qn_status read_name(const struct load_place *place, const struct qn_json *object, const char *key,
                                const char *const names[2], int *ret_index)
{
    const struct qn_json *value;
    QN_TRY(load_value_member(place, object, key, QN_JSON_STRING, &value));
    for (*ret_index = 0; *ret_index < 2; ++*ret_index)
        if (qn_str_eq(value->text, qn_str_c(names[*ret_index])))
            return QN_OK;
    return load_value_wrong(place, key, "is none of its names");
}

enum qn_status load_value_double(const struct load_place *place, const struct qn_json *object,
                                 const char *key, double *ret_number)
{
    const struct qn_json *value;
    QN_TRY(load_value_member(place, object, key, QN_JSON_NUMBER, &value));
    *ret_number = value->number;
    return isfinite(value->number) ? QN_OK : load_value_wrong(place, key, "is out of range");
}

static enum qn_status read_field(const struct load_place *place, const struct qn_json *object,
                                 const struct load_field *field, void *into)
{
    void *at = (char *)into + field->offset;
    const struct qn_json *value = qn_json_get(object, field->key);
    bool is_null = value && value->kind == QN_JSON_NULL;
    uint64_t number = 0;
    int index = 0;
    switch (field->kind) {
    case LOAD_COUNT:
        return load_value_count(place, object, field->key, LOAD_COUNT_MAX, at);
    case LOAD_TIME_NS:
        return load_value_count(place, object, field->key, LOAD_HIST_MAX_NS, at);
    case LOAD_SMALL:
        QN_TRY(load_value_count(place, object, field->key, UINT32_MAX, &number));
        *(uint32_t *)at = (uint32_t)number;
        return QN_OK;
    case LOAD_OR_NONE:
        if (!is_null)
            QN_TRY(load_value_count(place, object, field->key, INT32_MAX, &number));
        *(int32_t *)at = is_null ? -1 : (int32_t)number;
        return QN_OK;
    case LOAD_WIDE:
        QN_TRY(load_value_member(place, object, field->key, QN_JSON_STRING, &value));
        return qn_str_to_u64(value->text, at)
                   ? QN_OK
                   : load_value_wrong(place, field->key, "must be a whole number in a string");
    case LOAD_QUANTITY:
        QN_TRY(load_value_double(place, object, field->key, at));
        return *(double *)at >= 0 ? QN_OK : load_value_wrong(place, field->key, "must not be negative");
    case LOAD_READING:
        *(double *)at = (double)NAN;
        return is_null ? QN_OK : load_value_double(place, object, field->key, at);
    case LOAD_FLAG:
        QN_TRY(load_value_member(place, object, field->key, QN_JSON_BOOL, &value));
        *(bool *)at = value->boolean;
        return QN_OK;
    case LOAD_TEXT:
        return read_text(place, object, field->key, at);
    case LOAD_MODE:
        QN_TRY(read_name(place, object, field->key, load_schema_modes, &index));
        *(enum load_mode *)at = (enum load_mode)index;
        return QN_OK;
    case LOAD_ARRIVAL:
        QN_TRY(read_name(place, object, field->key, load_schema_arrivals, &index));
        *(enum load_arrival *)at = (enum load_arrival)index;
        return QN_OK;
    }
    return QN_INTERNAL;
}

enum qn_status load_value_fields(const struct load_place *place, const struct qn_json *object,
                                 const struct load_field *fields, void *into)
{
    for (; fields->key; fields++)
        QN_TRY(read_field(place, object, fields, into));
    return QN_OK;
}
