#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/test.h"
#include "tests/load/report/compare.h"
#include "tests/load/report/report.h"
#include "tests/unit/load/report/sample.h"

/* Two results in files, and what compare says of them. */
struct pair {
    struct load_result a, b;
    char *text;
    int code;
};

static void write_file(const struct load_result *r, char path[])
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(load_report_json(file, r));
    assert_int_equal(fclose(file), 0);
}

static void compare(struct pair *p)
{
    char a[] = "/tmp/quintet-load-a-XXXXXX", b[] = "/tmp/quintet-load-b-XXXXXX";
    size_t len;
    free(p->text);
    write_file(&p->a, a);
    write_file(&p->b, b);
    FILE *to = open_memstream(&p->text, &len);
    assert_non_null(to);
    p->code = load_compare(to, a, b);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(p->code, 0);
    unlink(a);
    unlink(b);
}

static int setup(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    sample_result(&p->a);
    sample_result(&p->b);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    load_result_fini(&p->a);
    load_result_fini(&p->b);
    free(p->text);
    free(p);
    return 0;
}

/* The line that begins with 'label', without the label. */
static struct qn_str row(const struct pair *p, const char *label)
{
    struct qn_str rest = qn_str_c(p->text), line;
    while (qn_str_next(&rest, '\n', &line)) {
        struct qn_str trimmed = qn_str_trim(line);
        if (qn_str_starts(trimmed, qn_str_c(label)))
            return qn_str_trim(qn_str_n(trimmed.ptr + strlen(label), trimmed.len - strlen(label)));
    }
    fail_msg("no row \"%s\" in:\n%s", label, p->text);
    return line;
}

/* Its cells, which at least two blanks part, with one blank between them. */
static void assert_row(const struct pair *p, const char *label, const char *cells)
{
    struct qn_str line = row(p, label);
    char packed[256];
    size_t len = 0;
    for (size_t i = 0; i < line.len && len + 1 < sizeof packed; i++)
        if (line.ptr[i] != ' ' || (len && packed[len - 1] != ' '))
            packed[len++] = line.ptr[i];
    packed[len] = '\0';
    assert_string_equal(packed, cells);
}

static void assert_warns(const struct pair *p, const char *text)
{
    if (!strstr(p->text, text))
        fail_msg("no \"%s\" in:\n%s", text, p->text);
    assert_non_null(strstr(p->text, "*** NOT COMPARABLE ***"));
}

/* All latencies are of one value. */
static void fill(struct load_hist *hist, uint64_t ns, uint64_t count)
{
    *hist = (struct load_hist){0};
    load_hist_add(hist, ns, count);
}

static void a_result_is_as_good_as_itself(void **state)
{
    struct pair *p = *state;
    compare(p);
    assert_non_null(strstr(p->text, "No difference that counts."));
    assert_null(strstr(p->text, "better"));
    assert_null(strstr(p->text, "worse"));
    assert_null(strstr(p->text, "***"));
    assert_null(strstr(p->text, "\x1b"));
}

static void faster_is_better_and_slower_is_worse(void **state)
{
    struct pair *p = *state;
    fill(&p->a.latency, 1000000, 100000);
    fill(&p->b.latency, 500000, 100000);
    fill(&p->a.service, 400000, 100000);
    fill(&p->b.service, 440000, 100000);
    compare(p);
    assert_row(p, "response p50", "1.00 ms 500 µs -500 µs -50.0% better");
    assert_row(p, "response p99.9", "1.00 ms 500 µs -500 µs -50.0% better");
    assert_row(p, "response max", "1.00 ms 500 µs -500 µs -50.0% one call each");
    assert_row(p, "service p99", "400 µs 440 µs +40.0 µs +10.0% worse");
    assert_row(p, "service mean", "400 µs 440 µs +40.0 µs +10.0% worse");
    assert_non_null(strstr(p->text, "B is better in 5 and worse in 5 of these."));
    fill(&p->b.service, 40000000, 100000);
    compare(p);
    assert_row(p, "service p99", "400 µs 40.0 ms +39.6 ms ×100 worse");
}

/* Two runs of the same differ by some percent, and a thousandth of few calls is a few calls. */
static void what_chance_does_is_no_difference(void **state)
{
    struct pair *p = *state;
    fill(&p->a.latency, 1000000, 9000);
    fill(&p->b.latency, 1025000, 9000);
    fill(&p->a.service, 1000000, 9000);
    fill(&p->b.service, 3000000, 9000);
    compare(p);
    assert_int_equal(strncmp(row(p, "response p50").ptr, "1.00 ms", 7), 0);
    assert_true(qn_str_ends(row(p, "response p50"), QN_STR("about the same")));
    assert_true(qn_str_ends(row(p, "service p99 "), QN_STR("worse")));
    assert_true(qn_str_ends(row(p, "service p99.9"), QN_STR("too few calls to say")));
}

static void set_errors(struct load_result *r, uint64_t ended, uint64_t errors)
{
    memset(r->codes, 0, sizeof r->codes);
    r->ended = ended;
    r->codes[QN_OK] = ended - errors;
    r->codes[QN_UNAVAILABLE] = errors;
}

static void errors_are_judged_by_their_number(void **state)
{
    struct pair *p = *state;
    set_errors(&p->a, 100000, 0);
    set_errors(&p->b, 100000, 1);
    compare(p);
    assert_row(p, "errors", "0% 0.001% +0.001% - worse");
    set_errors(&p->a, 100000, 1000);
    set_errors(&p->b, 100000, 1010);
    compare(p);
    assert_true(qn_str_ends(row(p, "errors"), QN_STR("about the same")));
    set_errors(&p->b, 100000, 800);
    compare(p);
    assert_row(p, "errors", "1% 0.8% -0.2% -20.0% better");
}

static void rates_are_compared(void **state)
{
    struct pair *p = *state;
    set_errors(&p->a, 120000, 0);
    set_errors(&p->b, 90000, 0);
    compare(p);
    assert_row(p, "calls ended", "2,000/s 1,500/s -25.0% worse");
    set_errors(&p->b, 150000, 0);
    compare(p);
    assert_row(p, "calls ended", "2,000/s 2,500/s +25.0% better");
}

static void methods_of_the_same_mix_are_compared(void **state)
{
    struct pair *p = *state;
    fill(&p->a.methods[1].latency, 1000000, 5000);
    fill(&p->b.methods[1].latency, 2000000, 5000);
    compare(p);
    assert_row(p, "quintet.auth.v1.AuthService/GetSession p99", "1.00 ms 2.00 ms +1.00 ms +100.0% worse");
    assert_true(qn_str_ends(row(p, "quintet.auth.v1.AuthService/GetSessionWithProfileCheck p50"),
                            QN_STR("about the same")));
}

static void the_database_is_compared_when_both_watched_it(void **state)
{
    struct pair *p = *state;
    p->a.database.peak = 4;
    compare(p);
    assert_row(p, "db connections", "4 5 +1 +25.0% worse");
    p->b.database.on = false;
    compare(p);
    assert_null(strstr(p->text, "db connections"));
}

static void void_runs_are_warned_of(void **state)
{
    struct pair *p = *state;
    p->b.is_void = true;
    p->b.void_reason = "the generator lagged";
    compare(p);
    assert_warns(p, "*** B IS VOID, do not trust its numbers: the generator lagged\n");
    assert_null(strstr(p->text, "A IS VOID"));
}

static void runs_of_other_kinds_are_warned_of(void **state)
{
    struct pair *p = *state;
    p->b.methods[1].name = "quintet.auth.v1.AuthService/SignIn";
    compare(p);
    assert_warns(p, "*** different methods: quintet.auth.v1.AuthService/GetSession against "
                    "quintet.auth.v1.AuthService/SignIn\n");
    p->b.methods[1].name = p->a.methods[1].name;
    p->b.methods[1].weight = 2;
    compare(p);
    assert_warns(p, "*** different weights in the mix: 1 against 2\n");
    p->b.n_methods = 1;
    compare(p);
    assert_warns(p, "*** different numbers of methods: 2 against 1\n");
    p->b.n_methods = 2;
    p->b.methods[1].weight = 1;
    p->b.asked.mode = LOAD_CLOSED;
    compare(p);
    assert_warns(p, "*** different modes: open loop against closed loop\n");
    assert_null(strstr(p->text, "service p50")); /* one of them has none */
    p->b.asked.mode = LOAD_OPEN;
    p->b.asked.arrival = LOAD_CONSTANT;
    p->b.asked.rate = 4000;
    p->b.asked.ramp_from = 10;
    p->b.asked.ramp_ms = 1500;
    p->b.asked.concurrency = 8;
    p->b.asked.connections = 2;
    p->b.asked.timeout_ms = 1000;
    compare(p);
    assert_warns(p, "*** different arrivals: Poisson against constant\n");
    assert_warns(p, "*** different rates asked: 2,000/s against 4,000/s\n");
    assert_warns(p, "*** different starts of the ramp: 0/s against 10/s\n");
    assert_warns(p, "*** different lengths of the ramp: 0 s against 1.5 s\n");
    assert_warns(p, "*** different limits of calls in flight: 256 against 8\n");
    assert_warns(p, "*** different numbers of connections: 8 against 2\n");
    assert_warns(p, "*** different time limits: 2 s against 1 s\n");
}

/* Layers are subtracted that way: the same calls at the gateway and behind it. */
static void targets_and_lengths_may_differ(void **state)
{
    struct pair *p = *state;
    p->b.asked.target = "http://127.0.0.1:8080";
    p->b.asked.duration_ms *= 2;
    compare(p);
    assert_null(strstr(p->text, "***"));
    assert_non_null(strstr(p->text, "http://127.0.0.1:8080"));
}

static void a_terminal_obeys_no_foreign_text(void **state)
{
    struct pair *p = *state;
    sample_make_hostile(&p->b);
    compare(p);
    assert_null(strchr(p->text, '\x1b'));
    sample_make_hostile(&p->a);
    compare(p);
    assert_null(strchr(p->text, '\x1b'));
}

/* Exit code 2, the file's name on stderr, and nothing on stdout. */
static void a_file_that_cannot_be_read_is_named(void **state)
{
    struct pair *p = *state;
    char good[] = "/tmp/quintet-load-a-XXXXXX", said[512] = "";
    int ends[2], saved = dup(STDERR_FILENO);
    size_t len;
    write_file(&p->a, good);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    FILE *to = open_memstream(&p->text, &len);
    assert_non_null(to);
    dup2(ends[1], STDERR_FILENO);
    int first = load_compare(to, "/nowhere/x.json", good), second = load_compare(to, good, "/dev/null");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    close(ends[0]);
    fclose(to);
    unlink(good);
    assert_int_equal(first, 2);
    assert_int_equal(second, 2);
    assert_int_equal(len, 0);
    assert_non_null(strstr(said, "quintet-load: /nowhere/x.json: No such file or directory\n"));
    assert_non_null(strstr(said, "quintet-load: /dev/null: "));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_result_is_as_good_as_itself),
        TEST(faster_is_better_and_slower_is_worse),
        TEST(what_chance_does_is_no_difference),
        TEST(errors_are_judged_by_their_number),
        TEST(rates_are_compared),
        TEST(methods_of_the_same_mix_are_compared),
        TEST(the_database_is_compared_when_both_watched_it),
        TEST(void_runs_are_warned_of),
        TEST(runs_of_other_kinds_are_warned_of),
        TEST(targets_and_lengths_may_differ),
        TEST(a_terminal_obeys_no_foreign_text),
        TEST(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
