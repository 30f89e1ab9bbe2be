#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/test.h"
#include "tests/load/report/report.h"
#include "tests/load/report/text.h"
#include "tests/unit/load/report/sample.h"

/* The first line that holds both texts; fails when there is none. */
static struct qn_str line_with(const char *table, const char *one, const char *two)
{
    struct qn_str rest = qn_str_c(table), line;
    while (qn_str_next(&rest, '\n', &line)) {
        const char *at = memmem(line.ptr, line.len, one, strlen(one));
        if (at && memmem(line.ptr, line.len, two, strlen(two)))
            return line;
    }
    fail_msg("no line with \"%s\" and \"%s\" in:\n%s", one, two, table);
    return line;
}

static void assert_quantiles(const char *table, const char *label, const char *unit,
                             const struct load_hist *hist)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 1};
    char text[LOAD_TEXT_MAX];
    struct qn_str line = line_with(table, label, unit);
    const char *at = line.ptr;
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        load_text_duration(text, (double)load_hist_at(hist, quantiles[i]));
        at = memmem(at, line.len - (size_t)(at - line.ptr), text, strlen(text)); /* in this order */
        if (!at)
            fail_msg("no %s in %.*s", text, QN_STR_ARG(line));
        at += strlen(text);
    }
}

static void everything_of_the_run_is_told(void **state)
{
    (void)state;
    static struct load_result r;
    char text[LOAD_TEXT_MAX];
    size_t len;
    sample_result(&r);
    char *table = sample_report(sample_table, &r, &len);
    line_with(table, "quintet-load 0.1.0", "ipc:///run/quintet/auth");
    line_with(table, "open loop, Poisson arrivals, 2,000/s", "at most 256 in flight, 8 connections");
    line_with(table, "60 s after 1 s of warm-up", "seed 18446744073709551615");
    line_with(table, load_text_rate(text, load_result_rate(&r)), "of the 2,000/s asked");
    line_with(table, load_text_count(text, r.ended), "12 more were due");
    line_with(table, "errors", load_text_count(text, load_result_errors(&r)));
    assert_quantiles(table, "response", "µs", &r.latency);
    assert_quantiles(table, "service", "µs", &r.service);
    assert_quantiles(table, "own lag", "µs", &r.lag);
    line_with(table, "own CPU", "21.5 µs a call, its loop 4.3% of a core");
    line_with(table, "deadline_exceeded", load_text_count(text, r.codes[QN_DEADLINE_EXCEEDED]));
    line_with(table, "unavailable", load_text_count(text, r.codes[QN_UNAVAILABLE]));
    assert_quantiles(table, "AuthService/GetSessionWithProfileCheck", "µs", &r.methods[0].latency);
    assert_quantiles(table, "AuthService/GetSession ", "µs", &r.methods[1].latency);
    line_with(table, "NOT MET  p99", "at most   20.0 ms");
    line_with(table, "met      rate", "at least  1,900/s");
    line_with(table, "connections", "at most 5 of 5 allowed (looked 592 times)");
    line_with(table, "20 s  kill -STOP $(cat profile.pid)", "exit 0  recovered within 3 s");
    line_with(table, "quintet_pg_batch_calls_sum", "+120,000");
    line_with(table, "http://127.0.0.1:9402/metrics", "1 stayed the same");
    assert_null(strstr(table, "quintet_pg_connections")); /* it did not change */
    assert_null(strstr(table, "VOID"));
    assert_null(strstr(table, "\x1b"));
    load_result_fini(&r);
    free(table);
}

/* Nobody may read the numbers without having seen it: it stands before and behind them. */
static void a_void_run_says_so_at_both_ends(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len;
    sample_result(&r);
    r.is_void = true;
    r.void_reason = "the generator lagged by 38 ms";
    char *table = sample_report(sample_table, &r, &len);
    const char *wanted = "*** VOID: do not trust these numbers ***  the generator lagged by 38 ms\n";
    char *first = strstr(table, wanted), *second = first ? strstr(first + 1, wanted) : NULL;
    assert_non_null(first);
    assert_true(first < strstr(table, "Achieved"));
    assert_non_null(second);
    assert_int_equal(strlen(second), strlen(wanted)); /* the last line */
    load_result_fini(&r);
    free(table);
}

static void other_shapes_of_a_run_are_told(void **state)
{
    (void)state;
    static struct load_result r;
    struct load_step steps[] = {{500, 499.5, 800000, 2000000, 0, true},
                                {9000, 7000, 1000000, 5000000, 0.25, false}};
    size_t len;
    sample_result(&r);
    r.asked.mode = LOAD_CLOSED;
    r.n_methods = 1;
    r.steps = steps;
    r.n_steps = 2;
    r.database.peak = 6;
    r.database.problem = "lost the connection";
    r.marks[0].exit_code = 137;
    r.marks[0].recovered = false;
    r.marks[1].exit_code = -1;
    char *table = sample_report(sample_table, &r, &len);
    line_with(table, "closed loop, 256 callers", "8 connections");
    line_with(table, "method  ", "AuthService/GetSessionWithProfileCheck");
    assert_null(strstr(table, "By method"));
    assert_null(strstr(table, "from when it was due"));
    line_with(table, "9,000/s", "25%  did not hold");
    line_with(table, "at most 6 of 5 allowed", "");
    line_with(table, "problem", "lost the connection");
    line_with(table, "killed by signal 9", "did not recover");
    line_with(table, "did not end", "recovered within 500 ms");
    free(table);
    r.asked.mode = LOAD_OPEN;
    r.asked.arrival = LOAD_CONSTANT;
    r.asked.ramp_from = 100;
    r.asked.ramp_ms = 30000;
    table = sample_report(sample_table, &r, &len);
    line_with(table, "open loop, constant arrivals, 100/s rising to 2,000/s within 30 s", "");
    assert_null(strstr(table, "asked (over")); /* a ramp has no one rate to compare with */
    load_result_fini(&r);
    free(table);
}

static void an_empty_run_is_told(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len;
    load_result_init(&r);
    char *table = sample_report(sample_table, &r, &len);
    line_with(table, "0 ended of 0 started", "");
    line_with(table, "none ended", "");
    assert_null(strstr(table, "nan"));
    load_result_fini(&r);
    free(table);
}

static void a_terminal_obeys_no_foreign_text(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len;
    sample_result(&r);
    sample_make_hostile(&r);
    char *table = sample_report(sample_table, &r, &len);
    assert_null(strchr(table, '\x1b'));
    assert_null(strchr(table, '\xff'));
    line_with(table, "<script>alert(1)</script>", "\\x1b[31m");
    load_result_fini(&r);
    free(table);
}

/* Columns line up: what stands right-aligned in a section ends in one column. */
static void columns_line_up(void **state)
{
    (void)state;
    static struct load_result r;
    size_t len;
    sample_result(&r);
    char *table = sample_report(sample_table, &r, &len), text[256];
    struct qn_str head = line_with(table, "p50", "mean"),
                  line = line_with(table, "response", "from when it was due");
    const char *p50 = memmem(head.ptr, head.len, "p50", 3),
               *unit = memmem(line.ptr, line.len, "µs", strlen("µs"));
    assert_non_null(unit);
    snprintf(text, sizeof text, "%.*s", (int)(unit - line.ptr), line.ptr);
    assert_int_equal(load_text_width(text) + 2, (size_t)(p50 - head.ptr) + 3);
    load_result_fini(&r);
    free(table);
}

/* The table as a terminal gets it. */
static size_t on_terminal(const struct load_result *r, char *to, size_t room)
{
    int master, slave;
    size_t len = 0;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    FILE *terminal = fdopen(slave, "w");
    assert_non_null(terminal);
    load_report_table(terminal, r);
    assert_int_equal(fflush(terminal), 0);
    /* What fits into the terminal's own buffer: an empty run's table is short. */
    while (len + 1 < room) {
        ssize_t got = read(master, to + len, room - len - 1);
        assert_true(got > 0);
        len += (size_t)got;
        to[len] = '\0';
        if (strstr(to, "none ended"))
            break;
    }
    fclose(terminal);
    close(master);
    return len;
}

static void colours_are_for_terminals_that_want_them(void **state)
{
    (void)state;
    static struct load_result r;
    char table[8192];
    load_result_init(&r);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    on_terminal(&r, table, sizeof table);
    assert_non_null(strstr(table, "\x1b[1mAchieved\x1b[0m"));
    setenv("NO_COLOR", "", 1); /* empty counts as unset, says no-color.org */
    on_terminal(&r, table, sizeof table);
    assert_non_null(strchr(table, '\x1b'));
    setenv("NO_COLOR", "1", 1);
    on_terminal(&r, table, sizeof table);
    assert_null(strchr(table, '\x1b'));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    on_terminal(&r, table, sizeof table);
    assert_null(strchr(table, '\x1b'));
    load_result_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_of_the_run_is_told),
        cmocka_unit_test(a_void_run_says_so_at_both_ends),
        cmocka_unit_test(other_shapes_of_a_run_are_told),
        cmocka_unit_test(an_empty_run_is_told),
        cmocka_unit_test(a_terminal_obeys_no_foreign_text),
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(colours_are_for_terminals_that_want_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
