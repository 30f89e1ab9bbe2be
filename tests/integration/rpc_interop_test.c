#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/certificates.h"
#include "tests/harness/rpc.h"

/* nng's own library on the other side (tests/harness/nng_peer.c), which keeps "it is nng's protocol" true:
 * both sides ask and answer, lose one another and find one another again. Each over a local socket, TCP and
 * TLS, where nng speaks 1.2 by mbedTLS. */

enum {
    COUNT = 400,                      /* questions of each of nng_peer's eight contexts */
    DATA_MAX = (4 << 20) - (1 << 10), /* fits into a message, with the envelope */
};

static struct qn_loop *loop;
static enum { IPC, TCP, TLS } wire;

static struct certificate_files certificate;
static const char *ca;

static int set_up_ipc(void **state)
{
    (void)state;
    wire = IPC;
    loop = loop_fixture_begin();
    rpc_service_reset();
    return 0;
}

static int set_up_tcp(void **state)
{
    set_up_ipc(state);
    wire = TCP;
    return 0;
}

static int set_up_tls(void **state)
{
    set_up_ipc(state);
    wire = TLS;
    return 0;
}

/* One for both sides. nng wants the key behind the certificate. */
static int make_certificate(void **state)
{
    (void)state;
    ca = certificate_authority("interop");
    certificate = certificate_for(ca, "localhost");
    const char *both = rpc_text("%s/both.pem", rpc_folder());
    const char *const parts[] = {certificate.certificate, certificate.key};
    FILE *to = fopen(both, "we");
    assert_non_null(to);
    for (size_t i = 0; i < QN_COUNT(parts); i++) {
        char text[4096];
        FILE *from = fopen(parts[i], "re");
        assert_non_null(from);
        fwrite(text, 1, fread(text, 1, sizeof(text), from), to);
        fclose(from);
    }
    assert_int_equal(fclose(to), 0);
    setenv("NNG_PEER_CERTIFICATE", both, 1);
    setenv("NNG_PEER_CA", ca, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rpc_expect_no_messages();
    loop_fixture_end();
    return 0;
}

/* Where nobody listens yet. */
static const char *free_url(void)
{
    static unsigned number;
    if (wire == IPC)
        return rpc_text("ipc://%s/%u.sock", rpc_folder(), number++);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return rpc_text("%s://127.0.0.1:%d", wire == TLS ? "tls+tcp" : "tcp", ntohs(address.sin_port));
}

static struct qn_server *serve(const char *url)
{
    return rpc_serve(loop, &(struct qn_server_options){.listen = url,
                                                       .call_arena_bytes = 16 << 20,
                                                       .tls_certificate_file = certificate.certificate,
                                                       .tls_key_file = certificate.key,
                                                       .tls_ca_file = ca});
}

/* The certificate bears a name, which the address then has to be. */
static struct qn_client *connect_to(const char *url)
{
    const char *address = wire == TLS ? rpc_text("tls+tcp://localhost:%s", strrchr(url, ':') + 1) : url;
    return rpc_connect(loop, &(struct qn_client_options){.address = address,
                                                         .tls_certificate_file = certificate.certificate,
                                                         .tls_key_file = certificate.key,
                                                         .tls_ca_file = ca});
}

static struct rpc_peer spawn(const char *mode, const char *first, const char *second)
{
    return rpc_peer_spawn((const char *[]){"nng_peer", mode, first, second, NULL});
}

static struct rpc_peer ask_by_nng(const char *url, size_t count, size_t bytes_max, size_t n_rounds)
{
    return rpc_peer_spawn((const char *[]){"nng_peer", "req", url, rpc_text("%zu", count),
                                           rpc_text("%zu", bytes_max), rpc_text("%zu", n_rounds), NULL});
}

static void test_nng_asks(void **state)
{
    (void)state;
    struct qn_server *server = serve(free_url());
    struct rpc_peer few = ask_by_nng(qn_server_address(server), COUNT, 10000, 1);
    assert_int_equal(rpc_peer_await(&few, loop), 0);
    struct rpc_peer large = ask_by_nng(qn_server_address(server), COUNT / 8, DATA_MAX, 1);
    assert_int_equal(rpc_peer_await(&large, loop), 0);
    rpc_close_server(server);
}

/* The server comes and goes, and nng finds it each time. It goes while nothing is under way: nng 1.5.2, when
 * a connection breaks in the midst of an answer, may never dial again (common/rpc/README.md). */
static void test_nng_redials(void **state)
{
    (void)state;
    enum { ROUNDS = 10 };
    const char *url = free_url();
    struct qn_server *server = serve(url);
    struct rpc_peer peer = ask_by_nng(url, COUNT / 8, 10000, ROUNDS);
    for (size_t i = 1; i <= ROUNDS; i++) {
        char said[6];
        struct pollfd heard = {.fd = peer.out, .events = POLLIN};
        for (uint64_t end_ms = qn_clock_now_ms() + 60000; poll(&heard, 1, 1) == 0;) {
            assert_true(qn_clock_now_ms() < end_ms);
            qn_loop_turn(loop);
        }
        assert_int_equal(read(peer.out, said, sizeof(said)), sizeof(said));
        assert_memory_equal(said, "round\n", sizeof(said));
        assert_int_equal(rpc_service.n_calls, i * 8 * (COUNT / 8));
        rpc_close_server(server);
        server = serve(url);
    }
    assert_int_equal(rpc_peer_await(&peer, loop), 0);
    rpc_close_server(server);
}

/* nng is killed in the midst of it, again and again; the last one is served as if nothing had been. */
static void test_nng_is_killed_while_asking(void **state)
{
    (void)state;
    struct qn_server *server = serve(free_url());
    for (size_t i = 0; i < 10; i++) {
        size_t before = rpc_service.n_calls;
        struct rpc_peer peer = ask_by_nng(qn_server_address(server), 1000000, 200000, 1);
        loop_fixture_run_until_count(&rpc_service.n_calls, before + 50 * i + 1, 60000);
        rpc_peer_end(&peer, SIGKILL);
    }
    struct rpc_peer last = ask_by_nng(qn_server_address(server), COUNT / 4, 10000, 1);
    assert_int_equal(rpc_peer_await(&last, loop), 0);
    rpc_close_server(server);
}

/* 'n' calls, at most 'at_once' of them under way; how many were answered. */
static size_t call_many(struct qn_client *client, size_t n, size_t at_once, size_t data_max)
{
    size_t n_done = 0, n_ok = 0;
    struct rpc_call **calls = calloc(n, sizeof(*calls));
    uint32_t random = 1;
    for (size_t i = 0; i < n; i++) {
        random = random * 1664525 + 1013904223;
        size_t below = i % 100 == 50 ? data_max : i % 10 == 0 ? 10000 : 100;
        calls[i] = rpc_call_new(60000, &n_done);
        rpc_start_echo_sized(calls[i], client, i == 0 ? data_max : (random >> 4) % below, 0);
        if (i >= at_once)
            loop_fixture_run_until_count(&n_done, i - at_once, 60000);
    }
    loop_fixture_run_until_count(&n_done, n, 60000);
    random = 1;
    for (size_t i = 0; i < n; i++) {
        random = random * 1664525 + 1013904223;
        size_t below = i % 100 == 50 ? data_max : i % 10 == 0 ? 10000 : 100;
        if (calls[i]->request.status == QN_OK) {
            assert_int_equal(rpc_echo(calls[i])->data.len, i == 0 ? data_max : (random >> 4) % below);
            n_ok++;
        }
        rpc_call_free(calls[i]);
    }
    free(calls);
    return n_ok;
}

static void test_nng_answers(void **state)
{
    (void)state;
    struct rpc_peer peer = spawn("rep", free_url(), NULL);
    struct qn_client *client = connect_to(peer.address);
    rpc_await_ready(loop, client, true);
    assert_int_equal(call_many(client, 3000, 100, 10000), 3000);
    assert_int_equal(call_many(client, 400, 8, DATA_MAX), 400);
    rpc_close_client(client);
    /* We have said goodbye, and it has hung up; it serves the next. */
    client = connect_to(peer.address);
    assert_int_equal(call_many(client, 100, 10, 1000), 100);
    rpc_close_client(client);
    rpc_peer_end(&peer, SIGKILL);
}

static void test_nng_is_killed_while_answering(void **state)
{
    (void)state;
    const char *url = free_url();
    struct qn_client *client = connect_to(url);
    for (int i = 0; i < 2; i++) {
        struct rpc_peer peer = spawn("rep", url, NULL);
        rpc_await_ready(loop, client, true);
        assert_int_equal(call_many(client, 200, 50, 100000), 200);
        size_t done = 0;
        struct rpc_call *lost[20];
        for (size_t k = 0; k < QN_COUNT(lost); k++) {
            lost[k] = rpc_call_new(3000, &done);
            rpc_start_echo_sized(lost[k], client, 100000, 0);
        }
        loop_fixture_run_until_count(&done, 1, 60000);
        rpc_peer_end(&peer, SIGKILL);
        loop_fixture_run_until_count(&done, QN_COUNT(lost), 60000); /* in some way, each once */
        for (size_t k = 0; k < QN_COUNT(lost); k++)
            rpc_call_free(lost[k]);
        rpc_await_ready(loop, client, false);
    }
    rpc_close_client(client);
}

/* Over two of nng's devices, whose words the trace carries there and back. */
static void test_devices(void **state)
{
    (void)state;
    struct qn_server *server = serve(free_url());
    struct rpc_peer back = spawn("device", free_url(), qn_server_address(server));
    struct rpc_peer front = spawn("device", free_url(), back.address);
    struct rpc_peer peer = ask_by_nng(front.address, COUNT / 4, 100000, 1);
    assert_int_equal(rpc_peer_await(&peer, loop), 0);
    struct qn_client *client = connect_to(front.address);
    assert_int_equal(call_many(client, 500, 50, 100000), 500);
    rpc_close_client(client);
    rpc_peer_end(&front, SIGKILL);
    rpc_peer_end(&back, SIGKILL);
    rpc_close_server(server);
}

#define T(name)                                                                                              \
    cmocka_unit_test_setup_teardown(name, set_up_ipc, tear_down),                                            \
        cmocka_unit_test_setup_teardown(name, set_up_tcp, tear_down),                                        \
        cmocka_unit_test_setup_teardown(name, set_up_tls, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_nng_asks),
        T(test_nng_redials),
        T(test_nng_is_killed_while_asking),
        T(test_nng_answers),
        T(test_nng_is_killed_while_answering),
        T(test_devices),
    };
    return cmocka_run_group_tests(tests, make_certificate, NULL);
}
