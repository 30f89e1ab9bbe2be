#include "services/profile/store/steps.h"

#include <inttypes.h>

#include "common/core/check.h"

void store_steps_init(struct store_steps *steps, struct qn_arena *arena)
{
    *steps = (struct store_steps){.arena = arena};
}

void store_steps_add(struct store_steps *steps, const struct pg_statement *statement)
{
    QN_CHECK(steps->n < STORE_STEPS_MAX);
    steps->at[steps->n++] = (struct pg_step){.statement = statement};
}

static void add_param(struct store_steps *steps, const char *text)
{
    QN_CHECK(steps->n > 0);
    struct pg_step *step = &steps->at[steps->n - 1];
    QN_CHECK(step->n_params < PG_PARAMS_MAX);
    step->params[step->n_params++] = text;
}

/* A text that should have been made: without it the parameter would read as null. */
static void add_made(struct store_steps *steps, const char *text)
{
    if (text == NULL)
        steps->failed = true;
    add_param(steps, text);
}

void store_steps_null(struct store_steps *steps)
{
    add_param(steps, NULL);
}

void store_steps_c(struct store_steps *steps, const char *text)
{
    QN_CHECK(text != NULL);
    add_param(steps, text);
}

void store_steps_str(struct store_steps *steps, struct qn_str text)
{
    add_made(steps, qn_arena_copy(steps->arena, text.ptr, text.len));
}

void store_steps_str_or_null(struct store_steps *steps, struct qn_str text)
{
    if (text.len == 0)
        store_steps_null(steps);
    else
        store_steps_str(steps, text);
}

void store_steps_bool(struct store_steps *steps, bool value)
{
    add_param(steps, value ? "t" : "f");
}

void store_steps_i64(struct store_steps *steps, int64_t value)
{
    add_made(steps, qn_arena_printf(steps->arena, "%" PRId64, value));
}

void store_steps_time(struct store_steps *steps, int64_t wall_ms)
{
    char *text = qn_arena_alloc(steps->arena, QN_TIME_TEXT_LEN + 1);
    if (text)
        qn_time_format(wall_ms, text);
    add_made(steps, text);
}

void store_steps_date(struct store_steps *steps, struct qn_date date)
{
    add_made(steps, qn_arena_printf(steps->arena, "%04d-%02d-%02d", date.year, date.month, date.day));
}

void store_steps_array(struct store_steps *steps, const struct qn_str *values, size_t n)
{
    add_made(steps, pg_array_text(steps->arena, values, n));
}
