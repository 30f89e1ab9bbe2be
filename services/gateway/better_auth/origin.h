#ifndef GATEWAY_BETTER_AUTH_ORIGIN_H
#define GATEWAY_BETTER_AUTH_ORIGIN_H

#include "common/core/str.h"

/* Who is trusted, and where a reply may lead: Better Auth's rules, on text alone. Any thread.
 *
 * URLs are read by a part of the URL standard (url.spec.whatwg.org): what a browser might take for another
 * host than it looks (user names, backslashes, percent signs and non-ASCII in hosts, numbers that stand for
 * addresses) has no origin here, and is not trusted. */

/* An origin as the standard writes it: scheme and host in lower case, no port where it is the scheme's own.
 */
enum { GATEWAY_ORIGIN_MAX = 300 }; /* a host name has at most 253 characters (RFC 1035, 2.3.4) */
struct gateway_origin {
    char text[GATEWAY_ORIGIN_MAX + 1];
    size_t len;
    size_t host_at; /* where "host[:port]" begins */
};

/* The origin of an http or https URL: "HTTPS://Host:443/a" → "https://host". False: it has none, or is no
 * such URL.
 */
bool gateway_origin_read(struct qn_str url, struct gateway_origin *ret_origin);

/* Whom a site trusts. */
struct gateway_origin_trust {
    struct qn_str site;    /* BETTER_AUTH_URL; empty: the host below, in any scheme */
    struct qn_str host;    /* the request's own Host */
    struct qn_str entries; /* BETTER_AUTH_TRUSTED_ORIGINS: comma-separated */
};

/* Whether a URL's origin is trusted. An entry is
 *   an origin, compared whole (so one that ends in a slash never matches);
 *   a pattern with '*' (any run, dots included) and '?' (any one character): with "://" for the whole origin,
 *   without for host and port in either scheme; one of digits, dots and wildcards alone is for IPv4
 * addresses; "myapp://", "myapp://host", "myapp://host/path": URLs of that scheme, of any or that host, at or
 * below the path. */
bool gateway_origin_trusted(const struct gateway_origin_trust *trust, struct qn_str url);

/* Whether it is a path on the own site: one leading slash and nothing that a browser would read as another
 * host. */
bool gateway_origin_is_path(struct qn_str url);

/* Whether the pattern describes the whole text. Time: at most the product of the lengths. */
bool gateway_origin_glob(struct qn_str pattern, struct qn_str text);

#endif
