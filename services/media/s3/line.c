#include "services/media/s3/line.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/metric.h"
#include "services/media/settings.h"

/* An address stays good longer than this as a rule; R2's and AWS's names have a minute or a few of their own.
 */
enum { ADDRESS_LIFE_MS = 30000 };

static struct qn_metric in_flight_metric = {
    .name = "quintet_media_s3_in_flight", .help = "Requests to the bucket under way.", .kind = QN_GAUGE};
static struct qn_metric waiting_metric = {.name = "quintet_media_s3_waiting",
                                          .help = "Requests to the bucket that wait for their turn.",
                                          .kind = QN_GAUGE};

static void count(const struct media_s3_line *line)
{
    qn_metric_set(qn_metric_series(&in_flight_metric, NULL, NULL, NULL), (double)line->n_sent);
    qn_metric_set(qn_metric_series(&waiting_metric, NULL, NULL, NULL), (double)line->waiting.len);
}

/* Where the server is. */

static bool is_numeric(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* "[::1]:9000" → "::1" and "9000"; without a port, the scheme's. */
static void take_apart(struct media_s3_line *line, const char *scheme, const char *text)
{
    struct qn_str host, port;
    media_settings_split_host(qn_str_c(text), &host, &port);
    if (host.len > 1 && host.ptr[0] == '[')
        host = qn_str_n(host.ptr + 1, host.len - 2);
    snprintf(line->host, sizeof line->host, "%.*s", QN_STR_ARG(host));
    if (port.len > 0)
        snprintf(line->port, sizeof line->port, "%.*s", QN_STR_ARG(port));
    else
        snprintf(line->port, sizeof line->port, "%s", strcmp(scheme, "https://") == 0 ? "443" : "80");
    line->numeric = is_numeric(line->host);
}

static void write_address(struct media_s3_line *line)
{
    const struct qn_resolve *found = &line->resolve;
    size_t len = (size_t)snprintf(line->address, sizeof line->address, "%s:%s:", line->host, line->port);
    for (size_t i = 0; i < found->n_addresses; i++) {
        bool v6 = strchr(found->addresses[i], ':') != NULL;
        len += (size_t)snprintf(line->address + len, sizeof line->address - len, "%s%s%s%s", i ? "," : "",
                                v6 ? "[" : "", found->addresses[i], v6 ? "]" : "");
    }
    QN_CHECK(len < sizeof line->address);
}

static void dispatch(struct qn_later *later);

/* Those that wait learn that there is no server. */
static void fail_waiting(struct media_s3_line *line)
{
    for (size_t n = line->waiting.len; n > 0 && !qn_list_empty(&line->waiting); n--) {
        struct media_s3_ask *ask = container_of(qn_list_pop(&line->waiting), struct media_s3_ask, node);
        ask->line = NULL;
        ask->transfer.result = MEDIA_S3_UNREACHABLE;
        ask->transfer.why = "its name is not known";
        ask->done(ask);
    }
    count(line);
}

static void on_looked_up(struct qn_resolve *resolve, enum qn_status status)
{
    struct media_s3_line *line = container_of(resolve, struct media_s3_line, resolve);
    line->looking = false;
    if (line->closed) {
        if (!line->carrier) /* otherwise end_close() is still to come */
            line->closed(line);
        return;
    }
    line->looked_up_ms = qn_clock_now_ms();
    if (status == QN_OK) {
        write_address(line);
        qn_later_start(line->loop, &line->dispatch, dispatch);
    } else if (line->address[0] == '\0') {
        fail_waiting(line);
    } else {
        qn_log(NULL, QN_WARN, "the bucket's host was not looked up again; its last addresses stay in use",
               QN_F_C("host", line->host), QN_F_STATUS("status", status));
    }
}

/* Whether there is an address to send to now. */
static bool knows_address(struct media_s3_line *line)
{
    if (line->numeric)
        return true;
    bool known = line->address[0] != '\0';
    if (!line->looking && (!known || qn_clock_now_ms() - line->looked_up_ms > ADDRESS_LIFE_MS)) {
        line->looking = true;
        qn_resolve_start(line->loop, &line->resolve, line->host, on_looked_up);
    }
    return known;
}

/* The line. */

static void on_answer(struct media_s3_transfer *transfer)
{
    struct media_s3_ask *ask = container_of(transfer, struct media_s3_ask, transfer);
    struct media_s3_line *line = ask->line;
    ask->line = NULL;
    line->n_sent--;
    qn_backlog_served(&line->backlog, qn_clock_now_us() - ask->sent_us);
    qn_later_start(line->loop, &line->dispatch, dispatch);
    count(line);
    ask->done(ask);
}

static void on_refused(struct qn_later *later)
{
    struct media_s3_ask *ask = container_of(later, struct media_s3_ask, later);
    ask->line = NULL;
    ask->done(ask);
}

static void refuse(struct media_s3_line *line, struct media_s3_ask *ask)
{
    ask->transfer.result = MEDIA_S3_CROWDED;
    ask->transfer.why = "too many wait in front of it";
    qn_later_start(line->loop, &ask->later, on_refused);
}

static uint64_t left_us(const struct media_s3_ask *ask)
{
    return qn_clock_left_ms(ask->transfer.deadline_ms) * 1000;
}

static void dispatch(struct qn_later *later)
{
    struct media_s3_line *line = container_of(later, struct media_s3_line, dispatch);
    size_t n = 0;
    while (line->n_sent < line->at_once && !qn_list_empty(&line->waiting) && knows_address(line)) {
        struct media_s3_ask *ask = container_of(qn_list_pop(&line->waiting), struct media_s3_ask, node);
        if (line->waiting.len >= line->at_once && qn_backlog_too_late(&line->backlog, left_us(ask))) {
            refuse(line, ask);
            continue;
        }
        n++;
        line->n_sent++;
        ask->sent_us = qn_clock_now_us();
        ask->transfer.address = line->numeric ? NULL : line->address;
        media_s3_transfer_start(line->carrier, &ask->transfer, on_answer);
    }
    if (n > 0)
        qn_backlog_left(&line->backlog, n, qn_clock_now_us());
    count(line);
}

/* Whether its turn comes in time. */
static bool is_admitted(struct media_s3_line *line, const struct media_s3_ask *ask)
{
    size_t waiting = line->waiting.len, room = line->at_once - line->n_sent;
    uint32_t retry_after_ms; /* whoever asked says when to come again */
    if (waiting < room || waiting == 0)
        return true;
    return waiting < MEDIA_S3_LINE_MAX && qn_backlog_admits(&line->backlog, waiting - room, left_us(ask),
                                                            qn_clock_now_us(), &retry_after_ms);
}

void media_s3_line_start(struct media_s3_line *line, struct media_s3_ask *ask,
                         void (*done)(struct media_s3_ask *ask))
{
    QN_CHECK(ask->line == NULL);
    ask->line = line;
    ask->done = done;
    if (!is_admitted(line, ask)) {
        refuse(line, ask);
        return;
    }
    if (qn_list_empty(&line->waiting))
        qn_backlog_begin(&line->backlog, qn_clock_now_us());
    qn_list_push(&line->waiting, &ask->node);
    qn_later_start(line->loop, &line->dispatch, dispatch);
    count(line);
}

void media_s3_line_cancel(struct media_s3_ask *ask)
{
    struct media_s3_line *line = ask->line;
    if (!line)
        return;
    ask->line = NULL;
    if (qn_node_linked(&ask->node)) {
        qn_list_remove(&line->waiting, &ask->node);
    } else if (ask->transfer.carrier) {
        media_s3_transfer_cancel(&ask->transfer);
        line->n_sent--;
        qn_backlog_served(&line->backlog, qn_clock_now_us() - ask->sent_us);
        qn_later_start(line->loop, &line->dispatch, dispatch);
    } else {
        qn_later_cancel(line->loop, &ask->later);
    }
    count(line);
}

enum qn_status media_s3_line_open(struct media_s3_line *line, struct qn_loop *loop, const char *scheme,
                                  const char *host, size_t at_once,
                                  const struct media_s3_carrier_options *options, struct qn_error *err)
{
    *line = (struct media_s3_line){.loop = loop, .at_once = at_once};
    qn_list_init(&line->waiting);
    take_apart(line, scheme, host);
    QN_TRY(media_s3_carrier_open(loop, options, &line->carrier, err));
    count(line);
    return QN_OK;
}

/* Not at once: whoever closes may have been called by the carrier. */
static void end_close(struct qn_later *later)
{
    struct media_s3_line *line = container_of(later, struct media_s3_line, dispatch);
    media_s3_carrier_close(line->carrier);
    line->carrier = NULL;
    if (line->looking)
        qn_resolve_cancel(&line->resolve); /* on_looked_up() goes on */
    else
        line->closed(line);
}

void media_s3_line_close(struct media_s3_line *line, void (*closed)(struct media_s3_line *line))
{
    QN_CHECK(line->n_sent == 0 && qn_list_empty(&line->waiting));
    line->closed = closed;
    qn_later_cancel(line->loop, &line->dispatch);
    qn_later_start(line->loop, &line->dispatch, end_close);
}
