#include "services/gateway/cors.h"

#include "common/core/check.h"
#include "services/gateway/better_auth/origin.h"

/* What Connect's and Better Auth's clients send beside what is always allowed, and what helps to find a
 * request again. */
#define ALLOW_HEADERS                                                                                        \
    "Content-Type, Authorization, Connect-Protocol-Version, Connect-Timeout-Ms, X-Request-Id, Traceparent, " \
    "Tracestate"
#define ALLOW_METHODS "GET, POST"

/* What a page may read beside what it always may: when to come again, the id to ask about, and the token of
 * Better Auth's bearer plugin. */
#define EXPOSE_HEADERS "X-Request-Id, Retry-After, X-Retry-After, Set-Auth-Token"

/* Two hours: Chromium keeps a preflight's answer no longer. */
#define MAX_AGE_S "7200"

/* An entry that stands for all of BETTER_AUTH_TRUSTED_ORIGINS. */
#define TRUSTED "trusted"

static bool is_on(const struct gateway_settings *settings)
{
    return settings->cors_origins[0] != '\0';
}

static bool listed(struct qn_str entries, struct qn_str origin)
{
    /* No site and no host of its own: a page of our own origin needs no permission, and one that is ours but
     * for the scheme has none. */
    const struct gateway_origin_trust trust = {.entries = entries};
    return gateway_origin_trusted(&trust, origin);
}

static bool names_trusted(struct qn_str entries)
{
    struct qn_str entry;
    while (qn_str_next(&entries, ',', &entry)) {
        if (qn_str_eq(qn_str_trim(entry), QN_STR(TRUSTED)))
            return true;
    }
    return false;
}

bool gateway_cors_allows(const struct gateway_settings *settings, struct qn_str origin)
{
    struct gateway_origin read;
    struct qn_str entries = qn_str_c(settings->cors_origins);
    if (origin.len == 0 || origin.len > GATEWAY_ORIGIN_MAX)
        return false;
    if (gateway_origin_read(origin, &read) && !qn_str_eq(origin, qn_str_n(read.text, read.len)))
        return false; /* a path, upper case, a port that goes without saying: no browser wrote this */
    return listed(entries, origin) ||
           (names_trusted(entries) && listed(qn_str_c(settings->trusted_origins), origin));
}

static void put(struct gateway_reply *reply, const char *name, struct qn_str value)
{
    for (size_t i = 0; i < reply->n_headers; i++) {
        if (qn_str_eq_nocase(reply->headers[i].name, qn_str_c(name))) {
            reply->headers[i].value = value;
            return;
        }
    }
    gateway_reply_header(reply, name, value);
}

static void put_origin(struct gateway_reply *reply, struct qn_str origin)
{
    put(reply, "Access-Control-Allow-Origin", origin);
    put(reply, "Access-Control-Allow-Credentials", QN_STR("true"));
}

bool gateway_cors_preflight(const struct gateway_settings *settings, struct qn_exchange *exchange)
{
    struct qn_str origin = qn_exchange_header(exchange, "Origin");
    if (!is_on(settings) || !qn_str_eq(exchange->method, QN_STR("OPTIONS")) ||
        !qn_exchange_header(exchange, "Access-Control-Request-Method").ptr ||
        !gateway_cors_allows(settings, origin))
        return false;
    struct gateway_reply reply = {.status = 204};
    put_origin(&reply, origin);
    put(&reply, "Access-Control-Allow-Methods", QN_STR(ALLOW_METHODS));
    put(&reply, "Access-Control-Allow-Headers", QN_STR(ALLOW_HEADERS));
    put(&reply, "Access-Control-Max-Age", QN_STR(MAX_AGE_S));
    put(&reply, "Vary", QN_STR("Origin"));
    qn_exchange_reply(exchange, reply.status, reply.headers, reply.n_headers, QN_STR(""));
    return true;
}

void gateway_cors_headers(const struct gateway_settings *settings, const struct qn_exchange *exchange,
                          struct gateway_reply *reply)
{
    if (!is_on(settings))
        return;
    struct qn_str origin = qn_exchange_header(exchange, "Origin");
    put(reply, "Vary", QN_STR("Origin"));
    if (!gateway_cors_allows(settings, origin))
        return;
    put_origin(reply, origin);
    put(reply, "Access-Control-Expose-Headers", QN_STR(EXPOSE_HEADERS));
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool gateway_cors_valid(struct qn_str origins)
{
    struct qn_str entry;
    while (qn_str_next(&origins, ',', &entry)) {
        entry = qn_str_trim(entry);
        ptrdiff_t colon = qn_str_find(entry, ':');
        size_t host =
            colon >= 0 && qn_str_starts(qn_str_n(entry.ptr + colon, entry.len - (size_t)colon), QN_STR("://"))
                ? (size_t)colon + 3
                : 0;
        bool named = entry.len == 0;
        for (size_t i = host; i < entry.len && entry.ptr[i] != ':'; i++)
            named = named || entry.ptr[i] == '[' || is_alphanumeric(entry.ptr[i]);
        if (!named)
            return false;
    }
    return true;
}
