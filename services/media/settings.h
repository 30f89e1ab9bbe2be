#ifndef MEDIA_SETTINGS_H
#define MEDIA_SETTINGS_H

#include "common/app/app.h"
#include "common/app/parts.h"
#include "services/media/picture/pool.h"

/* What quintet-media can be told; README.md has the table. */
struct media_settings {
    struct qn_app_settings app;
    struct qn_rpc_tls_settings tls;
    struct qn_rpc_server_settings rpc;
    struct qn_rpc_client_settings profile;
    char *listen;            /* QUINTET_MEDIA_LISTEN: host:port that browsers upload to and read from */
    int64_t drain_idle_ms;   /* QUINTET_HTTP_DRAIN_IDLE: as in struct qn_httpd_options */
    char *folder;            /* QUINTET_MEDIA_FOLDER */
    char *public_url;        /* QUINTET_MEDIA_PUBLIC_URL: as browsers see 'listen'; empty: the same */
    char *access_key_id;     /* QUINTET_MEDIA_ACCESS_KEY_ID; empty: made at the first start */
    char *secret;            /* QUINTET_MEDIA_SECRET_ACCESS_KEY; given together, or neither */
    char *cors_origins;      /* QUINTET_MEDIA_CORS_ORIGINS: "*" or origins with commas between */
    int64_t upload_valid_ms; /* QUINTET_MEDIA_UPLOAD_VALID */
    int64_t sweep_every_ms;  /* QUINTET_MEDIA_SWEEP_EVERY */
    struct media_picture_settings picture;

    /* A bucket of R2 or of another S3; none given: the embedded folder. Read them by media_settings_bucket().
     */
    char *r2_account_id, *r2_access_key_id, *r2_secret_access_key, *r2_bucket, *r2_domain;
    char *s3_endpoint, *s3_bucket, *s3_access_key_id, *s3_secret_access_key, *s3_region, *s3_public_domain;
    char *s3_write_once; /* S3_CONDITIONAL_WRITES: auto, on, off */
    char *s3_ca_file;    /* S3_CA_FILE; empty: the system's authorities */
    bool s3_allow_http;  /* S3_ALLOW_HTTP */
    int64_t s3_at_once;  /* S3_REQUESTS_AT_ONCE */
};

extern const struct qn_setting media_settings_table[];
extern const size_t media_settings_count;

/* What the table cannot say. For struct qn_app's check. */
void media_settings_check(void *settings, struct qn_config_report *report);

/* Takes "http://host:port" apart. A port that is the scheme's own is left out of 'ret_host', as browsers
 * leave it out of the Host header. False for another scheme, and when anything but a slash follows. */
bool media_settings_origin(struct qn_str url, struct qn_str *ret_scheme, struct qn_str *ret_host);

/* "host:port" apart; an empty port: there is none. IPv6 keeps its brackets. */
void media_settings_split_host(struct qn_str host, struct qn_str *ret_name, struct qn_str *ret_port);

enum { MEDIA_SETTINGS_HOST_MAX = 255 /* RFC 1035, 2.3.4 */ };

/* Which bucket, and as whom: whichever of the two families of settings was given. Views are of the settings.
 */
struct media_bucket {
    char scheme[sizeof "https://"];
    char host[MEDIA_SETTINGS_HOST_MAX + 1]; /* as the Host header says it */
    struct qn_str name, access_key_id, secret, region;
    char public_origin[MEDIA_SETTINGS_HOST_MAX + 16]; /* "https://pictures.example.com"; empty: none */
    bool write_once; /* an upload's URL may sign If-None-Match: *, and the store heeds it */
};

/* False when no bucket is configured: pictures lie in the embedded folder. Requires: settings without
 * complaints. */
bool media_settings_bucket(const struct media_settings *set, struct media_bucket *ret_bucket);

/* Of media_settings_check(), what concerns the bucket. */
void media_settings_check_bucket(const struct media_settings *set, struct qn_config_report *report);

/* Whether any setting of a bucket was given. */
bool media_settings_wants_bucket(const struct media_settings *set);

#endif
