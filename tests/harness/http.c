#include "tests/harness/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "tests/harness/test.h"

enum { LIMIT_S = 60, VALUES = 8, VALUE_MAX = 8192 };

struct gathered {
    char *text;
    size_t len;
};

static size_t gather(char *data, size_t size, size_t count, void *context)
{
    struct gathered *to = context;
    size_t n = size * count;
    char *grown = realloc(to->text, to->len + n + 1);
    if (!grown)
        return 0;
    memcpy(grown + to->len, data, n);
    to->text = grown;
    to->len += n;
    to->text[to->len] = '\0';
    return n;
}

struct harness_http_reply harness_http(const struct harness_http_request *request)
{
    struct gathered head = {calloc(1, 1), 0}, body = {calloc(1, 1), 0};
    struct harness_http_reply reply = {0};
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    for (size_t i = 0; i < HARNESS_HTTP_HEADERS_MAX && request->headers[i]; i++)
        headers = curl_slist_append(headers, request->headers[i]);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)LIMIT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, gather);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    if (request->body.ptr) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    if (request->method) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
        if (strcmp(request->method, "HEAD") == 0)
            curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_URL_MALFORMAT || code == CURLE_OPERATION_TIMEDOUT)
        fail_msg("%s: %s", request->url, curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &reply.seconds);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    reply.status = (int)status;
    reply.head = head.text;
    reply.body = body.text;
    reply.body_len = body.len;
    return reply;
}

void harness_http_free(struct harness_http_reply *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (struct harness_http_reply){0};
}

const char *harness_http_header(const struct harness_http_reply *reply, const char *name, size_t nth)
{
    static char values[VALUES][VALUE_MAX];
    static unsigned next;
    size_t name_len = strlen(name);
    struct qn_str rest = qn_str_c(reply->head), line;
    while (qn_str_next(&rest, '\n', &line)) {
        if (line.len <= name_len || line.ptr[name_len] != ':' || strncasecmp(line.ptr, name, name_len) != 0 ||
            nth-- > 0)
            continue;
        struct qn_str value = qn_str_n(line.ptr + name_len + 1, line.len - name_len - 1);
        if (value.len && value.ptr[value.len - 1] == '\r')
            value.len--;
        value = qn_str_trim(value);
        char *to = values[next++ % VALUES];
        snprintf(to, VALUE_MAX, "%.*s", QN_STR_ARG(value));
        return to;
    }
    return NULL;
}

struct harness_http_reply harness_http_post(const char *url, const char *path, const char *cookie,
                                            const char *json)
{
    char target[1024], header[VALUE_MAX];
    snprintf(target, sizeof target, "%s%s", url, path);
    snprintf(header, sizeof header, "Cookie: %s", cookie ? cookie : "");
    return harness_http(&(const struct harness_http_request){
        .url = target,
        .headers = {"Content-Type: application/json", cookie ? header : NULL},
        .body = qn_str_c(json)});
}

const char *harness_http_cookie(const struct harness_http_reply *reply, const char *name)
{
    static char cookie[VALUE_MAX];
    size_t name_len = strlen(name);
    const char *value;
    for (size_t i = 0; (value = harness_http_header(reply, "Set-Cookie", i)); i++) {
        if (strncmp(value, name, name_len) == 0 && value[name_len] == '=') {
            snprintf(cookie, sizeof cookie, "%.*s", (int)strcspn(value, ";"), value);
            return cookie;
        }
    }
    return NULL;
}
