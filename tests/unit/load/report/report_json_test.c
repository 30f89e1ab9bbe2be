#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/json/reader.h"
#include "tests/harness/test.h"
#include "tests/load/report/read_json.h"
#include "tests/load/report/report.h"
#include "tests/load/report/schema.h"
#include "tests/unit/load/report/sample.h"

static void assert_text(const char *is, const char *should_be)
{
    if (!is || !should_be)
        assert_true(is == should_be);
    else
        assert_string_equal(is, should_be);
}

static void assert_asked(const struct load_asked *is, const struct load_asked *should_be)
{
    assert_text(is->target, should_be->target);
    assert_int_equal(is->mode, should_be->mode);
    assert_int_equal(is->arrival, should_be->arrival);
    assert_true(is->rate == should_be->rate && is->ramp_from == should_be->ramp_from);
    assert_int_equal(is->ramp_ms, should_be->ramp_ms);
    assert_int_equal(is->duration_ms, should_be->duration_ms);
    assert_int_equal(is->warmup_ms, should_be->warmup_ms);
    assert_int_equal(is->timeout_ms, should_be->timeout_ms);
    assert_int_equal(is->concurrency, should_be->concurrency);
    assert_int_equal(is->connections, should_be->connections);
    assert_int_equal(is->seed, should_be->seed);
}

static void assert_methods(const struct load_result *is, const struct load_result *should_be)
{
    assert_int_equal(is->n_methods, should_be->n_methods);
    for (size_t i = 0; i < is->n_methods; i++) {
        assert_text(is->methods[i].name, should_be->methods[i].name);
        assert_true(is->methods[i].weight == should_be->methods[i].weight);
        assert_memory_equal(is->methods[i].codes, should_be->methods[i].codes, sizeof is->methods[i].codes);
        assert_memory_equal(&is->methods[i].latency, &should_be->methods[i].latency,
                            sizeof is->methods[i].latency);
    }
}

static void assert_seconds(const struct load_result *is, const struct load_result *should_be)
{
    assert_int_equal(is->n_seconds, should_be->n_seconds);
    for (size_t i = 0; i < is->n_seconds; i++) {
        const struct load_second *a = &is->seconds[i], *b = &should_be->seconds[i];
        assert_int_equal(a->started, b->started);
        assert_int_equal(a->ended, b->ended);
        assert_int_equal(a->errors, b->errors);
        assert_int_equal(a->p50_ns, b->p50_ns);
        assert_int_equal(a->p99_ns, b->p99_ns);
        assert_int_equal(a->max_ns, b->max_ns);
        assert_int_equal(a->in_flight, b->in_flight);
        assert_int_equal(a->lag_ns, b->lag_ns);
        assert_int_equal(a->connections, b->connections);
    }
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void assert_lists(const struct load_result *is, const struct load_result *should_be)
{
    assert_int_equal(is->n_slos, should_be->n_slos);
    for (size_t i = 0; i < is->n_slos; i++) {
        assert_text(is->slos[i].name, should_be->slos[i].name);
        assert_true(is->slos[i].limit == should_be->slos[i].limit &&
                    is->slos[i].met == should_be->slos[i].met);
        assert_true(same(is->slos[i].was, should_be->slos[i].was));
    }
    assert_int_equal(is->n_steps, should_be->n_steps);
    for (size_t i = 0; i < is->n_steps; i++) {
        const struct load_step *a = &is->steps[i], *b = &should_be->steps[i];
        assert_true(a->asked == b->asked && a->was == b->was && a->errors == b->errors && a->held == b->held);
        assert_true(a->p50_ns == b->p50_ns && a->p99_ns == b->p99_ns);
    }
    assert_int_equal(is->n_marks, should_be->n_marks);
    for (size_t i = 0; i < is->n_marks; i++) {
        const struct load_mark *a = &is->marks[i], *b = &should_be->marks[i];
        assert_text(a->command, b->command);
        assert_true(a->at_ms == b->at_ms && a->exit_code == b->exit_code && a->recovered == b->recovered &&
                    a->recovery_ms == b->recovery_ms);
    }
    assert_int_equal(is->n_metrics, should_be->n_metrics);
    for (size_t i = 0; i < is->n_metrics; i++) {
        assert_text(is->metrics[i].series, should_be->metrics[i].series);
        assert_true(same(is->metrics[i].before, should_be->metrics[i].before));
        assert_true(same(is->metrics[i].after, should_be->metrics[i].after));
    }
}

static void assert_same(const struct load_result *is, const struct load_result *should_be)
{
    assert_text(is->version, should_be->version);
    assert_int_equal(is->started_ms, should_be->started_ms);
    assert_asked(&is->asked, &should_be->asked);
    assert_int_equal(is->took_ms, should_be->took_ms);
    assert_int_equal(is->started, should_be->started);
    assert_int_equal(is->ended, should_be->ended);
    assert_int_equal(is->not_started, should_be->not_started);
    assert_memory_equal(is->codes, should_be->codes, sizeof is->codes);
    assert_memory_equal(&is->latency, &should_be->latency, sizeof is->latency);
    assert_memory_equal(&is->service, &should_be->service, sizeof is->service);
    assert_memory_equal(&is->lag, &should_be->lag, sizeof is->lag);
    assert_true(is->cpu_us_per_call == should_be->cpu_us_per_call && is->cpu_share == should_be->cpu_share);
    assert_int_equal(is->is_void, should_be->is_void);
    assert_text(is->void_reason, should_be->void_reason);
    assert_methods(is, should_be);
    assert_seconds(is, should_be);
    assert_lists(is, should_be);
    assert_int_equal(is->database.on, should_be->database.on);
    if (is->database.on) {
        assert_text(is->database.role, should_be->database.role);
        assert_int_equal(is->database.peak, should_be->database.peak);
        assert_int_equal(is->database.limit, should_be->database.limit);
        assert_int_equal(is->database.samples, should_be->database.samples);
        assert_text(is->database.problem, should_be->database.problem);
    }
    assert_text(is->metrics_url, should_be->metrics_url);
    assert_text(is->metrics_problem, should_be->metrics_problem);
}

static void assert_reads_back(const struct load_result *result)
{
    static struct load_result back;
    struct qn_error err = {0};
    size_t len;
    char *text = sample_report(load_report_json, result, &len);
    if (load_read_json_text(qn_str_n(text, len), &back, &err) != QN_OK)
        fail_msg("%s", err.message);
    assert_same(&back, result);
    load_result_fini(&back);
    free(text);
}

static void a_full_result_reads_back_the_same(void **state)
{
    (void)state;
    static struct load_result r;
    sample_result(&r);
    assert_reads_back(&r);
    /* What cannot be told otherwise: nothing watched, nothing known, void, a search. */
    struct load_step steps[] = {{500, 499.5, 800000, 2000000, 0, true},
                                {1e6, 1234.5, 1, LOAD_HIST_MAX_NS, 0.25, false}};
    r.steps = steps;
    r.n_steps = 2;
    r.is_void = true;
    r.void_reason = "late";
    r.metrics[0].before = (double)NAN;
    r.metrics[1].after = -0.125;
    r.slos[0].was = (double)NAN;
    r.marks[0].exit_code = -1;
    r.marks[1].exit_code = 137;
    r.marks[1].recovered = false;
    r.database.limit = -1;
    r.database.problem = "lost the connection";
    r.metrics_problem = "404";
    assert_reads_back(&r);
    r.database.on = false;
    r.metrics_url = r.metrics_problem = NULL;
    r.n_metrics = 0;
    r.asked.mode = LOAD_CLOSED;
    r.asked.arrival = LOAD_CONSTANT;
    assert_reads_back(&r);
    load_result_fini(&r);
}

static void an_empty_result_reads_back_the_same(void **state)
{
    (void)state;
    static struct load_result r;
    load_result_init(&r);
    assert_reads_back(&r);
    load_result_fini(&r);
}

/* All that JSON can hold comes back; what is no UTF-8 comes back as U+FFFD. */
static void hostile_texts_read_back(void **state)
{
    (void)state;
    static struct load_result r, back;
    struct qn_error err = {0};
    size_t len;
    sample_result(&r);
    sample_make_hostile(&r);
    char *text = sample_report(load_report_json, &r, &len);
    assert_int_equal(load_read_json_text(qn_str_n(text, len), &back, &err), QN_OK);
    assert_string_equal(back.methods[0].name,
                        "</title><script>alert(1)</script>\"' onload='x' &amp; ]]>,\n\x1b[31m\\"
                        "\xef\xbf\xbd\xef\xbf\xbd(");
    assert_string_equal(back.marks[1].command, back.methods[0].name);
    assert_string_equal(back.metrics[3].series, back.methods[0].name);
    assert_string_equal(back.database.problem, back.methods[0].name);
    load_result_fini(&back);
    load_result_fini(&r);
    free(text);
}

/* What scripts take from the file without reading histograms. */
static void derived_numbers_stand_in_the_file(void **state)
{
    (void)state;
    static struct load_result r;
    struct qn_arena arena;
    struct qn_json *tree;
    size_t len;
    sample_result(&r);
    char *text = sample_report(load_report_json, &r, &len);
    qn_arena_init(&arena, 64 * 1024 * 1024);
    assert_int_equal(qn_json_parse(qn_str_n(text, len), false, &arena, &tree, NULL), QN_OK);
    assert_str(qn_json_get(tree, "schema")->text, "quintet-load/1");
    const struct qn_json *response = qn_json_get(tree, "response"), *achieved = qn_json_get(tree, "achieved");
    assert_true(qn_json_get(response, "p50_ns")->number == (double)load_hist_at(&r.latency, 0.5));
    assert_true(qn_json_get(response, "p90_ns")->number == (double)load_hist_at(&r.latency, 0.9));
    assert_true(qn_json_get(response, "p99_ns")->number == (double)load_hist_at(&r.latency, 0.99));
    assert_true(qn_json_get(response, "p999_ns")->number == (double)load_hist_at(&r.latency, 0.999));
    assert_true(qn_json_get(response, "mean_ns")->number == load_hist_mean_ns(&r.latency));
    assert_true(qn_json_get(achieved, "rate_per_s")->number == load_result_rate(&r));
    assert_true(qn_json_get(achieved, "errors")->number == (double)load_result_errors(&r));
    assert_true(qn_json_get(achieved, "error_share")->number == load_result_error_share(&r));
    qn_arena_fini(&arena);
    load_result_fini(&r);
    free(text);
}

/* The text with its first 'from' replaced; free() it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *new = NULL;
    if (!at)
        fail_msg("%s does not stand in the text", from);
    if (asprintf(&new, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) < 0)
        fail_msg("no memory");
    return new;
}

static void members_of_later_versions_are_passed_over(void **state)
{
    (void)state;
    static struct load_result r, back;
    size_t len;
    sample_result(&r);
    char *text = sample_report(load_report_json, &r, &len);
    char *one = replaced(text, "{\"schema\"", "{\"new\":[{\"a\":null}],\"schema\"");
    char *two = replaced(one, "\"asked\":{", "\"asked\":{\"threads\":4,");
    char *three = replaced(two, "\"seconds\":[{", "\"seconds\":[{\"cpu_us\":1.5,");
    assert_int_equal(load_read_json_text(qn_str_c(three), &back, NULL), QN_OK);
    assert_same(&back, &r);
    load_result_fini(&back);
    load_result_fini(&r);
    free(text);
    free(one);
    free(two);
    free(three);
}

static void nonsense_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"\"quintet-load/1\"", "\"quintet-load/2\"",
         "its schema is \"quintet-load/2\", and only \"quintet-load/1\" is known here"},
        {"\"schema\":\"quintet-load/1\",", "", "no result of quintet-load: it has no \"schema\""},
        {"\"started_unix_ms\":1764300000123", "\"started_unix_ms\":-1",
         "started_unix_ms: is no whole number in range"},
        {"\"void\":false", "\"void\":0", "void: must be true or false"},
        {"\"mode\":\"open\"", "\"mode\":\"ajar\"", "asked.mode: is none of its names"},
        {"\"rate_per_s\":2000", "\"rate_per_s\":\"2000\"", "asked.rate_per_s: must be a number"},
        {"\"rate_per_s\":2000", "\"rate_per_s\":-2000", "asked.rate_per_s: must not be negative"},
        {"\"rate_per_s\":2000", "\"rate_per_s\":1e999", "asked.rate_per_s: is out of range"},
        {"\"rate_per_s\":2000,", "", "asked.rate_per_s: is missing"},
        {"\"concurrency\":256", "\"concurrency\":4294967296",
         "asked.concurrency: is no whole number in range"},
        {"\"concurrency\":256", "\"concurrency\":2.5", "asked.concurrency: is no whole number in range"},
        {"\"seed\":\"18446744073709551615\"", "\"seed\":\"18446744073709551616\"",
         "asked.seed: must be a whole number in a string"},
        {"\"target\":\"ipc:///run/quintet/auth\"", "\"target\":\"a\\u0000b\"",
         "asked.target: must not hold U+0000"},
        {"\"took_ms\":60000", "\"took_ms\":null", "achieved.took_ms: must be a number"},
        {"\"codes\":{\"ok\":1", "\"codes\":{\"ok\":2", "achieved.ended: is not the sum of its codes"},
        {"\"codes\":{\"ok\"", "\"codes\":{\"fine\"", "achieved.codes: holds a name that is no status"},
        {"\"response\":{\"count\":", "\"response\":{\"count\":1",
         "response.count: is not the sum of its buckets"},
        {"\"response\":{", "\"response\":[{}],\"was\":{", "response: must be an object"},
        {"\"buckets\":[[", "\"buckets\":[[0,1],[0,1],[",
         "response.buckets[1]: is no bucket's upper bound, or out of order"},
        {"\"buckets\":[[", "\"buckets\":[[256,1],[",
         "response.buckets[0]: is no bucket's upper bound, or out of order"},
        {"\"buckets\":[[", "\"buckets\":[[257],[", "response.buckets[0]: must be [upper bound in ns, count]"},
        {"\"buckets\":[[", "\"buckets\":[[257,0],[",
         "response.buckets[0]: must be [upper bound in ns, count]"},
        {"\"buckets\":[[", "\"buckets\":[[1,9007199254740992],[257,1],[",
         "response.buckets[1]: counts too many"},
        {"\"min_ns\":", "\"min_ns\":1",
         "response.min_ns: and max_ns are not in the first and the last bucket"},
        {"\"sum_ns\":", "\"sum_ns\":-", "response.sum_ns: cannot be the sum of such values"},
        {"\"methods\":[{", "\"methods\":[7,{", "methods[0]: must be an object"},
        {"\"methods\":[{\"name\":\"quintet.auth.v1.AuthService/GetSessionWithProfileCheck\"",
         "\"methods\":[{\"name\":null", "methods[0].name: must be a string"},
        {"\"weight\":1,", "\"weight\":false,", "methods[1].weight: must be a number"},
        {"\"exit_code\":0", "\"exit_code\":2147483648", "marks[0].exit_code: is no whole number in range"},
        {"\"peak\":5", "\"peak\":{}", "database.peak: must be a number"},
        {"\"database\":{", "\"database\":[],\"was\":{", "database: must be an object"},
        {"\"url\":\"http", "\"uri\":\"http", "metrics.url: is missing"},
        {"\"seconds\":[", "\"seconds\":{},\"was\":[", "seconds: must be an array"},
        {"\"seconds\":[{\"started\":", "\"seconds\":[{\"begun\":", "seconds[0].started: is missing"},
    };
    static struct load_result r, back;
    size_t len;
    sample_result(&r);
    char *text = sample_report(load_report_json, &r, &len);
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct qn_error err = {0};
        char *bad = replaced(text, cases[i].from, cases[i].to);
        enum qn_status status = load_read_json_text(qn_str_c(bad), &back, &err);
        free(bad);
        assert_int_equal(status, QN_INVALID_ARGUMENT);
        assert_string_equal(err.message, cases[i].message);
        assert_null(back.methods);
    }
    load_result_fini(&r);
    free(text);
}

static void files_are_named_in_errors(void **state)
{
    (void)state;
    static struct load_result back;
    struct qn_error err = {0};
    char path[] = "/tmp/quintet-load-XXXXXX", wanted[QN_ERROR_MESSAGE_MAX];
    assert_int_equal(load_read_json("/nowhere/a.json", &back, &err), QN_UNAVAILABLE);
    assert_string_equal(err.message, "/nowhere/a.json: No such file or directory");
    assert_int_equal(load_read_json("/tmp", &back, &err), QN_UNAVAILABLE);
    assert_string_equal(err.message, "/tmp: Is a directory");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(load_read_json(path, &back, &err), QN_INVALID_ARGUMENT);
    assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
    assert_int_equal(write(fd, "[1]", 3), 3);
    assert_int_equal(load_read_json(path, &back, &err), QN_INVALID_ARGUMENT);
    snprintf(wanted, sizeof wanted, "%s: no result of quintet-load: it has no \"schema\"", path);
    assert_string_equal(err.message, wanted);
    /* One byte over the limit; a hole takes no room. */
    assert_int_equal(ftruncate(fd, LOAD_READ_FILE_MAX + 1), 0);
    assert_int_equal(load_read_json(path, &back, &err), QN_RESOURCE_EXHAUSTED);
    snprintf(wanted, sizeof wanted, "%s: over 64 MiB", path);
    assert_string_equal(err.message, wanted);
    close(fd);
    unlink(path);
}

/* The documentation names every member there is. */
static void every_member_is_documented(void **state)
{
    (void)state;
    static const struct load_field *const tables[] = {
        load_schema_result,  load_schema_achieved, load_schema_cpu,    load_schema_database,
        load_schema_watched, load_schema_asked,    load_schema_method, load_schema_second,
        load_schema_mark,    load_schema_slo,      load_schema_step,   load_schema_metric};
    char text[32 * 1024];
    FILE *file = fopen(QN_FORMATS, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    assert_true(len > 0 && len < sizeof text - 1);
    text[len] = '\0';
    fclose(file);
    for (size_t i = 0; i < QN_COUNT(tables); i++)
        for (const struct load_field *field = tables[i]; field->key; field++) {
            /* As a word: "`p99_ns`", "[{name, weight". */
            size_t key_len = strlen(field->key);
            const char *at = strstr(text, field->key);
            while (at && !(strchr("`{ ", at[-1]) && strchr("`,}:", at[key_len])))
                at = strstr(at + 1, field->key);
            if (!at)
                fail_msg("FORMATS.md does not name %s", field->key);
        }
}

/* A full disk must not leave a file that looks whole. */
static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    static struct load_result r;
    sample_result(&r);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_false(load_report_json(full, &r));
    fclose(full);
    load_result_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_result_reads_back_the_same),
        cmocka_unit_test(an_empty_result_reads_back_the_same),
        cmocka_unit_test(hostile_texts_read_back),
        cmocka_unit_test(derived_numbers_stand_in_the_file),
        cmocka_unit_test(members_of_later_versions_are_passed_over),
        cmocka_unit_test(nonsense_is_refused_with_its_place),
        cmocka_unit_test(files_are_named_in_errors),
        cmocka_unit_test(every_member_is_documented),
        cmocka_unit_test(what_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
