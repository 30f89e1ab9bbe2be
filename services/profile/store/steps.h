#ifndef PROFILE_STORE_STEPS_H
#define PROFILE_STORE_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/clock.h"
#include "common/core/str.h"
#include "services/profile/pg/query.h"

/* The steps of a query in the making: a statement, then its parameters in their order. Texts are made in an
 * arena that lives as long as the query. When the arena is at its ceiling the steps are marked as failed, so
 * a run of additions wants one look at its end; failed steps must not be started. */
enum { STORE_STEPS_MAX = 4 };

struct store_steps {
    struct pg_step at[STORE_STEPS_MAX];
    size_t n;
    struct qn_arena *arena;
    bool failed;
};

void store_steps_init(struct store_steps *steps, struct qn_arena *arena);

/* The next step; the parameters that follow are its own. 'statement' is kept by pointer. Requires: room for
 * it. */
void store_steps_add(struct store_steps *steps, const struct pg_statement *statement);

/* Parameters. Requires: a step, with room for one more; texts without NUL. */
void store_steps_null(struct store_steps *steps);
void store_steps_c(struct store_steps *steps, const char *text);             /* kept by pointer */
void store_steps_str(struct store_steps *steps, struct qn_str text);         /* copied */
void store_steps_str_or_null(struct store_steps *steps, struct qn_str text); /* null when empty; copied */
void store_steps_bool(struct store_steps *steps, bool value);
void store_steps_i64(struct store_steps *steps, int64_t value);
/* As 2026-11-23T04:15:56.937Z, which a "timestamp" and a "timestamptz" column both take for the same moment,
 * whatever the session's TimeZone. Requires: PROFILE_TIME_MIN_MS to PROFILE_TIME_MAX_MS. */
void store_steps_time(struct store_steps *steps, int64_t wall_ms);
void store_steps_date(struct store_steps *steps, struct qn_date date); /* Requires: a date that is one */
void store_steps_array(struct store_steps *steps, const struct qn_str *values, size_t n);

#endif
