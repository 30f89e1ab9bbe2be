#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/config_units.h"
#include "tests/load/options.h"

/* Each option: how it is read, and its line in --help. */

enum {
    CONCURRENCY_MAX = 65536, /* places; each costs half a KiB */
    CONNECTIONS_MAX = 16384, /* below the descriptors that a process may usually have */
};
#define RATE_MAX 1e7 /* beyond what any machine sends; a slip of the pen */

static const int64_t DURATION_MAX_MS = INT64_C(24) * 3600 * 1000;

#define BAD(err, ...) qn_error_set((err), QN_INVALID_ARGUMENT, __VA_ARGS__)

/* Values. */

static bool number_of(const char *text, double *ret_number)
{
    if (*text == '\0' || strspn(text, "0123456789.") != strlen(text))
        return false;
    char *end;
    *ret_number = strtod(text, &end);
    return *end == '\0';
}

static enum qn_status rate_of(const char *text, double *ret_rate, struct qn_error *err)
{
    if (!number_of(text, ret_rate) || *ret_rate <= 0 || *ret_rate > RATE_MAX)
        return BAD(err, "\"%s\" is no rate: calls a second, above 0 and at most %.0f, as \"5000\" or \"0.5\"",
                   text, RATE_MAX);
    return QN_OK;
}

static enum qn_status duration_of(const char *text, uint64_t *ret_ms, struct qn_error *err)
{
    int64_t ms;
    if (!qn_config_units_duration(qn_str_c(text), &ms) || ms < 0 || ms > DURATION_MAX_MS)
        return BAD(
            err,
            "\"%s\" is no duration: a whole number and a unit, as \"250ms\", \"10s\" or \"5m\", at most 24h",
            text);
    *ret_ms = (uint64_t)ms;
    return QN_OK;
}

static enum qn_status positive_of(const char *text, uint64_t *ret_ms, struct qn_error *err)
{
    QN_TRY(duration_of(text, ret_ms, err));
    return *ret_ms > 0 ? QN_OK : BAD(err, "must be longer than 0");
}

static enum qn_status count_of(const char *text, uint32_t max, uint32_t *ret_count, struct qn_error *err)
{
    uint64_t count;
    if (!qn_str_to_u64(qn_str_c(text), &count) || count == 0 || count > max)
        return BAD(err, "\"%s\": must be a whole number from 1 to %u", text, max);
    *ret_count = (uint32_t)count;
    return QN_OK;
}

/* What is called. */

static enum qn_status take_target(struct load_options *o, char *const *v, struct qn_error *err)
{
    static const char *const schemes[] = {"ipc://", "tcp://", "tls+tcp://", "http://"};
    if (o->asked.target)
        return BAD(err, "given twice; one target a run");
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(v[0], schemes[i], strlen(schemes[i])) == 0) {
            o->asked.target = v[0];
            o->http = i == 3;
            return QN_OK;
        }
    return BAD(
        err,
        "\"%s\": must begin with ipc:// (a service's folder, or one socket), tcp://, tls+tcp:// or http:// "
        "(the gateway)%s",
        v[0], strncmp(v[0], "https://", 8) == 0 ? "; for https put a proxy that ends TLS in front" : "");
}

static enum qn_status take_method(struct load_options *o, char *const *v, struct qn_error *err)
{
    if (o->n_methods == LOAD_CALLS_METHODS_MAX)
        return BAD(err, "at most %d methods", LOAD_CALLS_METHODS_MAX);
    struct load_calls_method *method = &o->methods[o->n_methods];
    *method = (struct load_calls_method){.name = v[0], .weight = 1};
    /* A path may hold '=' of its own, in its query; a weight is a number at the very end. */
    const char *equals = strrchr(v[0], '=');
    bool path = strchr(v[0], '?') != NULL;
    double weight = 0;
    if (equals && number_of(equals + 1, &weight) && weight > 0) {
        method->weight = weight;
        method->name = qn_arena_copy(&o->arena, v[0], (size_t)(equals - v[0]));
        if (!method->name)
            return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    } else if (equals && !path) {
        return BAD(err, "\"%s\": the weight behind '=' must be a number above 0", v[0]);
    }
    if (*method->name == '\0')
        return BAD(err,
                   "wants a name, as quintet.auth.v1.AuthService/GetSession (--list-methods lists them)");
    o->n_methods++;
    return QN_OK;
}

/* The method that data belongs to; NULL: 'err' says why there is none. */
static struct load_calls_method *data_for(struct load_options *o, struct qn_error *err)
{
    struct load_calls_method *method = o->n_methods > 0 ? &o->methods[o->n_methods - 1] : NULL;
    if (!method)
        BAD(err, "belongs to the --method before it, and there is none yet");
    else if (method->data || method->data_file)
        BAD(err, "%s has its data already: one --data or --data-file for each --method", method->name);
    else
        return method;
    return NULL;
}

static enum qn_status take_data(struct load_options *o, char *const *v, struct qn_error *err)
{
    struct load_calls_method *method = data_for(o, err);
    if (!method)
        return QN_INVALID_ARGUMENT;
    method->data = v[0];
    return QN_OK;
}

static enum qn_status take_data_file(struct load_options *o, char *const *v, struct qn_error *err)
{
    struct load_calls_method *method = data_for(o, err);
    if (!method)
        return QN_INVALID_ARGUMENT;
    method->data_file = v[0];
    o->last_pick = &method->pick;
    return QN_OK;
}

static enum qn_status take_pick(struct load_options *o, char *const *v, struct qn_error *err)
{
    static const char *const names[] = {"order", "random", "zipf"};
    if (!o->last_pick)
        return BAD(err, "belongs to the --data-file or --cookie-file before it, and there is none yet");
    for (int i = 0; i < 3; i++)
        if (strcmp(v[0], names[i]) == 0) {
            *o->last_pick = (enum load_pick_kind)i;
            return QN_OK;
        }
    return BAD(err, "\"%s\": must be order, random or zipf", v[0]);
}

static enum qn_status take_cookie_file(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)err;
    o->cookie_file = v[0];
    o->last_pick = &o->cookie_pick;
    return QN_OK;
}

static enum qn_status take_header(struct load_options *o, char *const *v, struct qn_error *err)
{
    struct qn_str text = qn_str_c(v[0]);
    ptrdiff_t colon = qn_str_find(text, ':');
    if (colon <= 0)
        return BAD(err, "\"%s\": must be 'Name: value'", v[0]);
    if (o->n_headers == LOAD_HEADERS_MAX)
        return BAD(err, "at most %d headers", LOAD_HEADERS_MAX);
    o->headers[o->n_headers++] = (struct qn_header){
        .name = qn_str_n(text.ptr, (size_t)colon),
        .value = qn_str_trim(qn_str_n(text.ptr + colon + 1, text.len - (size_t)colon - 1)),
    };
    return QN_OK;
}

/* How hard. */

static enum qn_status take_rate(struct load_options *o, char *const *v, struct qn_error *err)
{
    return rate_of(v[0], &o->asked.rate, err);
}

static enum qn_status take_closed(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->asked.mode = LOAD_CLOSED;
    return QN_OK;
}

static enum qn_status take_arrival(struct load_options *o, char *const *v, struct qn_error *err)
{
    if (strcmp(v[0], "poisson") == 0)
        o->asked.arrival = LOAD_POISSON;
    else if (strcmp(v[0], "constant") == 0)
        o->asked.arrival = LOAD_CONSTANT;
    else
        return BAD(err, "\"%s\": must be constant or poisson", v[0]);
    return QN_OK;
}

static enum qn_status take_ramp(struct load_options *o, char *const *v, struct qn_error *err)
{
    char from[32];
    const char *colon = strchr(v[0], ':');
    if (!colon || (size_t)(colon - v[0]) >= sizeof from)
        return BAD(err,
                   "\"%s\": must be FROM:TIME, as \"100:10s\": from 100 a second up to --rate within 10 s",
                   v[0]);
    memcpy(from, v[0], (size_t)(colon - v[0]));
    from[colon - v[0]] = '\0';
    QN_TRY(rate_of(from, &o->asked.ramp_from, err));
    return positive_of(colon + 1, &o->asked.ramp_ms, err);
}

static enum qn_status take_duration(struct load_options *o, char *const *v, struct qn_error *err)
{
    return positive_of(v[0], &o->asked.duration_ms, err);
}

static enum qn_status take_warmup(struct load_options *o, char *const *v, struct qn_error *err)
{
    return duration_of(v[0], &o->asked.warmup_ms, err);
}

static enum qn_status take_timeout(struct load_options *o, char *const *v, struct qn_error *err)
{
    return positive_of(v[0], &o->asked.timeout_ms, err);
}

static enum qn_status take_concurrency(struct load_options *o, char *const *v, struct qn_error *err)
{
    return count_of(v[0], CONCURRENCY_MAX, &o->asked.concurrency, err);
}

static enum qn_status take_connections(struct load_options *o, char *const *v, struct qn_error *err)
{
    return count_of(v[0], CONNECTIONS_MAX, &o->asked.connections, err);
}

static enum qn_status take_seed(struct load_options *o, char *const *v, struct qn_error *err)
{
    if (!qn_str_to_u64(qn_str_c(v[0]), &o->asked.seed))
        return BAD(err, "\"%s\": must be a whole number", v[0]);
    return QN_OK;
}

static enum qn_status take_realtime(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->realtime = true;
    return QN_OK;
}

static enum qn_status take_find_max(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->find_max = true;
    return QN_OK;
}

static enum qn_status take_slo(struct load_options *o, char *const *v, struct qn_error *err)
{
    return load_slo_parse(v[0], &o->arena, o->slos, &o->n_slos, err);
}

/* What is done and looked at beside it. */

static enum qn_status take_scrape(struct load_options *o, char *const *v, struct qn_error *err)
{
    if (strncmp(v[0], "http://", 7) != 0)
        return BAD(err, "\"%s\": must be a URL, as http://127.0.0.1:9102/metrics", v[0]);
    if (o->n_scrapes == LOAD_SCRAPES_MAX)
        return BAD(err, "at most %d", LOAD_SCRAPES_MAX);
    o->scrapes[o->n_scrapes++] = v[0];
    return QN_OK;
}

static enum qn_status take_at(struct load_options *o, char *const *v, struct qn_error *err)
{
    if (o->n_at == LOAD_AT_MAX)
        return BAD(err, "at most %d commands", LOAD_AT_MAX);
    o->at[o->n_at].command = v[1];
    return duration_of(v[0], &o->at[o->n_at++].at_ms, err);
}

#define TEXT_OPTION(function, member)                                                                        \
    static enum qn_status function(struct load_options *o, char *const *v, struct qn_error *err)             \
    {                                                                                                        \
        (void)err;                                                                                           \
        o->member = v[0];                                                                                    \
        return QN_OK;                                                                                        \
    }
TEXT_OPTION(take_json, json)
TEXT_OPTION(take_csv, csv)
TEXT_OPTION(take_hgrm, hgrm)
TEXT_OPTION(take_html, html)
TEXT_OPTION(take_watch_db, watch_db)
TEXT_OPTION(take_watch_role, watch_role)
TEXT_OPTION(take_caller, caller)
TEXT_OPTION(take_tls_cert, tls_certificate_file)
TEXT_OPTION(take_tls_key, tls_key_file)
TEXT_OPTION(take_tls_ca, tls_ca_file)

static enum qn_status take_callers(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->callers = true;
    return QN_OK;
}

static enum qn_status take_quiet(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->quiet = true;
    return QN_OK;
}

static enum qn_status take_list(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->what = LOAD_LIST_METHODS;
    return QN_OK;
}

static enum qn_status take_help(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->what = LOAD_HELP;
    return QN_OK;
}

static enum qn_status take_version(struct load_options *o, char *const *v, struct qn_error *err)
{
    (void)v, (void)err;
    o->what = LOAD_VERSION;
    return QN_OK;
}

const struct load_option load_option_table[] = {
    {"target", "URL", 1,
     "ipc://FOLDER (a service's address on this machine) or ipc://FOLDER/PID.sock (one of its processes), "
     "tcp://HOST:PORT, tls+tcp://HOST:PORT, or http://HOST:PORT for the gateway",
     take_target},
    {"method", "NAME[=WEIGHT]", 1,
     "what to call, as quintet.auth.v1.AuthService/GetSession; several make a mix by weight. Over HTTP also "
     "a bare "
     "path, \"/path\" or \"GET /path\"",
     take_method},
    {"data", "JSON", 1, "the request of the --method before it; an empty one by default", take_data},
    {"data-file", "FILE", 1, "its requests, one JSON a line; \"-\" is standard input", take_data_file},
    {"cookie-file", "FILE", 1,
     "the Cookie header of each call, one a line; over nng it travels as the call's credentials",
     take_cookie_file},
    {"pick", "order|random|zipf", 1,
     "which line of the file before it comes next: one after the other (the default), any, or the k-th line "
     "1/k as "
     "often as the first",
     take_pick},
    {"header", "'NAME: VALUE'", 1, "HTTP: a further header; several may be given", take_header},
    {"caller", "USER_ID", 1, "nng: the user on whose behalf to call, as the gateway would say it",
     take_caller},
    {"callers", NULL, 0, "nng: a line of --cookie-file is such a user, of that call", take_callers},
    {"tls-cert", "FILE", 1, "tls+tcp: our certificate, PEM", take_tls_cert},
    {"tls-key", "FILE", 1, "tls+tcp: its key, PEM", take_tls_key},
    {"tls-ca", "FILE", 1, "tls+tcp: who signs the service's certificate, PEM", take_tls_ca},
    {"rate", "N", 1,
     "calls a second, started by the clock whether or not earlier ones were answered (open loop); with "
     "--find-max "
     "the first rate tried (1000)",
     take_rate},
    {"arrival", "constant|poisson", 1,
     "the same time between calls (the default), or as independent users come", take_arrival},
    {"ramp", "FROM:TIME", 1,
     "begin at FROM calls a second and reach --rate in a straight line within TIME, counted "
     "from the start, warm-up included",
     take_ramp},
    {"closed", NULL, 0, "closed loop instead: --concurrency callers, each asks again once it was answered",
     take_closed},
    {"duration", "TIME", 1,
     "how long calls are started and counted (10s); with --find-max for each rate (5s)", take_duration},
    {"warmup", "TIME", 1, "how long calls are made before that and not counted (1s)", take_warmup},
    {"concurrency", "N", 1,
     "calls under way at most (256); in an open loop those due beyond wait, and the wait counts",
     take_concurrency},
    {"connections", "N", 1,
     "HTTP: connections, each with one call at a time (as many as --concurrency); nng: rpc clients, each "
     "with up to 64 messages, "
     "32 of one method, under way (1, or as many as methods that are not batchable need)",
     take_connections},
    {"timeout", "TIME", 1, "of a call, from its sending (5s)", take_timeout},
    {"seed", "N", 1, "of all that is random (1): the same seed, the same calls", take_seed},
    {"realtime", NULL, 0,
     "send before anything else on this machine runs (SCHED_RR; root or CAP_SYS_NICE): for a generator that "
     "shares "
     "its cores with what it loads",
     take_realtime},
    {"slo", "CONDITIONS", 1,
     "p99=20ms,errors=0.1%,rate=5000 (any percentile, mean, max; rate: at least): exit code 1 when one is "
     "not met",
     take_slo},
    {"find-max", NULL, 0, "search the highest --rate at which --slo is met", take_find_max},
    {"json", "FILE", 1, "write the report as JSON; two of them can be compared", take_json},
    {"csv", "FILE", 1, "write a row a second", take_csv},
    {"hgrm", "FILE", 1, "write the latencies in HdrHistogram's percentile format", take_hgrm},
    {"html", "FILE", 1, "write one page with plots, which needs nothing beside itself", take_html},
    {"watch-db", "URL", 1,
     "postgresql://…: count the connections of --watch-role meanwhile, on a connection of its own with "
     "another role",
     take_watch_db},
    {"watch-role", "ROLE", 1, "whose (quintet)", take_watch_role},
    {"watch-metrics", "URL", 1,
     "http://HOST:PORT/metrics of a service: read before and after; several may be given", take_scrape},
    {"at", "TIME COMMAND", 2,
     "run a shell command so long after the counting began, and say how long it took to recover; several may "
     "be given",
     take_at},
    {"quiet", NULL, 0, "no progress line, no table", take_quiet},
    {"list-methods", NULL, 0, "list what can be called", take_list},
    {"help", NULL, 0, "this text", take_help},
    {"version", NULL, 0, "the version", take_version},
};
const size_t load_option_count = sizeof load_option_table / sizeof load_option_table[0];
