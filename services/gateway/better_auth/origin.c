#include "services/gateway/better_auth/origin.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "common/core/encode.h"

enum { CUSTOM_PATH_MAX = 2048, PORT_MAX = 65535 };

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool only(struct qn_str text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || !strchr(allowed, text.ptr[i]))
            return false;
    }
    return true;
}

static struct qn_str from(struct qn_str text, size_t at)
{
    return qn_str_n(text.ptr + at, text.len - at);
}

/* Index of "://", or -1. */
static ptrdiff_t find_authority(struct qn_str url)
{
    ptrdiff_t colon = qn_str_find(url, ':');
    return colon > 0 && qn_str_starts(from(url, (size_t)colon), QN_STR("://")) ? colon : -1;
}

static void lower(char *to, struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++)
        to[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] - 'A' + 'a') : text.ptr[i];
}

/* A name, an IPv4 address in four plain numbers, or an IPv6 address in brackets. */
static bool host_sound(struct qn_str host)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    bool v6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    struct qn_str inner = v6 ? qn_str_n(host.ptr + 1, host.len - 2) : host;
    struct qn_str last = from(host, (size_t)(qn_str_rfind(host, '.') + 1));
    bool number = last.len && (only(last, "0123456789") || qn_str_starts(last, QN_STR("0x")) ||
                               qn_str_starts(last, QN_STR("0X")));
    if (v6 ||
        number) { /* a host that ends in a number is an IPv4 address to browsers, however it is written */
        if (inner.len >= sizeof copy || qn_str_find(inner, '\0') >= 0)
            return false;
        memcpy(copy, inner.ptr, inner.len);
        copy[inner.len] = '\0';
        return inet_pton(v6 ? AF_INET6 : AF_INET, copy, address) == 1;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_alphanumeric(host.ptr[i]) && !memchr(".-_", host.ptr[i], 3))
            return false;
    }
    return host.len > 0;
}

bool gateway_origin_read(struct qn_str url, struct gateway_origin *ret_origin)
{
    ptrdiff_t colon = find_authority(url);
    struct qn_str scheme = qn_str_n(url.ptr, colon < 0 ? 0 : (size_t)colon);
    bool https = qn_str_eq_nocase(scheme, QN_STR("https"));
    if (!https && !qn_str_eq_nocase(scheme, QN_STR("http")))
        return false;
    struct qn_str authority = from(url, scheme.len + 3), port = {0};
    for (size_t i = 0; i < authority.len; i++) {
        if (memchr("/?#", authority.ptr[i], 3)) {
            authority.len = i;
            break;
        }
    }
    struct qn_str host = authority;
    ptrdiff_t mark = qn_str_rfind(authority, ':'), bracket = qn_str_rfind(authority, ']');
    if (mark > bracket) {
        host.len = (size_t)mark;
        port = from(authority, (size_t)mark + 1);
    }
    uint64_t number = 0;
    if (!host_sound(host) || (port.len && (!qn_str_to_u64(port, &number) || number > PORT_MAX)))
        return false;
    /* Scheme, "://", host, ":65535" */
    if (scheme.len + 3 + host.len + 6 > GATEWAY_ORIGIN_MAX)
        return false;
    ret_origin->host_at = scheme.len + 3;
    ret_origin->len = ret_origin->host_at + host.len;
    lower(ret_origin->text, qn_str_n(url.ptr, ret_origin->len));
    ret_origin->text[ret_origin->len] = '\0';
    if (port.len && number != (https ? 443 : 80))
        ret_origin->len += (size_t)snprintf(ret_origin->text + ret_origin->len, 7, ":%u", (unsigned)number);
    return true;
}

/* No backtracking beyond the last star. */
bool gateway_origin_glob(struct qn_str pattern, struct qn_str text)
{
    size_t p = 0, t = 0, star = (size_t)-1, mark = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
            p++;
            t++;
        } else if (star != (size_t)-1) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool pattern_matches(struct qn_str pattern, struct qn_str origin, struct qn_str host)
{
    ptrdiff_t colon = find_authority(pattern);
    struct qn_str pattern_host = colon < 0 ? pattern : from(pattern, (size_t)colon + 3);
    /* "192.168.*" is not to match "192.168.evil.example". */
    if (only(pattern_host, "0123456789.*?:") && !only(host, "0123456789.:"))
        return false;
    return gateway_origin_glob(pattern, colon < 0 ? host : origin);
}

/* A URL of a scheme that is not the web's, as apps register them. */
struct custom {
    struct qn_str scheme, authority;
    char path[CUSTOM_PATH_MAX]; /* decoded, without dots and empty segments; "" is the root */
    size_t path_len;
};

/* Percent-decoded and with "." and ".." resolved, so that nothing climbs out of a path that an entry names.
 */
static bool custom_path(struct custom *url, struct qn_str raw)
{
    char decoded[CUSTOM_PATH_MAX];
    size_t len;
    struct qn_str rest, segment;
    if (raw.len > sizeof decoded)
        return false;
    rest = qn_percent_decode(raw, decoded, &len, false) ? qn_str_n(decoded, len) : raw;
    url->path_len = 0;
    while (qn_str_next(&rest, '/', &segment)) {
        if (qn_str_eq(segment, QN_STR(".."))) {
            ptrdiff_t slash = qn_str_rfind(qn_str_n(url->path, url->path_len), '/');
            url->path_len = slash < 0 ? 0 : (size_t)slash;
        } else if (segment.len && !qn_str_eq(segment, QN_STR("."))) {
            if (url->path_len + 1 + segment.len > sizeof url->path)
                return false;
            url->path[url->path_len] = '/';
            memcpy(url->path + url->path_len + 1, segment.ptr, segment.len);
            url->path_len += 1 + segment.len;
        }
    }
    return true;
}

static bool custom_read(struct qn_str text, struct custom *ret_url)
{
    ptrdiff_t colon = find_authority(text);
    if (colon < 0)
        return false;
    ret_url->scheme = qn_str_n(text.ptr, (size_t)colon);
    struct qn_str rest = from(text, (size_t)colon + 3);
    size_t end = 0, query;
    while (end < rest.len && !memchr("/?#", rest.ptr[end], 3))
        end++;
    ret_url->authority = qn_str_n(rest.ptr, end);
    query = end;
    while (query < rest.len && rest.ptr[query] != '?' && rest.ptr[query] != '#')
        query++;
    return custom_path(ret_url, qn_str_n(rest.ptr + end, query - end));
}

static bool custom_matches(struct qn_str entry_text, struct qn_str url_text)
{
    struct custom entry, url;
    if (!custom_read(entry_text, &entry) || !custom_read(url_text, &url) ||
        !qn_str_eq_nocase(entry.scheme, url.scheme) ||
        (entry.authority.len && !qn_str_eq_nocase(entry.authority, url.authority)))
        return false;
    struct qn_str above = qn_str_n(entry.path, entry.path_len), path = qn_str_n(url.path, url.path_len);
    return qn_str_starts(path, above) &&
           (path.len == above.len || above.len == 0 || path.ptr[above.len] == '/');
}

static bool entry_matches(struct qn_str entry, struct qn_str url, const struct gateway_origin *origin)
{
    bool pattern = qn_str_find(entry, '*') >= 0 || qn_str_find(entry, '?') >= 0;
    if (!origin)
        return pattern ? find_authority(entry) >= 0 && gateway_origin_glob(entry, url)
                       : custom_matches(entry, url);
    struct qn_str text = qn_str_n(origin->text, origin->len);
    return pattern ? pattern_matches(entry, text, from(text, origin->host_at)) : qn_str_eq(entry, text);
}

static bool is_site(const struct gateway_origin_trust *trust, const struct gateway_origin *origin)
{
    struct gateway_origin own;
    char url[GATEWAY_ORIGIN_MAX + 1];
    struct qn_str site = trust->site;
    if (site.len == 0) {
        int len = snprintf(url, sizeof url, "%.*s%.*s", (int)origin->host_at, origin->text,
                           QN_STR_ARG(trust->host));
        if (trust->host.len == 0 || len < 0 || (size_t)len >= sizeof url)
            return false;
        site = qn_str_n(url, (size_t)len);
    }
    return gateway_origin_read(site, &own) &&
           qn_str_eq(qn_str_n(own.text, own.len), qn_str_n(origin->text, origin->len));
}

bool gateway_origin_trusted(const struct gateway_origin_trust *trust, struct qn_str url)
{
    struct gateway_origin origin;
    struct qn_str rest = trust->entries, entry;
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.ptr[i] < ' ' || url.ptr[i] == 0x7f)
            return false; /* browsers leave some of these out and go on */
    }
    bool web = gateway_origin_read(url, &origin);
    ptrdiff_t colon = find_authority(url);
    struct qn_str scheme = qn_str_n(url.ptr, colon < 0 ? 0 : (size_t)colon);
    if (!web &&
        (colon < 0 || qn_str_eq_nocase(scheme, QN_STR("http")) || qn_str_eq_nocase(scheme, QN_STR("https"))))
        return false;
    if (web && is_site(trust, &origin))
        return true;
    while (qn_str_next(&rest, ',', &entry)) {
        entry = qn_str_trim(entry);
        if (entry.len && entry_matches(entry, url, web ? &origin : NULL))
            return true;
    }
    return false;
}

bool gateway_origin_is_path(struct qn_str url)
{
    if (url.len == 0 || url.ptr[0] != '/' || (url.len > 1 && url.ptr[1] == '/'))
        return false;
    bool in_path = true;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        if ((unsigned char)c < ' ' || c == 0x7f || c == '\\')
            return false;
        if (c == '?' || c == '#')
            in_path = false;
        uint8_t decoded;
        if (in_path && c == '%' && i + 3 <= url.len &&
            qn_hex_decode(qn_str_n(url.ptr + i + 1, 2), &decoded) && (decoded == '/' || decoded == '\\'))
            return false;
    }
    return true;
}
