#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* The pool over TLS: the handshake on the loop, the name that is verified although libpq is given an address.
 * The certificate is made anew each time, signed by itself, for the name "localhost" and no address. */

struct certificate {
    char *key, *pem; /* PEM */
};

static char *text_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static struct certificate make_certificate(void)
{
    struct certificate made;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    assert_true(key && x509);
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_NAME *name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_set_pubkey(x509, key);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    made.key = text_of(bio);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
    made.pem = text_of(bio);
    X509_free(x509);
    EVP_PKEY_free(key);
    return made;
}

/* The server writes it into its own data folder, as its own user. */
static void give_file(const char *name, const char *text)
{
    char sql[8192];
    snprintf(sql, sizeof sql,
             "copy (select unnest(string_to_array('%s', E'\\n'))) to program 'umask 077; cat > %s'", text,
             name);
    harness_postgres_do(fix.admin, sql);
}

#define PATH_PATTERN "/tmp/quintet-ca.XXXXXX"
static char ca_file[] = PATH_PATTERN, other_file[] = PATH_PATTERN;

static void keep_file(char *path, const char *text)
{
    unlink(path); /* of the server before */
    memcpy(path, PATH_PATTERN, sizeof PATH_PATTERN);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void prepare(void)
{
    struct certificate own = make_certificate(), other = make_certificate();
    give_file("server.key", own.key);
    give_file("server.crt", own.pem);
    harness_postgres_do(fix.admin, "alter system set ssl = on");
    harness_postgres_do(fix.admin, "select pg_reload_conf()");
    /* A session that began before the reload may see it a moment later. */
    while (harness_postgres_number(fix.admin, "select (current_setting('ssl') = 'on')::int") == 0)
        continue;
    keep_file(ca_file, own.pem);
    keep_file(other_file, other.pem);
    free(own.key);
    free(own.pem);
    free(other.key);
    free(other.pem);
}

static void open_to(const char *host, const char *params)
{
    char url[512];
    snprintf(url, sizeof url,
             "postgresql://quintet:p%%40ss%%2Fw%%3Ard%%25@%s:%d/quintet?connection_limit=2&%s", host,
             harness_postgres_port(fix.server), params);
    pg_fixture_open_url(url);
}

static bool was_refused(void)
{
    return fix.pool->opener.failures > 0;
}

static void works(const char *host, const char *params)
{
    static const struct pg_statement large = {"test_large", "select length($1::text), repeat('y', 3000000)",
                                              true};
    static const struct pg_statement secure = {
        "test_secure", "select version from pg_stat_ssl where pid = pg_backend_pid() and ssl", true};
    static const struct pg_statement sleep = {"test_sleep", "select pg_sleep(600)", false};
    static char value[3000001];
    struct pg_ask ask = {0}, late = {0};
    memset(value, 'x', sizeof value - 1);
    open_to(host, params);
    pg_fixture_until_true(pg_fixture_is_ready, "ready over TLS");
    pg_ask_run(&ask, &secure, 20000);
    assert_int_equal(ask.status, QN_OK);
    assert_true(strncmp(ask.text, "TLS", 3) == 0);
    pg_ask_run(&ask, &large, 20000, value);
    assert_int_equal(ask.status, QN_OK);
    assert_string_equal(ask.text, "3000000");
    pg_ask_run(&late, &sleep, 50);
    assert_int_equal(late.status, QN_DEADLINE_EXCEEDED);
    pg_fixture_until_true(pg_fixture_is_idle, "cancelled");
    pg_fixture_end();
}

static void fails(const char *host, const char *params, const char *says)
{
    open_to(host, params);
    pg_fixture_until_true(was_refused, "refused");
    assert_int_equal(fix.pool->opener.refusal, PG_REFUSAL_UNREACHABLE);
    if (pg_fixture_logged(says) == 0)
        fail_msg("the log does not say \"%s\"", says);
    pg_fixture_end();
}

static void test_encrypted(void **state)
{
    (void)state;
    works("127.0.0.1", "sslmode=require");
    works("127.0.0.1", ""); /* libpq prefers it by itself */
}

/* The connection goes to 127.0.0.1, which was looked up here; what is verified is the name. */
static void test_name_is_verified(void **state)
{
    (void)state;
    char params[160];
    snprintf(params, sizeof params, "sslmode=require&sslaccept=strict&sslcert=%s", ca_file);
    works("localhost", params);
    fails("127.0.0.1", params, "does not match host name");
    snprintf(params, sizeof params, "sslmode=verify-ca&sslrootcert=%s", ca_file);
    works("127.0.0.1", params);
}

static void test_authority_is_verified(void **state)
{
    (void)state;
    char params[160];
    snprintf(params, sizeof params, "sslmode=require&sslaccept=strict&sslcert=%s", other_file);
    fails("localhost", params, "certificate verify failed");
    fails("localhost", "sslaccept=strict", "certificate verify failed"); /* the system's authorities */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_name_is_verified),
        cmocka_unit_test(test_authority_is_verified),
    };
    int failed = pg_fixture_run(tests, NULL, prepare);
    unlink(ca_file);
    unlink(other_file);
    return failed;
}
