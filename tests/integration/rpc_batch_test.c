#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/metric.h"
#include "common/loop/timer.h"
#include "tests/harness/rpc.h"

/* What travels together, what travels alone, and thousands at once. */

static struct qn_loop *loop;
static struct qn_server *server;
static struct qn_client *client;

static void begin(const struct qn_server_options *server_options, const struct qn_client_options *options)
{
    loop = loop_fixture_begin();
    rpc_service_reset();
    struct qn_server_options serve = *server_options;
    serve.listen = "tcp://127.0.0.1:0";
    server = rpc_serve(loop, &serve);
    struct qn_client_options connect = *options;
    connect.address = qn_server_address(server);
    client = rpc_connect(loop, &connect);
    rpc_await_ready(loop, client, true);
}

static void end(void)
{
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

#define begin_plain() begin(&(struct qn_server_options){0}, &(struct qn_client_options){0})

/* Starts n batchable calls in one turn and waits for all. */
static void run_many(size_t n, struct rpc_call **calls)
{
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        calls[i] = rpc_call_new(20000, &done);
        rpc_start_many(calls[i], client, i);
    }
    loop_fixture_run_until_count(&done, n, 30000);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        assert_int_equal(rpc_many(calls[i])->number, i); /* each its own answer */
    }
}

static void test_calls_of_one_turn_are_one_message(void **state)
{
    (void)state;
    begin_plain();
    struct rpc_call *calls[40];
    run_many(40, calls);
    assert_int_equal(rpc_service.n_messages, 1);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(rpc_many(calls[i])->together, 40);
        rpc_call_free(calls[i]);
    }
    end();
}

static void test_a_message_holds_64_calls(void **state)
{
    (void)state;
    begin_plain();
    struct rpc_call *calls[130];
    run_many(130, calls);
    assert_int_equal(rpc_service.n_messages, 3);
    assert_int_equal(rpc_service.largest_batch, 64);
    for (size_t i = 0; i < 130; i++)
        rpc_call_free(calls[i]);
    end();
}

/* 10 calls of 60 KB: four fit into 256 KiB. */
static void test_a_message_closes_at_256_kib(void **state)
{
    (void)state;
    begin_plain();
    size_t done = 0;
    struct rpc_call *calls[10];
    uint8_t *data = calloc(1, 60000);
    for (size_t i = 0; i < 10; i++) {
        calls[i] = rpc_call_new(20000, &done);
        Quintet__Rpctest__V1__EchoManyRequest in = QUINTET__RPCTEST__V1__ECHO_MANY_REQUEST__INIT;
        in.number = i;
        in.data = (ProtobufCBinaryData){60000, data};
        rpc_start(calls[i], client, &quintet_rpctest_v1_test_service_echo_many, &in);
    }
    free(data);
    loop_fixture_run_until_count(&done, 10, 30000);
    assert_int_equal(rpc_service.n_messages, 3);
    assert_int_equal(rpc_service.largest_batch, 4);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        rpc_call_free(calls[i]);
    }
    end();
}

/* While the only context is busy, what comes meanwhile gathers and leaves together. */
static void test_batch_grows_while_contexts_are_busy(void **state)
{
    (void)state;
    begin(&(struct qn_server_options){0}, &(struct qn_client_options){.contexts = 1});
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *first = rpc_call_new(20000, &done);
    rpc_start_many(first, client, 0);
    loop_fixture_run_until_count(&rpc_service.n_messages, 1, 10000);
    struct rpc_call *calls[30];
    for (size_t i = 0; i < 30; i++) {
        calls[i] = rpc_call_new(20000, &done);
        rpc_start_many(calls[i], client, i);
        qn_loop_turn(loop); /* each in a turn of its own */
    }
    rpc_service.hold = false;
    rpc_service_release(false);
    loop_fixture_run_until_count(&done, 31, 20000);
    assert_int_equal(rpc_service.n_messages, 2);
    assert_int_equal(rpc_many(calls[0])->together, 30);
    for (size_t i = 0; i < 30; i++)
        rpc_call_free(calls[i]);
    rpc_call_free(first);
    end();
}

/* A flood of sign-ins, each waiting for its hash, had all contexts of the gateway, and 1,000 session checks a
 * second went where there had been 30,000. */
static void test_a_slow_method_holds_up_no_other(void **state)
{
    (void)state;
    enum { N = 150, HALF = 32 };
    begin_plain();
    rpc_service.hold = true;
    size_t done = 0, quick_done = 0;
    struct rpc_call *slow[N];
    for (size_t i = 0; i < N; i++) {
        slow[i] = rpc_call_new(60000, &done);
        rpc_start_once(slow[i], client, i);
    }
    loop_fixture_run_until_count(&rpc_service.n_calls, HALF, 20000);
    rpc_service.hold = false;
    struct rpc_call *quick = rpc_call_new(20000, &quick_done), *many = rpc_call_new(20000, &quick_done);
    rpc_start_echo(quick, client, "quick");
    rpc_start_many(many, client, 1);
    loop_fixture_run_until_count(&quick_done, 2, 20000);
    assert_int_equal(quick->request.status, QN_OK);
    assert_int_equal(many->request.status, QN_OK);
    assert_int_equal(done, 0);
    assert_int_equal(rpc_service_held(), HALF);
    rpc_service_release(false);
    loop_fixture_run_until_count(&done, N, 20000);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(slow[i]->request.status, QN_OK);
        rpc_call_free(slow[i]);
    }
    rpc_call_free(quick);
    rpc_call_free(many);
    end();
}

static void test_other_methods_travel_alone(void **state)
{
    (void)state;
    begin_plain();
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *calls[20];
    for (size_t i = 0; i < 20; i++) {
        calls[i] = rpc_call_new(20000, &done);
        rpc_start_echo(calls[i], client, "x");
    }
    loop_fixture_run_until_count(&rpc_service.n_calls, 20, 10000);
    /* Answered one by one, backwards: no answer waits for another of its message. */
    rpc_service_release(true);
    loop_fixture_run_until_count(&done, 20, 10000);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        rpc_call_free(calls[i]);
    }
    end();
}

/* Answers of a batch may come in any order; each goes to its own call. */
static void test_batch_answered_backwards(void **state)
{
    (void)state;
    begin_plain();
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *calls[10];
    for (size_t i = 0; i < 10; i++) {
        calls[i] = rpc_call_new(20000, &done);
        rpc_start_many(calls[i], client, 100 + i);
    }
    loop_fixture_run_until_count(&rpc_service.n_calls, 10, 10000);
    rpc_service_release(true);
    loop_fixture_run_until_count(&done, 10, 10000);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(rpc_many(calls[i])->number, 100 + i);
        rpc_call_free(calls[i]);
    }
    end();
}

/* In waves, so that starts and answers mix. */
struct wave {
    size_t left, done;
    struct rpc_call *calls[5000];
};

static void test_thousands_of_concurrent_calls(void **state)
{
    (void)state;
    begin_plain();
    static struct wave wave;
    wave = (struct wave){0};
    for (size_t i = 0; i < QN_COUNT(wave.calls); i++) {
        wave.calls[i] = rpc_call_new(60000, &wave.done);
        if (i % 2 == 0)
            rpc_start_many(wave.calls[i], client, i);
        else
            rpc_start_echo(wave.calls[i], client, rpc_text("%zu", i % 1000));
        if (i % 100 == 99)
            qn_loop_turn(loop);
    }
    loop_fixture_run_until_count(&wave.done, QN_COUNT(wave.calls), 60000);
    for (size_t i = 0; i < QN_COUNT(wave.calls); i++) {
        struct rpc_call *call = wave.calls[i];
        assert_int_equal(call->request.status, QN_OK);
        if (i % 2 == 0)
            assert_int_equal(rpc_many(call)->number, i);
        else
            assert_int_equal(strtoul(rpc_echo(call)->text, NULL, 10), i % 1000);
        rpc_call_free(call);
    }
    assert_int_equal(rpc_service.n_calls, QN_COUNT(wave.calls)); /* none twice */
    end();
}

static void test_queue_has_a_ceiling(void **state)
{
    (void)state;
    begin(&(struct qn_server_options){0}, &(struct qn_client_options){.contexts = 1, .queue_max = 5});
    rpc_service.hold = true;
    size_t done = 0;
    struct rpc_call *calls[10];
    for (size_t i = 0; i < 10; i++) {
        calls[i] = rpc_call_new(20000, &done);
        rpc_start_echo(calls[i], client, "x");
    }
    loop_fixture_run_until_count(&done, 5, 10000); /* five wait, five were one too many */
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(calls[i]->done ? calls[i]->request.status : QN_OK,
                         i < 5 ? QN_OK : QN_RESOURCE_EXHAUSTED);
    rpc_service.hold = false;
    loop_fixture_run_until_count(&rpc_service.n_calls, 1, 10000);
    rpc_service_release(false);
    loop_fixture_run_until_count(&done, 10, 10000);
    for (size_t i = 0; i < 10; i++)
        rpc_call_free(calls[i]);
    end();
}

static double batch_count(const char *series)
{
    struct qn_buf text;
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    const char *at = strstr(qn_buf_view(&text).ptr, series);
    double value = at != NULL ? strtod(at + strlen(series), NULL) : -1;
    qn_buf_fini(&text);
    return value;
}

static void test_metrics_say_what_happened(void **state)
{
    (void)state;
    qn_metric_reset();
    begin_plain();
    struct rpc_call *calls[12];
    run_many(12, calls);
    for (size_t i = 0; i < 12; i++)
        rpc_call_free(calls[i]);
#define PATH "quintet.rpctest.v1.TestService/EchoMany"
    assert_int_equal(batch_count("quintet_rpc_server_calls_total{method=\"" PATH "\",code=\"ok\"} "), 12);
    assert_int_equal(
        batch_count("quintet_rpc_client_calls_total{service=\"test\",method=\"" PATH "\",code=\"ok\"} "), 12);
    assert_int_equal(batch_count("quintet_rpc_batch_calls_sum{method=\"" PATH "\"} "), 12);
    assert_int_equal(batch_count("quintet_rpc_batch_calls_count{method=\"" PATH "\"} "), 1);
    assert_int_equal(batch_count("quintet_rpc_server_seconds_count{method=\"" PATH "\"} "), 12);
    assert_int_equal(batch_count("quintet_rpc_server_in_flight "), 0);
    assert_int_equal(batch_count("quintet_rpc_client_peers{service=\"test\"} "), 1);
    assert_int_equal(batch_count("quintet_rpc_client_waiting{service=\"test\"} "), 0);
    end();
    assert_int_equal(batch_count("quintet_rpc_client_peers{service=\"test\"} "), 0);
    qn_metric_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_of_one_turn_are_one_message),
        cmocka_unit_test(test_a_message_holds_64_calls),
        cmocka_unit_test(test_a_message_closes_at_256_kib),
        cmocka_unit_test(test_batch_grows_while_contexts_are_busy),
        cmocka_unit_test(test_a_slow_method_holds_up_no_other),
        cmocka_unit_test(test_other_methods_travel_alone),
        cmocka_unit_test(test_batch_answered_backwards),
        cmocka_unit_test(test_thousands_of_concurrent_calls),
        cmocka_unit_test(test_queue_has_a_ceiling),
        cmocka_unit_test(test_metrics_say_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
