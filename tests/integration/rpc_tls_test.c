#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "tests/harness/rpc.h"

/* tls+tcp, mutual: both sides show a certificate of the CA. tests/fixtures/tls/make made them. */

#define TLS(file) QN_SOURCE_DIR "/tests/fixtures/tls/" file

static struct qn_loop *loop;

static struct qn_server *serve(void)
{
    return rpc_serve(loop, &(struct qn_server_options){.listen = "tls+tcp://127.0.0.1:0",
                                                       .tls_certificate_file = TLS("server.pem"),
                                                       .tls_key_file = TLS("server.key"),
                                                       .tls_ca_file = TLS("ca.pem")});
}

/* The server's certificate bears the name "localhost". */
static struct qn_client *connect_as(const struct qn_server *server, const char *host, const char *certificate,
                                    const char *key, const char *ca)
{
    const char *port = strrchr(qn_server_address(server), ':') + 1;
    return rpc_connect(loop, &(struct qn_client_options){.address = rpc_text("tls+tcp://%s:%s", host, port),
                                                         .tls_certificate_file = certificate,
                                                         .tls_key_file = key,
                                                         .tls_ca_file = ca,
                                                         .wait_for_peer_ms = 500});
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
    struct qn_client *client =
        connect_as(server, "localhost", TLS("client.pem"), TLS("client.key"), TLS("ca.pem"));
    assert_int_equal(call(client, 10), QN_OK);
    assert_int_equal(call(client, 1000000), QN_OK); /* many TLS records */
    rpc_close_client(client);
    rpc_close_server(server);
}

static void expect_refused(const char *host, const char *certificate, const char *key, const char *ca)
{
    struct qn_server *server = serve();
    struct qn_client *good =
        connect_as(server, "localhost", TLS("client.pem"), TLS("client.key"), TLS("ca.pem"));
    struct qn_client *client = connect_as(server, host, certificate, key, ca);
    assert_int_equal(call(client, 10), QN_UNAVAILABLE);
    assert_int_equal(rpc_service.n_calls, 0);
    assert_int_equal(call(good, 10), QN_OK); /* the refusals disturb nobody */
    rpc_close_client(client);
    rpc_close_client(good);
    rpc_close_server(server);
}

static void test_client_of_another_ca(void **state)
{
    (void)state;
    expect_refused("localhost", TLS("stranger.pem"), TLS("stranger.key"), TLS("ca.pem"));
}

static void test_server_of_another_ca(void **state)
{
    (void)state;
    expect_refused("localhost", TLS("client.pem"), TLS("client.key"), TLS("other-ca.pem"));
}

static void test_server_of_another_name(void **state)
{
    (void)state;
    expect_refused("127.0.0.1", TLS("client.pem"), TLS("client.key"), TLS("ca.pem"));
}

/* Plain connections to a TLS port. */
static void test_client_without_tls(void **state)
{
    (void)state;
    struct qn_server *server = serve();
    const char *port = strrchr(qn_server_address(server), ':') + 1;
    struct qn_client *plain =
        rpc_connect(loop, &(struct qn_client_options){.address = rpc_text("tcp://localhost:%s", port),
                                                      .wait_for_peer_ms = 500});
    assert_int_equal(call(plain, 10), QN_UNAVAILABLE);
    rpc_close_client(plain);
    struct qn_client *good =
        connect_as(server, "localhost", TLS("client.pem"), TLS("client.key"), TLS("ca.pem"));
    assert_int_equal(call(good, 10), QN_OK);
    rpc_close_client(good);
    rpc_close_server(server);
}

static void expect_bad_setting(const char *certificate, const char *key, const char *ca)
{
    struct qn_server *server;
    struct qn_error err = {0};
    const struct qn_server_options options = {.listen = "tls+tcp://127.0.0.1:0",
                                              .tls_certificate_file = certificate,
                                              .tls_key_file = key,
                                              .tls_ca_file = ca};
    assert_int_equal(qn_server_open(loop, &options, &server, &err), QN_INVALID_ARGUMENT);
    assert_true(err.message[0] != '\0');
}

/* Strangers who are gone before they are accepted, or in the midst of the hand-shake. nng's library alone,
 * which carries TLS, would take an EPIPE there for its own close and accept nobody any more
 * (common/rpc/broken_pipe.h). */
static void test_strangers_who_hang_up_at_once(void **state)
{
    (void)state;
    /* A ClientHello's beginning: a record of 512 bytes that never come whole. */
    static const char record[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    struct qn_server *server = serve();
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)strtoul(strrchr(qn_server_address(server), ':') + 1, NULL, 10));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 200; i++) {
        struct linger reset = {.l_onoff = i % 2, .l_linger = 0};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        if (i % 4 >= 2)
            send(fd, record, sizeof(record) - 1, MSG_NOSIGNAL);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
    struct qn_client *client =
        connect_as(server, "localhost", TLS("client.pem"), TLS("client.key"), TLS("ca.pem"));
    rpc_await_ready(loop, client, true);
    rpc_close_client(client);
    rpc_close_server(server);
}

static void test_bad_files(void **state)
{
    (void)state;
    expect_bad_setting(NULL, NULL, NULL);
    expect_bad_setting(TLS("server.pem"), TLS("server.key"), NULL);
    expect_bad_setting(TLS("server.pem"), TLS("server.key"), TLS("nothing.pem"));
    expect_bad_setting(TLS("make"), TLS("server.key"), TLS("ca.pem")); /* not PEM */
    expect_bad_setting(TLS("server.pem"), TLS("make"), TLS("ca.pem"));
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
        T(test_client_of_another_ca),
        T(test_server_of_another_ca),
        T(test_server_of_another_name),
        T(test_client_without_tls),
        T(test_strangers_who_hang_up_at_once),
        T(test_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
