#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "tests/harness/certificates.h"
#include "tests/harness/rpc.h"

/* tls+tcp, mutual: both sides show a certificate of the authority, and the server's bears the name that was
 * dialled; who may call what, and certificates that are renewed. */

static struct qn_loop *loop;
static const char *ca, *other_ca;
static struct certificate_files server_files, client_files;

static int make_certificates(void **state)
{
    (void)state;
    ca = certificate_authority("tests");
    other_ca = certificate_authority("others");
    server_files = certificate_for(ca, "localhost");
    client_files = certificate_for(ca, "client");
    return 0;
}

static struct qn_server *serve_with(struct certificate_files files, const char *authority,
                                    const struct qn_handlers *const *handlers)
{
    return rpc_serve(loop, &(struct qn_server_options){.listen = "tls+tcp://127.0.0.1:0",
                                                       .tls_certificate_file = files.certificate,
                                                       .tls_key_file = files.key,
                                                       .tls_ca_file = authority,
                                                       .handlers = handlers,
                                                       .n_handlers = handlers != NULL ? 1 : 0});
}

static struct qn_server *serve(void)
{
    return serve_with(server_files, ca, NULL);
}

static uint16_t port_of(const struct qn_server *server)
{
    return (uint16_t)strtoul(strrchr(qn_server_address(server), ':') + 1, NULL, 10);
}

static struct qn_client *connect_as(const struct qn_server *server, const char *host,
                                    struct certificate_files files, const char *authority)
{
    return rpc_connect(
        loop, &(struct qn_client_options){.address = rpc_text("tls+tcp://%s:%u", host, port_of(server)),
                                          .tls_certificate_file = files.certificate,
                                          .tls_key_file = files.key,
                                          .tls_ca_file = authority,
                                          .wait_for_peer_ms = 500});
}

/* One that is let in, however busy the machine is. */
static struct qn_client *connect_well(const struct qn_server *server)
{
    struct qn_client *client = connect_as(server, "localhost", client_files, ca);
    rpc_await_ready(loop, client, true);
    return client;
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_fixture_begin();
    rpc_service_reset();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rpc_expect_no_messages();
    loop_fixture_end();
    return 0;
}

static enum qn_status call(struct qn_client *client, size_t bytes)
{
    struct rpc_call *call = rpc_call_new(10000, NULL);
    rpc_start_echo_sized(call, client, bytes, 0);
    rpc_await(call);
    enum qn_status status = call->request.status;
    if (status == QN_OK)
        assert_int_equal(rpc_echo(call)->data.len, bytes);
    rpc_call_free(call);
    return status;
}

static void test_both_show_certificates(void **state)
{
    (void)state;
    struct qn_server *server = serve();
    assert_memory_equal(qn_server_address(server), "tls+tcp://127.0.0.1:", 20);
    struct qn_client *client = connect_well(server);
    assert_int_equal(call(client, 0), QN_OK);
    assert_int_equal(call(client, 10), QN_OK);
    /* About the size of a record, and many records. */
    for (size_t bytes = 16000; bytes < 16500; bytes += 7)
        assert_int_equal(call(client, bytes), QN_OK);
    assert_int_equal(call(client, 4000000), QN_OK);
    rpc_close_client(client);
    rpc_close_server(server);
}

/* More than the kernel takes, both ways at once: writers wait, readers stand still, and all comes through. */
static void test_much_at_once(void **state)
{
    (void)state;
    enum { N = 200, BYTES = 300000 };
    struct qn_server *server = serve();
    struct qn_client *client = connect_well(server);
    struct rpc_call *calls[N];
    size_t n_done = 0;
    for (size_t i = 0; i < N; i++) {
        calls[i] = rpc_call_new(60000, &n_done);
        rpc_start_echo_sized(calls[i], client, BYTES + i, 0);
    }
    loop_fixture_run_until_count(&n_done, N, 60000);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        assert_int_equal(rpc_echo(calls[i])->data.len, BYTES + i);
        rpc_call_free(calls[i]);
    }
    rpc_close_client(client);
    rpc_close_server(server);
}

static void expect_refused_by(struct certificate_files servers, const char *servers_ca, const char *host,
                              struct certificate_files files, const char *authority)
{
    struct qn_server *server = serve_with(servers, servers_ca, NULL);
    struct qn_client *client = connect_as(server, host, files, authority);
    assert_int_equal(call(client, 10), QN_UNAVAILABLE);
    assert_int_equal(rpc_service.n_calls, 0);
    rpc_close_client(client);
    rpc_close_server(server);
}

static void expect_refused(const char *host, struct certificate_files files, const char *authority)
{
    expect_refused_by(server_files, ca, host, files, authority);
}

static void test_client_of_another_authority(void **state)
{
    (void)state;
    expect_refused("localhost", certificate_for(other_ca, "client"), ca);
}

static void test_server_of_another_authority(void **state)
{
    (void)state;
    expect_refused("localhost", client_files, other_ca);
}

static void test_server_of_another_name(void **state)
{
    (void)state;
    expect_refused("127.0.0.1", client_files, ca);
    expect_refused_by(certificate_for(ca, "localhost.example.com"), ca, "localhost", client_files, ca);
}

static struct certificate_files valid(const char *name, long begins_s, long ends_s)
{
    const char *const names[] = {name, NULL};
    return certificate_issue(
        &(struct certificate_options){.ca = ca, .dns_names = names, .begins_s = begins_s, .ends_s = ends_s});
}

static void test_certificates_out_of_time(void **state)
{
    (void)state;
    expect_refused("localhost", valid("client", -7200, -60), ca);
    expect_refused("localhost", valid("client", 3600, 7200), ca);
    expect_refused_by(valid("localhost", -7200, -60), ca, "localhost", client_files, ca);
}

static void test_server_by_its_address(void **state)
{
    (void)state;
    const char *const names[] = {"elsewhere", NULL};
    struct certificate_files files = certificate_issue(
        &(struct certificate_options){.ca = ca, .dns_names = names, .address = "127.0.0.1"});
    struct qn_server *server = serve_with(files, ca, NULL);
    struct qn_client *client = connect_as(server, "127.0.0.1", client_files, ca);
    rpc_await_ready(loop, client, true);
    assert_int_equal(call(client, 10), QN_OK);
    rpc_close_client(client);
    rpc_close_server(server);
}

static int dial(const struct qn_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port_of(server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* OpenSSL's own client, which shows no certificate, and speaks no version above 'version'. */
static void expect_no_entry(struct qn_server *server, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version);
    SSL *ssl = SSL_new(context);
    int fd = dial(server);
    qn_loop_turn(loop); /* it is accepted */
    struct timeval patience = {.tv_usec = 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    SSL_set_fd(ssl, fd);
    SSL_set_connect_state(ssl);
    char byte;
    int result, error;
    uint64_t end_ms = qn_clock_now_ms() + 20000;
    do { /* of TLS 1.3 the refusal comes with the first read */
        assert_true(qn_clock_now_ms() < end_ms);
        qn_loop_turn(loop);
        result = SSL_read(ssl, &byte, 1);
        error = SSL_get_error(ssl, result);
    } while (result <= 0 && (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE));
    assert_int_equal(error, SSL_ERROR_SSL);
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(context);
}

static void test_client_without_a_certificate(void **state)
{
    (void)state;
    struct qn_server *server = serve();
    expect_no_entry(server, TLS1_3_VERSION);
    expect_no_entry(server, TLS1_2_VERSION);
    expect_no_entry(server, TLS1_1_VERSION);
    assert_int_equal(rpc_service.n_calls, 0);
    rpc_close_server(server);
}

/* Plain connections to a TLS port. */
static void test_client_without_tls(void **state)
{
    (void)state;
    struct qn_server *server = serve();
    struct qn_client *plain = rpc_connect(
        loop, &(struct qn_client_options){.address = rpc_text("tcp://localhost:%u", port_of(server)),
                                          .wait_for_peer_ms = 500});
    assert_int_equal(call(plain, 10), QN_UNAVAILABLE);
    rpc_close_client(plain);
    struct qn_client *good = connect_well(server);
    assert_int_equal(call(good, 10), QN_OK);
    rpc_close_client(good);
    rpc_close_server(server);
}

/* Strangers who are gone before they are accepted, in the midst of the hand-shake, or who talk nonsense: they
 * disturb nobody, and nothing of them stays. */
static void test_strangers(void **state)
{
    (void)state;
    /* A ClientHello's beginning: a record of 512 bytes that never come whole. */
    static const char record[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    static const char nonsense[4000] = "GET / HTTP/1.1\r\n\r\n";
    struct qn_server *server = serve();
    struct qn_client *client = connect_well(server);
    for (int i = 0; i < 200; i++) {
        struct linger reset = {.l_onoff = i % 2, .l_linger = 0};
        int fd = dial(server);
        if (i % 5 >= 2)
            send(fd, record, sizeof(record) - 1, MSG_NOSIGNAL);
        if (i % 5 == 4)
            send(fd, nonsense, sizeof(nonsense), MSG_NOSIGNAL);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
    assert_int_equal(call(client, 10), QN_OK);
    rpc_close_client(client);
    rpc_close_server(server);
}

/* Renewal: the files are written over. */

static double loads(const char *outcome)
{
    struct qn_buf text;
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    qn_buf_write_byte(&text, '\0');
    assert_false(qn_buf_failed(&text));
    const char *line = strstr(text.data, rpc_text("quintet_rpc_tls_loads_total{outcome=\"%s\"} ", outcome));
    double n = line != NULL ? strtod(strrchr(strtok((char *)line, "\n"), ' '), NULL) : 0;
    qn_buf_fini(&text);
    return n;
}

static void test_a_certificate_is_renewed_under_load(void **state)
{
    (void)state;
    enum { N = 2000, AT_ONCE = 20 };
    struct certificate_files files = certificate_for(ca, "localhost");
    struct qn_server *server = serve_with(files, ca, NULL);
    struct qn_client *client = connect_well(server), *late = NULL;
    size_t n_done = 0;
    struct rpc_call **calls = calloc(N, sizeof(*calls));
    for (size_t i = 0; i < N; i++) {
        if (i == N / 2) {
            const char *const names[] = {"localhost", NULL};
            certificate_issue(&(struct certificate_options){
                .ca = ca, .dns_names = names, .address = "127.0.0.1", .over = files});
            late = connect_as(server, "127.0.0.1", client_files, ca); /* a name that the old one lacks */
        }
        calls[i] = rpc_call_new(60000, &n_done);
        rpc_start_echo_sized(calls[i], client, 1000, 0);
        if (i >= AT_ONCE)
            loop_fixture_run_until_count(&n_done, i - AT_ONCE, 60000);
    }
    loop_fixture_run_until_count(&n_done, N, 60000);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        rpc_call_free(calls[i]);
    }
    free(calls);
    rpc_await_ready(loop, late, true);
    assert_int_equal(call(late, 10), QN_OK);
    rpc_close_client(client);
    rpc_close_client(late);
    rpc_close_server(server);
}

/* A client's too: what it shows when it dials again is the new one. */
static void test_a_clients_certificate_is_renewed(void **state)
{
    (void)state;
    const char *const names[] = {"client", NULL};
    struct certificate_files files = valid("client", -7200, -60);
    struct qn_server *server = serve();
    struct qn_client *client = connect_as(server, "localhost", files, ca);
    assert_int_equal(call(client, 10), QN_UNAVAILABLE);
    certificate_issue(&(struct certificate_options){.ca = ca, .dns_names = names, .over = files});
    rpc_await_ready(loop, client, true);
    assert_int_equal(call(client, 10), QN_OK);
    rpc_close_client(client);
    rpc_close_server(server);
}

/* Half a renewal: the one before stays in use until the rest is there. */
static void test_files_that_are_not_sound_change_nothing(void **state)
{
    (void)state;
    struct certificate_files files = certificate_for(ca, "localhost");
    struct qn_server *server = serve_with(files, ca, NULL);
    double failed = loads("failed");
    struct certificate_files next = certificate_for(ca, "localhost");
    assert_int_equal(rename(next.certificate, files.certificate), 0);
    struct qn_client *client = connect_well(server);
    assert_int_equal(call(client, 10), QN_OK);
    rpc_close_client(client);
    assert_true(loads("failed") > failed);
    assert_int_equal(rename(next.key, files.key), 0);
    double ok = loads("ok");
    client = connect_well(server);
    assert_int_equal(call(client, 10), QN_OK);
    rpc_close_client(client);
    assert_true(loads("ok") >= ok + 2); /* the new client's own, and the server's anew */
    rpc_close_server(server);
}

/* Who may call what. */

static enum qn_status call_guarded(struct qn_client *client, struct rpc_call *call)
{
    rpc_start_once(call, client, 1);
    rpc_await(call);
    return call->request.status;
}

static void expect_guard(struct qn_server *server, const char *name, enum qn_status status)
{
    struct qn_client *client = connect_as(server, "localhost", certificate_for(ca, name), ca);
    rpc_await_ready(loop, client, true);
    struct rpc_call *call = rpc_call_new(10000, NULL);
    assert_int_equal(call_guarded(client, call), status);
    if (status != QN_OK) {
        assert_str(call->request.reason, "CALLER_NOT_ALLOWED");
        assert_true(call->request.not_executed);
    }
    rpc_call_free(call);
    rpc_close_client(client);
}

static void test_callers_are_known_by_name(void **state)
{
    (void)state;
    static const char *const callers[] = {"auth", "media"};
    struct qn_service service = *rpc_service_handlers.service;
    service.callers = callers;
    service.n_callers = QN_COUNT(callers);
    const struct qn_handlers guarded = {&service, rpc_service_handlers.handlers}, *const all[] = {&guarded};
    struct qn_server *server = serve_with(server_files, ca, all);
    expect_guard(server, "auth", QN_OK);
    expect_guard(server, "media.quintet.svc.cluster.local", QN_OK);
    expect_guard(server, "AUTH", QN_OK); /* RFC 4343 */
    assert_int_equal(rpc_service.n_calls, 3);
    expect_guard(server, "gateway", QN_PERMISSION_DENIED);
    expect_guard(server, "authority", QN_PERMISSION_DENIED);
    expect_guard(server, "evil.auth", QN_PERMISSION_DENIED);
    expect_guard(server, "*", QN_PERMISSION_DENIED);
    assert_int_equal(rpc_service.n_calls, 3);
    rpc_close_server(server);
}

/* Without certificates nobody can say who he is: who reaches the socket may call. */
static void test_callers_are_not_asked_for_without_tls(void **state)
{
    (void)state;
    static const char *const callers[] = {"auth"};
    struct qn_service service = *rpc_service_handlers.service;
    service.callers = callers;
    service.n_callers = 1;
    const struct qn_handlers guarded = {&service, rpc_service_handlers.handlers}, *const all[] = {&guarded};
    struct qn_server *server = rpc_serve(
        loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0", .handlers = all, .n_handlers = 1});
    struct qn_client *client =
        rpc_connect(loop, &(struct qn_client_options){.address = qn_server_address(server)});
    assert_int_equal(call(client, 10), QN_OK);
    rpc_close_client(client);
    rpc_close_server(server);
}

/* Settings. */

static void expect_bad_setting(const char *certificate, const char *key, const char *authority)
{
    struct qn_server *server;
    struct qn_error err = {0};
    const struct qn_server_options options = {.listen = "tls+tcp://127.0.0.1:0",
                                              .tls_certificate_file = certificate,
                                              .tls_key_file = key,
                                              .tls_ca_file = authority};
    assert_int_equal(qn_server_open(loop, &options, &server, &err), QN_INVALID_ARGUMENT);
    assert_true(err.message[0] != '\0');
}

static void test_bad_files(void **state)
{
    (void)state;
    const char *no_pem = QN_SOURCE_DIR "/tests/integration/rpc_tls_test.c";
    expect_bad_setting(NULL, NULL, NULL);
    expect_bad_setting(server_files.certificate, server_files.key, NULL);
    expect_bad_setting(server_files.certificate, server_files.key, "/nowhere/ca.pem");
    expect_bad_setting(server_files.certificate, server_files.key, no_pem);
    expect_bad_setting(no_pem, server_files.key, ca);
    expect_bad_setting(server_files.certificate, no_pem, ca);
    expect_bad_setting(server_files.certificate, client_files.key, ca); /* not its key */
    struct qn_client *client;
    struct qn_error err = {0};
    const struct qn_client_options options = {.name = "test", .address = "tls+tcp://localhost:1"};
    assert_int_equal(qn_client_open(loop, &options, &client, &err), QN_INVALID_ARGUMENT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_both_show_certificates),
        T(test_much_at_once),
        T(test_client_of_another_authority),
        T(test_server_of_another_authority),
        T(test_server_of_another_name),
        T(test_certificates_out_of_time),
        T(test_server_by_its_address),
        T(test_client_without_a_certificate),
        T(test_client_without_tls),
        T(test_strangers),
        T(test_a_certificate_is_renewed_under_load),
        T(test_a_clients_certificate_is_renewed),
        T(test_files_that_are_not_sound_change_nothing),
        T(test_callers_are_known_by_name),
        T(test_callers_are_not_asked_for_without_tls),
        T(test_bad_files),
    };
    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
