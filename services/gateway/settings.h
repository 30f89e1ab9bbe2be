#ifndef GATEWAY_SETTINGS_H
#define GATEWAY_SETTINGS_H

#include "common/app/app.h"
#include "common/app/parts.h"

/* What quintet-gateway can be told; README.md has the table. */
struct gateway_settings {
    struct qn_app_settings app;
    struct qn_rpc_tls_settings tls;
    struct qn_rpc_client_settings auth, profile, media;
    char *http_listen;
    int64_t connections_max;
    int64_t head_max_bytes;
    int64_t body_max_bytes;
    int64_t drain_idle_ms;  /* of the drain: as in struct qn_httpd_options */
    int64_t timeout_ms;     /* of a call whose client said none */
    int64_t timeout_max_ms; /* of a call whose client said a longer one */
    char *public_url;       /* BETTER_AUTH_URL; empty: each request's own Host */
    char *trusted_origins;  /* comma-separated */
    char *cors_origins;     /* comma-separated, as trusted_origins; "trusted": those; empty: off */
    char *limit_enabled;    /* "auto", "true", "false": gateway_limit_is_on() */
    int64_t limit_window_s, limit_max;
    char *limit_custom_rules;   /* as in limit_rule.h */
    bool cookie_cache;          /* GET /get-session may be answered from the session_data cookie */
    bool defer_session_refresh; /* GET /get-session never writes; the client POSTs when it should be refreshed
                                 */
    char *bearer;               /* "false", "true", "signed": bearer.h */
    char *trusted_proxies;      /* comma-separated addresses and CIDR blocks; "loopback" */
};

extern const struct qn_setting gateway_settings_table[];
extern const size_t gateway_settings_count;

/* What the table cannot say: addresses and URLs. For struct qn_app's check. */
void gateway_settings_check(void *settings, struct qn_config_report *report);

#endif
