#include <arpa/inet.h>
#include <stdio.h>

#include "common/core/check.h"
#include "services/media/settings.h"

/* Which bucket. Two families of settings name one: R2's, by the account, and those of any S3, by its
 * endpoint. Half a family or both is refused: to guess would put pictures where their owner does not look. */

#define R2_HOST ".r2.cloudflarestorage.com"
#define AWS     ".amazonaws.com"

enum { BUCKET_MIN = 3, BUCKET_MAX = 63, LABEL_MAX = 63, KEY_ID_MAX = 64, SECRET_MAX = 256 };

/* One setting of a family. */
struct member {
    const char *name, *value;
    bool needed;
};

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool any_given(const struct member *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (given(members[i].value))
            return true;
    }
    return false;
}

#define FAMILIES(set)                                                                                        \
    const struct member r2[] = {                                                                             \
        {"R2_ACCOUNT_ID", (set)->r2_account_id, true},                                                       \
        {"R2_ACCESS_KEY_ID", (set)->r2_access_key_id, true},                                                 \
        {"R2_SECRET_ACCESS_KEY", (set)->r2_secret_access_key, true},                                         \
        {"R2_BUCKET", (set)->r2_bucket, true},                                                               \
        {"CLOUDFLARE_R2_DOMAIN", (set)->r2_domain, false},                                                   \
    };                                                                                                       \
    const struct member s3[] = {                                                                             \
        {"S3_ENDPOINT", (set)->s3_endpoint, true},                                                           \
        {"S3_ACCESS_KEY_ID", (set)->s3_access_key_id, true},                                                 \
        {"S3_SECRET_ACCESS_KEY", (set)->s3_secret_access_key, true},                                         \
        {"S3_BUCKET", (set)->s3_bucket, true},                                                               \
        {"S3_PUBLIC_DOMAIN", (set)->s3_public_domain, false},                                                \
    }

bool media_settings_wants_bucket(const struct media_settings *set)
{
    FAMILIES(set);
    return any_given(r2, QN_COUNT(r2)) || any_given(s3, QN_COUNT(s3));
}

static bool is_all(struct qn_str text, const char *also)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(also, c))))
            return false;
    }
    return text.len > 0;
}

/* As S3 and R2 name buckets ("Bucket naming rules"). */
static bool is_bucket(struct qn_str name)
{
    return name.len >= BUCKET_MIN && name.len <= BUCKET_MAX && is_all(name, "-.") && name.ptr[0] != '-' &&
           name.ptr[0] != '.' && name.ptr[name.len - 1] != '-' && name.ptr[name.len - 1] != '.';
}

/* And without a blank at either end: that comes of pasting. */
static bool is_printable(struct qn_str text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    }
    return text.len > 0 && text.len <= max && text.len == qn_str_trim(text).len;
}

static struct qn_str without_port(struct qn_str host)
{
    struct qn_str name, port;
    media_settings_split_host(host, &name, &port);
    return name;
}

static bool is_loopback(struct qn_str host)
{
    char text[INET_ADDRSTRLEN];
    uint8_t address[4];
    host = without_port(host);
    snprintf(text, sizeof text, "%.*s", QN_STR_ARG(host));
    return qn_str_eq_nocase(host, QN_STR("localhost")) || qn_str_eq(host, QN_STR("[::1]")) ||
           (host.len < sizeof text && inet_pton(AF_INET, text, address) == 1 && address[0] == 127);
}

/* In lower case, as browsers send it in the Host header that is signed, and as Next.js compares it. */
static void lower(char *text)
{
    for (; *text; text++) {
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    }
}

/* "pictures.example.com", with or without a scheme and a closing slash. */
static bool public_origin(const struct media_settings *set, const char *domain,
                          char ret_origin[MEDIA_SETTINGS_HOST_MAX + 16])
{
    char url[MEDIA_SETTINGS_HOST_MAX + 32];
    struct qn_str scheme, host;
    int len = snprintf(url, sizeof url, "%s%s", strstr(domain, "://") ? "" : "https://", domain);
    if (len < 0 || (size_t)len >= sizeof url || !media_settings_origin(qn_str_c(url), &scheme, &host) ||
        (qn_str_eq(scheme, QN_STR("http://")) && !set->s3_allow_http && !is_loopback(host)))
        return false;
    snprintf(ret_origin, MEDIA_SETTINGS_HOST_MAX + 16, "%.*s%.*s", QN_STR_ARG(scheme), QN_STR_ARG(host));
    lower(ret_origin);
    return true;
}

/* Complaints. */

static void check_family(const struct member *members, size_t n, const char *or_else,
                         struct qn_config_report *report)
{
    for (size_t i = 0; i < n; i++) {
        if (members[i].needed && !given(members[i].value))
            qn_config_complain(report, members[i].name, "", or_else);
    }
}

static void check_domain(const struct media_settings *set, const char *name, const char *domain,
                         struct qn_config_report *report)
{
    char origin[MEDIA_SETTINGS_HOST_MAX + 16];
    if (!given(domain))
        return;
    if (!public_origin(set, domain, origin))
        qn_config_complain(report, name, domain,
                           "a host that serves the bucket's objects to everyone, as pictures.example.com; "
                           "without a path");
    else if (strstr(origin, R2_HOST))
        /* It answers only to signed requests: every picture would be a 400 for next/image. */
        qn_config_complain(report, name, domain,
                           "the bucket's own public domain (R2, bucket, Settings, Custom domains); this host "
                           "is the S3 API, which gives nothing without a signature; or leave it unset, then "
                           "pictures are read by signed URLs");
}

static void check_key(const char *id_name, const char *id, const char *secret_name, const char *secret,
                      struct qn_config_report *report)
{
    if (given(id) && (!is_printable(qn_str_c(id), KEY_ID_MAX) || strpbrk(id, " /")))
        qn_config_complain(report, id_name, id, "up to 64 printable characters without blanks and slashes");
    if (given(secret) && !is_printable(qn_str_c(secret), SECRET_MAX))
        qn_config_complain(report, secret_name, "(not shown)",
                           "up to 256 printable characters, without blanks around them");
}

static void check_bucket_name(const char *name, const char *value, struct qn_config_report *report)
{
    if (given(value) && !is_bucket(qn_str_c(value)))
        qn_config_complain(report, name, value,
                           "a bucket's name alone: 3 to 63 of a-z, 0-9, hyphens and dots");
}

static void check_r2(const struct media_settings *set, struct qn_config_report *report)
{
    struct qn_str account = qn_str_c(set->r2_account_id);
    if (account.len > 0 && (account.len > LABEL_MAX || !is_all(account, "")))
        qn_config_complain(report, "R2_ACCOUNT_ID", set->r2_account_id,
                           "the account's id alone, 32 hex digits (R2's overview shows it); of an endpoint "
                           "with a jurisdiction give S3_ENDPOINT and the other S3_ settings instead");
    check_key("R2_ACCESS_KEY_ID", set->r2_access_key_id, "R2_SECRET_ACCESS_KEY", set->r2_secret_access_key,
              report);
    check_bucket_name("R2_BUCKET", set->r2_bucket, report);
    check_domain(set, "CLOUDFLARE_R2_DOMAIN", set->r2_domain, report);
}

static void check_s3(const struct media_settings *set, struct qn_config_report *report)
{
    struct qn_str scheme, host = {0}, region = qn_str_c(set->s3_region);
    if (given(set->s3_endpoint) && !media_settings_origin(qn_str_c(set->s3_endpoint), &scheme, &host))
        qn_config_complain(report, "S3_ENDPOINT", set->s3_endpoint,
                           "https://, a host and perhaps a port, without a path: the bucket goes into "
                           "S3_BUCKET");
    else if (host.len > 0 && qn_str_eq(scheme, QN_STR("http://")) && !set->s3_allow_http &&
             !is_loopback(host))
        qn_config_complain(report, "S3_ENDPOINT", set->s3_endpoint,
                           "https://; or S3_ALLOW_HTTP=true where the network between is trusted");
    if (!is_all(region, "-") || region.len > LABEL_MAX)
        qn_config_complain(report, "S3_REGION", set->s3_region, "a region's name, as eu-central-1, or auto");
    else if (qn_str_ends(without_port(host), QN_STR(AWS)) && qn_str_eq(region, QN_STR("auto")))
        qn_config_complain(report, "S3_REGION", set->s3_region,
                           "the bucket's region, as eu-central-1: AWS takes signatures of no other");
    check_key("S3_ACCESS_KEY_ID", set->s3_access_key_id, "S3_SECRET_ACCESS_KEY", set->s3_secret_access_key,
              report);
    check_bucket_name("S3_BUCKET", set->s3_bucket, report);
    check_domain(set, "S3_PUBLIC_DOMAIN", set->s3_public_domain, report);
}

void media_settings_check_bucket(const struct media_settings *set, struct qn_config_report *report)
{
    FAMILIES(set);
    bool wants_r2 = any_given(r2, QN_COUNT(r2)), wants_s3 = any_given(s3, QN_COUNT(s3));
    if (wants_r2 && wants_s3) {
        for (size_t i = 0; i < QN_COUNT(s3); i++) {
            if (given(s3[i].value))
                qn_config_complain(report, s3[i].name,
                                   strstr(s3[i].name, "SECRET") ? "(not shown)" : s3[i].value,
                                   "left unset beside R2_ settings: there is one bucket, named by the R2_ "
                                   "settings or by the S3_ ones");
        }
        return;
    }
    if (wants_r2) {
        check_family(r2, QN_COUNT(r2),
                     "given together with R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and "
                     "R2_BUCKET; with none of them and no CLOUDFLARE_R2_DOMAIN pictures lie in "
                     "QUINTET_MEDIA_FOLDER",
                     report);
        check_r2(set, report);
    }
    if (wants_s3) {
        check_family(s3, QN_COUNT(s3),
                     "given together with S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and S3_BUCKET; "
                     "with none of them and no S3_PUBLIC_DOMAIN pictures lie in QUINTET_MEDIA_FOLDER",
                     report);
        check_s3(set, report);
    }
}

/* The result. */

static bool writes_once(const struct media_settings *set, struct qn_str host)
{
    if (strcmp(set->s3_write_once, "auto") != 0)
        return strcmp(set->s3_write_once, "on") == 0;
    /* Where it is documented. Some others take the header and do not heed it, or answer 501 to it. */
    return qn_str_ends(host, QN_STR(R2_HOST)) || qn_str_ends(host, QN_STR(AWS));
}

bool media_settings_bucket(const struct media_settings *set, struct media_bucket *ret_bucket)
{
    struct media_bucket *to = ret_bucket;
    *to = (struct media_bucket){.region = QN_STR("auto")};
    const char *domain;
    if (given(set->r2_account_id)) {
        snprintf(to->scheme, sizeof to->scheme, "https://");
        snprintf(to->host, sizeof to->host, "%s" R2_HOST, set->r2_account_id);
        to->name = qn_str_c(set->r2_bucket);
        to->access_key_id = qn_str_c(set->r2_access_key_id);
        to->secret = qn_str_c(set->r2_secret_access_key);
        domain = set->r2_domain;
    } else if (given(set->s3_endpoint)) {
        struct qn_str scheme, host;
        bool sound = media_settings_origin(qn_str_c(set->s3_endpoint), &scheme, &host);
        QN_CHECK(sound);
        snprintf(to->scheme, sizeof to->scheme, "%.*s", QN_STR_ARG(scheme));
        snprintf(to->host, sizeof to->host, "%.*s", QN_STR_ARG(host));
        to->name = qn_str_c(set->s3_bucket);
        to->access_key_id = qn_str_c(set->s3_access_key_id);
        to->secret = qn_str_c(set->s3_secret_access_key);
        to->region = qn_str_c(set->s3_region);
        domain = set->s3_public_domain;
    } else {
        return false;
    }
    lower(to->host);
    to->write_once = writes_once(set, without_port(qn_str_c(to->host)));
    if (given(domain)) {
        bool sound = public_origin(set, domain, to->public_origin);
        QN_CHECK(sound);
    }
    return true;
}
