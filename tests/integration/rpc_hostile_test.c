#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "rpc.pb-c.h"
#include "tests/harness/rpc.h"

/* A peer that is not our client: it speaks nng's protocol by hand, or none. Whatever it sends, the server
 * goes on serving others. */

static struct qn_loop *loop;
static struct qn_server *server;
static struct qn_client *client;

static int set_up(void **state)
{
    (void)state;
    loop = loop_fixture_begin();
    rpc_service_reset();
    server = rpc_serve(
        loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0", .message_max_bytes = 1 << 20});
    client = rpc_connect(loop, &(struct qn_client_options){.address = qn_server_address(server)});
    rpc_await_ready(loop, client, true);
    return 0;
}

/* A new client is served. */
static void expect_served(const char *address)
{
    struct qn_client *fresh = rpc_connect(loop, &(struct qn_client_options){.address = address});
    struct rpc_call *call = rpc_call_new(20000, NULL);
    rpc_start_echo(call, fresh, "fresh");
    rpc_await(call);
    assert_int_equal(call->request.status, QN_OK);
    rpc_call_free(call);
    rpc_close_client(fresh);
}

/* Still serving, after what the test did: those who are connected, and those who come. */
static int tear_down(void **state)
{
    (void)state;
    struct rpc_call *call = rpc_call_new(10000, NULL);
    rpc_start_echo(call, client, "still here");
    rpc_await(call);
    assert_int_equal(call->request.status, QN_OK);
    rpc_call_free(call);
    expect_served(qn_server_address(server));
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
    return 0;
}

static int dial(void)
{
    const char *port = strrchr(qn_server_address(server), ':') + 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

static void say(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN) {
            return; /* hung up on us, which is right of it */
        } else {
            qn_loop_turn(loop);
        }
    }
}

/* Reads until 'len' bytes are there, or the other side has hung up; returns how many. */
static size_t hear(int fd, void *to, size_t len)
{
    size_t got = 0;
    uint64_t end_ms = qn_clock_now_ms() + 20000;
    while (got < len && qn_clock_now_ms() < end_ms) {
        ssize_t n = recv(fd, (char *)to + got, len - got, 0);
        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            break;
        else
            qn_loop_turn(loop);
    }
    return got;
}

/* SP's hand-shake over TCP: "\0SP\0", the protocol (REQ: 48), two zeros; from both sides. */
static int dial_as_req(void)
{
    static const char hello[8] = {0, 'S', 'P', 0, 0, 48, 0, 0};
    char answer[8];
    int fd = dial();
    say(fd, hello, sizeof(hello));
    assert_int_equal(hear(fd, answer, sizeof(answer)), 8);
    assert_int_equal(answer[5], 49); /* REP */
    return fd;
}

/* One SP message: its length in 64 bits, big end first, and a request id with the highest bit set. */
static void ask(int fd, const void *body, size_t len)
{
    uint8_t head[12] = {0};
    for (size_t i = 0; i < 8; i++)
        head[7 - i] = (uint8_t)((len + 4) >> (8 * i));
    head[8] = 0x80;
    head[11] = 1;
    say(fd, head, sizeof(head));
    say(fd, body, len);
}

/* The Response to it; freed by the caller. */
static Quintet__Rpc__V1__Response *answer(int fd)
{
    uint8_t head[12];
    assert_int_equal(hear(fd, head, sizeof(head)), sizeof(head));
    size_t len = (size_t)head[6] << 8 | head[7] | (size_t)head[5] << 16;
    assert_true(len >= 4 && len < 1 << 20);
    uint8_t *body = malloc(len);
    assert_int_equal(hear(fd, body, len - 4), len - 4);
    Quintet__Rpc__V1__Response *response = quintet__rpc__v1__response__unpack(NULL, len - 4, body);
    free(body);
    assert_non_null(response);
    return response;
}

static Quintet__Rpc__V1__Response *ask_packed(int fd, const Quintet__Rpc__V1__Request *request)
{
    size_t len = quintet__rpc__v1__request__get_packed_size(request);
    uint8_t *bytes = malloc(len + 1);
    quintet__rpc__v1__request__pack(request, bytes);
    ask(fd, bytes, len);
    free(bytes);
    return answer(fd);
}

#define ECHO_PATH "quintet.rpctest.v1.TestService/Echo"

/* The status that the server gives to one call. */
static int status_of(int fd, const char *method, const void *payload, size_t len, uint32_t timeout_ms,
                     const char *request_id)
{
    Quintet__Rpc__V1__Call call = QUINTET__RPC__V1__CALL__INIT;
    Quintet__Rpc__V1__Call *calls[] = {&call};
    Quintet__Rpc__V1__Request request = QUINTET__RPC__V1__REQUEST__INIT;
    call.payload = (ProtobufCBinaryData){len, (uint8_t *)payload};
    call.timeout_ms = timeout_ms;
    call.request_id = (char *)request_id;
    request.method = (char *)method;
    request.n_calls = 1;
    request.calls = calls;
    Quintet__Rpc__V1__Response *response = ask_packed(fd, &request);
    assert_int_equal(response->n_results, 1);
    int status = response->results[0]->status;
    assert_true(status == QN_OK || response->results[0]->message[0] != '\0');
    quintet__rpc__v1__response__free_unpacked(response, NULL);
    return status;
}

static void test_bad_calls(void **state)
{
    (void)state;
    int fd = dial_as_req();
    assert_int_equal(status_of(fd, ECHO_PATH, "", 0, 1000, "r"), QN_OK);
    assert_int_equal(status_of(fd, ECHO_PATH, "\x0a\x01\xff", 3, 1000, "r"), QN_INVALID_ARGUMENT); /* UTF-8 */
    assert_int_equal(status_of(fd, ECHO_PATH, "\x0a\x01\x00", 3, 1000, "r"), QN_INVALID_ARGUMENT); /* NUL */
    assert_int_equal(status_of(fd, ECHO_PATH, "\x0a\x7f", 2, 1000, "r"), QN_INVALID_ARGUMENT); /* length */
    assert_int_equal(status_of(fd, ECHO_PATH, "", 0, 0, "r"), QN_DEADLINE_EXCEEDED);
    assert_int_equal(status_of(fd, ECHO_PATH, "", 0, 1000, "two words"), QN_INVALID_ARGUMENT);
    assert_int_equal(status_of(fd, ECHO_PATH, "", 0, 1000,
                               "0123456789012345678901234567890123456789012345678901234567890123456789"),
                     QN_INVALID_ARGUMENT);
    assert_int_equal(status_of(fd, ECHO_PATH, "", 0, 1000, ""), QN_OK); /* one is made */
    assert_int_equal(status_of(fd, "quintet.rpctest.v1.TestService/Nothing", "", 0, 1000, "r"),
                     QN_UNIMPLEMENTED);
    assert_int_equal(status_of(fd, "", "", 0, 1000, "r"), QN_UNIMPLEMENTED);
    close(fd);
}

/* Many calls of a method that is not batchable: our client never does it, a peer may. */
static void test_many_calls_of_a_single_method(void **state)
{
    (void)state;
    int fd = dial_as_req();
    Quintet__Rpc__V1__Call call = QUINTET__RPC__V1__CALL__INIT;
    Quintet__Rpc__V1__Call *calls[65];
    for (size_t i = 0; i < QN_COUNT(calls); i++)
        calls[i] = &call;
    call.timeout_ms = 1000;
    Quintet__Rpc__V1__Request request = QUINTET__RPC__V1__REQUEST__INIT;
    request.method = (char *)ECHO_PATH;
    request.calls = calls;
    request.n_calls = 64;
    Quintet__Rpc__V1__Response *response = ask_packed(fd, &request);
    assert_int_equal(response->n_results, 64);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(response->results[i]->status, QN_OK);
    quintet__rpc__v1__response__free_unpacked(response, NULL);
    request.n_calls = 65; /* one too many: no envelope of ours */
    response = ask_packed(fd, &request);
    assert_int_equal(response->n_results, 0);
    quintet__rpc__v1__response__free_unpacked(response, NULL);
    close(fd);
}

/* The results of a batch share one message: what does not fit is refused alone. */
static void test_oversized_results_of_a_batch(void **state)
{
    (void)state;
    int fd = dial_as_req();
    Quintet__Rpctest__V1__EchoRequest echo = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
    echo.more_bytes = 300000; /* three of them fit into 1 MiB */
    uint8_t payload[16];
    Quintet__Rpc__V1__Call call = QUINTET__RPC__V1__CALL__INIT;
    call.payload = (ProtobufCBinaryData){quintet__rpctest__v1__echo_request__pack(&echo, payload), payload};
    call.timeout_ms = 5000;
    Quintet__Rpc__V1__Call *calls[8];
    for (size_t i = 0; i < QN_COUNT(calls); i++)
        calls[i] = &call;
    Quintet__Rpc__V1__Request request = QUINTET__RPC__V1__REQUEST__INIT;
    request.method = (char *)ECHO_PATH;
    request.calls = calls;
    request.n_calls = QN_COUNT(calls);
    Quintet__Rpc__V1__Response *response = ask_packed(fd, &request);
    assert_int_equal(response->n_results, QN_COUNT(calls));
    for (size_t i = 0; i < QN_COUNT(calls); i++)
        assert_int_equal(response->results[i]->status, i < 3 ? QN_OK : QN_RESOURCE_EXHAUSTED);
    quintet__rpc__v1__response__free_unpacked(response, NULL);
    close(fd);
}

static void test_no_envelope(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bodies[] = {
        {"\xff", 1},             /* half a number */
        {"\x0a\x7fshort", 7},    /* a length past the end */
        {"\x0a\x02\xc3\x28", 4}, /* not UTF-8 */
        {"\x13", 1},             /* a group */
        {"\x10\x01", 2},         /* calls as a number */
        {"hello, world", 12},
    };
    int fd = dial_as_req();
    for (size_t i = 0; i < QN_COUNT(bodies); i++) {
        ask(fd, bodies[i].bytes, bodies[i].len);
        Quintet__Rpc__V1__Response *response = answer(fd);
        assert_int_equal(response->n_results, 0);
        quintet__rpc__v1__response__free_unpacked(response, NULL);
    }
    close(fd);
    assert_int_equal(rpc_service.n_calls, 0);
}

/* A greeting: no method, no calls. */
static void test_empty_envelope(void **state)
{
    (void)state;
    int fd = dial_as_req();
    ask(fd, "", 0);
    Quintet__Rpc__V1__Response *response = answer(fd);
    assert_int_equal(response->n_results, 0);
    assert_false(response->draining);
    quintet__rpc__v1__response__free_unpacked(response, NULL);
    close(fd);
}

/* Longer than message_max_bytes: the server hangs up before it takes the bytes. The message claims 2 GiB, and
 * not one byte of them is waited for. */
static void test_oversized_message_from_a_stranger(void **state)
{
    (void)state;
    int fd = dial_as_req();
    static const uint8_t head[12] = {0, 0, 0, 0, 0x80, 0, 0, 0, 0x80, 0, 0, 1};
    char byte;
    say(fd, head, sizeof(head));
    assert_int_equal(hear(fd, &byte, 1), 0);
    close(fd);
}

static void test_random_bytes(void **state)
{
    (void)state;
    srand(1); /* the same every time */
    for (int round = 0; round < 20; round++) {
        uint8_t noise[4096];
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)rand();
        int fd = dial();
        say(fd, noise, sizeof(noise));
        close(fd);
        fd = dial_as_req(); /* well begun, then noise */
        say(fd, noise, 100);
        close(fd);
        fd = dial_as_req(); /* a whole message of noise */
        ask(fd, noise, 1 + (size_t)rand() % sizeof(noise));
        close(fd);
    }
}

/* Connections that are gone before they are accepted. (rpc_tls_test.c does the same to nng's library, which
 * alone would accept nobody any more.) */
static void test_strangers_who_hang_up_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        int fd = dial();
        struct pollfd connected = {.fd = fd, .events = POLLOUT};
        poll(&connected, 1, 1000);
        if (i % 2 == 0)
            shutdown(fd, SHUT_WR);
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
}

static void test_strangers_on_a_local_socket(void **state)
{
    (void)state;
    struct qn_server *local =
        rpc_serve(loop, &(struct qn_server_options){.listen = rpc_text("ipc://%s/local", rpc_folder())});
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", qn_server_address(local) + strlen("ipc://"));
    for (int i = 0; i < 300; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(fd, (struct sockaddr *)&address, sizeof(address)); /* the queue may be full */
        close(fd);
    }
    expect_served(qn_server_address(local));
    rpc_close_server(local);
}

/* Not a client's protocol (here PUB): refused. */
static void test_wrong_protocol(void **state)
{
    (void)state;
    static const char hello[8] = {0, 'S', 'P', 0, 0, 32, 0, 0};
    char answer_bytes[9];
    int fd = dial();
    say(fd, hello, sizeof(hello));
    assert_true(hear(fd, answer_bytes, sizeof(answer_bytes)) <= 8); /* and then hung up */
    close(fd);
}

/* Our own side: what is too large is refused before it is sent, alone, and the line stays. */
static void test_oversized_request_and_result(void **state)
{
    (void)state;
    struct qn_client *small =
        rpc_connect(loop, &(struct qn_client_options){.address = qn_server_address(server),
                                                      .message_max_bytes = 1 << 20});
    size_t done = 0;
    struct rpc_call *request = rpc_call_new(10000, &done), *result = rpc_call_new(10000, &done);
    struct rpc_call *fits = rpc_call_new(10000, &done);
    rpc_start_echo_sized(request, small, 1 << 20, 0);
    rpc_start_echo_sized(result, small, 10, 1 << 20);
    rpc_start_echo_sized(fits, small, 500000, 500000);
    loop_fixture_run_until_count(&done, 3, 20000);
    assert_int_equal(request->request.status, QN_RESOURCE_EXHAUSTED);
    assert_int_equal(result->request.status, QN_RESOURCE_EXHAUSTED);
    assert_int_equal(fits->request.status, QN_OK);
    assert_int_equal(rpc_echo(fits)->data.len, 1000000);
    rpc_call_free(request);
    rpc_call_free(result);
    rpc_call_free(fits);
    rpc_close_client(small);
}

/* Text from the edge that no peer would take is refused at the start, and costs no neighbour its answer. */
static void test_bad_text_in_the_context(void **state)
{
    (void)state;
    size_t done = 0;
    struct rpc_call *bad = rpc_call_new(10000, &done), *good = rpc_call_new(10000, &done);
    bad->ctx.caller.known = true;
    bad->ctx.caller.user_agent = QN_STR("caf\xe9");
    rpc_start_many(bad, client, 1);
    rpc_start_many(good, client, 2);
    loop_fixture_run_until_count(&done, 2, 10000);
    assert_int_equal(bad->request.status, QN_INVALID_ARGUMENT);
    assert_int_equal(good->request.status, QN_OK);
    rpc_call_free(bad);
    rpc_call_free(good);
}

/* The arena given at the start bounds what an answer may take. */
static void test_answer_larger_than_the_arena(void **state)
{
    (void)state;
    struct rpc_call *call = rpc_call_new(10000, NULL);
    qn_arena_fini(&call->arena);
    qn_arena_init(&call->arena, 1000);
    rpc_start_echo_sized(call, client, 10, 100000);
    rpc_await(call);
    assert_int_equal(call->request.status, QN_RESOURCE_EXHAUSTED);
    rpc_call_free(call);
}

static void test_everything_a_failure_says(void **state)
{
    (void)state;
    static const struct qn_violation violations[] = {{"email", "must be an address"}, {"name", "ä"}};
    static const struct qn_fault fault = {
        .status = QN_INVALID_ARGUMENT,
        .message = "look at the fields",
        .reason = "BAD_FIELDS",
        .violations = violations,
        .n_violations = 2,
        .retry_after_ms = 250,
    };
    rpc_service.fault = &fault;
    for (size_t i = 0; i < 10; i++)
        rpc_service.cookies[rpc_service.n_cookies++] = QN_STR("a=1; Path=/");
    rpc_service.cookies[1] = QN_STR("b=\xff"); /* left out: not UTF-8 */
    struct rpc_call *call = rpc_call_new(10000, NULL);
    rpc_start_echo(call, client, "x");
    rpc_await(call);
    const struct qn_request *said = &call->request;
    assert_int_equal(said->status, QN_INVALID_ARGUMENT);
    assert_str(said->message, "look at the fields");
    assert_str(said->reason, "BAD_FIELDS");
    assert_int_equal(said->n_violations, 2);
    assert_string_equal(said->violations[0].field, "email");
    assert_string_equal(said->violations[1].description, "ä");
    assert_int_equal(said->retry_after_ms, 250);
    assert_false(said->not_executed);
    assert_int_equal(said->n_set_cookies, 8); /* at most eight */
    assert_str(said->set_cookies[7], "a=1; Path=/");
    rpc_call_free(call);
    rpc_service_reset();
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_bad_calls),
        T(test_many_calls_of_a_single_method),
        T(test_oversized_results_of_a_batch),
        T(test_no_envelope),
        T(test_empty_envelope),
        T(test_oversized_message_from_a_stranger),
        T(test_random_bytes),
        T(test_strangers_who_hang_up_at_once),
        T(test_strangers_on_a_local_socket),
        T(test_wrong_protocol),
        T(test_oversized_request_and_result),
        T(test_bad_text_in_the_context),
        T(test_answer_larger_than_the_arena),
        T(test_everything_a_failure_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
