#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "services/profile/pg/url.h"
#include "tests/harness/test.h"

static struct pg_url parse(const char *text)
{
    struct pg_url url;
    struct qn_error err = {0};
    if (pg_url_parse(qn_str_c(text), &url, &err) != QN_OK)
        fail_msg("%s: %s", text, err.message);
    return url;
}

/* The message must name the part, and never hold the password. */
static void refused(const char *text, const char *part)
{
    struct pg_url url;
    struct qn_error err = {0};
    if (pg_url_parse(qn_str_c(text), &url, &err) == QN_OK)
        fail_msg("%s was taken", text);
    assert_int_equal(err.status, QN_INVALID_ARGUMENT);
    if (!strstr(err.message, part))
        fail_msg("%s: \"%s\" does not name \"%s\"", text, err.message, part);
    assert_null(strstr(err.message, "s3cret"));
    assert_null(url.user); /* nothing to free */
}

static void test_defaults(void **state)
{
    (void)state;
    struct pg_url url = parse("postgres://app@db.internal");
    assert_string_equal(url.user, "app");
    assert_string_equal(url.password, "");
    assert_string_equal(url.host, "db.internal");
    assert_string_equal(url.port, "5432");
    assert_string_equal(url.database, "postgres"); /* as Prisma */
    assert_string_equal(url.schema, "public");
    assert_string_equal(url.application_name, "quintet-profile");
    assert_null(url.sslmode);
    assert_null(url.sslrootcert);
    assert_int_equal(url.connection_limit, 5);
    assert_int_equal(url.pool_timeout_ms, 10000);
    assert_int_equal(url.connect_timeout_ms, 5000);
    assert_int_equal(url.statement_timeout_ms, 0);
    assert_false(url.pgbouncer);
    assert_false(url.unnamed);
    pg_url_free(&url);
}

static void test_every_part(void **state)
{
    (void)state;
    struct pg_url url =
        parse("postgresql://us%40er:p%40ss%2Fw%3Ard%25+@[::1]:6432/my%20db?schema=dating&connection_limit=3"
              "&pool_timeout=2&connect_timeout=7&socket_timeout=30&pgbouncer=true"
              "&application_name=a+b&statement_cache_size=100&max_idle_connection_lifetime=0"
              "&channel_binding=require&sslmode=require");
    assert_string_equal(url.user, "us@er");
    assert_string_equal(url.password, "p@ss/w:rd%+"); /* '+' is a blank behind the '?' only */
    assert_string_equal(url.host, "::1");
    assert_string_equal(url.port, "6432");
    assert_string_equal(url.database, "my db");
    assert_string_equal(url.schema, "dating");
    assert_string_equal(url.application_name, "a b");
    assert_string_equal(url.channel_binding, "require");
    assert_string_equal(url.sslmode, "require");
    assert_int_equal(url.connection_limit, 3);
    assert_int_equal(url.pool_timeout_ms, 2000);
    assert_int_equal(url.connect_timeout_ms, 7000);
    assert_int_equal(url.statement_timeout_ms, 30000);
    assert_true(url.pgbouncer);
    assert_true(url.unnamed);
    pg_url_free(&url);
}

static void test_socket_folder_and_last_wins(void **state)
{
    (void)state;
    struct pg_url url = parse("postgresql://app@localhost/db?host=%2Frun%2Fpostgresql&schema=a&schema=b&&");
    assert_string_equal(url.host, "/run/postgresql");
    assert_string_equal(url.schema, "b");
    pg_url_free(&url);
    url = parse("postgresql://app@/db?host=/tmp");
    assert_string_equal(url.host, "/tmp");
    pg_url_free(&url);
}

static void test_zero_means(void **state)
{
    (void)state;
    struct pg_url url =
        parse("postgresql://app@h/db?pool_timeout=0&connect_timeout=0&statement_cache_size=0");
    assert_int_equal(url.pool_timeout_ms, 0);
    assert_int_equal(url.connect_timeout_ms, 5000); /* nothing waits for ever */
    assert_true(url.unnamed);
    assert_false(url.pgbouncer);
    pg_url_free(&url);
}

/* Prisma's words for TLS are not libpq's: its sslcert is the authority, and strict means that name and chain
 * are verified. */
static void test_tls(void **state)
{
    (void)state;
    struct pg_url url = parse("postgresql://a@h/d?sslmode=require&sslaccept=strict&sslcert=/etc/ca.pem");
    assert_string_equal(url.sslmode, "verify-full");
    assert_string_equal(url.sslrootcert, "/etc/ca.pem");
    assert_null(url.sslcert);
    pg_url_free(&url);

    url = parse("postgresql://a@h/d?sslaccept=strict");
    assert_string_equal(url.sslmode, "verify-full");
    assert_string_equal(url.sslrootcert, "/etc/ssl/certs/ca-certificates.crt");
    pg_url_free(&url);

    url = parse("postgresql://a@h/d?sslmode=require&sslaccept=accept_invalid_certs&sslcert=/etc/ca.pem");
    assert_string_equal(url.sslmode, "require");
    assert_null(url.sslrootcert); /* with one, libpq would verify */
    pg_url_free(&url);

    url =
        parse("postgresql://a@h/d?sslmode=verify-ca&sslrootcert=/ca&sslcert=/client.pem&sslkey=/client.key");
    assert_string_equal(url.sslrootcert, "/ca");
    assert_string_equal(url.sslcert, "/client.pem");
    assert_string_equal(url.sslkey, "/client.key");
    pg_url_free(&url);

    refused("postgresql://a@h/d?sslmode=verify-full&sslaccept=accept_invalid_certs", "sslaccept");
    refused("postgresql://a@h/d?sslmode=disable&sslaccept=strict", "sslaccept");
    refused("postgresql://a@h/d?sslaccept=maybe", "sslaccept");
    refused("postgresql://a@h/d?sslkey=/client.key", "sslkey");
    refused("postgresql://a@h/d?sslmode=allow", "sslmode");
    refused("postgresql://a@h/d?sslidentity=/client.p12", "sslidentity");
    refused("postgresql://a@h/d?sslpassword=s3cret", "sslpassword");
}

static void test_refused(void **state)
{
    (void)state;
    refused("", "scheme");
    refused("mysql://a:s3cret@h/d", "scheme");
    refused("prisma://accelerate.prisma-data.net/?api_key=s3cret", "Prisma");
    refused("postgresql://h/d", "user");
    refused("postgresql://:s3cret@h/d", "user");
    refused("postgresql://a:s3%ZZcret@h/d", "password");
    refused("postgresql://a:s3cret%00@h/d", "password");
    refused("postgresql://a:s3#cret@h/d", "%23");
    refused("postgresql://a:s3cret@h:0/d", "port");
    refused("postgresql://a:s3cret@h:65536/d", "port");
    refused("postgresql://a:s3cret@h:/d", "port");
    refused("postgresql://a:s3cret@h:x/d", "port");
    refused("postgresql://a:s3cret@h1,h2/d", "host");
    refused("postgresql://a:s3cret@[::1]x/d", "host");
    refused("postgresql://a:s3cret@h/d?connection_limit=6", "connection_limit");
    refused("postgresql://a:s3cret@h/d?connection_limit=0", "connection_limit");
    refused("postgresql://a:s3cret@h/d?connection_limit=five", "connection_limit");
    refused("postgresql://a:s3cret@h/d?pool_timeout=-1", "pool_timeout");
    refused("postgresql://a:s3cret@h/d?pool_timeout=99999999999999999999", "pool_timeout");
    refused("postgresql://a:s3cret@h/d?pgbouncer=yes", "pgbouncer");
    refused("postgresql://a:s3cret@h/d?statement_cache_size=-1", "statement_cache_size");
    refused("postgresql://a:s3cret@h/d?max_connection_lifetime=60", "max_connection_lifetime");
    refused("postgresql://a:s3cret@h/d?schema=", "schema");
    refused("postgresql://a:s3cret@h/d?schema=quintet", "schema");
    refused("postgresql://a:s3cret@h/d?pgbouncer=true&options=-c%20x=y", "options");
    refused("postgresql://a:s3cret@h/d?target_session_attrs=any", "target_session_attrs");
    refused("postgresql://a:s3cret@h/d?schema=%", "schema");
}

static void test_lengths(void **state)
{
    (void)state;
    char text[8192];
    char name[80];
    memset(name, 'n', sizeof name);
    snprintf(text, sizeof text, "postgresql://%.63s@h/%.63s?schema=%.63s", name, name, name);
    struct pg_url url = parse(text);
    pg_url_free(&url);
    snprintf(text, sizeof text, "postgresql://%.64s@h/d", name);
    refused(text, "user");
    snprintf(text, sizeof text, "postgresql://a@h/%.64s", name);
    refused(text, "database");
    snprintf(text, sizeof text, "postgresql://a@h/d?schema=%.64s", name);
    refused(text, "schema");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "postgresql://a@h/d?", 19);
    refused(text, "length");
}

/* Whatever is cut off, the parser neither reads on nor leaks (under AddressSanitizer). */
static void test_every_prefix(void **state)
{
    (void)state;
    static const char whole[] =
        "postgresql://us%40er:p%40ss@[::1]:6432/my%20db?schema=dating&sslkey=/k&sslcert=/c"
        "&sslaccept=strict&connection_limit=3&pgbouncer=true";
    for (size_t len = 0; len < sizeof whole; len++) {
        char *text = malloc(len ? len : 1); /* no NUL behind it */
        memcpy(text, whole, len);
        struct pg_url url;
        struct qn_error err;
        if (pg_url_parse(qn_str_n(text, len), &url, &err) == QN_OK)
            pg_url_free(&url);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_every_part),
        cmocka_unit_test(test_zero_means), cmocka_unit_test(test_socket_folder_and_last_wins),
        cmocka_unit_test(test_tls),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),    cmocka_unit_test(test_every_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
