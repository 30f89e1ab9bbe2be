#include <signal.h>

#include "tests/harness/rpc.h"

/* Requests to one process of several, by its id: what it answers, and that nobody else ever does. */

static struct qn_loop *loop;
static size_t n_changes;

static void on_peers_changed(void *context)
{
    assert_ptr_equal(context, &n_changes);
    n_changes++;
}

static size_t n_ready(const struct qn_client *client, struct qn_client_peer *ret_ready)
{
    struct qn_client_peer peers[QN_CLIENT_PEERS_MAX];
    bool looked;
    size_t n = qn_client_peers(client, peers, &looked), n_ready = 0;
    assert_true(looked || n == 0);
    for (size_t i = 0; i < n; i++)
        if (peers[i].ready)
            ret_ready[n_ready++] = peers[i];
    return n_ready;
}

static struct qn_client *connect_to(const char *folder, size_t n_peers, struct qn_client_peer *ret_ready)
{
    loop = loop_fixture_begin();
    rpc_service_reset();
    n_changes = 0;
    struct qn_client *client =
        rpc_connect(loop, &(struct qn_client_options){
                              .address = folder, .peers_changed = on_peers_changed, .context = &n_changes});
    bool looked;
    struct qn_client_peer none[QN_CLIENT_PEERS_MAX];
    assert_int_equal(qn_client_peers(client, none, &looked), 0);
    assert_false(looked);
    /* Each change is told of, so the number is right at once. */
    for (size_t seen = n_changes; n_ready(client, ret_ready) < n_peers; seen = n_changes)
        loop_fixture_run_until_count(&n_changes, seen + 1, 20000);
    return client;
}

static void end(struct qn_client *client)
{
    rpc_close_client(client);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static struct rpc_call *echo_at(struct qn_client *client, uint64_t id)
{
    Quintet__Rpctest__V1__EchoRequest in = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
    struct rpc_call *call = rpc_call_new(20000, NULL);
    rpc_start_at(call, client, id, &quintet_rpctest_v1_test_service_echo, &in);
    rpc_await(call);
    return call;
}

static enum qn_status status_at(struct qn_client *client, uint64_t id)
{
    struct rpc_call *call = echo_at(client, id);
    enum qn_status status = call->request.status;
    rpc_call_free(call);
    return status;
}

static void test_each_answers_for_itself(void **state)
{
    (void)state;
    const char *folder = rpc_text("ipc://%s/directed", rpc_folder());
    const char *journal = rpc_text("%s/directed-journal", rpc_folder());
    struct rpc_peer peers[2] = {rpc_peer_start(folder, journal, false),
                                rpc_peer_start(folder, journal, false)};
    struct qn_client_peer ready[QN_CLIENT_PEERS_MAX];
    struct qn_client *client = connect_to(folder, 2, ready);
    int64_t pids[2] = {0};
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < 2; i++) {
            struct rpc_call *call = echo_at(client, ready[i].id);
            assert_int_equal(call->request.status, QN_OK);
            assert_true(pids[i] == 0 || pids[i] == rpc_echo(call)->pid);
            pids[i] = rpc_echo(call)->pid;
            rpc_call_free(call);
        }
    }
    assert_int_equal(pids[0] + pids[1], peers[0].pid + peers[1].pid);
    assert_int_not_equal(pids[0], pids[1]);

    /* One ends, or was never there: the other is not asked for it. */
    size_t gone = pids[0] == peers[0].pid ? 0 : 1;
    assert_int_equal(status_at(client, 4711), QN_UNAVAILABLE);
    kill(peers[gone].pid, SIGTERM);
    assert_int_equal(rpc_peer_await(&peers[gone], loop), 0);
    assert_int_equal(status_at(client, ready[0].id), QN_UNAVAILABLE);
    assert_int_equal(status_at(client, ready[1].id), QN_OK);
    assert_int_equal(n_ready(client, ready), 1);
    end(client);
    rpc_peer_end(&peers[1 - gone], SIGKILL);
}

/* Again may be sent again; directed, it is not. */
static void test_lost_is_not_sent_again(void **state)
{
    (void)state;
    const char *folder = rpc_text("ipc://%s/directed-lost", rpc_folder());
    const char *journal = rpc_text("%s/directed-lost-journal", rpc_folder());
    struct rpc_peer holds = rpc_peer_start(folder, journal, true);
    struct qn_client_peer ready[QN_CLIENT_PEERS_MAX];
    struct qn_client *client = connect_to(folder, 1, ready);
    uint64_t id = ready[0].id;
    struct rpc_peer other = rpc_peer_start(folder, journal, false);
    while (n_ready(client, ready) < 2)
        loop_fixture_run_until_count(&n_changes, n_changes + 1, 20000);

    Quintet__Rpctest__V1__AgainRequest in = QUINTET__RPCTEST__V1__AGAIN_REQUEST__INIT;
    in.number = 7;
    struct rpc_call *call = rpc_call_new(20000, NULL);
    rpc_start_at(call, client, id, &quintet_rpctest_v1_test_service_again, &in);
    while (rpc_journal_count(journal, 7) == 0)
        qn_loop_turn(loop);
    rpc_peer_end(&holds, SIGKILL);
    rpc_await(call);
    assert_int_equal(call->request.status, QN_UNKNOWN);
    assert_int_equal(rpc_journal_count(journal, 7), 1);
    rpc_call_free(call);
    assert_int_equal(status_at(client, id), QN_UNAVAILABLE);
    end(client);
    rpc_peer_end(&other, SIGKILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_answers_for_itself),
        cmocka_unit_test(test_lost_is_not_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
