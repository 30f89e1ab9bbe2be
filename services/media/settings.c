#include "services/media/settings.h"

#include "common/core/check.h"

#define SET struct media_settings

const struct qn_setting media_settings_table[] = {
    QN_APP_SETTINGS(SET, app),
    QN_RPC_SERVER_SETTINGS(SET, rpc, "ipc://.quintet/rpc/media"),
    QN_RPC_CLIENT_SETTINGS("PROFILE", SET, profile, "ipc://.quintet/rpc/profile"),
    QN_RPC_TLS_SETTINGS(SET, tls),
    QN_SETTING_STRING("QUINTET_MEDIA_LISTEN", SET, listen, "127.0.0.1:8081",
                      "host:port that browsers upload pictures to and read them from"),
    QN_SETTING_DURATION(
        "QUINTET_HTTP_DRAIN_IDLE", SET, drain_idle_ms, "6s", 0, 600000,
        "after SIGTERM, wait for the next request of idle connections; at most half the shutdown's"),
    QN_SETTING_STRING("QUINTET_MEDIA_FOLDER", SET, folder, ".quintet/objects",
                      "where pictures lie; of one machine"),
    QN_SETTING_STRING(
        "QUINTET_MEDIA_PUBLIC_URL", SET, public_url, "",
        "what browsers put before a picture's key: http://host:port; default: of QUINTET_MEDIA_LISTEN"),
    QN_SETTING_STRING(
        "QUINTET_MEDIA_ACCESS_KEY_ID", SET, access_key_id, "",
        "names the key that signs uploads; default: made at the first start, kept in the folder"),
    QN_SETTING_SECRET("QUINTET_MEDIA_SECRET_ACCESS_KEY", SET, secret, "", "that key; default: made together"),
    QN_SETTING_STRING(
        "QUINTET_MEDIA_CORS_ORIGINS", SET, cors_origins, "*",
        "sites whose pages may upload, as https://example.com,https://www.example.com; * for any"),
    QN_SETTING_DURATION("QUINTET_MEDIA_UPLOAD_VALID", SET, upload_valid_ms, "10m", 1000, 3600000,
                        "how long an upload's URL works"),
    QN_SETTING_DURATION("QUINTET_MEDIA_SWEEP_EVERY", SET, sweep_every_ms, "1m", 100, 3600000,
                        "how often uploads that nobody completed, and objects of no photo, are looked for"),
    MEDIA_PICTURE_SETTINGS(SET, picture),
    QN_SETTING_STRING("R2_ACCOUNT_ID", SET, r2_account_id, "",
                      "pictures lie in a bucket of Cloudflare R2: of this account"),
    QN_SETTING_STRING("R2_ACCESS_KEY_ID", SET, r2_access_key_id, "",
                      "of an R2 API token that may read and write objects of the bucket"),
    QN_SETTING_SECRET("R2_SECRET_ACCESS_KEY", SET, r2_secret_access_key, "", "of the same token"),
    QN_SETTING_STRING("R2_BUCKET", SET, r2_bucket, "", "the bucket's name"),
    QN_SETTING_STRING("CLOUDFLARE_R2_DOMAIN", SET, r2_domain, "",
                      "the bucket's public domain, that pictures are read from: pictures.example.com; "
                      "without one they are read by signed URLs"),
    QN_SETTING_STRING("S3_ENDPOINT", SET, s3_endpoint, "",
                      "pictures lie in a bucket of another S3: https://host, without a path"),
    QN_SETTING_STRING("S3_ACCESS_KEY_ID", SET, s3_access_key_id, "",
                      "a key that may read, write, delete and list objects of the bucket"),
    QN_SETTING_SECRET("S3_SECRET_ACCESS_KEY", SET, s3_secret_access_key, "", "of the same key"),
    QN_SETTING_STRING("S3_BUCKET", SET, s3_bucket, "", "the bucket's name"),
    QN_SETTING_STRING("S3_REGION", SET, s3_region, "auto", "the bucket's region, as eu-central-1"),
    QN_SETTING_STRING("S3_PUBLIC_DOMAIN", SET, s3_public_domain, "", "as CLOUDFLARE_R2_DOMAIN"),
    QN_SETTING_CHOICE("S3_CONDITIONAL_WRITES", SET, s3_write_once, "auto", "auto|on|off",
                      "uploads' URLs work once, by If-None-Match; auto: with R2 and AWS"),
    QN_SETTING_BOOL("S3_ALLOW_HTTP", SET, s3_allow_http, "false",
                    "take an http:// endpoint that is not of this machine; pictures and URLs then travel "
                    "in the clear"),
    QN_SETTING_STRING("S3_CA_FILE", SET, s3_ca_file, "",
                      "authority that the bucket's certificate must come from, PEM file; default: the "
                      "system's"),
    QN_SETTING_INT("S3_REQUESTS_AT_ONCE", SET, s3_at_once, "16", 1, 256,
                   "requests to the bucket at the same time; more wait"),
};
const size_t media_settings_count = QN_COUNT(media_settings_table);

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* Letters, digits and what else stands in host:port; so it can be put into a header as it is. */
static bool is_host(struct qn_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(".-_:[]", c))))
            return false;
    }
    return host.len > 0 && host.len <= MEDIA_SETTINGS_HOST_MAX;
}

bool media_settings_origin(struct qn_str url, struct qn_str *ret_scheme, struct qn_str *ret_host)
{
    static const struct {
        struct qn_str scheme, port;
    } schemes[] = {{QN_STR("http://"), QN_STR(":80")}, {QN_STR("https://"), QN_STR(":443")}};
    if (qn_str_ends(url, QN_STR("/")))
        url.len--;
    for (size_t i = 0; i < QN_COUNT(schemes); i++) {
        if (!qn_str_starts(url, schemes[i].scheme))
            continue;
        *ret_scheme = schemes[i].scheme;
        *ret_host = qn_str_n(url.ptr + schemes[i].scheme.len, url.len - schemes[i].scheme.len);
        if (qn_str_ends(*ret_host, schemes[i].port))
            ret_host->len -= schemes[i].port.len;
        return is_host(*ret_host);
    }
    return false;
}

void media_settings_split_host(struct qn_str host, struct qn_str *ret_name, struct qn_str *ret_port)
{
    ptrdiff_t colon = qn_str_rfind(host, ':');
    bool port = colon >= 0 && !qn_str_ends(host, QN_STR("]"));
    size_t len = port ? (size_t)colon : host.len;
    *ret_name = qn_str_n(host.ptr, len);
    *ret_port = port ? qn_str_n(host.ptr + len + 1, host.len - len - 1) : (struct qn_str){0};
}

static bool origins_valid(const char *text)
{
    struct qn_str rest = qn_str_c(text), origin, scheme, host;
    if (qn_str_eq(rest, QN_STR("*")))
        return true;
    while (qn_str_next(&rest, ',', &origin)) {
        origin = qn_str_trim(origin);
        /* A browser sends no closing slash and no port of the scheme's own; with one, nothing would ever
         * match. */
        if (!media_settings_origin(origin, &scheme, &host) || origin.len != scheme.len + host.len)
            return false;
    }
    return true;
}

static bool is_key_text(const char *text, size_t max)
{
    struct qn_str s = qn_str_c(text);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '/')
            return false;
    }
    return s.len <= max;
}

void media_settings_check(void *settings, struct qn_config_report *report)
{
    const struct media_settings *set = settings;
    struct qn_str scheme, host, listen = qn_str_c(set->listen);
    qn_parts_check_address("QUINTET_RPC_LISTEN", set->rpc.listen, &set->tls, report);
    qn_parts_check_address("QUINTET_PROFILE_ADDRESS", set->profile.address, &set->tls, report);
    media_settings_check_bucket(set, report);

    bool folder = !media_settings_wants_bucket(set);
    if (given(set->public_url) && !media_settings_origin(qn_str_c(set->public_url), &scheme, &host))
        qn_config_complain(
            report, "QUINTET_MEDIA_PUBLIC_URL", set->public_url,
            "http:// or https://, a host and perhaps a port, without a path: uploads are signed for "
            "that host and path");
    else if (folder && !given(set->public_url) &&
             (qn_str_starts(listen, QN_STR("0.0.0.0:")) || qn_str_starts(listen, QN_STR("[::]:"))))
        qn_config_complain(
            report, "QUINTET_MEDIA_PUBLIC_URL", "",
            "the host that browsers know, as http://pictures.example.com, when QUINTET_MEDIA_LISTEN is "
            "every address");
    if (!origins_valid(set->cors_origins))
        qn_config_complain(report, "QUINTET_MEDIA_CORS_ORIGINS", set->cors_origins,
                           "* or origins as browsers send them, https://example.com, with commas between");
    if (given(set->access_key_id) != given(set->secret))
        qn_config_complain(report, "QUINTET_MEDIA_ACCESS_KEY_ID", set->access_key_id,
                           "given together with QUINTET_MEDIA_SECRET_ACCESS_KEY, or neither");
    else if (!is_key_text(set->access_key_id, 64))
        qn_config_complain(report, "QUINTET_MEDIA_ACCESS_KEY_ID", set->access_key_id,
                           "up to 64 printable characters without blanks and slashes");
    else if (strlen(set->secret) > 256)
        qn_config_complain(report, "QUINTET_MEDIA_SECRET_ACCESS_KEY", "(not shown)", "up to 256 characters");
}
