#include <stdio.h>
#include <string.h>

#include "common/http/http_client_private.h"

/* "http://" host [":" port] ["/"]: what a client connects to, and nothing that it would have to ignore. */

static const struct qn_str scheme = {"http://", sizeof "http://" - 1};
static const struct qn_str tls_scheme = {"https://", sizeof "https://" - 1};

enum { HTTP_PORT = 80, PORT_MAX = 65535 }; /* RFC 9110 section 4.2.1 */

static bool starts_nocase(struct qn_str text, struct qn_str prefix)
{
    return text.len >= prefix.len && qn_str_eq_nocase(qn_str_n(text.ptr, prefix.len), prefix);
}

/* The letters of a name, of an IPv4 address, and between brackets of an IPv6 one. */
static bool is_host(struct qn_str host, bool bracketed)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        bool ok = bracketed ? hex || c == ':' || c == '.'
                            : hex || (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '-' ||
                                  c == '.' || c == '_';
        if (!ok)
            return false;
    }
    return host.len > 0 && host.len <= QN_HTTP_HOST_MAX;
}

enum qn_status qn_http_url_parse(const char *text, struct qn_http_url *ret_url, struct qn_error *err)
{
    struct qn_str rest = qn_str_c(text);
    if (starts_nocase(rest, tls_scheme))
        return qn_error_set(
            err, QN_INVALID_ARGUMENT,
            "\"%.80s\": https is not spoken here; use the http:// address behind the proxy that "
            "ends TLS",
            text);
    if (!starts_nocase(rest, scheme))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "\"%.80s\" does not begin with http://",
                            text ? text : "");
    rest = qn_str_n(rest.ptr + scheme.len, rest.len - scheme.len);
    if (qn_str_ends(rest, QN_STR("/")))
        rest.len--;
    if (qn_str_find(rest, '@') >= 0)
        return qn_error_set(err, QN_INVALID_ARGUMENT,
                            "\"%.80s\": a user in the url is not sent; use an Authorization header", text);
    if (qn_str_find(rest, '/') >= 0 || qn_str_find(rest, '?') >= 0 || qn_str_find(rest, '#') >= 0)
        return qn_error_set(err, QN_INVALID_ARGUMENT,
                            "\"%.80s\": scheme, host and port only; the path belongs to the request", text);

    struct qn_str host = rest, port = {0};
    bool bracketed = rest.len > 0 && rest.ptr[0] == '[';
    ptrdiff_t colon = bracketed ? qn_str_find(rest, ']') + 1 : qn_str_find(rest, ':');
    bool bad = bracketed && colon == 0;
    if (!bad && colon >= 0 && (size_t)colon < rest.len) {
        bad = rest.ptr[colon] != ':';
        port = qn_str_n(rest.ptr + colon + 1, rest.len - (size_t)colon - 1);
        host = qn_str_n(rest.ptr, (size_t)colon);
    }
    if (!bad && bracketed)
        host = qn_str_n(host.ptr + 1, host.len - 2);
    if (bad || !is_host(host, bracketed))
        return qn_error_set(
            err, QN_INVALID_ARGUMENT,
            "\"%.80s\": no host; as http://127.0.0.1:8080, http://[::1]:8080, http://name:8080", text);
    uint64_t number = HTTP_PORT;
    if (port.ptr && (!qn_str_to_u64(port, &number) || number == 0 || number > PORT_MAX))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "\"%.80s\": the port is no number from 1 to 65535",
                            text);

    *ret_url = (struct qn_http_url){.port = (unsigned)number};
    memcpy(ret_url->host, host.ptr, host.len);
    const char *open = bracketed ? "[" : "", *close = bracketed ? "]" : "";
    if (port.ptr)
        snprintf(ret_url->authority, sizeof ret_url->authority, "%s%s%s:%u", open, ret_url->host, close,
                 ret_url->port);
    else
        snprintf(ret_url->authority, sizeof ret_url->authority, "%s%s%s", open, ret_url->host, close);
    return QN_OK;
}
