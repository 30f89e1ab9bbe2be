#include "tests/load/report/read_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "tests/load/report/read_value.h"

/* 1. the text as a tree  2. the schema's name  3. each member of schema.h's tables, told by its path when it
 * is missing or wrong  4. the histograms, which must add up. */

enum { TREE_ROOM = 512 * 1024 * 1024 }; /* a node takes 72 bytes for two or three of text */

static enum qn_status new_array(const struct load_place *place, size_t count, size_t size, void *ret_items)
{
    void *items = count ? qn_arena_array(place->arena, count, size) : NULL;
    memcpy(ret_items, &items, sizeof(void *)); /* whatever it points to */
    return items || count == 0 ? QN_OK : qn_error_set(place->err, QN_RESOURCE_EXHAUSTED, "too large");
}

/* *ret_items points to *ret_count structs of 'size' bytes. */
static enum qn_status read_array(const struct load_place *outer, const struct qn_json *object,
                                 const char *key, const struct load_field *fields, size_t size,
                                 void *ret_items, size_t *ret_count)
{
    const struct qn_json *array;
    struct load_place place = load_value_inside(outer, key);
    char *items;
    QN_TRY(load_value_member(outer, object, key, QN_JSON_ARRAY, &array));
    QN_TRY(new_array(outer, array->n_items, size, &items));
    for (size_t i = 0; i < array->n_items; i++) {
        struct load_place at = load_value_element(&place, i);
        if (array->items[i].kind != QN_JSON_OBJECT)
            return load_value_wrong(&at, "", "must be an object");
        QN_TRY(load_value_fields(&at, &array->items[i], fields, items + i * size));
    }
    memcpy(ret_items, &items, sizeof(void *));
    *ret_count = array->n_items;
    return QN_OK;
}

static enum qn_status read_codes(const struct load_place *outer, const struct qn_json *object,
                                 uint64_t ret_codes[QN_STATUS_COUNT], uint64_t *ret_sum)
{
    const struct qn_json *codes;
    struct load_place place = load_value_inside(outer, "codes");
    QN_TRY(load_value_member(outer, object, "codes", QN_JSON_OBJECT, &codes));
    *ret_sum = 0;
    size_t known = 0;
    for (int code = QN_OK; code < QN_STATUS_COUNT; code++) {
        const char *name = qn_status_name((enum qn_status)code);
        if (!qn_json_get(codes, name))
            continue;
        known++;
        QN_TRY(load_value_count(&place, codes, name, LOAD_COUNT_MAX, &ret_codes[code]));
        *ret_sum += ret_codes[code];
    }
    /* gRPC's codes are a closed list, and a later version's could not be left out of the sums. */
    return known == codes->n_items ? QN_OK : load_value_wrong(&place, "", "holds a name that is no status");
}

static enum qn_status read_buckets(const struct load_place *place, const struct qn_json *buckets,
                                   struct load_hist *hist)
{
    int64_t last = -1;
    for (size_t i = 0; i < buckets->n_items; i++) {
        const struct qn_json *pair = &buckets->items[i];
        struct load_place at = load_value_element(place, i);
        uint64_t upper, count;
        if (pair->kind != QN_JSON_ARRAY || pair->n_items != 2 ||
            !load_value_whole(&pair->items[0], LOAD_HIST_MAX_NS, &upper) ||
            !load_value_whole(&pair->items[1], LOAD_COUNT_MAX, &count) || count == 0)
            return load_value_wrong(&at, "", "must be [upper bound in ns, count]");
        if (load_hist_upper(upper) != upper || (int64_t)upper <= last)
            return load_value_wrong(&at, "", "is no bucket's upper bound, or out of order");
        if (count > (uint64_t)LOAD_COUNT_MAX - hist->count)
            return load_value_wrong(&at, "", "counts too many");
        load_hist_add(hist, upper, count);
        last = (int64_t)upper;
    }
    return QN_OK;
}

/* Sums of doubles in another order differ in their last digits. */
#define SUM_SLACK 1e-6

static enum qn_status read_hist(const struct load_place *outer, const struct qn_json *object, const char *key,
                                struct load_hist *ret_hist)
{
    const struct qn_json *value, *buckets;
    struct load_place place = load_value_inside(outer, key), at = load_value_inside(&place, "buckets");
    uint64_t count, min, max;
    double sum;
    QN_TRY(load_value_member(outer, object, key, QN_JSON_OBJECT, &value));
    QN_TRY(load_value_count(&place, value, "count", LOAD_COUNT_MAX, &count));
    QN_TRY(load_value_count(&place, value, "min_ns", LOAD_HIST_MAX_NS, &min));
    QN_TRY(load_value_count(&place, value, "max_ns", LOAD_HIST_MAX_NS, &max));
    QN_TRY(load_value_double(&place, value, "sum_ns", &sum));
    QN_TRY(load_value_member(&place, value, "buckets", QN_JSON_ARRAY, &buckets));
    *ret_hist = (struct load_hist){0};
    QN_TRY(read_buckets(&at, buckets, ret_hist));
    if (ret_hist->count != count)
        return load_value_wrong(&place, "count", "is not the sum of its buckets");
    /* What load_hist_add() took for the least and the most are uppers of the buckets that hold them. */
    if (count &&
        (load_hist_upper(min) != ret_hist->min_ns || load_hist_upper(max) != ret_hist->max_ns || min > max))
        return load_value_wrong(&place, "min_ns", "and max_ns are not in the first and the last bucket");
    if (!count && (min || max))
        return load_value_wrong(&place, "min_ns", "and max_ns must be 0 when nothing was counted");
    if (sum < (double)min * (double)count * (1 - SUM_SLACK) ||
        sum > (double)max * (double)count * (1 + SUM_SLACK))
        return load_value_wrong(&place, "sum_ns", "cannot be the sum of such values");
    ret_hist->min_ns = min;
    ret_hist->max_ns = max;
    ret_hist->sum_ns = sum;
    return QN_OK;
}

static enum qn_status read_methods(const struct load_place *outer, const struct qn_json *object,
                                   struct load_result *result)
{
    struct load_place place = load_value_inside(outer, "methods");
    const struct qn_json *methods;
    uint64_t ended;
    QN_TRY(read_array(outer, object, "methods", load_schema_method, sizeof *result->methods, &result->methods,
                      &result->n_methods));
    QN_TRY(load_value_member(outer, object, "methods", QN_JSON_ARRAY, &methods));
    for (size_t i = 0; i < result->n_methods; i++) {
        struct load_place at = load_value_element(&place, i);
        if (!result->methods[i].name)
            return load_value_wrong(&at, "name", "must be a string");
        QN_TRY(read_codes(&at, &methods->items[i], result->methods[i].codes, &ended));
        QN_TRY(read_hist(&at, &methods->items[i], "response", &result->methods[i].latency));
    }
    return QN_OK;
}

static enum qn_status read_achieved(const struct load_place *outer, const struct qn_json *object,
                                    struct load_result *result)
{
    struct load_place place = load_value_inside(outer, "achieved");
    const struct qn_json *achieved;
    uint64_t ended;
    QN_TRY(load_value_member(outer, object, "achieved", QN_JSON_OBJECT, &achieved));
    QN_TRY(load_value_fields(&place, achieved, load_schema_achieved, result));
    QN_TRY(read_codes(&place, achieved, result->codes, &ended));
    return ended == result->ended ? QN_OK : load_value_wrong(&place, "ended", "is not the sum of its codes");
}

/* "database" and "metrics" are null when they were not watched. */
static enum qn_status read_watched(const struct load_place *outer, const struct qn_json *object,
                                   struct load_result *result)
{
    const struct qn_json *value = qn_json_get(object, "database");
    if (!value || value->kind != QN_JSON_NULL) {
        struct load_place place = load_value_inside(outer, "database");
        QN_TRY(load_value_member(outer, object, "database", QN_JSON_OBJECT, &value));
        QN_TRY(load_value_fields(&place, value, load_schema_database, result));
        result->database.on = true;
    }
    value = qn_json_get(object, "metrics");
    if (value && value->kind == QN_JSON_NULL)
        return QN_OK;
    struct load_place place = load_value_inside(outer, "metrics");
    QN_TRY(load_value_member(outer, object, "metrics", QN_JSON_OBJECT, &value));
    QN_TRY(load_value_fields(&place, value, load_schema_watched, result));
    if (!result->metrics_url)
        return load_value_wrong(&place, "url", "must be a string");
    return read_array(&place, value, "series", load_schema_metric, sizeof *result->metrics, &result->metrics,
                      &result->n_metrics);
}

static enum qn_status read_result(const struct qn_json *tree, struct load_result *result,
                                  struct qn_error *err)
{
    struct load_place top = {.arena = &result->arena, .err = err};
    const struct qn_json *schema = qn_json_get(tree, "schema"), *value;
    struct load_place place = load_value_inside(&top, "asked");
    if (!schema || schema->kind != QN_JSON_STRING)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "no result of quintet-load: it has no \"schema\"");
    if (!qn_str_eq(schema->text, qn_str_c(LOAD_SCHEMA)))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "its schema is \"%.*s\", and only \"%s\" is known here",
                            (int)(schema->text.len < 60 ? schema->text.len : 60), schema->text.ptr,
                            LOAD_SCHEMA);
    QN_TRY(load_value_fields(&top, tree, load_schema_result, result));
    QN_TRY(load_value_member(&top, tree, "asked", QN_JSON_OBJECT, &value));
    QN_TRY(load_value_fields(&place, value, load_schema_asked, &result->asked));
    QN_TRY(read_achieved(&top, tree, result));
    place = load_value_inside(&top, "cpu");
    QN_TRY(load_value_member(&top, tree, "cpu", QN_JSON_OBJECT, &value));
    QN_TRY(load_value_fields(&place, value, load_schema_cpu, result));
    for (size_t i = 0; i < QN_COUNT(load_schema_hists); i++)
        QN_TRY(read_hist(&top, tree, load_schema_hists[i].key,
                         (void *)((char *)result + load_schema_hists[i].offset)));
    QN_TRY(read_methods(&top, tree, result));
    QN_TRY(read_array(&top, tree, "slos", load_schema_slo, sizeof *result->slos, &result->slos,
                      &result->n_slos));
    QN_TRY(read_array(&top, tree, "steps", load_schema_step, sizeof *result->steps, &result->steps,
                      &result->n_steps));
    QN_TRY(read_array(&top, tree, "marks", load_schema_mark, sizeof *result->marks, &result->marks,
                      &result->n_marks));
    QN_TRY(read_watched(&top, tree, result));
    return read_array(&top, tree, "seconds", load_schema_second, sizeof *result->seconds, &result->seconds,
                      &result->n_seconds);
}

enum qn_status load_read_json_text(struct qn_str text, struct load_result *ret_result, struct qn_error *err)
{
    struct qn_arena arena;
    struct qn_json *tree;
    load_result_init(ret_result);
    qn_arena_init(&arena, TREE_ROOM);
    enum qn_status status = qn_json_parse(text, true, &arena, &tree, err);
    if (status == QN_OK)
        status = read_result(tree, ret_result, err);
    qn_arena_fini(&arena);
    if (status != QN_OK)
        load_result_fini(ret_result);
    return status;
}

static enum qn_status read_file(const char *path, struct qn_buf *to, struct qn_error *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return qn_error_set(err, QN_UNAVAILABLE, "%.100s: %s", path, strerror(errno));
    char chunk[64 * 1024];
    size_t len;
    while ((len = fread(chunk, 1, sizeof chunk, file)) > 0 && !qn_buf_failed(to))
        qn_buf_write(to, chunk, len);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error)
        return qn_error_set(err, QN_UNAVAILABLE, "%.100s: %s", path, strerror(error));
    if (qn_buf_failed(to))
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%.100s: over %d MiB", path,
                            LOAD_READ_FILE_MAX / 1024 / 1024);
    return QN_OK;
}

enum qn_status load_read_json(const char *path, struct load_result *ret_result, struct qn_error *err)
{
    struct qn_buf text;
    struct qn_error inner = {0};
    qn_buf_init(&text, LOAD_READ_FILE_MAX);
    enum qn_status status = read_file(path, &text, err);
    if (status == QN_OK) {
        status = load_read_json_text(qn_buf_view(&text), ret_result, &inner);
        if (status != QN_OK)
            qn_error_set(err, status, "%.80s: %.170s", path, inner.message);
    } else
        *ret_result = (struct load_result){0};
    qn_buf_fini(&text);
    return status;
}
