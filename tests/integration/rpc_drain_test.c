#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/rpc.h"

/* A server that ends takes no call along. A port that is closed drops the replies that it still holds (of 100
 * large ones on ipc, nng's library dropped 25), so a server waits until its peers have hung up. */

static struct qn_loop *loop;

static void begin(void)
{
    loop = loop_fixture_begin();
    rpc_service_reset();
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

/* Large replies while the server is told to end: what was executed was answered, what was not says so. */
static void large_replies(const char *listen)
{
    enum { N = 200, REPLY_BYTES = 1 << 20 };
    begin();
    const char *journal = rpc_text("%s/drain-journal-%s", rpc_folder(), listen[0] == 'i' ? "ipc" : "tcp");
    struct rpc_peer peer = rpc_peer_start(listen, journal, false);
    struct qn_client *client =
        rpc_connect(loop, &(struct qn_client_options){.address = peer.address, .wait_for_peer_ms = 300});
    rpc_await_ready(loop, client, true);
    size_t done = 0;
    struct rpc_call *calls[N];
    for (size_t i = 0; i < N; i++) {
        calls[i] = rpc_call_new(60000, &done);
        rpc_start_once_sized(calls[i], client, i, REPLY_BYTES);
    }
    loop_fixture_run_until_count(&done, 20, 30000);
    kill(peer.pid, SIGTERM);
    loop_fixture_run_until_count(&done, N, 60000);
    size_t n_answered = 0;
    for (size_t i = 0; i < N; i++) {
        bool answered = calls[i]->request.status == QN_OK;
        if (!answered)
            assert_int_equal(calls[i]->request.status, QN_UNAVAILABLE);
        assert_int_equal(rpc_journal_count(journal, i), answered ? 1 : 0);
        if (answered) {
            const Quintet__Rpctest__V1__OnceResponse *out = calls[i]->request.out;
            assert_int_equal(out->data.len, REPLY_BYTES);
        }
        n_answered += answered;
        rpc_call_free(calls[i]);
    }
    assert_true(n_answered >= 20);
    assert_int_equal(rpc_peer_await(&peer, loop), 0);
    rpc_close_client(client);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_no_reply_is_lost(void **state)
{
    (void)state;
    large_replies(rpc_text("ipc://%s/drain", rpc_folder()));
    large_replies("tcp://127.0.0.1:0");
}

/* With another process there, its clients notice nothing. */
static void test_the_other_takes_over(void **state)
{
    (void)state;
    enum { N = 400 };
    begin();
    const char *folder = rpc_text("ipc://%s/over", rpc_folder());
    const char *journal = rpc_text("%s/over-journal", rpc_folder());
    struct rpc_peer old = rpc_peer_start(folder, journal, false);
    struct qn_client *client = rpc_connect(loop, &(struct qn_client_options){.address = folder});
    size_t done = 0;
    struct rpc_call *calls[N];
    struct rpc_peer new = {0};
    for (size_t i = 0; i < N; i++) {
        calls[i] = rpc_call_new(60000, &done);
        rpc_start_once_sized(calls[i], client, i, 10000);
        qn_loop_turn(loop);
        if (i == N / 4)
            new = rpc_peer_start(folder, journal, false);
        if (i == N / 2)
            kill(old.pid, SIGTERM);
    }
    loop_fixture_run_until_count(&done, N, 60000);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        assert_int_equal(rpc_journal_count(journal, i), 1);
        rpc_call_free(calls[i]);
    }
    assert_int_equal(rpc_peer_await(&old, loop), 0);
    rpc_close_client(client);
    assert_int_equal(rpc_peer_end(&new, SIGTERM), 0);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* An idle client learns of the draining too, from its next greeting, and hangs up: the server need not wait
 * for its limit. */
static void test_idle_clients_hang_up(void **state)
{
    (void)state;
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    struct qn_client *clients[3];
    for (size_t i = 0; i < 3; i++) {
        clients[i] = rpc_connect(loop, &(struct qn_client_options){.address = qn_server_address(server)});
        rpc_await_ready(loop, clients[i], true);
    }
    bool drained = false;
    qn_server_drain(server, 600000, set_flag, &drained);
    assert_false(drained);
    loop_fixture_run_until(&drained, 30000);
    for (size_t i = 0; i < 3; i++)
        rpc_close_client(clients[i]);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* The call in hand is finished, the next is turned away untouched, and only then is the server drained. */
static void test_calls_in_hand_are_finished(void **state)
{
    (void)state;
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    struct qn_client *client = rpc_connect(
        loop, &(struct qn_client_options){.address = qn_server_address(server), .wait_for_peer_ms = 200});
    rpc_service.hold = true;
    struct rpc_call *in_hand = rpc_call_new(30000, NULL);
    rpc_start_once(in_hand, client, 1);
    loop_fixture_run_until_count(&rpc_service.n_calls, 1, 10000);
    bool drained = false;
    qn_server_drain(server, 600000, set_flag, &drained);
    struct rpc_call *next = rpc_call_new(30000, NULL);
    rpc_start_once(next, client, 2);
    rpc_await(next);
    assert_int_equal(next->request.status, QN_UNAVAILABLE);
    assert_int_equal(rpc_service.n_calls, 1);
    assert_false(drained);
    rpc_service_release(false);
    rpc_await(in_hand);
    assert_int_equal(in_hand->request.status, QN_OK);
    loop_fixture_run_until(&drained, 30000);
    rpc_call_free(in_hand);
    rpc_call_free(next);
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_limit(void **state)
{
    (void)state;
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "inproc://limit"});
    struct qn_client *client = rpc_connect(loop, &(struct qn_client_options){.address = "inproc://limit"});
    rpc_service.hold = true;
    struct rpc_call *call = rpc_call_new(30000, NULL);
    rpc_start_echo(call, client, "x");
    loop_fixture_run_until_count(&rpc_service.n_calls, 1, 10000);
    bool drained = false;
    uint64_t begin_ms = qn_clock_now_ms();
    qn_server_drain(server, 100, set_flag, &drained);
    loop_fixture_run_until(&drained, 10000);
    assert_true(qn_clock_now_ms() - begin_ms >= 100);
    rpc_service_release(false);
    rpc_await(call);
    assert_int_equal(call->request.status, QN_OK);
    rpc_call_free(call);
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_reply_is_lost),
        cmocka_unit_test(test_the_other_takes_over),
        cmocka_unit_test(test_idle_clients_hang_up),
        cmocka_unit_test(test_calls_in_hand_are_finished),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
