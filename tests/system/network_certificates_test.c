#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/harness/trial.h"
#include "tests/system/network_stack.h"

/* Certificates between services: renewed, and their authority exchanged, without a restart; strangers are
 * refused, and it is said why; who is known and calls what is not for him is refused that. People use the
 * site meanwhile, and notice nothing. */

#define REFUSED "quintet_rpc_connections_broken_total{reason=\"tls\"}"
#define LOADED  "quintet_rpc_tls_loads_total{outcome=\"ok\"}"

enum {
    SEEN_IN_MS = 50000,
    ANSWER_S = 10,
    DAY_S = 24 * 3600,
    ASKED = 20, /* calls of each caller */
};

static struct certificate_files issue(const char *ca, const char *name, struct certificate_files over)
{
    const char *const names[] = {name, NULL};
    return certificate_issue(&(const struct certificate_options){.ca = ca, .dns_names = names, .over = over});
}

/* Of a series; one that is not there yet has counted nothing. */
static double counted(const struct network_replica *replica, const char *series)
{
    double n = harness_service_metric(replica->service, series);
    return n > 0 ? n : 0;
}

/* A host that is nobody's. */
static struct network_host *stranger(void)
{
    static struct network_host *host;
    if (host == NULL)
        host = network_host();
    return host;
}

/* Dialling by hand. */

/* Shakes hands with a replica, and reads the eight bytes with which it greets whom it lets in. Returns the
 * serial number of its certificate, 0 when it does not let us in. 'files' may be without certificate. */
static long dial(const struct network_replica *to, struct certificate_files files)
{
    int fd = network_dial(stranger(), to->host, NETWORK_RPC_PORT);
    const struct timeval limit = {.tv_sec = ANSWER_S};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    if (files.certificate != NULL) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(context, files.certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM), 1);
    }
    SSL *ssl = SSL_new(context);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    char hello[8];
    long serial = 0;
    /* In TLS 1.3 a client hears that it is refused when it reads. */
    bool let_in = SSL_connect(ssl) == 1 && SSL_read(ssl, hello, sizeof hello) == (int)sizeof hello;
    if (let_in)
        serial = ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get0_peer_certificate(ssl)));
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return serial;
}

static long serial_of(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(certificate);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
    X509_free(certificate);
    return serial;
}

/* Renewals. */

/* Each in turn gets a new certificate, written over the old one. Who connects next sees it; who is connected
 * stays so. */
static void test_renewed(void **state)
{
    struct network_stack *site = *state;
    struct network_replica *const all[] = {&site->auth[0], &site->auth[1], &site->profile[0],
                                           &site->profile[1]};
    static const char *const names[] = {NETWORK_AUTH, NETWORK_AUTH, NETWORK_PROFILE, NETWORK_PROFILE};
    struct trial *trial = network_stack_trial(site, "certificates_renewed",
                                              "the certificates of both auth, both profile and the "
                                              "gateway renewed");
    for (size_t i = 0; i < 4; i++) {
        long before = serial_of(all[i]->files.certificate);
        assert_int_equal(dial(all[i], site->gateway.files), before);
        trial_mark(trial, "renewed: %s", network_address(all[i]->host));
        issue(site->ca, names[i], all[i]->files);
        long after = serial_of(all[i]->files.certificate);
        assert_int_not_equal(after, before);
        assert_int_equal(dial(all[i], site->gateway.files), after);
    }
    /* A client's side: it shows the new one where it has to connect, here to one more auth. */
    double loaded = harness_service_metric(site->gateway.service, LOADED);
    trial_mark(trial, "renewed: the gateway");
    issue(site->ca, "gateway.quintet.test", site->gateway.files);
    struct network_replica third = network_stack_another_auth(site, NULL), *const them[] = {&third};
    struct network_host *const hosts[] = {site->auth[0].host, site->auth[1].host, third.host};
    network_name(NETWORK_AUTH, hosts, 3);
    network_stack_await_served(them, 1, SEEN_IN_MS);
    assert_true(harness_service_metric(site->gateway.service, LOADED) > loaded);
    network_name(NETWORK_AUTH, hosts, 2);
    assert_int_equal(harness_service_stop(third.service), 0);
    network_stack_unnoticed(trial);
}

static void append(FILE *to, const char *path)
{
    char bytes[4096];
    FILE *from = fopen(path, "re");
    assert_non_null(from);
    size_t n = fread(bytes, 1, sizeof bytes, from);
    fclose(from);
    assert_int_equal(fwrite(bytes, 1, n, to), n);
}

/* Everybody's file of authorities is this one from now on: 'first', and 'second' unless NULL. */
static void trust(const struct network_stack *site, const char *first, const char *second)
{
    const char *fresh = harness_text("%s/authorities", harness_folder());
    FILE *to = fopen(fresh, "we");
    assert_non_null(to);
    append(to, first);
    if (second != NULL)
        append(to, second);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(rename(fresh, site->ca), 0);
}

/* The authority itself: a file with both for a while, a new certificate for everybody, a file with the new
 * one alone. Whoever then shows a certificate of the old one is refused. */
static void test_authority_exchanged(void **state)
{
    struct network_stack *site = *state;
    struct network_replica *const all[] = {&site->auth[0],    &site->auth[1], &site->profile[0],
                                           &site->profile[1], &site->gateway, &site->media};
    static const char *const names[] = {NETWORK_AUTH,    NETWORK_AUTH,           NETWORK_PROFILE,
                                        NETWORK_PROFILE, "gateway.quintet.test", "media.quintet.test"};
    struct certificate_files old = issue(site->ca, "gateway.quintet.test", (struct certificate_files){0});
    const char *before = harness_text("%s/authority-before", harness_folder()),
               *second = certificate_authority("the authority after it");
    struct trial *trial =
        network_stack_trial(site, "certificates_authority", "the authority of all certificates exchanged");
    FILE *copy = fopen(before, "we");
    assert_non_null(copy);
    append(copy, site->ca);
    assert_int_equal(fclose(copy), 0);
    trial_mark(trial, "both are trusted");
    trust(site, before, second);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        issue(second, names[i], all[i]->files);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(dial(all[i], old), serial_of(all[i]->files.certificate));
        assert_int_equal(dial(all[i], site->gateway.files), serial_of(all[i]->files.certificate));
    }
    trial_mark(trial, "only the new one is trusted");
    trust(site, second, NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(dial(all[i], old), 0);
        assert_int_equal(dial(all[i], site->gateway.files), serial_of(all[i]->files.certificate));
    }
    /* And those who speak already do so anew: all cables of auth are reset, once nobody asks. */
    network_stack_unnoticed(trial);
    for (size_t i = 0; i < 4; i++)
        network_reset(all[i]->host);
    network_stack_await_peers(&site->gateway, "auth", 0, SEEN_IN_MS);
    for (size_t i = 0; i < 4; i++)
        network_heal(all[i]->host);
    trial =
        network_stack_trial(site, "certificates_authority_anew", "and every connection made anew under it");
    network_stack_await_peers(&site->gateway, "auth", 2, SEEN_IN_MS);
    network_stack_await_served(all, 4, SEEN_IN_MS);
    network_stack_unnoticed(trial);
    trust(site, before, second); /* for the tests to come */
}

/* Strangers. */

/* Refused by an auth and by a profile, counted by each, and said why. */
static void expect_refused(struct network_stack *site, struct certificate_files files, const char *why)
{
    const struct network_replica *const by[] = {&site->auth[0], &site->profile[0]};
    uint64_t end_ms = qn_clock_now_ms() + SEEN_IN_MS;
    for (size_t i = 0; i < 2; i++) {
        double before = counted(by[i], REFUSED);
        assert_int_equal(dial(by[i], files), 0);
        assert_true(counted(by[i], REFUSED) > before);
    }
    for (size_t i = 0; i < 2;) {
        if (harness_service_logged(by[i]->service, why)) {
            i++;
            continue;
        }
        if (qn_clock_now_ms() > end_ms)
            fail_msg("refused, but nowhere is said \"%s\":\n%s", why, harness_service_log(by[i]->service));
        poll(NULL, 0, 100); /* a line a second is what there is at most */
        dial(by[i], files);
    }
}

static void test_strangers_refused(void **state)
{
    struct network_stack *site = *state;
    const char *const name[] = {"gateway.quintet.test", NULL};
    const struct certificate_files none = {0};
    const char *impostor = certificate_authority("the authority"), /* so it says */
        *other = certificate_authority("another");
    struct certificate_files expired =
                                 certificate_issue(&(const struct certificate_options){.ca = site->ca,
                                                                                       .dns_names = name,
                                                                                       .begins_s = -2 * DAY_S,
                                                                                       .ends_s = -DAY_S}),
                             early = certificate_issue(&(const struct certificate_options){
                                 .ca = site->ca, .dns_names = name, .begins_s = DAY_S, .ends_s = 2 * DAY_S});
    struct network_replica *const all[] = {&site->auth[0], &site->auth[1], &site->profile[0],
                                           &site->profile[1]};
    struct trial *trial = network_stack_trial(
        site, "certificates_strangers", "calls with certificates of another authority, out of date, without");
    expect_refused(site, none, "peer did not return a certificate");
    expect_refused(site, issue(impostor, name[0], none), "certificate: certificate signature failure");
    expect_refused(site, issue(other, name[0], none), "certificate: unable to get local issuer certificate");
    expect_refused(site, expired, "certificate: certificate has expired");
    expect_refused(site, early, "certificate: certificate is not yet valid");
    for (size_t i = 0; i < 4; i++)
        assert_int_not_equal(dial(all[i], site->gateway.files), 0);
    network_stack_await_served(all, 4, SEEN_IN_MS);
    network_stack_unnoticed(trial);
}

/* A server whose certificate does not bear the name that is dialled: its address stands in the name, and
 * nobody asks it. */
static void test_impostor(void **state)
{
    struct network_stack *site = *state;
    static const char *const names[] = {"elsewhere.quintet.test", NULL};
    struct trial *trial = network_stack_trial(
        site, "certificates_impostor", "auth's name leads also to a process with another name's certificate");
    struct network_replica third = network_stack_another_auth(site, names);
    struct network_host *const hosts[] = {site->auth[0].host, site->auth[1].host, third.host};
    double before = counted(&site->gateway, REFUSED);
    uint64_t end_ms = qn_clock_now_ms() + SEEN_IN_MS;
    trial_mark(trial, "its address appears");
    network_name(NETWORK_AUTH, hosts, 3);
    while (
        !harness_service_logged(site->gateway.service, "the other side's certificate: hostname mismatch")) {
        assert_true(qn_clock_now_ms() < end_ms);
        trial_pass(trial, 100);
    }
    assert_true(counted(&site->gateway, REFUSED) > before);
    network_stack_await_peers(&site->gateway, "auth", 2, SEEN_IN_MS);
    network_name(NETWORK_AUTH, hosts, 2);
    assert_true(network_stack_served(&third) <= 0);
    assert_int_equal(harness_service_stop(third.service), 0);
    network_stack_unnoticed(trial);
}

/* Who may call what. */

struct caller {
    struct network_host *host; /* where from, and as whom */
    struct certificate_files files;
    const char *service, *method, *data; /* what */
    const char *code;                    /* how each call ends */
    const char *report;
    struct harness_service *load;
};

/* Asks twenty times in a second. */
static void start_asking(const struct network_stack *site, struct caller *caller, int number)
{
    caller->report = harness_text("%s/report-%d", harness_folder(), number);
    const char *target = harness_text("tls+tcp://%s:%d", caller->service, NETWORK_RPC_PORT);
    const char *const arguments[] = {"--target",     target,
                                     "--method",     caller->method,
                                     "--data",       caller->data,
                                     "--tls-cert",   caller->files.certificate,
                                     "--tls-key",    caller->files.key,
                                     "--tls-ca",     site->ca,
                                     "--rate",       harness_text("%d", ASKED),
                                     "--duration",   "1s",
                                     "--warmup",     "0s",
                                     "--quiet",      "--json",
                                     caller->report, NULL};
    caller->load = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-load", .arguments = arguments, .network = network_namespace(caller->host)});
}

/* All calls ended with the one code. */
static void expect_code(const struct caller *caller)
{
    char text[16384];
    int outcome = harness_service_wait(caller->load);
    FILE *file = fopen(caller->report, "re");
    if (file == NULL)
        fail_msg("quintet-load: %d: %s", outcome, harness_service_log(caller->load));
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    if (strstr(text, harness_text("\"codes\":{\"%s\":%d}", caller->code, ASKED)) == NULL)
        fail_msg("%s: not all were %s: %s", caller->method, caller->code, text);
}

/* At least one of a service's processes has refused messages, and says which. */
static void expect_told(const struct network_replica replicas[NETWORK_REPLICAS], const char *what)
{
    bool told = false;
    for (size_t i = 0; i < NETWORK_REPLICAS; i++)
        told = told || (counted(&replicas[i], "quintet_rpc_server_refused_total{reason=\"caller\"}") > 0 &&
                        harness_service_logged(replicas[i].service, what));
    if (!told)
        fail_msg("nowhere is said \"%s\"", what);
}

static void test_callers(void **state)
{
    static const char store[] = "quintet.store.v1.SessionStore/GetSession", token[] = "{\"token\":\"none\"}";
    static const char check[] = "quintet.auth.v1.AuthService/GetSession";
    static const char denied[] = "quintet_rpc_server_calls_total{method=\"quintet.store.v1.SessionStore/"
                                 "GetSession\",code=\"permission_denied\"}";
    struct network_stack *site = *state;
    struct network_replica *const all[] = {&site->auth[0], &site->auth[1], &site->profile[0],
                                           &site->profile[1]};
    const struct network_replica *gateway = &site->gateway, *media = &site->media, *auth = &site->auth[0];
    struct caller callers[] = {
        {gateway->host, gateway->files, NETWORK_PROFILE, store, token, .code = "permission_denied"},
        {media->host, media->files, NETWORK_PROFILE, store, token, .code = "permission_denied"},
        {auth->host, auth->files, NETWORK_PROFILE, store, token, .code = "ok"},
        {gateway->host, gateway->files, NETWORK_AUTH, check, "{}", .code = "ok"},
        {stranger(), issue(site->ca, "nobody.quintet.test", (struct certificate_files){0}), NETWORK_AUTH,
         check, "{}", .code = "permission_denied"},
    };
    enum { CALLERS = sizeof callers / sizeof *callers };
    struct trial *trial =
        network_stack_trial(site, "certificates_callers", "calls with certificates that do not allow them");
    for (int i = 0; i < CALLERS; i++)
        start_asking(site, &callers[i], i);
    for (int i = 0; i < CALLERS; i++)
        expect_code(&callers[i]);
    double n_denied = 0;
    for (size_t i = 0; i < NETWORK_REPLICAS; i++)
        n_denied += counted(&site->profile[i], denied);
    assert_int_equal((int)n_denied, 2 * ASKED);
    expect_told(site->profile, "reason=caller detail=quintet.store.v1.SessionStore/GetSession");
    expect_told(site->auth, "reason=caller detail=quintet.auth.v1.AuthService/GetSession");
    network_stack_await_served(all, 4, SEEN_IN_MS);
    network_stack_unnoticed(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_strangers_refused),
        cmocka_unit_test(test_impostor),
        cmocka_unit_test(test_callers),
        cmocka_unit_test(test_authority_exchanged),
    };
    network_begin();
    return cmocka_run_group_tests(tests, network_stack_set_up, network_stack_tear_down);
}
