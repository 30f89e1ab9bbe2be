#include "tests/unit/load/report/sample.h"

#include <math.h>
#include <stdlib.h>

#include "tests/harness/test.h"
#include "tests/load/report/report.h"

enum { SECONDS = 60, RATE = 2000, STALL_AT_S = 20, STALL_S = 3 };

/* splitmix64 (Steele, Lea, Flood 2014), as a number in (0, 1]. */
static double next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 1) / 0x1p53;
}

/* Log-normal around 0.8 ms, with one call in two hundred ten times as slow. */
static double next_service_ns(uint64_t *state)
{
    double u = sqrt(-2 * log(next_random(state))), v = cos(6.283185307179586 * next_random(state));
    double ns = 0.8e6 * exp(0.35 * u * v);
    return next_random(state) < 0.005 ? ns * 10 : ns;
}

static void add_call(struct load_result *r, struct load_hist *second, size_t at, uint64_t *state)
{
    struct load_method *method = &r->methods[next_random(state) < 0.8 ? 0 : 1];
    bool in_stall = at >= STALL_AT_S && at < STALL_AT_S + STALL_S;
    double service = next_service_ns(state);
    /* A call due in the stall waits for its end. */
    double waited = in_stall ? (STALL_AT_S + STALL_S - (double)at - next_random(state)) * 1e9 : 0;
    enum qn_status code = QN_OK;
    if (waited > 2e9) {
        code = QN_DEADLINE_EXCEEDED;
        waited = 2e9;
        service = 0;
    } else if (in_stall && next_random(state) < 0.2)
        code = QN_UNAVAILABLE;
    if (waited < 0)
        waited = 0;
    load_hist_record(&r->latency, (uint64_t)(waited + service));
    load_hist_record(&r->service, (uint64_t)(service > 0 ? service : 2e9));
    load_hist_record(&method->latency, (uint64_t)(waited + service));
    load_hist_record(&r->lag, (uint64_t)(4e3 * -log(next_random(state))));
    load_hist_record(second, (uint64_t)(waited + service));
    r->codes[code]++;
    method->codes[code]++;
    r->started++;
    r->ended++;
    r->seconds[at].started++;
    r->seconds[at].ended++;
    r->seconds[at].errors += code != QN_OK;
}

static void fill_watched(struct load_result *r)
{
    static const struct load_slo slos[] = {
        {"p99", 20e6, 0, false}, {"errors", 0.1, 0, true}, {"rate", 1900, 0, true}};
    static const struct load_watched_metric metrics[] = {
        {"quintet_pg_queries_total{kind=\"read\"}", 1200, 6940},
        {"quintet_pg_batch_calls_sum", 38400, 158400},
        {"quintet_process_resident_bytes", 12582912, 12713984},
        {"quintet_pg_connections{state=\"idle\"}", 5, 5},
    };
    r->slos = qn_arena_array(&r->arena, 3, sizeof *r->slos);
    r->metrics = qn_arena_array(&r->arena, 4, sizeof *r->metrics);
    r->marks = qn_arena_array(&r->arena, 2, sizeof *r->marks);
    memcpy(r->slos, slos, sizeof slos);
    memcpy(r->metrics, metrics, sizeof metrics);
    r->slos[0].was = (double)load_hist_at(&r->latency, 0.99);
    r->slos[1].was = load_result_error_share(r);
    r->slos[2].was = load_result_rate(r);
    r->n_slos = 3;
    r->n_metrics = 4;
    r->metrics_url = "http://127.0.0.1:9402/metrics";
    r->marks[0] = (struct load_mark){20000, "kill -STOP $(cat profile.pid)", 0, true, 3000};
    r->marks[1] = (struct load_mark){45500, "systemctl reload quintet-auth", 0, true, 500};
    r->n_marks = 2;
    r->database.on = true;
    r->database.role = "quintet";
    r->database.peak = 5;
    r->database.limit = 5;
    r->database.samples = 592;
}

void sample_result(struct load_result *ret_result)
{
    struct load_result *r = ret_result;
    uint64_t state = 1;
    load_result_init(r);
    r->version = "0.1.0";
    r->started_ms = 1764300000123;
    r->asked = (struct load_asked){.target = "ipc:///run/quintet/auth",
                                   .mode = LOAD_OPEN,
                                   .arrival = LOAD_POISSON,
                                   .rate = RATE,
                                   .duration_ms = SECONDS * 1000,
                                   .warmup_ms = 1000,
                                   .timeout_ms = 2000,
                                   .concurrency = 256,
                                   .connections = 8,
                                   .seed = UINT64_MAX};
    r->took_ms = SECONDS * 1000;
    r->not_started = 12;
    r->cpu_us_per_call = 21.5;
    r->cpu_share = 0.043;
    r->methods = qn_arena_array(&r->arena, 2, sizeof *r->methods);
    r->seconds = qn_arena_array(&r->arena, SECONDS, sizeof *r->seconds);
    assert_non_null(r->methods);
    assert_non_null(r->seconds);
    r->methods[0].name = "quintet.auth.v1.AuthService/GetSessionWithProfileCheck";
    r->methods[0].weight = 4;
    r->methods[1].name = "quintet.auth.v1.AuthService/GetSession";
    r->methods[1].weight = 1;
    r->n_methods = 2;
    r->n_seconds = SECONDS;
    for (size_t i = 0; i < SECONDS; i++) {
        static struct load_hist second;
        second = (struct load_hist){0};
        size_t calls = (size_t)(RATE + 60 * (next_random(&state) - 0.5));
        for (size_t call = 0; call < calls; call++)
            add_call(r, &second, i, &state);
        r->seconds[i].p50_ns = load_hist_at(&second, 0.5);
        r->seconds[i].p99_ns = load_hist_at(&second, 0.99);
        r->seconds[i].max_ns = second.max_ns;
        r->seconds[i].in_flight =
            i >= STALL_AT_S && i < STALL_AT_S + STALL_S ? 256 : 1 + (uint32_t)(5 * next_random(&state));
        r->seconds[i].lag_ns = (uint64_t)(40e3 * next_random(&state));
        r->seconds[i].connections = i < 2 ? -1 : 3 + (int32_t)(2.99 * next_random(&state));
    }
    fill_watched(r);
}

const char sample_hostile[] =
    "</title><script>alert(1)</script>\"' onload='x' &amp; ]]>,\n\x1b[31m\\\xff\xc3(";

void sample_make_hostile(struct load_result *r)
{
    r->version = r->asked.target = r->void_reason = r->metrics_url = r->metrics_problem = sample_hostile;
    r->is_void = true;
    r->database.role = r->database.problem = sample_hostile;
    for (size_t i = 0; i < r->n_methods; i++)
        r->methods[i].name = sample_hostile;
    for (size_t i = 0; i < r->n_marks; i++)
        r->marks[i].command = sample_hostile;
    for (size_t i = 0; i < r->n_slos; i++)
        r->slos[i].name = sample_hostile;
    for (size_t i = 0; i < r->n_metrics; i++)
        r->metrics[i].series = sample_hostile;
}

bool sample_table(FILE *to, const struct load_result *result)
{
    load_report_table(to, result);
    return !ferror(to);
}

char *sample_report(bool (*report)(FILE *to, const struct load_result *result),
                    const struct load_result *result, size_t *ret_len)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, ret_len);
    assert_non_null(to);
    assert_true(report(to, result));
    assert_int_equal(fclose(to), 0);
    return text;
}
