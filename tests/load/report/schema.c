#include "tests/load/report/schema.h"

#define FIELD(key, kind, type, member)                                                                       \
    {                                                                                                        \
        key, kind, offsetof(struct type, member)                                                             \
    }
#define END                                                                                                  \
    {                                                                                                        \
        NULL                                                                                                 \
    }

const struct load_field load_schema_result[] = {
    FIELD("version", LOAD_TEXT, load_result, version),
    FIELD("started_unix_ms", LOAD_COUNT, load_result, started_ms),
    FIELD("void", LOAD_FLAG, load_result, is_void),
    FIELD("void_reason", LOAD_TEXT, load_result, void_reason),
    END,
};

const struct load_field load_schema_achieved[] = {
    FIELD("took_ms", LOAD_COUNT, load_result, took_ms),
    FIELD("started", LOAD_COUNT, load_result, started),
    FIELD("ended", LOAD_COUNT, load_result, ended),
    FIELD("not_started", LOAD_COUNT, load_result, not_started),
    END,
};

const struct load_field load_schema_cpu[] = {
    FIELD("us_per_call", LOAD_QUANTITY, load_result, cpu_us_per_call),
    FIELD("loop_share", LOAD_QUANTITY, load_result, cpu_share),
    END,
};

const struct load_field load_schema_database[] = {
    FIELD("role", LOAD_TEXT, load_result, database.role),
    FIELD("peak", LOAD_OR_NONE, load_result, database.peak),
    FIELD("limit", LOAD_OR_NONE, load_result, database.limit),
    FIELD("samples", LOAD_COUNT, load_result, database.samples),
    FIELD("problem", LOAD_TEXT, load_result, database.problem),
    END,
};

const struct load_field load_schema_watched[] = {
    FIELD("url", LOAD_TEXT, load_result, metrics_url),
    FIELD("problem", LOAD_TEXT, load_result, metrics_problem),
    END,
};

const struct load_field load_schema_asked[] = {
    FIELD("target", LOAD_TEXT, load_asked, target),
    FIELD("mode", LOAD_MODE, load_asked, mode),
    FIELD("arrival", LOAD_ARRIVAL, load_asked, arrival),
    FIELD("rate_per_s", LOAD_QUANTITY, load_asked, rate),
    FIELD("ramp_from_per_s", LOAD_QUANTITY, load_asked, ramp_from),
    FIELD("ramp_ms", LOAD_COUNT, load_asked, ramp_ms),
    FIELD("duration_ms", LOAD_COUNT, load_asked, duration_ms),
    FIELD("warmup_ms", LOAD_COUNT, load_asked, warmup_ms),
    FIELD("timeout_ms", LOAD_COUNT, load_asked, timeout_ms),
    FIELD("concurrency", LOAD_SMALL, load_asked, concurrency),
    FIELD("connections", LOAD_SMALL, load_asked, connections),
    FIELD("seed", LOAD_WIDE, load_asked, seed),
    END,
};

const struct load_field load_schema_method[] = {
    FIELD("name", LOAD_TEXT, load_method, name),
    FIELD("weight", LOAD_QUANTITY, load_method, weight),
    END,
};

const struct load_field load_schema_second[] = {
    FIELD("started", LOAD_COUNT, load_second, started),
    FIELD("ended", LOAD_COUNT, load_second, ended),
    FIELD("errors", LOAD_COUNT, load_second, errors),
    FIELD("p50_ns", LOAD_TIME_NS, load_second, p50_ns),
    FIELD("p99_ns", LOAD_TIME_NS, load_second, p99_ns),
    FIELD("max_ns", LOAD_TIME_NS, load_second, max_ns),
    FIELD("in_flight", LOAD_SMALL, load_second, in_flight),
    FIELD("lag_ns", LOAD_TIME_NS, load_second, lag_ns),
    FIELD("connections", LOAD_OR_NONE, load_second, connections),
    END,
};

const struct load_field load_schema_mark[] = {
    FIELD("at_ms", LOAD_COUNT, load_mark, at_ms),
    FIELD("command", LOAD_TEXT, load_mark, command),
    FIELD("exit_code", LOAD_OR_NONE, load_mark, exit_code),
    FIELD("recovered", LOAD_FLAG, load_mark, recovered),
    FIELD("recovery_ms", LOAD_COUNT, load_mark, recovery_ms),
    END,
};

const struct load_field load_schema_slo[] = {
    FIELD("name", LOAD_TEXT, load_slo, name),
    FIELD("limit", LOAD_QUANTITY, load_slo, limit),
    FIELD("was", LOAD_READING, load_slo, was),
    FIELD("met", LOAD_FLAG, load_slo, met),
    END,
};

const struct load_field load_schema_step[] = {
    FIELD("asked_per_s", LOAD_QUANTITY, load_step, asked),
    FIELD("achieved_per_s", LOAD_QUANTITY, load_step, was),
    FIELD("p50_ns", LOAD_TIME_NS, load_step, p50_ns),
    FIELD("p99_ns", LOAD_TIME_NS, load_step, p99_ns),
    FIELD("error_share", LOAD_QUANTITY, load_step, errors),
    FIELD("held", LOAD_FLAG, load_step, held),
    END,
};

const struct load_field load_schema_metric[] = {
    FIELD("series", LOAD_TEXT, load_watched_metric, series),
    FIELD("before", LOAD_READING, load_watched_metric, before),
    FIELD("after", LOAD_READING, load_watched_metric, after),
    END,
};

const char *const load_schema_modes[] = {[LOAD_OPEN] = "open", [LOAD_CLOSED] = "closed"};
const char *const load_schema_arrivals[] = {[LOAD_CONSTANT] = "constant", [LOAD_POISSON] = "poisson"};

const struct load_hist_field load_schema_hists[] = {
    {"response", offsetof(struct load_result, latency)},
    {"service", offsetof(struct load_result, service)},
    {"lag", offsetof(struct load_result, lag)},
};
