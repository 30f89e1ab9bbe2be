#include "tests/unit/common/http/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

static void on_gone(struct qn_exchange *exchange)
{
    struct site *site = exchange->user;
    site->gone++;
    for (size_t i = 0; i < site->n_waiting; i++)
        if (site->waiting[i] == exchange)
            site->waiting[i] = NULL;
}

static void wait_for_answer(struct site *site, struct qn_exchange *exchange, bool listens)
{
    assert_true(site->n_waiting < SITE_WAITING_MAX);
    site->waiting[site->n_waiting++] = exchange;
    exchange->user = site;
    exchange->gone = listens ? on_gone : NULL;
}

static void tell(struct qn_exchange *exchange)
{
    char text[4096];
    int len = snprintf(text, sizeof text, "%.*s %.*s?%.*s %zu:%.*s%s%s from %.*s",
                       QN_STR_ARG(exchange->method), QN_STR_ARG(exchange->path), QN_STR_ARG(exchange->query),
                       exchange->body.len, (int)(exchange->body.len > 200 ? 200 : exchange->body.len),
                       exchange->body.ptr, exchange->body_too_large ? " too large" : "",
                       exchange->body_refused ? " refused" : "", QN_STR_ARG(exchange->peer));
    const struct qn_header headers[] = {{QN_STR("Content-Type"), QN_STR("text/plain")},
                                        {QN_STR("Set-Cookie"), QN_STR("a=1")},
                                        {QN_STR("Set-Cookie"), QN_STR("b=2")}};
    qn_exchange_reply(exchange, exchange->body_too_large ? 413 : 200, headers, QN_COUNT(headers),
                      qn_str_n(text, (size_t)len));
}

static void handle(void *context, struct qn_exchange *exchange)
{
    struct site *site = context;
    site->handled++;
    if (qn_str_eq(exchange->path, QN_STR("/later")))
        wait_for_answer(site, exchange, true);
    else if (qn_str_eq(exchange->path, QN_STR("/deaf")))
        wait_for_answer(site, exchange, false);
    else if (qn_str_eq(exchange->path, QN_STR("/file")))
        qn_exchange_reply_file(exchange, 200, NULL, 0, dup(site->file), 1000, SITE_FILE_BYTES - 1000);
    else if (qn_str_eq(exchange->path, QN_STR("/large")))
        qn_exchange_reply(exchange, 200, NULL, 0, qn_str_n(site->large, SITE_LARGE_BYTES));
    else
        tell(exchange);
}

bool site_take_piece(void *context, struct qn_exchange *exchange, struct qn_str piece)
{
    struct site *site = context;
    site->pieces++;
    site->piece_bytes += piece.len;
    exchange->user = site;
    exchange->gone = on_gone;
    return site->refuse_after == 0 || site->pieces < site->refuse_after;
}

void site_open(struct site *site, struct qn_loop *loop, struct qn_httpd_options options)
{
    *site = (struct site){.loop = loop};
    site->large = malloc(SITE_LARGE_BYTES);
    assert_non_null(site->large);
    for (size_t i = 0; i < SITE_LARGE_BYTES; i++)
        site->large[i] = (char)('a' + i % 23);
    site->file = memfd_create("site", MFD_CLOEXEC);
    assert_true(site->file >= 0);
    assert_int_equal(write(site->file, site->large, SITE_FILE_BYTES), SITE_FILE_BYTES);

    options.name = "site";
    if (!options.listen)
        options.listen = "127.0.0.1:0";
    options.handle = handle;
    options.context = site;
    site->options = options;
    struct qn_error err = {0};
    if (qn_httpd_open(loop, &options, &site->httpd, &err) != QN_OK)
        fail_msg("%s", err.message);
}

void site_answer(struct site *site, size_t i, unsigned status, const char *body)
{
    struct qn_exchange *exchange = site->waiting[i];
    assert_non_null(exchange);
    site->waiting[i] = NULL;
    qn_exchange_reply(exchange, status, NULL, 0, qn_str_c(body));
}

static void set(void *flag)
{
    *(bool *)flag = true;
}

void site_drain(struct site *site, uint64_t limit_ms)
{
    qn_httpd_drain(site->httpd, limit_ms, set, &site->drained);
}

void site_close(struct site *site)
{
    qn_httpd_close(site->httpd, set, &site->closed);
    assert_false(site->closed);
    loop_fixture_run_until(&site->closed, 10000);
    close(site->file);
    free(site->large);
}

double site_metric(const char *series)
{
    struct qn_buf text;
    qn_buf_init(&text, 1024 * 1024);
    qn_metric_render(&text);
    double value = 0;
    struct qn_str rest = qn_buf_view(&text), line, name = qn_str_c(series);
    while (qn_str_next(&rest, '\n', &line))
        if (qn_str_starts(line, name) && line.len > name.len && line.ptr[name.len] == ' ')
            value = strtod(line.ptr + name.len, NULL);
    qn_buf_fini(&text);
    return value;
}
