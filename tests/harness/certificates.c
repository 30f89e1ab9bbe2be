#include "tests/harness/certificates.h"

#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/test.h"

enum { AUTHORITIES_MAX = 16, PATHS_MAX = 256, HOUR_S = 3600 };

static struct authority {
    char *file;
    X509 *certificate;
    EVP_PKEY *key;
} authorities[AUTHORITIES_MAX];
static size_t n_authorities;

static char folder[] = "/tmp/quintet-test-certificates-XXXXXX";
static pid_t owner;

static int drop(const char *path, const struct stat *of, int kind, struct FTW *at)
{
    (void)of, (void)kind, (void)at;
    return remove(path);
}

static void clean_up(void)
{
    if (getpid() == owner)
        nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static char *new_path(const char *kind)
{
    static char paths[PATHS_MAX][64]; /* they live as long as the process */
    static unsigned number;
    if (owner == 0) {
        assert_non_null(mkdtemp(folder));
        owner = getpid();
        atexit(clean_up);
    }
    assert_true(number < PATHS_MAX);
    char *path = paths[number];
    snprintf(path, sizeof(paths[0]), "%s/%u.%s", folder, number, kind);
    number++;
    return path;
}

/* Writes by 'write' into a new file, which then takes the place of 'path'. */
static void replace(const char *path, int (*write)(FILE *to, const void *what), const void *what)
{
    char *fresh = new_path("new");
    FILE *to = fopen(fresh, "we");
    assert_non_null(to);
    assert_int_equal(write(to, what), 1);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static int write_certificate(FILE *to, const void *what)
{
    return PEM_write_X509(to, what);
}

static int write_key(FILE *to, const void *what)
{
    return PEM_write_PrivateKey(to, what, NULL, NULL, 0, NULL, NULL);
}

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *certificate_of(EVP_PKEY *key, const char *name, long begins_s, long ends_s)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), begins_s));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), ends_s));
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    return certificate;
}

const char *certificate_authority(const char *name)
{
    assert_true(n_authorities < AUTHORITIES_MAX);
    struct authority *made = &authorities[n_authorities++];
    made->key = EVP_EC_gen("P-256");
    assert_non_null(made->key);
    made->certificate = certificate_of(made->key, name, -HOUR_S, HOUR_S);
    X509_set_issuer_name(made->certificate, X509_get_subject_name(made->certificate));
    extend(made->certificate, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(made->certificate, made->key, EVP_sha256()) > 0);
    made->file = new_path("ca.pem");
    replace(made->file, write_certificate, made->certificate);
    return made->file;
}

static const struct authority *find(const char *file)
{
    for (size_t i = 0; i < n_authorities; i++)
        if (strcmp(authorities[i].file, file) == 0)
            return &authorities[i];
    fail_msg("%s is no authority", file);
    return NULL;
}

struct certificate_files certificate_issue(const struct certificate_options *options)
{
    const struct authority *ca = find(options->ca);
    bool usual = options->begins_s == 0 && options->ends_s == 0;
    char names[1024] = "";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate = certificate_of(key, options->dns_names[0], usual ? -HOUR_S : options->begins_s,
                                       usual ? HOUR_S : options->ends_s);
    X509_set_issuer_name(certificate, X509_get_subject_name(ca->certificate));
    for (size_t i = 0, at = 0; options->dns_names[i] != NULL; i++)
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%sDNS:%s", i > 0 ? "," : "",
                               options->dns_names[i]);
    if (options->address != NULL)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), ",IP:%s", options->address);
    extend(certificate, NID_subject_alt_name, names);
    extend(certificate, NID_basic_constraints, "critical,CA:FALSE");
    assert_true(X509_sign(certificate, ca->key, EVP_sha256()) > 0);

    struct certificate_files files = options->over;
    if (files.certificate == NULL)
        files = (struct certificate_files){new_path("pem"), new_path("key")};
    replace(files.key, write_key, key);
    replace(files.certificate, write_certificate, certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return files;
}

struct certificate_files certificate_for(const char *ca, const char *dns_name)
{
    const char *const names[] = {dns_name, NULL};
    return certificate_issue(&(struct certificate_options){.ca = ca, .dns_names = names});
}
