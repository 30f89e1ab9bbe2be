#include <signal.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "tests/harness/rpc.h"

/* Requests with a key, on several clients and several processes of the service: all clients ask the same
 * process for the same key, and when one dies only its keys move. */

enum { PEERS = 3, CLIENTS = 2, KEYS = 60, WAIT_MS = 30000 };

static struct qn_loop *loop;
static struct qn_client *clients[CLIENTS];
static struct rpc_peer peers[PEERS];
static size_t n_peers;
static unsigned n_begun;

static int64_t pid_near(struct qn_client *client, const char *key)
{
    Quintet__Rpctest__V1__EchoRequest in = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
    struct rpc_call *call = rpc_call_new(WAIT_MS, NULL);
    rpc_start_near(call, client, &quintet_rpctest_v1_test_service_echo, &in, key);
    rpc_await(call);
    assert_int_equal(call->request.status, QN_OK);
    int64_t pid = rpc_echo(call)->pid;
    rpc_call_free(call);
    return pid;
}

static int64_t pid_of_any(struct qn_client *client)
{
    struct rpc_call *call = rpc_call_new(WAIT_MS, NULL);
    rpc_start_echo(call, client, "");
    rpc_await(call);
    int64_t pid = call->request.status == QN_OK ? rpc_echo(call)->pid : 0;
    rpc_call_free(call);
    return pid;
}

/* An idle client takes its peers in turn: as many calls as there are peers show whether all are ready. */
static void await_peers(struct qn_client *client, size_t n)
{
    for (uint64_t end_ms = qn_clock_now_ms() + WAIT_MS; qn_clock_now_ms() < end_ms;) {
        int64_t seen[PEERS] = {0};
        size_t distinct = 0;
        for (size_t i = 0; i < n; i++) {
            seen[i] = pid_of_any(client);
            bool again = seen[i] == 0;
            for (size_t k = 0; k < i; k++)
                again = again || seen[k] == seen[i];
            distinct += !again;
        }
        if (distinct == n)
            return;
    }
    fail_msg("not all peers came");
}

static void begin(void)
{
    loop = loop_fixture_begin();
    const char *listen = rpc_text("ipc://%s/near-%u", rpc_folder(), ++n_begun);
    for (n_peers = 0; n_peers < PEERS; n_peers++)
        peers[n_peers] = rpc_peer_start(listen, "/dev/null", false);
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = rpc_connect(loop, &(const struct qn_client_options){.address = listen});
        await_peers(clients[i], PEERS);
    }
}

static void end(void)
{
    for (size_t i = 0; i < CLIENTS; i++)
        rpc_close_client(clients[i]);
    for (size_t i = 0; i < PEERS; i++)
        if (peers[i].pid > 0)
            rpc_peer_end(&peers[i], SIGKILL);
    loop_fixture_end();
}

static const char *key_of(size_t number)
{
    return rpc_text("198.51.100.%zu|/sign-in/email", number);
}

static void test_all_clients_ask_the_same_peer_for_a_key(void **state)
{
    (void)state;
    begin();
    size_t of_peer[PEERS] = {0};
    for (size_t i = 0; i < KEYS; i++) {
        int64_t pid = pid_near(clients[0], key_of(i));
        assert_int_equal(pid_near(clients[1], key_of(i)), pid);
        for (size_t k = 0; k < PEERS; k++)
            of_peer[k] += peers[k].pid == pid;
    }
    for (size_t k = 0; k < PEERS; k++)
        assert_true(of_peer[k] > 0);
    end();
}

static void test_when_one_dies_only_its_keys_move(void **state)
{
    (void)state;
    begin();
    int64_t before[KEYS];
    for (size_t i = 0; i < KEYS; i++)
        before[i] = pid_near(clients[0], key_of(i));
    int64_t dead = peers[1].pid;
    rpc_peer_end(&peers[1], SIGKILL);
    peers[1].pid = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        await_peers(clients[i], PEERS - 1);
    size_t moved = 0;
    for (size_t i = 0; i < KEYS; i++) {
        int64_t after = pid_near(clients[0], key_of(i));
        assert_int_equal(pid_near(clients[1], key_of(i)), after);
        if (before[i] == dead)
            moved++;
        else
            assert_int_equal(after, before[i]);
    }
    assert_true(moved > 0);
    end();
}

/* What starts in one turn still leaves in one message, but one for each peer. */
static void test_batches_gather_by_peer(void **state)
{
    (void)state;
    enum { CALLS = 48 };
    begin();
    struct rpc_call *calls[CALLS];
    int64_t home[CALLS];
    size_t done = 0;
    for (size_t i = 0; i < CALLS; i++)
        home[i] = pid_near(clients[0], key_of(i));
    for (size_t i = 0; i < CALLS; i++) {
        Quintet__Rpctest__V1__EchoManyRequest in = QUINTET__RPCTEST__V1__ECHO_MANY_REQUEST__INIT;
        in.number = i;
        calls[i] = rpc_call_new(WAIT_MS, &done);
        rpc_start_near(calls[i], clients[0], &quintet_rpctest_v1_test_service_echo_many, &in, key_of(i));
    }
    loop_fixture_run_until_count(&done, CALLS, WAIT_MS);
    for (size_t i = 0; i < CALLS; i++) {
        size_t alike = 0;
        for (size_t k = 0; k < CALLS; k++)
            alike += home[k] == home[i];
        assert_int_equal(calls[i]->request.status, QN_OK);
        assert_int_equal(rpc_many(calls[i])->number, i);
        assert_int_equal(rpc_many(calls[i])->together, alike);
    }
    for (size_t i = 0; i < CALLS; i++)
        rpc_call_free(calls[i]);
    end();
}

/* A peer that is stopped holds up its own keys; those of others go on past them in the same queue. */
static void test_a_peer_that_stands_still_holds_up_only_its_keys(void **state)
{
    (void)state;
    enum { STUCK = 200 };
    begin();
    const char *its = NULL, *others = NULL;
    for (size_t i = 0; i < KEYS; i++) {
        int64_t pid = pid_near(clients[0], key_of(i));
        its = pid == peers[0].pid ? key_of(i) : its;
        others = pid == peers[1].pid ? key_of(i) : others;
    }
    assert_true(its && others);
    kill(peers[0].pid, SIGSTOP);
    struct rpc_call *stuck[STUCK];
    size_t n_stuck_done = 0;
    Quintet__Rpctest__V1__EchoRequest in = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
    for (size_t i = 0; i < STUCK; i++) {
        stuck[i] = rpc_call_new(WAIT_MS, &n_stuck_done);
        rpc_start_near(stuck[i], clients[0], &quintet_rpctest_v1_test_service_echo, &in, its);
    }
    assert_int_equal(pid_near(clients[0], others), peers[1].pid);
    assert_int_equal(n_stuck_done, 0);
    kill(peers[0].pid, SIGCONT);
    loop_fixture_run_until_count(&n_stuck_done, STUCK, WAIT_MS);
    for (size_t i = 0; i < STUCK; i++) {
        assert_int_equal(stuck[i]->request.status, QN_OK);
        rpc_call_free(stuck[i]);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_clients_ask_the_same_peer_for_a_key),
        cmocka_unit_test(test_when_one_dies_only_its_keys_move),
        cmocka_unit_test(test_batches_gather_by_peer),
        cmocka_unit_test(test_a_peer_that_stands_still_holds_up_only_its_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
