#include "tests/harness/test.h"
#include "tests/load/engine/slo.h"

static struct qn_arena arena;
static struct load_slo slos[LOAD_SLO_MAX];
static size_t n_slos;
static struct qn_error err;

static int set_up(void **state)
{
    (void)state;
    qn_arena_init(&arena, 64 * 1024);
    n_slos = 0;
    err = (struct qn_error){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    qn_arena_fini(&arena);
    return 0;
}

static void assert_slo(size_t i, const char *name, double limit)
{
    assert_string_equal(slos[i].name, name);
    assert_float_equal(slos[i].limit, limit, limit / 1e9);
}

static void test_reads(void **state)
{
    (void)state;
    assert_int_equal(load_slo_parse("p99=20ms, errors=0.1%,rate=5000", &arena, slos, &n_slos, &err), QN_OK);
    assert_int_equal(load_slo_parse("p99.9=1.5s,max=800us,mean=3µs,p100=7ns,errors=0.25,errors=0", &arena,
                                    slos, &n_slos, &err),
                     QN_OK);
    assert_int_equal(n_slos, 9);
    assert_slo(0, "p99", 20e6);
    assert_slo(1, "errors", 0.001);
    assert_slo(2, "rate", 5000);
    assert_slo(3, "p99.9", 1.5e9);
    assert_slo(4, "max", 800e3);
    assert_slo(5, "mean", 3e3);
    assert_slo(6, "p100", 7);
    assert_slo(7, "errors", 0.25);
    assert_slo(8, "errors", 0);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "conditions are"},
        {"speed=1", "conditions are"},
        {"p=1ms", "conditions are"},
        {"p0=1ms", "conditions are"},
        {"p101=1ms", "conditions are"},
        {"p9x=1ms", "conditions are"},
        {"p99", "wants a duration"},
        {"p99=20", "wants a duration"},
        {"p99=ms", "wants a duration"},
        {"p99=1.2.3ms", "wants a duration"},
        {"p99=20ms,", "conditions are"},
        {"mean=2 h", "wants a duration"},
        {"errors=2", "errors is a share"},
        {"errors=101%", "errors is a share"},
        {"errors=none", "errors is a share"},
        {"errors=1ms", "errors is a share"},
        {"rate=fast", "rate is calls a second"},
        {"rate=5/s", "rate is calls a second"},
        {"max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,max=1s,"
         "max=1s,max=1s,max=1s",
         "at most 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        n_slos = 0;
        if (load_slo_parse(cases[i].text, &arena, slos, &n_slos, &err) != QN_INVALID_ARGUMENT)
            fail_msg("\"%s\" was taken", cases[i].text);
        if (!strstr(err.message, cases[i].says))
            fail_msg("\"%s\": %s", cases[i].text, err.message);
    }
}

static void test_checks(void **state)
{
    (void)state;
    static struct load_result result;
    load_result_init(&result);
    for (uint64_t ms = 1; ms <= 100; ms++)
        load_hist_record(&result.latency, ms * 1000000);
    result.ended = 100;
    result.codes[QN_OK] = 98;
    result.codes[QN_NOT_FOUND] = 2;
    result.took_ms = 1000;
    static const struct {
        const char *text;
        bool met;
    } cases[] = {
        {"p50=51ms", true},
        {"p50=49ms", false},
        {"max=100ms", true},
        {"max=99ms", false},
        {"mean=50.5ms", true},
        {"mean=50ms", false},
        {"rate=100", true},
        {"rate=101", false},
        {"errors=0.02", true},
        {"errors=1.9%", false},
        {"errors=0", false},
        {"p99=101ms,errors=2%", true},
        {"p99=101ms,errors=0", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        n_slos = 0;
        assert_int_equal(load_slo_parse(cases[i].text, &arena, slos, &n_slos, &err), QN_OK);
        result.slos = slos;
        result.n_slos = n_slos;
        if (load_slo_check(&result) != cases[i].met)
            fail_msg("%s", cases[i].text);
    }
    assert_float_equal(slos[1].was, 0.02, 1e-12);
    assert_true(slos[0].met && !slos[1].met);
    /* Nothing that ended has met anything. */
    static struct load_result nothing;
    load_result_init(&nothing);
    nothing.slos = slos;
    nothing.n_slos = 1;
    assert_false(load_slo_check(&nothing));
    load_result_fini(&nothing);
    load_result_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
