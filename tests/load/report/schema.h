#ifndef QN_LOAD_SCHEMA_H
#define QN_LOAD_SCHEMA_H

#include <stddef.h>

#include "tests/load/report/result.h"

/* Which member of a result stands under which name in its JSON: one list for the writer and the reader, so
 * that they cannot disagree. FORMATS.md describes the same for people. */

#define LOAD_SCHEMA "quintet-load/1"

/* What JavaScript's numbers hold exactly, so that any reader of the file sees the same: 2^53. */
#define LOAD_COUNT_MAX (INT64_C(1) << 53)

enum load_field_kind {
    LOAD_COUNT,    /* uint64_t up to LOAD_COUNT_MAX */
    LOAD_TIME_NS,  /* uint64_t up to LOAD_HIST_MAX_NS */
    LOAD_SMALL,    /* uint32_t */
    LOAD_OR_NONE,  /* int32_t, where -1 is null */
    LOAD_WIDE,     /* uint64_t, as a string */
    LOAD_QUANTITY, /* double, finite, from 0 */
    LOAD_READING,  /* double, where NaN (and infinite) is null */
    LOAD_FLAG,     /* bool */
    LOAD_TEXT,     /* const char *, where NULL is null */
    LOAD_MODE,     /* enum load_mode, by name */
    LOAD_ARRIVAL,  /* enum load_arrival, by name */
};

struct load_field {
    const char *key;
    enum load_field_kind kind;
    size_t offset;
};

/* Each ends with a NULL key. */
extern const struct load_field load_schema_result[];   /* of struct load_result, at the top */
extern const struct load_field load_schema_achieved[]; /* of struct load_result, under "achieved" */
extern const struct load_field load_schema_cpu[];      /* of struct load_result, under "cpu" */
extern const struct load_field load_schema_database[]; /* of struct load_result, under "database" */
extern const struct load_field load_schema_watched[];  /* of struct load_result, under "metrics" */
extern const struct load_field load_schema_asked[];    /* of struct load_asked */
extern const struct load_field load_schema_method[];   /* of struct load_method */
extern const struct load_field load_schema_second[];   /* of struct load_second */
extern const struct load_field load_schema_mark[];     /* of struct load_mark */
extern const struct load_field load_schema_slo[];      /* of struct load_slo */
extern const struct load_field load_schema_step[];     /* of struct load_step */
extern const struct load_field load_schema_metric[];   /* of struct load_watched_metric */

extern const char *const load_schema_modes[2];    /* by enum load_mode */
extern const char *const load_schema_arrivals[2]; /* by enum load_arrival */

/* The histograms of a result. */
struct load_hist_field {
    const char *key;
    size_t offset;
};
extern const struct load_hist_field load_schema_hists[3];

#endif
