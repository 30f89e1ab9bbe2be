#include "tests/load/options.h"

#include <stdio.h>
#include <string.h>

#include "common/app/usage.h"
#include "common/core/check.h"

enum { ARENA_BYTES = 1 << 20 };

/* Defaults: what a service of Quintet should do easily, for long enough that p99 means something. */
enum {
    DURATION_MS = 10000,
    STEP_MS = 5000,
    WARMUP_MS = 1000,
    TIMEOUT_MS = 5000,
    CONCURRENCY = 256,
    FIRST_RATE = 1000,
};

static const struct load_option *find(struct qn_str name)
{
    for (size_t i = 0; i < load_option_count; i++)
        if (qn_str_eq(name, qn_str_c(load_option_table[i].name)))
            return &load_option_table[i];
    return NULL;
}

/* One that begins alike, for people who guess; NULL when there is none. */
static const char *like(struct qn_str name)
{
    const char *best = NULL;
    size_t best_len = 2; /* fewer letters in common are chance */
    for (size_t i = 0; i < load_option_count; i++) {
        const char *other = load_option_table[i].name;
        size_t len = 0;
        while (len < name.len && other[len] == name.ptr[len])
            len++;
        if (len > best_len) {
            best_len = len;
            best = other;
        }
    }
    return best;
}

static enum qn_status take_one(struct load_options *o, int argc, char **argv, int *at, struct qn_error *err)
{
    const char *text = argv[(*at)++];
    if (strncmp(text, "--", 2) != 0 || text[2] == '\0')
        return qn_error_set(err, QN_INVALID_ARGUMENT,
                            "%s: stands alone; options begin with -- (--help lists them)", text);
    struct qn_str name = qn_str_c(text + 2);
    ptrdiff_t equals = qn_str_find(name, '=');
    char *values[2] = {NULL, NULL};
    unsigned n = 0;
    if (equals >= 0) {
        name.len = (size_t)equals;
        values[n++] = argv[*at - 1] + 2 + equals + 1;
    }
    const struct load_option *option = find(name);
    if (!option) {
        const char *other = like(name);
        return qn_error_set(err, QN_INVALID_ARGUMENT, "--%.*s: no such option%s%s%s (--help lists them)",
                            QN_STR_ARG(name), other ? "; is it --" : "", other ? other : "",
                            other ? "?" : "");
    }
    if (n > option->n_values)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "--%s takes no value", option->name);
    while (n < option->n_values && *at < argc)
        values[n++] = argv[(*at)++];
    if (n < option->n_values)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "--%s wants %s", option->name, option->values);
    struct qn_error why = {0};
    enum qn_status status = option->take(o, values, &why);
    if (status == QN_OK)
        return QN_OK;
    bool named = strncmp(why.message, "--", 2) == 0;
    return qn_error_set(err, status, "%s%s%s%s", named ? "" : "--", named ? "" : option->name,
                        named ? "" : ": ", why.message);
}

/* Cross-checks, in the order in which people would mend things. */

static enum qn_status bad(struct qn_error *err, const char *text)
{
    return qn_error_set(err, QN_INVALID_ARGUMENT, "%s", text);
}

static enum qn_status check_target(const struct load_options *o, struct qn_error *err)
{
    bool tls = o->asked.target && strncmp(o->asked.target, "tls+tcp://", 10) == 0;
    bool files = o->tls_certificate_file || o->tls_key_file || o->tls_ca_file;
    if (!o->asked.target)
        return bad(err, "--target is missing: ipc://, tcp://, tls+tcp:// or http:// (--help says more)");
    if (o->n_methods == 0)
        return bad(err, "--method is missing: what to call (--list-methods lists what there is)");
    if (tls && !(o->tls_certificate_file && o->tls_key_file && o->tls_ca_file))
        return bad(err, "a tls+tcp:// target wants --tls-cert, --tls-key and --tls-ca");
    if (files && !tls)
        return bad(err, "--tls-cert, --tls-key and --tls-ca go with a tls+tcp:// target");
    if (o->n_headers > 0 && !o->http)
        return bad(err, "--header goes with an http:// target; over nng a cookie travels by --cookie-file");
    if (o->caller && o->http)
        return bad(err,
                   "--caller goes with an nng target; over HTTP the gateway finds the caller by its cookie");
    if (o->callers && (o->http || o->caller || !o->cookie_file))
        return bad(err, "--callers goes with an nng target and a --cookie-file, and without --caller");
    return QN_OK;
}

static enum qn_status check_load(const struct load_options *o, struct qn_error *err)
{
    bool closed = o->asked.mode == LOAD_CLOSED;
    if (closed && o->find_max)
        return bad(err, "--find-max searches a rate; a --closed loop has none");
    if (closed && o->asked.rate > 0)
        return bad(
            err,
            "--rate is for the open loop; in a --closed one the answers set the pace: leave one of them out");
    if (closed && (o->asked.ramp_ms > 0 || o->asked.arrival == LOAD_POISSON))
        return bad(err, "--ramp and --arrival are for the open loop; a --closed one has no schedule");
    if (o->find_max && o->asked.ramp_ms > 0)
        return bad(err, "--ramp does not go with --find-max, which sets the rate itself");
    if (o->find_max && o->n_slos == 0)
        return bad(err, "--find-max wants --slo: what must hold, as --slo p99=20ms,errors=0");
    if (o->find_max && o->n_at > 0)
        return bad(err, "--at does not go with --find-max, which makes many runs");
    if (!closed && !o->find_max && o->asked.rate == 0)
        return bad(err, "say how hard: --rate N (calls a second), --closed, or --find-max with --slo");
    if (o->watch_role && !o->watch_db)
        return bad(err, "--watch-role goes with --watch-db URL");
    for (size_t i = 0; i < o->n_at; i++)
        if (o->at[i].at_ms >= o->asked.duration_ms)
            return bad(err, "--at: its time must lie within --duration");
    return QN_OK;
}

static void put_defaults(struct load_options *o)
{
    struct load_asked *asked = &o->asked;
    if (asked->duration_ms == 0)
        asked->duration_ms = o->find_max ? STEP_MS : DURATION_MS;
    if (asked->timeout_ms == 0)
        asked->timeout_ms = TIMEOUT_MS;
    if (asked->concurrency == 0)
        asked->concurrency = CONCURRENCY;
    if (o->find_max && asked->rate == 0)
        asked->rate = FIRST_RATE;
}

static enum qn_status read_compare(int argc, char **argv, struct load_options *o, struct qn_error *err)
{
    if (argc != 4)
        return bad(err, "compare wants two reports: quintet-load compare A.json B.json");
    o->what = LOAD_COMPARE;
    o->compare[0] = argv[2];
    o->compare[1] = argv[3];
    return QN_OK;
}

enum qn_status load_options_read(int argc, char **argv, struct load_options *ret_options,
                                 struct qn_error *err)
{
    struct load_options *o = ret_options;
    *o = (struct load_options){.asked = {.warmup_ms = WARMUP_MS, .seed = 1}};
    qn_arena_init(&o->arena, ARENA_BYTES);
    if (argc > 1 && strcmp(argv[1], "compare") == 0)
        return read_compare(argc, argv, o, err);
    for (int at = 1; at < argc;) {
        QN_TRY(take_one(o, argc, argv, &at, err));
        if (o->what != LOAD_RUN)
            return QN_OK;
    }
    QN_TRY(check_target(o, err));
    put_defaults(o);
    return check_load(o, err);
}

void load_options_free(struct load_options *options)
{
    qn_arena_fini(&options->arena);
}

void load_options_help(struct qn_buf *to)
{
    size_t width = 0;
    char name[64];
    qn_buf_printf(
        to,
        "quintet-load %s\n"
        "Loads one service of Quintet over nng, or the gateway over HTTP, and says how it answered.\n\n"
        "Usage: quintet-load --target URL --method NAME (--rate N | --closed | --find-max --slo …) "
        "[options]\n"
        "       quintet-load compare A.json B.json\n\n"
        "Times are written 250ms, 10s or 5m. Options:\n",
        QN_VERSION);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < load_option_count; i++) {
            const struct load_option *option = &load_option_table[i];
            snprintf(name, sizeof name, "--%s%s%s", option->name, option->values ? " " : "",
                     option->values ? option->values : "");
            if (pass == 0)
                width = qn_usage_wider(width, name);
            else
                qn_usage_entry(to, width, name, qn_str_c(option->help));
        }
    qn_buf_write_c(
        to,
        "\nExit codes: 0 it ran, and --slo was met; 1 --slo was not met; 2 bad use; 3 the run is void: the "
        "generator\nwas the limit, or nothing was counted (tests/load/README.md says when).\n");
}
