#include <stdio.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/http/private.h"

static struct qn_metric refused_total = {
    .name = "quintet_http_refused_total",
    .help = "HTTP requests and connections turned away before a handler saw them, or cut",
    .kind = QN_COUNTER,
    .labels = {"server", "reason"}};

void qn_refuse_count(const struct qn_httpd *httpd, const char *reason)
{
    qn_metric_add(qn_metric_series(&refused_total, httpd->options.name, reason, NULL), 1);
}

static const char *reason_of(unsigned status)
{
    switch (status) {
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
    case MHD_HTTP_URI_TOO_LONG:
        return "head_too_large";
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "body_too_large";
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return "bodies_full";
    case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
    case MHD_HTTP_NOT_IMPLEMENTED:
        return "unsupported";
    default:
        return "malformed";
    }
}

/* Static, so that a flood of bad requests costs no copies. */
static struct qn_str text_of(unsigned status)
{
    switch (status) {
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return QN_STR("request head too large\n");
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return QN_STR("too many large requests at once\n");
    case MHD_HTTP_NOT_IMPLEMENTED:
        return QN_STR("transfer encoding not supported\n");
    default:
        return QN_STR("malformed request\n");
    }
}

enum MHD_Result qn_refuse(struct qn_exchange_state *x, unsigned status)
{
    struct qn_str text = text_of(status);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, (void *)text.ptr, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/plain");
    MHD_add_response_header(response, "Connection", "close");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "1");
    x->step = QN_STEP_REPLIED;
    enum MHD_Result queued = MHD_queue_response(x->connection->mhd, status, response);
    MHD_destroy_response(response);
    qn_connection_enter(x->connection, QN_PHASE_SENDING);
    qn_metric_add(x->connection->httpd->requests[status / 100 - 2], 1);
    qn_refuse_count(x->connection->httpd, reason_of(status));
    return queued;
}

/* What libmicrohttpd refuses by itself it tells nobody but its logger, by these words (connection.c,
 * transmit_error_response_len, in 0.9.75; should they change, only the count stops). The rest is the noise of
 * clients that come and go, and one thing an operator must know. */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

void qn_refuse_log(void *context, const char *format, va_list args)
{
    static struct qn_log_limit limit;
    const struct qn_httpd *httpd = context;
    va_list copy;
    va_copy(copy, args);
    if (begins(format, "Error processing request (HTTP response code is %u"))
        qn_refuse_count(httpd, reason_of(va_arg(copy, unsigned)));
    va_end(copy);

    enum qn_log_level level = begins(format, "Hit process or system resource limit") ? QN_WARN : QN_DEBUG;
    uint64_t held_back = 0;
    if (!qn_log_enabled(level) || (level == QN_WARN && !qn_log_due(&limit, 10000, &held_back)))
        return;
    char text[512];
    int len = vsnprintf(text, sizeof text, format, args);
    if (len < 0)
        return;
    struct qn_str line =
        qn_str_trim(qn_str_n(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1));
    while (line.len > 0 && line.ptr[line.len - 1] == '\n')
        line.len--;
    qn_log(NULL, level, "libmicrohttpd", QN_F_C("server", httpd->options.name), QN_F_STR("says", line),
           QN_F_INT("held_back", held_back));
}
