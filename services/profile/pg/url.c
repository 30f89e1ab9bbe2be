#include "services/profile/pg/url.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/encode.h"

/* In order: scheme, user, password, host, port, database; then the keys behind '?', each by its line in the
 * table; then what keys mean together. The first thing wrong ends it. */

enum {
    URL_MAX = 4096,      /* longer than any that was seen; bounds what is copied */
    IDENTIFIER_MAX = 63, /* PostgreSQL's NAMEDATALEN - 1 */
    SECONDS_MAX = 86400,
};

/* Where Debian keeps the certificates of the public authorities; libpq 15 has no word for "the system's". */
static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

/* Keys whose meaning depends on others are kept here until all have been read. */
struct pending {
    char *sslcert, *sslkey, *sslaccept;
};

struct key {
    const char *name;
    enum qn_status (*read)(const struct key *key, char *value, struct pg_url *url, struct pending *pending,
                           struct qn_error *err);
    size_t offset; /* of the member it goes to */
    int64_t min, max;
    const char *text; /* allowed words, or why the key is refused */
};

static enum qn_status complain(struct qn_error *err, const char *key, const char *allowed)
{
    qn_error_set(err, QN_INVALID_ARGUMENT, "%s: %s", key, allowed);
    return QN_INVALID_ARGUMENT;
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    QN_CHECK(made); /* a few bytes, at start */
    return made;
}

/* Takes over the value's memory. */
static void keep(char **to, char *value)
{
    free(*to);
    *to = value;
}

static enum qn_status read_text(const struct key *key, char *value, struct pg_url *url,
                                struct pending *pending, struct qn_error *err)
{
    (void)pending;
    if (value[0] == '\0') {
        free(value);
        return complain(err, key->name, "must not be empty");
    }
    keep((char **)(void *)((char *)url + key->offset), value);
    return QN_OK;
}

static enum qn_status read_pending(const struct key *key, char *value, struct pg_url *url,
                                   struct pending *pending, struct qn_error *err)
{
    (void)url;
    (void)err;
    keep((char **)(void *)((char *)pending + key->offset), value);
    return QN_OK;
}

static bool is_one_of(const char *value, const char *words)
{
    struct qn_str rest = qn_str_c(words), word;
    while (qn_str_next(&rest, '|', &word))
        if (qn_str_eq(word, qn_str_c(value)))
            return true;
    return false;
}

static enum qn_status read_choice(const struct key *key, char *value, struct pg_url *url,
                                  struct pending *pending, struct qn_error *err)
{
    if (!is_one_of(value, key->text)) {
        free(value);
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: one of %s", key->name, key->text);
    }
    return read_text(key, value, url, pending, err);
}

static enum qn_status read_number(const struct key *key, char *value, struct pg_url *url,
                                  struct pending *pending, struct qn_error *err)
{
    (void)pending;
    int64_t number;
    bool fits = qn_str_to_i64(qn_str_c(value), &number) && number >= key->min && number <= key->max;
    free(value);
    if (!fits) {
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: a number from %lld to %lld%s", key->name,
                            (long long)key->min, (long long)key->max, key->text ? key->text : "");
    }
    *(int64_t *)(void *)((char *)url + key->offset) = number;
    return QN_OK;
}

static enum qn_status read_seconds(const struct key *key, char *value, struct pg_url *url,
                                   struct pending *pending, struct qn_error *err)
{
    QN_TRY(read_number(key, value, url, pending, err));
    *(int64_t *)(void *)((char *)url + key->offset) *= 1000;
    return QN_OK;
}

static enum qn_status read_bool(const struct key *key, char *value, struct pg_url *url,
                                struct pending *pending, struct qn_error *err)
{
    (void)pending;
    bool yes = strcmp(value, "true") == 0, no = strcmp(value, "false") == 0;
    free(value);
    if (!yes && !no)
        return complain(err, key->name, "true or false");
    *(bool *)(void *)((char *)url + key->offset) = yes;
    return QN_OK;
}

/* Prisma keeps so many prepared statements; here there are as many as there are questions, or none. */
static enum qn_status read_cache_size(const struct key *key, char *value, struct pg_url *url,
                                      struct pending *pending, struct qn_error *err)
{
    (void)pending;
    int64_t size;
    bool fits = qn_str_to_i64(qn_str_c(value), &size) && size >= 0;
    free(value);
    if (!fits)
        return complain(err, key->name, "a number; 0 turns prepared statements off");
    url->unnamed = size == 0;
    return QN_OK;
}

/* Prisma's 0 means "for ever", which is what happens here anyway. */
static enum qn_status read_lifetime(const struct key *key, char *value, struct pg_url *url,
                                    struct pending *pending, struct qn_error *err)
{
    (void)url;
    (void)pending;
    bool for_ever = strcmp(value, "0") == 0;
    free(value);
    return for_ever ? QN_OK : complain(err, key->name, "only 0: connections are kept until they fail");
}

static enum qn_status read_refused(const struct key *key, char *value, struct pg_url *url,
                                   struct pending *pending, struct qn_error *err)
{
    (void)url;
    (void)pending;
    free(value);
    return complain(err, key->name, key->text);
}

/* Every key that Prisma documents for PostgreSQL (and those of its engine's url.rs), then libpq's own that
 * make sense beside them. */
static const struct key keys[] = {
    {"schema", read_text, offsetof(struct pg_url, schema)},
    {"connection_limit", read_number, offsetof(struct pg_url, connection_limit), 1, PG_CONNECTIONS_MAX,
     ": the database never sees more than five"},
    {"pool_timeout", read_seconds, offsetof(struct pg_url, pool_timeout_ms), 0, SECONDS_MAX, " (seconds)"},
    {"connect_timeout", read_seconds, offsetof(struct pg_url, connect_timeout_ms), 0, SECONDS_MAX,
     " (seconds)"},
    {"socket_timeout", read_seconds, offsetof(struct pg_url, statement_timeout_ms), 0, SECONDS_MAX,
     " (seconds)"},
    {"pgbouncer", read_bool, offsetof(struct pg_url, pgbouncer)},
    {"statement_cache_size", read_cache_size},
    {"host", read_text, offsetof(struct pg_url, host)},
    {"application_name", read_text, offsetof(struct pg_url, application_name)},
    {"options", read_text, offsetof(struct pg_url, options)},
    {"channel_binding", read_choice, offsetof(struct pg_url, channel_binding), 0, 0,
     "disable|prefer|require"},
    {"sslmode", read_choice, offsetof(struct pg_url, sslmode), 0, 0,
     "disable|prefer|require|verify-ca|verify-full"},
    {"sslaccept", read_pending, offsetof(struct pending, sslaccept)},
    {"sslcert", read_pending, offsetof(struct pending, sslcert)},
    {"sslkey", read_pending, offsetof(struct pending, sslkey)},
    {"sslrootcert", read_text, offsetof(struct pg_url, sslrootcert)},
    {"sslidentity", read_refused, 0, 0, 0,
     "PKCS#12 is not read; give the client's PEM files as sslcert and sslkey"},
    {"sslpassword", read_refused, 0, 0, 0, "belongs to sslidentity; give an unencrypted sslkey"},
    {"max_connection_lifetime", read_lifetime},
    {"max_idle_connection_lifetime", read_lifetime},
};

/* A NUL-terminated decoded copy. */
static enum qn_status decode(struct qn_str text, bool plus_is_space, const char *part, char **ret_value,
                             struct qn_error *err)
{
    QN_CHECK(text.len <= URL_MAX);
    char *value = malloc(text.len + 1);
    QN_CHECK(value); /* a few bytes, at start */
    size_t len;
    if (!qn_percent_decode(text, value, &len, plus_is_space)) {
        free(value);
        return complain(err, part, "a '%' is not followed by two hex digits (write a '%' as %25)");
    }
    if (memchr(value, '\0', len)) {
        free(value);
        return complain(err, part, "must not hold a NUL (%00)");
    }
    value[len] = '\0';
    keep(ret_value, value);
    return QN_OK;
}

static enum qn_status parse_scheme(struct qn_str *rest, struct qn_error *err)
{
    static const struct qn_str schemes[] = {{"postgresql://", 13}, {"postgres://", 11}};
    for (size_t i = 0; i < QN_COUNT(schemes); i++) {
        if (qn_str_starts(*rest, schemes[i])) {
            *rest = qn_str_n(rest->ptr + schemes[i].len, rest->len - schemes[i].len);
            return QN_OK;
        }
    }
    if (qn_str_starts(*rest, QN_STR("prisma"))) {
        return complain(err, "scheme",
                        "an address of Prisma's own service; give the database's own, postgresql://…");
    }
    return complain(err, "scheme", "must begin with postgresql:// or postgres://");
}

static struct qn_str cut(struct qn_str *rest, const char *stops)
{
    size_t len = 0;
    while (len < rest->len && !strchr(stops, rest->ptr[len]))
        len++;
    struct qn_str piece = qn_str_n(rest->ptr, len);
    *rest = qn_str_n(rest->ptr + len, rest->len - len);
    return piece;
}

static enum qn_status parse_user(struct qn_str userinfo, struct pg_url *url, struct qn_error *err)
{
    ptrdiff_t colon = qn_str_find(userinfo, ':');
    struct qn_str user = colon < 0 ? userinfo : qn_str_n(userinfo.ptr, (size_t)colon);
    struct qn_str password =
        colon < 0 ? qn_str_n("", 0) : qn_str_n(userinfo.ptr + colon + 1, userinfo.len - (size_t)colon - 1);
    QN_TRY(decode(user, false, "user", &url->user, err));
    QN_TRY(decode(password, false, "password", &url->password, err));
    if (url->user[0] == '\0' || strlen(url->user) > IDENTIFIER_MAX)
        return complain(err, "user", "1 to 63 bytes: postgresql://user:password@host:port/database");
    return QN_OK;
}

static enum qn_status parse_host(struct qn_str text, struct pg_url *url, struct qn_error *err)
{
    if (qn_str_find(text, ',') >= 0)
        return complain(err, "host", "one host; several are not supported");
    struct qn_str host = text, port = QN_STR("5432");
    ptrdiff_t end = text.len > 0 && text.ptr[0] == '[' ? qn_str_find(text, ']') : -1;
    ptrdiff_t colon;
    if (end >= 0) { /* an IPv6 address, RFC 3986 section 3.2.2 */
        host = qn_str_n(text.ptr + 1, (size_t)end - 1);
        struct qn_str behind = qn_str_n(text.ptr + end + 1, text.len - (size_t)end - 1);
        colon = qn_str_find(behind, ':');
        if ((behind.len > 0 && colon != 0))
            return complain(err, "host", "only :port may follow the address in brackets");
        port = behind.len > 1 ? qn_str_n(behind.ptr + 1, behind.len - 1) : port;
    } else if ((colon = qn_str_rfind(text, ':')) >= 0) {
        host = qn_str_n(text.ptr, (size_t)colon);
        port = qn_str_n(text.ptr + colon + 1, text.len - (size_t)colon - 1);
    }
    int64_t number;
    if (!qn_str_to_i64(port, &number) || number < 1 || number > 65535)
        return complain(err, "port", "a number from 1 to 65535");
    QN_TRY(decode(host.len > 0 ? host : QN_STR("localhost"), false, "host", &url->host, err));
    return decode(port, false, "port", &url->port, err);
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < QN_COUNT(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static enum qn_status parse_key(struct qn_str pair, struct pg_url *url, struct pending *pending,
                                struct qn_error *err)
{
    ptrdiff_t equals = qn_str_find(pair, '=');
    size_t name_len = equals < 0 ? pair.len : (size_t)equals;
    size_t value_at = equals < 0 ? pair.len : name_len + 1;
    char *name = NULL, *value = NULL;
    QN_TRY(decode(qn_str_n(pair.ptr, name_len), true, "key", &name, err));
    const struct key *key = find_key(name);
    if (!key) {
        qn_error_set(err, QN_INVALID_ARGUMENT, "?%.40s=: no such key; README.md lists those that are known",
                     name);
        free(name);
        return QN_INVALID_ARGUMENT;
    }
    free(name);
    QN_TRY(decode(qn_str_n(pair.ptr + value_at, pair.len - value_at), true, key->name, &value, err));
    return key->read(key, value, url, pending, err);
}

/* Prisma's sslcert is the file of the authority that signed the server's certificate (libpq's sslrootcert);
 * beside an sslkey it is libpq's, the client's own. Prisma's sslaccept=strict is libpq's verify-full. */
static enum qn_status settle_tls(struct pg_url *url, struct pending *pending, struct qn_error *err)
{
    const char *accept = pending->sslaccept ? pending->sslaccept : "";
    if (pending->sslaccept && !is_one_of(accept, "strict|accept_invalid_certs"))
        return complain(err, "sslaccept", "strict or accept_invalid_certs");
    if (pending->sslkey) {
        if (!pending->sslcert)
            return complain(err, "sslkey", "needs sslcert, the client's certificate, beside it");
        keep(&url->sslkey, pending->sslkey);
        keep(&url->sslcert, pending->sslcert);
        pending->sslkey = pending->sslcert = NULL;
    } else if (pending->sslcert && !url->sslrootcert) {
        keep(&url->sslrootcert, pending->sslcert);
        pending->sslcert = NULL;
    }
    if (strcmp(accept, "accept_invalid_certs") == 0) {
        if (url->sslmode && strncmp(url->sslmode, "verify", 6) == 0)
            return complain(err, "sslaccept", "accept_invalid_certs contradicts the sslmode");
        keep(&url->sslrootcert, NULL); /* with one, libpq would verify */
    }
    bool strict = strcmp(accept, "strict") == 0;
    if (strict && url->sslmode && strcmp(url->sslmode, "disable") == 0)
        return complain(err, "sslaccept", "strict contradicts sslmode=disable");
    if (strict)
        keep(&url->sslmode, copy("verify-full"));
    if (url->sslmode && strncmp(url->sslmode, "verify", 6) == 0 && !url->sslrootcert)
        keep(&url->sslrootcert, copy(system_authorities));
    return QN_OK;
}

static enum qn_status settle(struct pg_url *url, struct pending *pending, struct qn_error *err)
{
    if (strlen(url->schema) > IDENTIFIER_MAX || strcmp(url->schema, "quintet") == 0) {
        return complain(err, "schema",
                        "1 to 63 bytes, and not \"quintet\", which holds Quintet's own tables");
    }
    if (strlen(url->database) > IDENTIFIER_MAX)
        return complain(err, "database", "1 to 63 bytes");
    if (url->pgbouncer && url->options)
        return complain(err, "options", "not with pgbouncer=true: PgBouncer refuses them");
    url->unnamed = url->unnamed || url->pgbouncer;
    url->connect_timeout_ms = url->connect_timeout_ms ? url->connect_timeout_ms : 5000;
    return settle_tls(url, pending, err);
}

static enum qn_status parse(struct qn_str rest, struct pg_url *url, struct pending *pending,
                            struct qn_error *err)
{
    if (rest.len > URL_MAX)
        return complain(err, "length", "at most 4,096 bytes");
    if (qn_str_find(rest, '#') >= 0)
        return complain(err, "'#'", "must be written as %23");
    QN_TRY(parse_scheme(&rest, err));
    struct qn_str authority = cut(&rest, "/?");
    ptrdiff_t at = qn_str_rfind(authority, '@');
    QN_TRY(parse_user(qn_str_n(authority.ptr, at < 0 ? 0 : (size_t)at), url, err));
    QN_TRY(parse_host(qn_str_n(authority.ptr + at + 1, authority.len - (size_t)(at + 1)), url, err));
    struct qn_str path = cut(&rest, "?");
    if (path.len > 1)
        QN_TRY(decode(qn_str_n(path.ptr + 1, path.len - 1), false, "database", &url->database, err));
    struct qn_str query = rest.len > 1 ? qn_str_n(rest.ptr + 1, rest.len - 1) : qn_str_n("", 0), pair;
    while (qn_str_next(&query, '&', &pair))
        if (pair.len > 0)
            QN_TRY(parse_key(pair, url, pending, err));
    return settle(url, pending, err);
}

enum qn_status pg_url_parse(struct qn_str text, struct pg_url *ret_url, struct qn_error *err)
{
    struct pending pending = {0};
    *ret_url = (struct pg_url){
        .database = copy("postgres"), /* Prisma's default */
        .schema = copy("public"),
        .application_name = copy("quintet-profile"),
        .connection_limit = PG_CONNECTIONS_MAX,
        .pool_timeout_ms = 10000,
        .connect_timeout_ms = 5000,
    };
    enum qn_status status = parse(text, ret_url, &pending, err);
    free(pending.sslcert);
    free(pending.sslkey);
    free(pending.sslaccept);
    if (status != QN_OK)
        pg_url_free(ret_url);
    return status;
}

void pg_url_free(struct pg_url *url)
{
    char **const owned[] = {&url->user,
                            &url->password,
                            &url->host,
                            &url->port,
                            &url->database,
                            &url->schema,
                            &url->sslmode,
                            &url->sslrootcert,
                            &url->sslcert,
                            &url->sslkey,
                            &url->options,
                            &url->channel_binding,
                            &url->application_name};
    for (size_t i = 0; i < QN_COUNT(owned); i++)
        keep(owned[i], NULL);
}
