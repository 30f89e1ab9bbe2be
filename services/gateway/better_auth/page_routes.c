#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/form.h"
#include "services/gateway/better_auth/routes.h"
#include "services/gateway/settings.h"

void gateway_route_ok(struct gateway_request *req)
{
    struct gateway_reply reply = {0};
    gateway_answer_json(req, &reply, QN_STR("{\"ok\":true}"));
}

/* /error: where redirects with an error lead that have nowhere else to go. In production the site's own front
 * page gets the error as a query; otherwise it is a page for whoever develops the site. */

enum { PAGE_MAX = 64 * 1024 };

/* The product's rule: what is more than a code is none. */
static bool is_code(struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' &&
            c != '-' && c != '\'')
            return false;
    }
    return text.len > 0;
}

/* Text as HTML shows it, in an element. */
static void write_html(struct qn_buf *page, struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            qn_buf_write_c(page, "&amp;");
            break;
        case '<':
            qn_buf_write_c(page, "&lt;");
            break;
        case '>':
            qn_buf_write_c(page, "&gt;");
            break;
        case '\0': /* not allowed in HTML */
            break;
        default:
            qn_buf_write_byte(page, (uint8_t)text.ptr[i]);
        }
    }
}

static void answer_page(struct gateway_request *req, struct qn_str code, struct qn_str description)
{
    struct gateway_reply reply = {.status = 200};
    struct qn_buf page;
    qn_buf_init(&page, PAGE_MAX);
    qn_buf_write_c(&page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                          "<title>Error</title>\n<style>\n"
                          "body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; "
                          "padding: 0 1rem; }\n"
                          "code { overflow-wrap: anywhere; }\n"
                          "@media (prefers-color-scheme: dark) { body { background: #111; color: #eee; } "
                          "a { color: #8cf; } }\n"
                          "</style>\n</head>\n<body>\n<h1>Something went wrong</h1>\n<p>");
    if (description.len)
        write_html(&page, description);
    else
        qn_buf_write_c(&page, "The request could not be completed. You can go back and try again.");
    qn_buf_write_c(&page, "</p>\n<p>Code: <code>");
    write_html(&page, code);
    qn_buf_write_c(&page, "</code></p>\n<p><a href=\"/\">Go to the front page</a></p>\n</body>\n</html>\n");
    if (qn_buf_failed(&page)) {
        gateway_answer_empty(req, 500);
    } else {
        gateway_reply_header(&reply, "Content-Type", QN_STR("text/html"));
        gateway_reply_header(&reply, "Content-Security-Policy",
                             QN_STR("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"));
        reply.body = qn_buf_view(&page);
        gateway_request_reply(req, &reply);
    }
    qn_buf_fini(&page);
}

static void answer_front_page(struct gateway_request *req, struct qn_str code, struct qn_str description)
{
    struct gateway_reply reply = {0};
    struct qn_buf location;
    qn_buf_init(&location, PAGE_MAX);
    qn_buf_write_c(&location, "/?error=");
    gateway_form_write(&location, code);
    if (description.len) {
        qn_buf_write_c(&location, "&error_description=");
        gateway_form_write(&location, description);
    }
    if (qn_buf_failed(&location))
        gateway_answer_empty(req, 500);
    else
        gateway_answer_redirect(req, &reply, qn_buf_view(&location));
    qn_buf_fini(&location);
}

void gateway_route_error(struct gateway_request *req)
{
    struct qn_str code = qn_exchange_query(req->exchange, "error");
    struct qn_str description = qn_exchange_query(req->exchange, "error_description");
    if (!is_code(code))
        code = QN_STR("UNKNOWN");
    if (qn_str_eq(qn_str_c(req->settings->app.env), QN_STR("production")))
        answer_front_page(req, code, description);
    else
        answer_page(req, code, description);
}
