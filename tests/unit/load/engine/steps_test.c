#include "tests/harness/test.h"
#include "tests/load/engine/steps.h"

static struct load_options options;
static struct load_steps steps;

static int set_up(void **state)
{
    (void)state;
    options = (struct load_options){.find_max = true, .asked = {.rate = 1000}};
    qn_arena_init(&options.arena, 4096);
    struct qn_error err;
    assert_int_equal(load_slo_parse("p99=20ms,errors=0", &options.arena, options.slos, &options.n_slos, &err),
                     QN_OK);
    load_steps_begin(&steps, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    qn_arena_fini(&options.arena);
    return 0;
}

/* A run at the rate that is asked for; its calls took so long, some failed, some never started. */
static bool take(double should_ask, uint64_t ms, uint64_t failed, uint64_t not_started, bool is_void,
                 bool cut_short)
{
    struct load_result *result = load_steps_new(&steps);
    assert_non_null(result);
    assert_float_equal(result->asked.rate, should_ask, 0.5);
    load_hist_add(&result->latency, ms * 1000000, 1000);
    result->started = result->ended = 1000;
    result->codes[QN_OK] = 1000 - failed;
    result->codes[QN_INTERNAL] = failed;
    result->not_started = not_started;
    result->took_ms = 1000;
    result->is_void = is_void;
    return load_steps_take(&steps, result, cut_short);
}

static void expect(double rate, size_t n_steps)
{
    struct load_result result;
    load_result_init(&result);
    assert_true(load_steps_end(&steps, &result));
    assert_float_equal(result.asked.rate, rate, 0.5);
    assert_int_equal(result.n_steps, n_steps);
    load_result_fini(&result);
}

static void test_the_best_that_held(void **state)
{
    (void)state;
    assert_true(take(1000, 5, 0, 0, false, false));
    assert_true(take(2000, 6, 0, 0, false, false));
    assert_true(take(4000, 50, 0, 0, false, false)); /* too slow */
    assert_true(take(2828, 7, 1, 0, false, false));  /* a failure */
    assert_true(take(2378, 7, 0, 5, false, false));  /* not kept up with */
    assert_true(take(2181, 7, 0, 1, true, false));   /* the generator was late, and it held all the same */
    assert_true(take(2277, 7, 0, 1, true, false));
    assert_false(take(2327, 7, 1, 0, false, false)); /* close enough */
    expect(2277, 8);
    assert_true(steps.steps[6].held && !steps.steps[7].held);
}

static void test_none_held(void **state)
{
    (void)state;
    options.asked.rate = 2;
    load_steps_begin(&steps, &options);
    assert_true(take(2, 50, 0, 0, false, false));
    assert_false(take(1, 60, 0, 0, false, false));
    expect(1, 2); /* the last, which asked for least */
}

/* What a signal cut short says nothing, unless there is nothing else. */
static void test_cut_short(void **state)
{
    (void)state;
    assert_true(take(1000, 5, 0, 0, false, false));
    assert_false(take(2000, 5, 0, 0, false, true));
    expect(1000, 1);
    load_steps_begin(&steps, &options);
    assert_false(take(1000, 5, 0, 0, false, true));
    expect(1000, 1);
}

static void test_one_run(void **state)
{
    (void)state;
    options.find_max = false;
    options.n_at = 1;
    options.at[0] = (struct load_at_option){7000, "true"};
    struct load_result *result = load_steps_new(&steps);
    assert_int_equal(result->n_marks, 1);
    assert_int_equal(result->marks[0].at_ms, 7000);
    assert_string_equal(result->marks[0].command, "true");
    assert_int_equal(result->marks[0].exit_code, -1);
    load_steps_drop(result);
    assert_false(take(1000, 50, 0, 0, false, false));
    expect(1000, 0);
}

static void test_words(void **state)
{
    (void)state;
    struct qn_buf text;
    qn_buf_init(&text, 1024);
    assert_true(take(1000, 5, 0, 0, false, false));
    load_steps_tell(&steps, &text);
    assert_non_null(strstr(text.data, "1,000/s  held"));
    assert_null(strstr(text.data, "achieved")); /* 1,000 in a second are what was asked */
    qn_buf_clear(&text);
    assert_true(take(2000, 50, 10, 0, false, false));
    load_steps_tell(&steps, &text);
    assert_non_null(strstr(text.data, "2,000/s  failed"));
    assert_non_null(strstr(text.data, "errors 1%"));
    assert_non_null(strstr(text.data, "achieved 1,000/s\n"));
    qn_buf_fini(&text);
    expect(1000, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_best_that_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_none_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_words, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
