#include "services/media/folder/object_reply.h"

#include "common/core/check.h"
#include "common/core/metric.h"

static const struct {
    unsigned status;
    const char *code, *message;
} errors[] = {
#define MEDIA_OBJECT_ERROR_ROW(name, status, code, message)                                                  \
    [MEDIA_OBJECT_ERROR_##name] = {(status), (code), (message)},
    MEDIA_OBJECT_ERRORS(MEDIA_OBJECT_ERROR_ROW)
#undef MEDIA_OBJECT_ERROR_ROW
};

static struct qn_metric metric_refused = {.name = "quintet_media_http_refused_total",
                                          .help = "Requests to the embedded object store that were refused.",
                                          .kind = QN_COUNTER,
                                          .labels = {"code"}};

/* A page may read these of an answer beside the few that it always may. */
#define EXPOSED "ETag, Content-Length, Content-Range, Accept-Ranges"

void media_object_reply_add(struct media_object_headers *headers, struct qn_str name, struct qn_str value)
{
    QN_CHECK(headers->n < MEDIA_OBJECT_REPLY_HEADERS_MAX);
    headers->list[headers->n++] = (struct qn_header){name, value};
}

static bool origin_allowed(const struct media_settings *settings, struct qn_str origin)
{
    struct qn_str rest = qn_str_c(settings->cors_origins), one;
    if (qn_str_eq(rest, QN_STR("*")))
        return true;
    while (qn_str_next(&rest, ',', &one)) {
        if (qn_str_eq(qn_str_trim(one), origin))
            return true;
    }
    return false;
}

void media_object_reply_add_cors(struct media_object_headers *headers, const struct media_settings *settings,
                                 const struct qn_exchange *exchange)
{
    struct qn_str origin = qn_exchange_header(exchange, "Origin");
    bool any = qn_str_eq(qn_str_c(settings->cors_origins), QN_STR("*"));
    if (!any) /* caches must not give one origin's answer to another */
        media_object_reply_add(headers, QN_STR("Vary"), QN_STR("Origin"));
    if (origin.len == 0 || !origin_allowed(settings, origin))
        return;
    media_object_reply_add(headers, QN_STR("Access-Control-Allow-Origin"), any ? QN_STR("*") : origin);
    media_object_reply_add(headers, QN_STR("Access-Control-Expose-Headers"), QN_STR(EXPOSED));
}

/* For text inside an element. A byte that XML 1.0 cannot hold becomes '?'; what is not ASCII was escaped in
 * the URL, or becomes '?' too. */
void media_object_reply_write_xml(struct qn_buf *to, struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '&')
            qn_buf_write_c(to, "&amp;");
        else if (c == '<')
            qn_buf_write_c(to, "&lt;");
        else if (c == '>')
            qn_buf_write_c(to, "&gt;");
        else
            qn_buf_write_byte(to, c >= ' ' && c <= '~' ? c : '?');
    }
}

void media_object_reply_error(struct qn_exchange *exchange, const struct media_settings *settings,
                              enum media_object_error error)
{
    enum { XML_MAX = 256 * 1024 }; /* the path at httpd's bound for a head, each byte of it five */
    struct qn_buf xml;
    struct media_object_headers headers = {.n = 0};
    qn_metric_add(qn_metric_series(&metric_refused, errors[error].code, NULL, NULL), 1);
    media_object_reply_add(&headers, QN_STR("Content-Type"), QN_STR("application/xml"));
    media_object_reply_add(&headers, QN_STR("Cache-Control"), QN_STR("no-store"));
    if (error == MEDIA_OBJECT_ERROR_SLOW_DOWN)
        media_object_reply_add(&headers, QN_STR("Retry-After"), QN_STR("1"));
    if (error == MEDIA_OBJECT_ERROR_BAD_METHOD)
        media_object_reply_add(&headers, QN_STR("Allow"), QN_STR("GET, HEAD, PUT, DELETE, OPTIONS"));
    media_object_reply_add_cors(&headers, settings, exchange);

    qn_buf_init(&xml, XML_MAX);
    qn_buf_printf(&xml,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message>",
                  errors[error].code, errors[error].message);
    qn_buf_write_c(&xml, "<Resource>");
    media_object_reply_write_xml(&xml, exchange->path);
    qn_buf_write_c(&xml, "</Resource></Error>\n");
    qn_exchange_reply(exchange, errors[error].status, headers.list, headers.n, qn_buf_view(&xml));
    qn_buf_fini(&xml);
}

/* What an upload or a read may say; Content-Length is the browser's own business, but some clients ask for
 * all that they were told to send. */
#define ALLOWED                                                                                              \
    "content-type, content-length, content-md5, cache-control, if-match, if-none-match, range, "             \
    "x-amz-checksum-sha256"

static bool headers_allowed(struct qn_str asked)
{
    struct qn_str rest = asked, name;
    while (qn_str_next(&rest, ',', &name)) {
        struct qn_str allowed = QN_STR(ALLOWED), one;
        bool found = (name = qn_str_trim(name)).len == 0;
        while (!found && qn_str_next(&allowed, ',', &one))
            found = qn_str_eq_nocase(name, qn_str_trim(one));
        if (!found)
            return false;
    }
    return true;
}

void media_object_reply_preflight(struct qn_exchange *exchange, const struct media_settings *settings)
{
    struct qn_str origin = qn_exchange_header(exchange, "Origin");
    struct qn_str method = qn_exchange_header(exchange, "Access-Control-Request-Method");
    bool known = qn_str_eq(method, QN_STR("PUT")) || qn_str_eq(method, QN_STR("GET")) ||
                 qn_str_eq(method, QN_STR("HEAD"));
    if (origin.len == 0 || !known || !origin_allowed(settings, origin) ||
        !headers_allowed(qn_exchange_header(exchange, "Access-Control-Request-Headers"))) {
        media_object_reply_error(exchange, settings, MEDIA_OBJECT_ERROR_ACCESS_DENIED);
        return;
    }
    struct media_object_headers headers = {.n = 0};
    media_object_reply_add_cors(&headers, settings, exchange);
    media_object_reply_add(&headers, QN_STR("Access-Control-Allow-Methods"), QN_STR("GET, HEAD, PUT"));
    media_object_reply_add(&headers, QN_STR("Access-Control-Allow-Headers"), QN_STR(ALLOWED));
    media_object_reply_add(&headers, QN_STR("Access-Control-Max-Age"),
                           QN_STR("600")); /* Chromium's own bound: 7200 */
    qn_exchange_reply(exchange, 204, headers.list, headers.n, QN_STR(""));
}
