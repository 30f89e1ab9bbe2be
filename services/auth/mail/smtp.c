#include "services/auth/mail/smtp.h"

#include <curl/curl.h>
#include <stdio.h>

/* Of the server's refusal, for the log. */
enum { REPLY_SHOWN_MAX = 160 };

struct exchange {
    const struct auth_mail_server *server;
    struct qn_str left; /* of the message */
    char reply[REPLY_SHOWN_MAX + 1];
};

enum qn_status auth_mail_smtp_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? QN_OK : QN_INTERNAL;
}

void auth_mail_smtp_fini(void)
{
    curl_global_cleanup();
}

static size_t on_read(char *to, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    size_t len = size * n < exchange->left.len ? size * n : exchange->left.len;
    memcpy(to, exchange->left.ptr, len);
    exchange->left = qn_str_n(exchange->left.ptr + len, exchange->left.len - len);
    return len;
}

/* A line that the server said. Of a refusal it is kept: what follows is the farewell. */
static size_t on_line(char *line, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    if (size * n == 0 || (line[0] != '4' && line[0] != '5'))
        return size * n;
    snprintf(exchange->reply, sizeof exchange->reply, "%.*s", (int)(size * n), line);
    exchange->reply[strcspn(exchange->reply, "\r\n")] = '\0';
    return size * n;
}

/* Asked at least once a second. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct exchange *exchange = context;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(exchange->server->stop) ? 1 : 0;
}

static size_t on_nothing(char *data, size_t size, size_t n, void *context)
{
    (void)data, (void)context;
    return size * n;
}

static void set_up(CURL *curl, struct exchange *exchange, const char *from, struct curl_slist *recipients)
{
    const struct auth_mail_server *server = exchange->server;
    curl_easy_setopt(curl, CURLOPT_URL, server->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     (long)(server->tls == AUTH_MAIL_TLS_REQUIRED ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (server->ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_nothing);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)server->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)server->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(server->timeout_ms / 1000 + 1));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* not the main thread */
    curl_easy_setopt(curl, CURLOPT_PROXY, "");    /* whatever the environment says: this is no web traffic */
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

/* The server's code goes before libcurl's: it may have refused in the middle of what libcurl then calls a
 * send error. A 2xx or 3xx before a failure says nothing of it. */
static enum auth_mail_outcome judge(CURLcode result, long code, const char *reply, struct qn_error *ret_why)
{
    if (result == CURLE_OK)
        return AUTH_MAIL_SENT;
    bool refused = code >= 400 && code < 600;
    qn_error_set(ret_why, QN_UNAVAILABLE, "%s%s%s", refused ? reply : curl_easy_strerror(result),
                 refused ? " / " : "", refused ? curl_easy_strerror(result) : "");
    return code >= 500 && code < 600 ? AUTH_MAIL_PERMANENT : AUTH_MAIL_TEMPORARY;
}

enum auth_mail_outcome auth_mail_smtp_send(const struct auth_mail_server *server, const char *from,
                                           const char *to, struct qn_str message, struct qn_error *ret_why)
{
    struct exchange exchange = {.server = server, .left = message};
    CURL *curl = curl_easy_init();
    struct curl_slist *recipients = curl_slist_append(NULL, to);
    enum auth_mail_outcome outcome = AUTH_MAIL_TEMPORARY;
    if (curl && recipients) {
        set_up(curl, &exchange, from, recipients);
        CURLcode result = curl_easy_perform(curl);
        long code = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        outcome = judge(result, code, exchange.reply, ret_why);
    } else {
        qn_error_set(ret_why, QN_RESOURCE_EXHAUSTED, "out of memory");
    }
    curl_slist_free_all(recipients);
    curl_easy_cleanup(curl);
    return outcome;
}
