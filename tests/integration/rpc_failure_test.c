#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/rpc.h"

/* What ends a call when all does not go well: each a typed status, each within its deadline, none done twice.
 */

static struct qn_loop *loop;

static struct qn_client *connect_to(const char *address, uint64_t wait_for_peer_ms)
{
    return rpc_connect(loop,
                       &(struct qn_client_options){.address = address, .wait_for_peer_ms = wait_for_peer_ms});
}

static void begin(void)
{
    loop = loop_fixture_begin();
    rpc_service_reset();
}

static void test_silent_server(void **state)
{
    (void)state;
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    struct qn_client *client = connect_to(qn_server_address(server), 0);
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *one = rpc_call_new(300, &done), *many = rpc_call_new(300, &done);
    rpc_start_echo(one, client, "x");
    rpc_start_many(many, client, 1);
    loop_fixture_run_until_count(&done, 2, 10000);
    assert_int_equal(one->request.status, QN_DEADLINE_EXCEEDED);
    assert_int_equal(many->request.status, QN_DEADLINE_EXCEEDED);
    assert_true(one->took_ms >= 300);
    rpc_call_free(one);
    rpc_call_free(many);
    /* The answers that come too late disturb nobody. */
    rpc_service.hold = false;
    loop_fixture_run_until_count(&rpc_service.n_calls, 2, 10000);
    rpc_service_release(false);
    struct rpc_call *next = rpc_call_new(5000, NULL);
    rpc_start_echo(next, client, "next");
    rpc_await(next);
    assert_int_equal(next->request.status, QN_OK);
    assert_string_equal(rpc_echo(next)->text, "next");
    rpc_call_free(next);
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* More calls than contexts on a server that never answers: those that were never sent end in time too. Once
 * the first are late, those behind need not be sent to know that they will be. */
static void test_deadline_while_waiting_for_a_context(void **state)
{
    (void)state;
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    struct qn_client *client =
        rpc_connect(loop, &(struct qn_client_options){.address = qn_server_address(server), .contexts = 2});
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *calls[50];
    for (size_t i = 0; i < 50; i++) {
        calls[i] = rpc_call_new(200 + i, &done);
        rpc_start_echo(calls[i], client, "x");
    }
    loop_fixture_run_until_count(&done, 50, 10000);
    for (size_t i = 0; i < 50; i++) {
        const struct qn_request *request = &calls[i]->request;
        bool refused = request->status == QN_RESOURCE_EXHAUSTED && request->retry_after_ms > 0;
        assert_true(i > 0 && refused ? true : request->status == QN_DEADLINE_EXCEEDED);
        rpc_call_free(calls[i]);
    }
    rpc_service.hold = false;
    rpc_service_release(false);
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* Answers what is held, one a good ten milliseconds, until so many are done. */
static void serve_slowly(const size_t *done, size_t want)
{
    uint64_t give_up_ms = qn_clock_now_ms() + 30000, next_ms = qn_clock_now_ms() + 10;
    while (*done < want) {
        assert_true(qn_clock_left_ms(give_up_ms) > 0);
        qn_loop_turn(loop);
        if (qn_clock_left_ms(next_ms) > 0 || rpc_service_held() == 0)
            continue;
        rpc_service_release(false);
        next_ms = qn_clock_now_ms() + 10;
    }
}

/* A server that takes ten milliseconds for each, and two dozen that wait for it: who has a tenth of a second
 * hears at once that it will not do, and when to come again; who has time waits. */
static void test_too_long_a_queue(void **state)
{
    (void)state;
    enum { AHEAD = 24 };
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    struct qn_client *client =
        rpc_connect(loop, &(struct qn_client_options){.address = qn_server_address(server), .contexts = 2});
    rpc_await_ready(loop, client, true);
    rpc_service.hold = true;
    size_t done = 0, later = 0;
    struct rpc_call *calls[2 * AHEAD];
    for (size_t i = 0; i < 2 * AHEAD; i++) {
        calls[i] = rpc_call_new(60000, &done);
        rpc_start_once(calls[i], client, i);
    }
    serve_slowly(&done, AHEAD);
    struct rpc_call *hasty = rpc_call_new(100, &later), *patient = rpc_call_new(60000, &later);
    rpc_start_once(hasty, client, 1000);
    rpc_start_once(patient, client, 1001);
    size_t before = done;
    assert_false(hasty->done); /* never from within */
    qn_loop_turn(loop);
    assert_true(hasty->done && done == before);
    assert_int_equal(hasty->request.status, QN_RESOURCE_EXHAUSTED);
    assert_true(qn_str_eq(hasty->request.reason, QN_STR("OVERLOAD")));
    assert_true(hasty->request.retry_after_ms >= 100);
    serve_slowly(&done, 2 * AHEAD);
    serve_slowly(&later, 2);
    assert_int_equal(patient->request.status, QN_OK);
    for (size_t i = 0; i < 2 * AHEAD; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        rpc_call_free(calls[i]);
    }
    rpc_call_free(hasty);
    rpc_call_free(patient);
    rpc_service.hold = false;
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_no_peer(void **state)
{
    (void)state;
    begin();
    struct qn_client *clients[] = {
        connect_to(rpc_text("ipc://%s/nobody", rpc_folder()), 150),
        connect_to("tcp://127.0.0.1:1", 150), /* tcpmux: nobody listens */
        connect_to("inproc://nobody", 150),
        connect_to("tcp://no-such-name.invalid:7001", 150), /* RFC 6761: never resolves */
    };
    size_t done = 0;
    struct rpc_call *calls[QN_COUNT(clients)];
    for (size_t i = 0; i < QN_COUNT(clients); i++) {
        assert_false(qn_client_ready(clients[i]));
        calls[i] = rpc_call_new(20000, &done);
        rpc_start_once(calls[i], clients[i], 1);
    }
    loop_fixture_run_until_count(&done, QN_COUNT(clients), 15000);
    for (size_t i = 0; i < QN_COUNT(clients); i++) {
        assert_int_equal(calls[i]->request.status, QN_UNAVAILABLE);
        assert_true(calls[i]->took_ms >= 150);
        rpc_call_free(calls[i]);
        rpc_close_client(clients[i]);
    }
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_no_peer_and_an_earlier_deadline(void **state)
{
    (void)state;
    begin();
    struct qn_client *client = connect_to("inproc://nobody", 20000);
    struct rpc_call *call = rpc_call_new(100, NULL);
    rpc_start_echo(call, client, "x");
    rpc_await(call);
    assert_int_equal(call->request.status, QN_DEADLINE_EXCEEDED);
    rpc_call_free(call);
    rpc_close_client(client);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* A service that restarts is not an error to its callers. */
static void peer_appears_later(const char *listen, const char *address)
{
    begin();
    struct qn_client *client = connect_to(address, 20000);
    struct rpc_call *call = rpc_call_new(30000, NULL);
    rpc_start_echo(call, client, "patience");
    for (int i = 0; i < 50; i++)
        qn_loop_turn(loop);
    assert_false(call->done);
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = listen});
    rpc_await(call);
    assert_int_equal(call->request.status, QN_OK);
    rpc_call_free(call);
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_peer_appears_later(void **state)
{
    (void)state;
    const char *folder = rpc_text("ipc://%s/later", rpc_folder());
    peer_appears_later(folder, folder);
    peer_appears_later("inproc://later", "inproc://later");
    /* A port that was free a moment ago. */
    struct qn_loop *probe = loop_fixture_begin();
    struct qn_server *server = rpc_serve(probe, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    const char *port = rpc_text("%s", qn_server_address(server));
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
    peer_appears_later(port, port);
}

/* SIGKILL while calls are with the peer: what may have happened is UNKNOWN and is not sent again; what may be
 * done again is, by the process that comes after. */
static void killed_midway(const char *listen, const char *address)
{
    begin();
    const char *journal = rpc_text("%s/journal-%s", rpc_folder(), listen[0] == 'i' ? "ipc" : "tcp");
    unlink(journal);
    struct rpc_peer peer = rpc_peer_start(listen, journal, true);
    if (address == NULL)
        address = peer.address;
    struct qn_client *client = connect_to(address, 20000);
    rpc_await_ready(loop, client, true);

    enum { N = 40, IN_HAND = 64 };
    size_t done = 0;
    struct rpc_call *once[N], *again[N];
    for (size_t i = 0; i < N; i++) {
        once[i] = rpc_call_new(30000, &done);
        rpc_start_once(once[i], client, i);
        again[i] = rpc_call_new(30000, &done);
        rpc_start_again(again[i], client, 1000 + i);
    }
    /* Half of the contexts for each method are in the peer's hands; the rest waits on our side. */
    while (rpc_journal_lines(journal) < IN_HAND)
        qn_loop_wait(loop);
    rpc_peer_end(&peer, SIGKILL);
    struct rpc_peer next = rpc_peer_start(listen[0] == 'i' ? listen : address, journal, false);
    loop_fixture_run_until_count(&done, 2 * N, 30000);

    size_t n_unknown = 0;
    for (size_t i = 0; i < N; i++) {
        bool unknown = once[i]->request.status == QN_UNKNOWN;
        assert_true(unknown || once[i]->request.status == QN_OK);
        assert_int_equal(rpc_journal_count(journal, i), 1); /* at most once, whatever was answered */
        n_unknown += unknown;
        assert_int_equal(again[i]->request.status, QN_OK);
        const Quintet__Rpctest__V1__AgainResponse *out = again[i]->request.out;
        assert_int_equal(out->pid, next.pid);
        assert_in_range(rpc_journal_count(journal, 1000 + i), 1, 2);
        rpc_call_free(once[i]);
        rpc_call_free(again[i]);
    }
    assert_true(n_unknown > 0);
    rpc_close_client(client);
    rpc_peer_end(&next, SIGKILL);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_killed_midway(void **state)
{
    (void)state;
    const char *folder = rpc_text("ipc://%s/killed", rpc_folder());
    killed_midway(folder, folder);
    killed_midway("tcp://127.0.0.1:0", NULL);
}

/* A call is lost with the peer that had begun it, and the next one says that it did not do it. That was told
 * on as "certainly not executed", though the first may have. */
static void test_lost_then_refused(void **state)
{
    (void)state;
    begin();
    const char *folder = rpc_text("ipc://%s/lost", rpc_folder());
    const char *journal = rpc_text("%s/lost-journal", rpc_folder());
    struct rpc_peer first = rpc_peer_start(folder, journal, true);
    struct qn_client *client = connect_to(folder, 20000);
    rpc_await_ready(loop, client, true);
    size_t done = 0;
    struct rpc_call *call = rpc_call_new(30000, &done);
    rpc_start_again(call, client, 7);
    while (rpc_journal_lines(journal) < 1)
        qn_loop_wait(loop);
    rpc_service.refuse = true;
    struct qn_server *next = rpc_serve(loop, &(struct qn_server_options){.listen = folder});
    rpc_peer_end(&first, SIGKILL);
    loop_fixture_run_until_count(&done, 1, 30000);
    assert_int_equal(rpc_service.n_calls, 1);
    assert_int_equal(call->request.status, QN_UNKNOWN);
    assert_false(call->request.not_executed);
    rpc_call_free(call);
    rpc_close_client(client);
    rpc_close_server(next);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* What only reads has nothing that may have happened. */
static void test_a_question_is_lost(void **state)
{
    (void)state;
    begin();
    const char *folder = rpc_text("ipc://%s/question", rpc_folder());
    struct rpc_peer peer = rpc_peer_start(folder, "/dev/null", true);
    struct qn_client *client = connect_to(folder, 1);
    rpc_await_ready(loop, client, true);
    struct rpc_call *call = rpc_call_new(30000, NULL);
    rpc_start_echo(call, client, "x");
    qn_loop_turn(loop);
    rpc_peer_end(&peer, SIGKILL);
    rpc_await(call);
    assert_int_equal(call->request.status, QN_UNAVAILABLE);
    rpc_call_free(call);
    rpc_close_client(client);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* The socket file of a killed process is removed, and nobody waits for it. */
static void test_stale_socket_is_removed(void **state)
{
    (void)state;
    begin();
    const char *folder = rpc_text("ipc://%s/stale", rpc_folder());
    struct rpc_peer dead = rpc_peer_start(folder, "/dev/null", false);
    struct rpc_peer alive = rpc_peer_start(folder, "/dev/null", false);
    struct qn_client *client = connect_to(folder, 0);
    rpc_await_ready(loop, client, true);
    rpc_peer_end(&dead, SIGKILL);
    while (access(dead.address + strlen("ipc://"), F_OK) == 0)
        qn_loop_wait(loop);
    assert_int_equal(access(alive.address + strlen("ipc://"), F_OK), 0);
    struct rpc_call *call = rpc_call_new(5000, NULL);
    rpc_start_echo(call, client, "x");
    rpc_await(call);
    assert_int_equal(call->request.status, QN_OK);
    assert_int_equal(rpc_echo(call)->pid, alive.pid);
    rpc_call_free(call);
    rpc_close_client(client);
    rpc_peer_end(&alive, SIGKILL);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* Starts a call and waits until it is answered, and freed, or kept by this process' server: then NULL or it.
 */
static struct rpc_call *try_one(struct qn_client *client, size_t *done)
{
    size_t n_kept = rpc_service_held();
    struct rpc_call *call = rpc_call_new(60000, done);
    rpc_start_again(call, client, 0);
    while (!call->done && rpc_service_held() == n_kept)
        qn_loop_wait(loop);
    if (!call->done)
        return call;
    assert_int_equal(call->request.status, QN_OK);
    rpc_call_free(call);
    return NULL;
}

/* Two processes share a folder. One keeps the calls that it gets; once both are connected, all go to the
 * other, which has fewer outstanding. */
static void test_least_outstanding(void **state)
{
    (void)state;
    begin();
    const char *folder = rpc_text("ipc://%s/two", rpc_folder());
    rpc_service.hold = true;
    struct qn_server *slow = rpc_serve(loop, &(struct qn_server_options){.listen = folder});
    struct rpc_peer fast = rpc_peer_start(folder, "/dev/null", false);
    struct qn_client *client = connect_to(folder, 0);
    rpc_await_ready(loop, client, true);
    struct rpc_call *kept[32]; /* as many as there are contexts */
    size_t n_kept = 0, n_answered = 0, done = 0;
    while (n_kept == 0 || n_answered == 0) {
        struct rpc_call *call = try_one(client, &done);
        if (call != NULL)
            kept[n_kept++] = call;
        else
            n_answered++;
    }
    for (size_t i = 0; i < 50; i++)
        assert_null(try_one(client, &done));
    rpc_service_release(false);
    loop_fixture_run_until_count(&done, n_answered + 50 + n_kept, 10000);
    for (size_t i = 0; i < n_kept; i++)
        rpc_call_free(kept[i]);
    rpc_close_client(client);
    rpc_close_server(slow);
    rpc_peer_end(&fast, SIGKILL);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* "Not executed" goes to the other process, once, also for a method that must not be done twice. */
static void test_not_executed_is_sent_elsewhere(void **state)
{
    (void)state;
    begin();
    const char *folder = rpc_text("ipc://%s/refuses", rpc_folder());
    rpc_service.refuse = true;
    struct qn_server *refusing = rpc_serve(loop, &(struct qn_server_options){.listen = folder});
    struct qn_client *client = connect_to(folder, 0);
    rpc_await_ready(loop, client, true);
    struct rpc_call *alone = rpc_call_new(5000, NULL);
    rpc_start_once(alone, client, 1);
    rpc_await(alone);
    assert_int_equal(alone->request.status, QN_UNAVAILABLE); /* there is no elsewhere */
    assert_true(alone->request.not_executed);
    assert_int_equal(rpc_service.n_calls, 1);
    rpc_call_free(alone);

    const char *journal = rpc_text("%s/refuses-journal", rpc_folder());
    struct rpc_peer other = rpc_peer_start(folder, journal, false);
    for (uint64_t i = 0; i < 20; i++) {
        struct rpc_call *call = rpc_call_new(20000, NULL);
        rpc_start_once(call, client, i);
        rpc_await(call);
        bool reached_other = call->request.status == QN_OK;
        assert_true(reached_other || i == 0); /* its socket is found within the first call */
        if (reached_other)
            assert_int_equal(rpc_journal_count(journal, i), 1);
        rpc_call_free(call);
        if (!reached_other) {
            i--;
            qn_loop_wait(loop);
        }
    }
    rpc_close_client(client);
    rpc_close_server(refusing);
    rpc_peer_end(&other, SIGKILL);
    rpc_expect_no_messages();
    loop_fixture_end();
}

/* Three of four take nothing (they wait for a connection to the database, say), and say so faster than the
 * fourth works: they looked like the least busy, and a call that came to two of them had failed. */
static void test_most_do_not_execute(void **state)
{
    (void)state;
    enum { REFUSING = 3, N = 300 };
    begin();
    const char *folder = rpc_text("ipc://%s/refuse-most", rpc_folder());
    const char *journal = rpc_text("%s/refuse-most-journal", rpc_folder());
    struct rpc_peer refusing[REFUSING], good = rpc_peer_start(folder, journal, false);
    for (size_t i = 0; i < REFUSING; i++)
        refusing[i] = rpc_peer_spawn((const char *const[]){"rpc_peer", folder, journal, "refuse", NULL});
    struct qn_client *client = connect_to(folder, 0);
    struct qn_client_peer peers[QN_CLIENT_PEERS_MAX];
    for (size_t n_ready = 0; n_ready < 1 + REFUSING;) {
        bool looked;
        size_t n = qn_client_peers(client, peers, &looked);
        n_ready = 0;
        for (size_t i = 0; i < n; i++)
            n_ready += peers[i].ready;
        qn_loop_wait(loop);
    }
    size_t done = 0;
    struct rpc_call *calls[N];
    for (size_t i = 0; i < N; i++) {
        calls[i] = rpc_call_new(20000, &done);
        rpc_start_once(calls[i], client, i);
    }
    loop_fixture_run_until_count(&done, N, 30000);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        rpc_call_free(calls[i]);
    }
    rpc_close_client(client);
    for (size_t i = 0; i < REFUSING; i++)
        rpc_peer_end(&refusing[i], SIGKILL);
    rpc_peer_end(&good, SIGKILL);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_cancel(void **state)
{
    (void)state;
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "inproc://cancel"});
    struct qn_client *client = connect_to("inproc://cancel", 0);
    rpc_await_ready(loop, client, true);
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *at_once = rpc_call_new(5000, &done), *under_way = rpc_call_new(5000, &done);
    struct rpc_call *neighbour = rpc_call_new(5000, &done);
    rpc_start_many(at_once, client, 1);
    qn_request_cancel(&at_once->request);
    qn_request_cancel(&at_once->request); /* twice is once */
    assert_false(at_once->done);
    rpc_start_many(under_way, client, 2);
    rpc_start_many(neighbour, client, 3);
    loop_fixture_run_until_count(&rpc_service.n_calls, 2, 5000);
    qn_request_cancel(&under_way->request);
    assert_false(under_way->done);
    loop_fixture_run_until_count(&done, 2, 5000);
    assert_int_equal(at_once->request.status, QN_CANCELLED);
    assert_int_equal(under_way->request.status, QN_CANCELLED);
    assert_false(neighbour->done);
    rpc_service_release(false);
    rpc_await(neighbour);
    assert_int_equal(neighbour->request.status, QN_OK);
    assert_int_equal(rpc_many(neighbour)->number, 3);
    rpc_call_free(at_once);
    rpc_call_free(under_way);
    rpc_call_free(neighbour);
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void set_closed(void *context)
{
    *(bool *)context = true;
}

/* Both sides closed with calls in hand: requests end first; a handler may still answer, into nothing. */
static void test_close_with_calls_in_hand(void **state)
{
    (void)state;
    begin();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = "tcp://127.0.0.1:0"});
    struct qn_client *client = connect_to(qn_server_address(server), 0);
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *calls[10];
    for (size_t i = 0; i < 10; i++) {
        calls[i] = rpc_call_new(5000, &done);
        rpc_start_echo(calls[i], client, "x");
    }
    loop_fixture_run_until_count(&rpc_service.n_calls, 10, 5000);
    struct rpc_call *waiting = rpc_call_new(5000, &done);
    rpc_start_echo(waiting, client, "x");
    rpc_close_client(client);
    assert_int_equal(done, 11);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(calls[i]->request.status, QN_CANCELLED);
        rpc_call_free(calls[i]);
    }
    assert_int_equal(waiting->request.status, QN_CANCELLED);
    rpc_call_free(waiting);

    bool closed = false;
    qn_server_close(server, set_closed, &closed);
    for (int i = 0; i < 100; i++)
        qn_loop_turn(loop);
    assert_false(closed); /* calls keep their memory until they are answered */
    rpc_service_release(false);
    loop_fixture_run_until(&closed, 5000);
    rpc_expect_no_messages();
    loop_fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_server),
        cmocka_unit_test(test_deadline_while_waiting_for_a_context),
        cmocka_unit_test(test_too_long_a_queue),
        cmocka_unit_test(test_no_peer),
        cmocka_unit_test(test_no_peer_and_an_earlier_deadline),
        cmocka_unit_test(test_peer_appears_later),
        cmocka_unit_test(test_killed_midway),
        cmocka_unit_test(test_lost_then_refused),
        cmocka_unit_test(test_a_question_is_lost),
        cmocka_unit_test(test_stale_socket_is_removed),
        cmocka_unit_test(test_least_outstanding),
        cmocka_unit_test(test_not_executed_is_sent_elsewhere),
        cmocka_unit_test(test_most_do_not_execute),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_close_with_calls_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
