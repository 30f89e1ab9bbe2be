#include "services/gateway/settings.h"

#include "common/core/check.h"
#include "common/core/str.h"
#include "services/gateway/address.h"
#include "services/gateway/cors.h"
#include "services/gateway/limit_rule.h"

#define SET struct gateway_settings

const struct qn_setting gateway_settings_table[] = {
    QN_APP_SETTINGS(SET, app),
    QN_SETTING_STRING("QUINTET_HTTP_LISTEN", SET, http_listen, "127.0.0.1:8080",
                      "host:port that frontends call"),
    QN_SETTING_INT("QUINTET_HTTP_CONNECTIONS", SET, connections_max, "4096", 16, 1000000,
                   "HTTP connections at once; what comes beyond waits in the listen queue"),
    QN_SETTING_SIZE("QUINTET_HTTP_HEAD_MAX", SET, head_max_bytes, "8KiB", 4096, 65536,
                    "largest request head; each connection's memory is one and a half of it and 8 KiB"),
    QN_SETTING_SIZE("QUINTET_HTTP_BODY_MAX", SET, body_max_bytes, "1MiB", 1024, 64 * 1024 * 1024,
                    "largest request body"),
    QN_SETTING_DURATION(
        "QUINTET_HTTP_DRAIN_IDLE", SET, drain_idle_ms, "6s", 0, 600000,
        "after SIGTERM, wait for the next request of idle connections; at most half the shutdown's"),
    QN_SETTING_DURATION("QUINTET_TIMEOUT", SET, timeout_ms, "10s", 1, 3600000,
                        "deadline of a call whose client says none (Connect-Timeout-Ms)"),
    QN_SETTING_DURATION("QUINTET_TIMEOUT_MAX", SET, timeout_max_ms, "60s", 1, 3600000,
                        "longest deadline a client may ask for; a longer one is cut to it"),
    QN_SETTING_STRING("BETTER_AUTH_URL", SET, public_url, "",
                      "public URL of the site; its path, if any, replaces /api/auth"),
    QN_SETTING_STRING("BETTER_AUTH_TRUSTED_ORIGINS", SET, trusted_origins, "",
                      "further origins that may post to /api/auth, comma-separated"),
    QN_SETTING_BOOL("QUINTET_AUTH_COOKIE_CACHE", SET, cookie_cache, "false",
                    "GET /get-session may answer from the session_data cookie (session.cookieCache.enabled); "
                    "auth and gateway must agree"),
    QN_SETTING_BOOL("QUINTET_AUTH_DEFER_SESSION_REFRESH", SET, defer_session_refresh, "false",
                    "sessions are refreshed by POST /get-session alone (session.deferSessionRefresh)"),
    QN_SETTING_CHOICE("QUINTET_AUTH_BEARER", SET, bearer, "false", "true|false|signed",
                      "sessions may be shown as Authorization: Bearer, and Set-Auth-Token says them (the "
                      "bearer plugin); signed: only with their signature (requireSignature)"),
    QN_SETTING_STRING("QUINTET_TRUSTED_PROXIES", SET, trusted_proxies, GATEWAY_ADDRESS_DEFAULT,
                      "peers whose X-Forwarded-For is believed: addresses, CIDR blocks, \"loopback\""),
    QN_SETTING_STRING(
        "QUINTET_CORS_ORIGINS", SET, cors_origins, "",
        "origins whose pages may call the gateway from browsers, with cookies: comma-separated, as "
        "BETTER_AUTH_TRUSTED_ORIGINS, and \"trusted\" for all of those; empty: none"),
    QN_SETTING_CHOICE("BETTER_AUTH_RATE_LIMIT_ENABLED", SET, limit_enabled, "auto", "auto|true|false",
                      "rate limit by client address; auto: on when NODE_ENV is production"),
    QN_SETTING_INT("BETTER_AUTH_RATE_LIMIT_WINDOW", SET, limit_window_s, "10", 1, GATEWAY_LIMIT_WINDOW_MAX_S,
                   "seconds that a client is counted over, a path at a time"),
    QN_SETTING_INT("BETTER_AUTH_RATE_LIMIT_MAX", SET, limit_max, "100", 1, GATEWAY_LIMIT_MAX_MAX,
                   "requests in that window; sign-in and the like have Better Auth's own, lower limits"),
    QN_SETTING_STRING("BETTER_AUTH_RATE_LIMIT_CUSTOM_RULES", SET, limit_custom_rules, "",
                      "other limits for some paths: path=max/seconds or path=off, comma-separated, as "
                      "/sign-in/email=5/60"),
    QN_RPC_CLIENT_SETTINGS("AUTH", SET, auth, "ipc://.quintet/rpc/auth"),
    QN_RPC_CLIENT_SETTINGS("PROFILE", SET, profile, "ipc://.quintet/rpc/profile"),
    QN_RPC_CLIENT_SETTINGS("MEDIA", SET, media, "ipc://.quintet/rpc/media"),
    QN_RPC_TLS_SETTINGS(SET, tls),
};
const size_t gateway_settings_count = QN_COUNT(gateway_settings_table);

static bool is_http_url(const char *text)
{
    struct qn_str url = qn_str_c(text);
    return (qn_str_starts(url, QN_STR("http://")) && url.len > 7) ||
           (qn_str_starts(url, QN_STR("https://")) && url.len > 8);
}

void gateway_settings_check(void *settings, struct qn_config_report *report)
{
    const struct gateway_settings *set = settings;
    qn_parts_check_address("QUINTET_AUTH_ADDRESS", set->auth.address, &set->tls, report);
    qn_parts_check_address("QUINTET_PROFILE_ADDRESS", set->profile.address, &set->tls, report);
    qn_parts_check_address("QUINTET_MEDIA_ADDRESS", set->media.address, &set->tls, report);
    if (set->public_url && set->public_url[0] && !is_http_url(set->public_url))
        qn_config_complain(report, "BETTER_AUTH_URL", set->public_url, "a URL, as https://example.com");
    if (set->trusted_proxies && !gateway_address_list_valid(set->trusted_proxies))
        qn_config_complain(report, "QUINTET_TRUSTED_PROXIES", set->trusted_proxies,
                           "addresses, CIDR blocks or \"loopback\", comma-separated, as 10.0.0.0/8,::1");
    if (set->limit_custom_rules && !gateway_limit_rule_valid(qn_str_c(set->limit_custom_rules)))
        qn_config_complain(report, "BETTER_AUTH_RATE_LIMIT_CUSTOM_RULES", set->limit_custom_rules,
                           "path=max/seconds or path=off, comma-separated, as /sign-in/email=5/60,/ok=off");
    if (set->cors_origins && !gateway_cors_valid(qn_str_c(set->cors_origins)))
        qn_config_complain(
            report, "QUINTET_CORS_ORIGINS", set->cors_origins,
            "origins that name a host, as https://app.example.com,*.example.com; a wildcard alone "
            "would let any site read its visitors' sessions");
}
