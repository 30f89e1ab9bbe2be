#include "tests/load/engine/steps.h"

#include <stdlib.h>

#include "common/core/clock.h"
#include "tests/load/report/text.h"

/* Below this share of the rate asked for, the other is shown too: with few calls a run, one more or less is
 * more. */
#define ACHIEVED_WORTH_TELLING 0.9

void load_steps_begin(struct load_steps *steps, const struct load_options *options)
{
    *steps = (struct load_steps){.options = options};
    load_find_max_begin(&steps->search, options->asked.rate);
}

void load_steps_drop(struct load_result *result)
{
    if (result)
        load_result_fini(result);
    free(result);
}

struct load_result *load_steps_new(const struct load_steps *steps)
{
    const struct load_options *options = steps->options;
    struct load_result *result = calloc(1, sizeof *result);
    if (!result)
        return NULL;
    load_result_init(result);
    result->version = QN_VERSION;
    result->started_ms = qn_clock_wall_ms();
    result->asked = options->asked;
    result->asked.rate = options->find_max ? steps->search.rate : options->asked.rate;
    result->n_slos = options->n_slos;
    result->n_marks = options->n_at;
    result->slos = qn_arena_array(&result->arena, result->n_slos + 1, sizeof *result->slos);
    result->marks = qn_arena_array(&result->arena, result->n_marks + 1, sizeof *result->marks);
    if (!result->slos || !result->marks) {
        load_steps_drop(result);
        return NULL;
    }
    for (size_t i = 0; i < result->n_slos; i++)
        result->slos[i] = options->slos[i];
    for (size_t i = 0; i < result->n_marks; i++)
        result->marks[i] = (struct load_mark){
            .at_ms = options->at[i].at_ms, .command = options->at[i].command, .exit_code = -1};
    return result;
}

/* Whether a rate held: the conditions, and calls that never got a place are calls not kept up with. A
 * generator that was late itself only makes latencies longer, so what holds in spite of it does hold. */
static bool has_held(struct load_result *result)
{
    const double UNSTARTED_MAX = 0.001; /* of those started: the last turn of a run may leave some */
    return load_slo_check(result) && (double)result->not_started <= (double)result->started * UNSTARTED_MAX;
}

static void note(struct load_steps *steps, const struct load_result *result, bool held)
{
    steps->steps[steps->n_steps++] = (struct load_step){
        .asked = result->asked.rate,
        .was = load_result_rate(result),
        .p50_ns = load_hist_at(&result->latency, 0.5),
        .p99_ns = load_hist_at(&result->latency, 0.99),
        .errors = load_result_error_share(result),
        .held = held,
    };
}

bool load_steps_take(struct load_steps *steps, struct load_result *result, bool cut_short)
{
    if (!steps->options->find_max) {
        steps->best = result;
        return false;
    }
    if (cut_short && steps->best) {
        load_steps_drop(result); /* it says nothing */
        return false;
    }
    bool held = has_held(result);
    note(steps, result, held);
    if (held || steps->search.held == 0) { /* while none has held: the last, which asked for least */
        load_steps_drop(steps->best);
        steps->best = result;
    } else {
        load_steps_drop(result);
    }
    return load_find_max_next(&steps->search, held) && !cut_short;
}

void load_steps_tell(const struct load_steps *steps, struct qn_buf *to)
{
    if (steps->n_steps == 0)
        return;
    const struct load_step *step = &steps->steps[steps->n_steps - 1];
    char text[LOAD_TEXT_MAX];
    qn_buf_printf(to, "%12s  %-6s", load_text_rate(text, step->asked), step->held ? "held" : "failed");
    qn_buf_printf(to, "  p50 %s", load_text_duration(text, (double)step->p50_ns));
    qn_buf_printf(to, "  p99 %s", load_text_duration(text, (double)step->p99_ns));
    qn_buf_printf(to, "  errors %s", load_text_share(text, step->errors));
    if (step->was < step->asked * ACHIEVED_WORTH_TELLING)
        qn_buf_printf(to, "  achieved %s", load_text_rate(text, step->was));
    qn_buf_write_byte(to, '\n');
}

bool load_steps_end(struct load_steps *steps, struct load_result *ret_result)
{
    if (!steps->best)
        return false;
    load_result_fini(ret_result);
    *ret_result = *steps->best;
    free(steps->best);
    steps->best = NULL;
    ret_result->steps = qn_arena_array(&ret_result->arena, steps->n_steps + 1, sizeof *ret_result->steps);
    ret_result->n_steps = ret_result->steps ? steps->n_steps : 0;
    for (size_t i = 0; i < ret_result->n_steps; i++)
        ret_result->steps[i] = steps->steps[i];
    return true;
}
