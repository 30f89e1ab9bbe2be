#ifndef QN_LOAD_RESULT_H
#define QN_LOAD_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/status.h"
#include "tests/load/report/hist.h"

/* What a run of quintet-load was asked for and what came of it. The engine fills it while it runs; the
 * reports (table, JSON, CSV, hgrm, HTML) only read it; `compare` reads two of them back from JSON. All texts
 * and arrays are in 'arena' or static. */

/* A day's seconds take 7 MB and each method of a mix 40 KB; more than this is a mistake. */
enum { LOAD_RESULT_ROOM = 256 * 1024 * 1024 };

enum load_mode { LOAD_OPEN, LOAD_CLOSED };
enum load_arrival { LOAD_CONSTANT, LOAD_POISSON };

/* What was asked for. */
struct load_asked {
    const char *target;
    enum load_mode mode;
    enum load_arrival arrival;
    double rate;      /* calls a second; 0 when closed */
    double ramp_from; /* rate at the start of a ramp, 0: none */
    uint64_t ramp_ms;
    uint64_t duration_ms;
    uint64_t warmup_ms; /* not counted */
    uint64_t timeout_ms;
    uint32_t concurrency; /* calls in flight at most */
    uint32_t connections;
    uint64_t seed; /* of everything random */
};

/* One of the methods of the mix. */
struct load_method {
    const char *name; /* "quintet.auth.v1.AuthService/GetSession" */
    double weight;
    uint64_t codes[QN_STATUS_COUNT]; /* ended calls by status */
    struct load_hist latency;        /* from the intended start (open) or the start (closed) */
};

/* One second of the run, by the time a call ended. */
struct load_second {
    uint64_t started, ended, errors;
    uint64_t p50_ns, p99_ns, max_ns;
    uint32_t in_flight;  /* at its end */
    uint64_t lag_ns;     /* the generator's own worst lateness */
    int32_t connections; /* the database's, the most seen; -1: not watched */
};

/* Something done mid-run with --at. */
struct load_mark {
    uint64_t at_ms; /* from the start of what is counted */
    const char *command;
    int exit_code; /* of the command; 128 + signal; -1: it did not end */
    bool recovered;
    /* From 'at' to the beginning of the first whole second that is as before it: no errors, and as many calls
     * ended as 90% of the median second before. */
    uint64_t recovery_ms;
};

struct load_watched_metric {
    const char *series; /* "quintet_pg_queries_total{kind=\"read\"}" */
    double before, after;
};

/* One condition of --slo: "p99=20ms", "errors=0", "rate=5000". */
struct load_slo {
    const char *name; /* "p99" */
    double limit;     /* ns for latencies, a share from 0 to 1 for errors, calls a second for rate */
    double was;
    bool met;
};

/* One rate that --find-max tried. */
struct load_step {
    double asked, was; /* calls a second */
    uint64_t p50_ns, p99_ns;
    double errors; /* a share from 0 to 1 */
    bool held;     /* every condition of --slo */
};

struct load_result {
    struct qn_arena arena;
    const char *version; /* of quintet-load */
    int64_t started_ms;  /* qn_clock_wall_ms() */
    struct load_asked asked;

    uint64_t took_ms; /* from the first to the last counted call */
    uint64_t started, ended;
    uint64_t codes[QN_STATUS_COUNT];
    /* From the intended start: what users would have waited. In an open loop the calls that found no place
     * (not_started) are in it with what they had waited when the run ended, which is the least that they
     * would have; so it may count more than 'ended'. The methods' count ended calls alone. */
    struct load_hist latency;
    /* From the real sending: what the service took. The same as latency when closed. */
    struct load_hist service;
    uint64_t not_started; /* intended, but the run ended before a place came free */

    /* The generator itself: how late it was behind its schedule by its own fault, that is with a place free.
     */
    struct load_hist lag;
    double cpu_us_per_call; /* all its threads; 0: not known */
    double cpu_share;       /* its loop's thread, of one core: 1 is all of it; 0: not known */
    bool is_void;           /* do not trust the numbers */
    const char *void_reason;

    struct load_method *methods;
    size_t n_methods;
    struct load_second *seconds;
    size_t n_seconds;
    struct load_mark *marks;
    size_t n_marks;
    struct load_slo *slos;
    size_t n_slos;
    struct load_step *steps; /* in the order tried; the result itself is that of the best that held */
    size_t n_steps;

    struct {
        bool on;
        const char *role;
        int32_t peak, limit; /* connections of the role; limit -1: none */
        uint64_t samples;
        const char *problem; /* NULL: none */
    } database;
    const char *metrics_url; /* NULL: not watched */
    const char *metrics_problem;
    struct load_watched_metric *metrics;
    size_t n_metrics;
};

/* What the codes other than QN_OK sum up to. */
uint64_t load_result_errors(const struct load_result *result);
/* Calls that ended, a second. */
double load_result_rate(const struct load_result *result);
/* Errors as a share of what ended, 0 when nothing did. */
double load_result_error_share(const struct load_result *result);
/* Zeroed, with an arena for what it points to; its ceiling is LOAD_RESULT_ROOM. */
void load_result_init(struct load_result *result);
void load_result_fini(struct load_result *result);

#endif
