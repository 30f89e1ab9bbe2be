#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness/test.h"
#include "tests/harness/trial_private.h"

enum { BUDGET_DEFAULT = 5, SLACK_MS_DEFAULT = 1000, SAMPLES_MIN = 20 };

size_t trial_tallied(const struct trial_verdict *verdict, const char *code, const char *reason)
{
    size_t n = 0;
    for (size_t i = 0; i < verdict->n_tally; i++) {
        const char *text = verdict->tally[i].text, *blank = strchr(text, ' ');
        size_t code_len = blank ? (size_t)(blank - text) : strlen(text);
        bool same_code = !code || (strlen(code) == code_len && strncmp(text, code, code_len) == 0);
        if (same_code && (!reason || (blank && strcmp(blank + 1, reason) == 0)))
            n += verdict->tally[i].n;
    }
    return n;
}

void trial_print(const struct trial_verdict *v)
{
    printf(
        "trial: %s: %zu requests in %.1f s, %zu failed (%zu untyped), %zu resent, slowest %.0f ms, peak of "
        "connections %ld in %zu samples, recovered in %lld ms\n",
        v->name, v->requests, v->seconds, v->failed, v->untyped, v->resent, v->slowest_ms, v->peaks[0].peak,
        v->samples, (long long)v->recovered_ms);
    for (size_t i = 1; i < v->n_roles; i++)
        printf("    peak of %s: %ld\n", v->peaks[i].role, v->peaks[i].peak);
    for (size_t i = 0; i < v->n_marks; i++) {
        const struct trial_mark_seen *mark = &v->marks[i];
        printf("    %7.3f s %s: %zu failed", (double)mark->at_ms / 1000, mark->what, mark->failed);
        if (!mark->outage)
            printf(", recovered in %lld ms", (long long)mark->recovered_ms);
        printf("\n");
    }
    for (size_t i = 0; i < v->n_tally; i++)
        printf("    %zu x %s\n", v->tally[i].n, v->tally[i].text);
    for (size_t i = 0; i < v->n_quotes; i++)
        printf("    at %s\n", v->quotes[i]);
    if (v->failed > v->n_quotes)
        printf("    last at %s\n", v->last_quote);
    fflush(stdout);
}

/* The first bound that was crossed, as text; NULL: all were kept. */
static const char *complaint(const struct trial_verdict *v, const struct trial_bounds *b, long budget)
{
    static char text[512];
    const char *quote = v->n_quotes ? v->quotes[0] : "";
    if (v->untyped)
        snprintf(text, sizeof text, "%zu failures are not typed; the first failure: %s", v->untyped, quote);
    else if (v->failed > b->failed_max)
        snprintf(text, sizeof text, "%zu failed, %zu may; the first: %s", v->failed, b->failed_max, quote);
    else if (v->lost_writes)
        snprintf(text, sizeof text, "%zu writes were answered well and are lost", v->lost_writes);
    else if (v->denied_writes)
        snprintf(text, sizeof text, "%zu writes were said not to have been executed, and are there",
                 v->denied_writes);
    else if (v->late)
        snprintf(text, sizeof text, "%zu answers came too late; the slowest took %.0f ms", v->late,
                 v->slowest_ms);
    else if (v->peaks[0].peak > budget)
        snprintf(text, sizeof text, "%ld connections of %s at %llu ms; the budget is %ld", v->peaks[0].peak,
                 v->peaks[0].role, (unsigned long long)v->peaks[0].at_ms, budget);
    else if (v->samples < SAMPLES_MIN || v->peaks[0].peak == 0)
        snprintf(text, sizeof text, "too few samples to tell: %zu, peak %ld", v->samples, v->peaks[0].peak);
    else if (v->recovered_ms < 0 || (b->recover_in_ms && v->recovered_ms > b->recover_in_ms))
        snprintf(text, sizeof text, "it recovered in %lld ms; %lld are the bound", (long long)v->recovered_ms,
                 (long long)b->recover_in_ms);
    else
        return NULL;
    return text;
}

static void json_text(FILE *file, const char *name, const char *text)
{
    fprintf(file, "\"%s\":\"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else
            fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
    fputc('"', file);
}

void trial_leave(const struct trial_verdict *v, long budget, const char *broken)
{
    const char *folder = getenv("QUINTET_RESULTS"), *version = getenv("QUINTET_RESULTS_VERSION");
    if (!folder || !folder[0])
        return;
    char date[32], path[512];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &utc));
    snprintf(path, sizeof path, "%s/%s.json", folder, v->name);
    FILE *file = fopen(path, "w");
    if (!file)
        fail_msg("trial: cannot write %s", path);
    fputc('{', file);
    json_text(file, "trial", v->name);
    fputc(',', file);
    json_text(file, "what", v->what);
    fputc(',', file);
    json_text(file, "outcome", broken ? broken : "held");
    fputc(',', file);
    json_text(file, "date", date);
    fputc(',', file);
    json_text(file, "version", version ? version : "");
    fprintf(
        file,
        ",\"rate\":%u,\"deadline_ms\":%u,\"seconds\":%.1f,\"requests\":%zu,\"failed\":%zu,\"untyped\":%zu,"
        "\"resent\":%zu,\"late\":%zu,\"lost_writes\":%zu,\"denied_writes\":%zu,\"slowest_ms\":%.0f,"
        "\"budget\":%ld,\"samples\":%zu,\"recovered_ms\":%lld,\"peaks\":{",
        v->rate, v->deadline_ms, v->seconds, v->requests, v->failed, v->untyped, v->resent, v->late,
        v->lost_writes, v->denied_writes, v->slowest_ms, budget, v->samples, (long long)v->recovered_ms);
    for (size_t i = 0; i < v->n_roles; i++)
        fprintf(file, "%s\"%s\":%ld", i ? "," : "", v->peaks[i].role, v->peaks[i].peak);
    fprintf(file, "},\"failures\":[");
    for (size_t i = 0; i < v->n_tally; i++) {
        fprintf(file, "%s{", i ? "," : "");
        json_text(file, "what", v->tally[i].text);
        fprintf(file, ",\"n\":%zu}", v->tally[i].n);
    }
    fprintf(file, "],\"marks\":[");
    for (size_t i = 0; i < v->n_marks; i++) {
        fprintf(file, "%s{", i ? "," : "");
        json_text(file, "what", v->marks[i].what);
        fprintf(file, ",\"at_ms\":%llu,\"outage\":%s,\"failed\":%zu,\"recovered_ms\":%lld}",
                (unsigned long long)v->marks[i].at_ms, v->marks[i].outage ? "true" : "false",
                v->marks[i].failed, (long long)v->marks[i].recovered_ms);
    }
    fprintf(file, "]}\n");
    if (fclose(file) != 0)
        fail_msg("trial: cannot write %s", path);
}

void trial_judge(struct trial_verdict *verdict, const struct trial_bounds *bounds)
{
    long budget = bounds->budget ? bounds->budget : BUDGET_DEFAULT;
    unsigned limit_ms = verdict->deadline_ms + (bounds->slack_ms ? bounds->slack_ms : SLACK_MS_DEFAULT);
    verdict->late = 0;
    for (size_t i = 0; i < verdict->requests; i++)
        verdict->late += verdict->took_ms[i] > limit_ms;
    trial_print(verdict);
    const char *broken = complaint(verdict, bounds, budget);
    trial_leave(verdict, budget, broken);
    if (broken)
        fail_msg("%s: %s", verdict->name, broken);
}
