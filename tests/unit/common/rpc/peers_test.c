#include <stdio.h>

#include "common/core/check.h"
#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "common/rpc/peers.h"
#include "common/rpc/wire.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* The list of peers over nng's inproc transport: addresses that come and go, as from a name service, and
 * servers that answer greetings as the test wants. */

enum { HANG_MS = 30000, SERVERS_MAX = 4 };

struct server {
    struct qn_port *port;
    char url[64];
    bool draining, silent;
    struct qn_seat *held[64]; /* messages not answered yet */
    size_t n_held;
    bool gone;
};

static struct qn_loop *loop;
static struct qn_gate *gate;
static struct qn_peers *peers;
static struct server servers[SERVERS_MAX];
static size_t n_ready, n_lost, n_done;
static enum qn_trip_end last_end;

static void answer(struct server *server, struct qn_seat *seat)
{
    struct qn_message *message = qn_message_new(server->draining ? QN_WIRE_DRAINING_SIZE : 0);
    if (server->draining)
        qn_wire_add_draining(qn_message_bytes(message));
    qn_seat_answer(seat, message);
}

static void on_arrived(void *context, struct qn_seat *seat, struct qn_message *message)
{
    struct server *server = context;
    struct qn_wire_request request;
    assert_int_equal(qn_wire_read_request(qn_message_view(message), &request, NULL), QN_OK);
    if (request.goodbye)
        qn_seat_hang_up(seat);
    else if (request.method.len > 0 || server->silent)
        server->held[server->n_held++] = seat;
    else
        answer(server, seat);
    qn_message_free(message);
}

static void on_peers_changed(void *context)
{
    (void)context;
}

static void on_port_closed(void *context)
{
    ((struct server *)context)->gone = true;
}

static void serve(size_t i)
{
    struct server *server = &servers[i];
    *server = (struct server){0};
    snprintf(server->url, sizeof(server->url), "inproc://peers-%zu", i);
    struct qn_transport_options options = {.url = server->url, .contexts = 8, .message_max_bytes = 1000};
    struct qn_port_events events = {on_arrived, on_peers_changed, on_port_closed, server};
    struct qn_error err = {0};
    if (qn_port_open(gate, &options, &events, &server->port, &err) != QN_OK)
        fail_msg("%s", err.message);
}

static void on_ready(void *context)
{
    (void)context;
    n_ready++;
}

static void on_lost(void *context, struct qn_peer *peer)
{
    (void)context, (void)peer;
    n_lost++;
}

static void on_suspect(void *context, const char *url)
{
    (void)context, (void)url;
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_fixture_begin();
    n_ready = n_lost = n_done = 0;
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    struct qn_peers_options options = {.service = "test",
                                       .transport = {.contexts = 2, .message_max_bytes = 1000}};
    struct qn_peers_events events = {on_ready, on_lost, on_suspect, NULL};
    assert_int_equal(qn_peers_open(loop, gate, &options, &events, &peers), QN_OK);
    return 0;
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static int tear_down(void **state)
{
    (void)state;
    qn_peers_close(peers);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        if (servers[i].port != NULL)
            qn_port_close(servers[i].port);
        servers[i].port = NULL;
    }
    bool closed = false;
    qn_gate_close(gate, set_flag, &closed);
    loop_fixture_run_until(&closed, HANG_MS);
    qn_peers_free(peers);
    assert_int_equal(qn_message_live(), 0);
    loop_fixture_end();
    qn_metric_reset();
    return 0;
}

static void update(size_t from, size_t to)
{
    const char *urls[SERVERS_MAX];
    for (size_t i = from; i < to; i++)
        urls[i - from] = servers[i].url;
    qn_peers_update(peers, urls, to - from);
}

struct letter {
    struct qn_peer *peer;
    size_t n_calls;
};

static void on_done(void *context, enum qn_trip_end end, struct qn_message *message)
{
    struct letter *letter = context;
    struct qn_wire_response response = {0};
    if (message != NULL)
        assert_int_equal(qn_wire_read_response(qn_message_view(message), &response, NULL), QN_OK);
    qn_message_free(message);
    qn_peer_done(letter->peer, letter->n_calls, end, response.draining);
    last_end = end;
    n_done++;
}

/* Sends a message of so many calls to whom the list picks; the servers hold it. */
static struct letter send_calls(size_t n_calls)
{
    static struct letter letters[64];
    static size_t turn;
    struct letter *letter = &letters[turn++ % QN_COUNT(letters)];
    *letter = (struct letter){qn_peers_pick(peers, 0), n_calls};
    assert_non_null(letter->peer);
    struct qn_message *message = qn_message_new(qn_wire_request_size(1));
    qn_wire_put_request(qn_message_bytes(message), QN_STR("m"));
    qn_peer_send(letter->peer, message, n_calls, 20000, on_done, letter);
    return *letter;
}

static const char *pick_url(uint64_t avoid)
{
    struct qn_peer *peer = qn_peers_pick(peers, avoid);
    return peer != NULL ? qn_peer_url(peer) : "none";
}

static void test_greeted_before_used(void **state)
{
    (void)state;
    serve(0);
    servers[0].silent = true;
    update(0, 1);
    assert_false(qn_peers_any_ready(peers, 0));
    loop_fixture_run_until_count(&servers[0].n_held, 1, HANG_MS); /* the greeting */
    assert_string_equal(pick_url(0), "none");
    servers[0].silent = false;
    servers[0].n_held = 0;
    answer(&servers[0], servers[0].held[0]);
    loop_fixture_run_until_count(&n_ready, 1, HANG_MS);
    assert_string_equal(pick_url(0), servers[0].url);
}

static void test_fewest_calls(void **state)
{
    (void)state;
    serve(0);
    serve(1);
    update(0, 2);
    loop_fixture_run_until_count(&n_ready, 2, HANG_MS);
    struct letter big = send_calls(64);
    struct letter small = send_calls(1);
    assert_ptr_not_equal(big.peer, small.peer);
    struct letter next = send_calls(1); /* 1 is fewer than 64 */
    assert_ptr_equal(next.peer, small.peer);
    /* Both contexts of that one are taken; now the other, though it has more. */
    assert_string_equal(pick_url(0), qn_peer_url(big.peer));
    assert_string_equal(pick_url(qn_peer_id(big.peer)), "none");
    assert_true(qn_peers_any_ready(peers, qn_peer_id(big.peer)));
}

static void test_equals_take_turns(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        serve(i);
    update(0, 3);
    loop_fixture_run_until_count(&n_ready, 3, HANG_MS);
    const char *first = pick_url(0), *second = pick_url(0), *third = pick_url(0);
    assert_string_not_equal(first, second);
    assert_string_not_equal(second, third);
    assert_string_not_equal(first, third);
    assert_string_equal(pick_url(0), first);
}

/* Who executes nothing is asked only when there is nobody else, and for a moment only. */
static void test_shunned(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        serve(i);
    update(0, 3);
    loop_fixture_run_until_count(&n_ready, 3, HANG_MS);
    struct letter busy = send_calls(5);
    struct qn_peer *shunned[2];
    for (size_t i = 0; i < 2; i++) {
        shunned[i] = qn_peers_pick(peers, 0);
        assert_ptr_not_equal(shunned[i], busy.peer);
        qn_peers_shun(peers, qn_peer_id(shunned[i]));
    }
    assert_string_equal(pick_url(0), qn_peer_url(busy.peer)); /* though it has more to do */
    send_calls(1);
    assert_string_equal(pick_url(0), "none"); /* it has no context left, and is worth waiting for */
    assert_true(qn_peers_any_willing(peers, 0));
    assert_false(qn_peers_any_willing(peers, qn_peer_id(busy.peer)));
    qn_peers_shun(peers, qn_peer_id(busy.peer));
    assert_true(qn_peers_any_ready(peers, 0));
    assert_string_not_equal(pick_url(0), "none"); /* there is no better one */
    while (!qn_peers_any_willing(peers, 0))
        qn_loop_wait(loop);
}

/* As when a name resolves to others: a new address is used, a gone one is left once it has answered. */
static void test_addresses_come_and_go(void **state)
{
    (void)state;
    serve(0);
    serve(1);
    update(0, 1);
    loop_fixture_run_until_count(&n_ready, 1, HANG_MS);
    send_calls(1);
    loop_fixture_run_until_count(&servers[0].n_held, 1, HANG_MS);
    update(1, 2);
    loop_fixture_run_until_count(&n_ready, 2, HANG_MS);
    assert_string_equal(pick_url(0), servers[1].url);
    assert_string_equal(pick_url(0), servers[1].url);
    assert_int_equal(qn_port_peers(servers[0].port), 1); /* it still owes an answer */
    answer(&servers[0], servers[0].held[0]);
    loop_fixture_run_until_count(&n_done, 1, HANG_MS);
    assert_int_equal(last_end, QN_TRIP_ANSWERED);
    while (qn_port_peers(servers[0].port) > 0)
        qn_loop_wait(loop);
    /* It comes back. */
    update(0, 2);
    loop_fixture_run_until_count(&n_ready, 3, HANG_MS);
}

static void test_draining_peer_is_left(void **state)
{
    (void)state;
    serve(0);
    serve(1);
    update(0, 2);
    loop_fixture_run_until_count(&n_ready, 2, HANG_MS);
    struct letter letter = send_calls(1);
    struct server *one = strcmp(qn_peer_url(letter.peer), servers[0].url) == 0 ? &servers[0] : &servers[1];
    struct server *other = one == &servers[0] ? &servers[1] : &servers[0];
    loop_fixture_run_until_count(&one->n_held, 1, HANG_MS);
    one->draining = true;
    answer(one, one->held[0]);
    loop_fixture_run_until_count(&n_done, 1, HANG_MS);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(pick_url(0), other->url);
    while (qn_port_peers(one->port) > 0)
        qn_loop_wait(loop);
    /* Its address stays, and another process answers there: it is tried again after a while. */
    one->draining = false;
    loop_fixture_run_until_count(&n_ready, 3, HANG_MS);
}

/* An idle client asks now and then; that is how it learns. */
static void test_idle_client_learns_of_draining(void **state)
{
    (void)state;
    serve(0);
    update(0, 1);
    loop_fixture_run_until_count(&n_ready, 1, HANG_MS);
    servers[0].draining = true;
    while (qn_peers_any_ready(peers, 0))
        qn_loop_wait(loop);
    while (qn_port_peers(servers[0].port) > 0)
        qn_loop_wait(loop);
}

static void test_lost_peer(void **state)
{
    (void)state;
    serve(0);
    update(0, 1);
    loop_fixture_run_until_count(&n_ready, 1, HANG_MS);
    qn_port_close(servers[0].port);
    servers[0].port = NULL;
    loop_fixture_run_until_count(&n_lost, 1, HANG_MS);
    assert_false(qn_peers_any_ready(peers, 0));
    loop_fixture_run_until(&servers[0].gone, HANG_MS);
    serve(0); /* the line dials by itself */
    loop_fixture_run_until_count(&n_ready, 2, HANG_MS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_greeted_before_used),
        T(test_fewest_calls),
        T(test_equals_take_turns),
        T(test_shunned),
        T(test_addresses_come_and_go),
        T(test_draining_peer_is_left),
        T(test_idle_client_learns_of_draining),
        T(test_lost_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
