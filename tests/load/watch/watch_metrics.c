#include "tests/load/watch/watch_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/http/http_client.h"
#include "tests/load/watch/metrics_text.h"

/* A service of ours answers with some 100 KB; Prometheus itself takes 10,000 series from one by default. */
enum { BODY_MAX_BYTES = 8 << 20, ARENA_BYTES = 64 << 20, READ_TIMEOUT_MS = 5000 };

struct sample {
    const char *series;
    double value;
};

struct reading {
    struct sample *samples; /* in the order of their names */
    size_t n;
};

struct source {
    struct load_watch_metrics *watch;
    const char *url;
    const char *origin; /* "http://127.0.0.1:9102" */
    struct qn_str path;
    struct qn_http_client *client;
    struct qn_http_request request;
    struct reading readings[2]; /* before, after */
};

struct load_watch_metrics {
    struct qn_arena arena;
    struct source *sources;
    size_t n_sources, n_waiting, n_open;
    unsigned n_readings;
    const char *problem;
    void (*done)(void *context, const char *problem);
    void *context;
};

/* Reading. */

static int by_series(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->series, ((const struct sample *)b)->series);
}

/* "http://a/metrics: why"; the first problem is the one that is told. */
static void complain(struct source *source, const char *why)
{
    struct load_watch_metrics *watch = source->watch;
    const char *text =
        qn_arena_printf(&watch->arena, "%s%.*s: %s", source->origin, QN_STR_ARG(source->path), why);
    if (!watch->problem)
        watch->problem = text ? text : "out of memory";
}

/* A series of the answer; buckets of histograms are too many to be read by people, and sum and count say the
 * mean. */
static bool is_kept(const struct load_metrics_sample *sample)
{
    return !qn_str_ends(sample->name, QN_STR("_bucket")) && isfinite(sample->value);
}

static void take(struct source *source, struct qn_str body)
{
    struct load_watch_metrics *watch = source->watch;
    struct reading *reading = &source->readings[watch->n_readings];
    struct load_metrics_text text = {.rest = body};
    struct load_metrics_sample sample;
    size_t n = 0;
    while (load_metrics_text_next(&text, &sample))
        n += is_kept(&sample);
    if (text.problem) {
        complain(source, qn_arena_printf(&watch->arena, "line %zu: %s", text.line, text.problem));
        return;
    }
    reading->samples = qn_arena_array(&watch->arena, n + 1, sizeof *reading->samples);
    text = (struct load_metrics_text){.rest = body};
    while (reading->samples && load_metrics_text_next(&text, &sample)) {
        if (!is_kept(&sample))
            continue;
        const char *series = qn_arena_copy(&watch->arena, sample.series.ptr, sample.series.len);
        if (!series)
            break;
        reading->samples[reading->n++] = (struct sample){series, sample.value};
    }
    if (reading->n < n || !reading->samples) {
        complain(source, "the answer is too large");
        return;
    }
    qsort(reading->samples, reading->n, sizeof *reading->samples, by_series);
}

static void on_answer(struct qn_http_request *request)
{
    struct source *source = container_of(request, struct source, request);
    struct load_watch_metrics *watch = source->watch;
    if (request->status != QN_OK)
        complain(source, request->message ? request->message : qn_status_name(request->status));
    else if (request->http_status != 200)
        complain(source, qn_arena_printf(&watch->arena, "answered %u", request->http_status));
    else
        take(source, request->body);
    if (--watch->n_waiting > 0)
        return;
    watch->n_readings++;
    watch->done(watch->context, watch->problem);
}

void load_watch_metrics_read(struct load_watch_metrics *watch,
                             void (*done)(void *context, const char *problem), void *context)
{
    QN_CHECK(watch->n_readings < 2 && watch->n_waiting == 0);
    watch->done = done;
    watch->context = context;
    watch->problem = NULL;
    watch->n_waiting = watch->n_sources;
    for (size_t i = 0; i < watch->n_sources; i++) {
        struct source *source = &watch->sources[i];
        struct qn_http_ask ask = {.method = "GET", .path = source->path, .idempotent = true};
        qn_http_request_start(&source->request, source->client, &ask, READ_TIMEOUT_MS, &watch->arena,
                              on_answer);
    }
}

/* What changed. */

static double before_of(const struct source *source, const char *series)
{
    struct sample key = {.series = series};
    const struct reading *before = &source->readings[0];
    const struct sample *found =
        before->n > 0 ? bsearch(&key, before->samples, before->n, sizeof key, by_series) : NULL;
    return found ? found->value : 0;
}

/* Puts down what changed at 'to' (NULL: only counts it). */
static size_t changes_of(const struct load_watch_metrics *watch, const struct source *source,
                         struct qn_arena *arena, struct load_watched_metric *to)
{
    size_t n = 0;
    const char *host = source->origin + strlen("http://");
    for (size_t i = 0; i < source->readings[1].n; i++) {
        const struct sample *after = &source->readings[1].samples[i];
        double before = before_of(source, after->series);
        if (after->value == before)
            continue;
        if (to)
            to[n] = (struct load_watched_metric){
                .series = watch->n_sources > 1 ? qn_arena_printf(arena, "%s %s", host, after->series)
                                               : qn_arena_strdup(arena, after->series),
                .before = before,
                .after = after->value,
            };
        if (to && !to[n].series)
            break;
        n++;
    }
    return n;
}

void load_watch_metrics_report(const struct load_watch_metrics *watch, struct load_result *result)
{
    struct qn_arena *arena = &result->arena;
    const char *urls = "";
    size_t n = 0;
    for (size_t i = 0; i < watch->n_sources; i++) {
        urls = qn_arena_printf(arena, "%s%s%s", urls ? urls : "", i > 0 ? ", " : "", watch->sources[i].url);
        n += changes_of(watch, &watch->sources[i], arena, NULL);
    }
    result->metrics_url = urls;
    result->metrics_problem = watch->problem ? qn_arena_strdup(arena, watch->problem) : NULL;
    result->metrics = qn_arena_array(arena, n + 1, sizeof *result->metrics);
    for (size_t i = 0; i < watch->n_sources && result->metrics; i++)
        result->n_metrics +=
            changes_of(watch, &watch->sources[i], arena, result->metrics + result->n_metrics);
}

/* Opening and closing. */

static void free_watch(struct load_watch_metrics *watch)
{
    qn_arena_fini(&watch->arena);
    free(watch->sources);
    free(watch);
}

static void on_closed(void *context)
{
    struct load_watch_metrics *watch = context;
    if (--watch->n_open == 0)
        free_watch(watch);
}

void load_watch_metrics_close(struct load_watch_metrics *watch)
{
    if (watch->n_open == 0)
        free_watch(watch);
    else
        for (size_t i = 0, n = watch->n_open; i < n; i++)
            qn_http_client_close(watch->sources[i].client, on_closed, watch);
}

static enum qn_status open_source(struct qn_loop *loop, struct load_watch_metrics *watch, const char *url,
                                  struct qn_error *err)
{
    struct source *source = &watch->sources[watch->n_open];
    size_t origin = strlen("http://");
    origin += strcspn(url + origin, "/");
    *source = (struct source){
        .watch = watch,
        .url = url,
        .origin = qn_arena_copy(&watch->arena, url, origin),
        .path = url[origin] ? qn_str_c(url + origin) : QN_STR("/metrics"),
    };
    if (!source->origin)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    struct qn_http_client_options options = {
        .url = source->origin, .connections_max = 1, .body_max_bytes = BODY_MAX_BYTES};
    struct qn_error why = {0};
    enum qn_status status = qn_http_client_open(loop, &options, &source->client, &why);
    if (status != QN_OK)
        return qn_error_set(err, status, "--watch-metrics: %s", why.message);
    watch->n_open++;
    return QN_OK;
}

enum qn_status load_watch_metrics_open(struct qn_loop *loop, const char *const *urls, size_t n_urls,
                                       struct load_watch_metrics **ret_watch, struct qn_error *err)
{
    struct load_watch_metrics *watch = calloc(1, sizeof *watch);
    if (watch)
        watch->sources = calloc(n_urls, sizeof *watch->sources);
    if (!watch || !watch->sources) {
        free(watch);
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    }
    qn_arena_init(&watch->arena, ARENA_BYTES);
    watch->n_sources = n_urls;
    enum qn_status status = QN_OK;
    for (size_t i = 0; i < n_urls && status == QN_OK; i++)
        status = open_source(loop, watch, urls[i], err);
    if (status == QN_OK)
        *ret_watch = watch;
    else
        load_watch_metrics_close(watch);
    return status;
}
