#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/rpc.h"

/* One process, both sides on one loop, over each transport. */

static const char *const listens[] = {"inproc://echo", NULL, "tcp://127.0.0.1:0", "tcp://[::1]:0"};

static const char *listen_address(size_t i)
{
    return listens[i] != NULL ? listens[i] : rpc_text("ipc://%s/echo", rpc_folder());
}

static void echo_over(const char *listen, const char *address)
{
    struct qn_loop *loop = loop_fixture_begin();
    rpc_service_reset();
    struct qn_server *server = rpc_serve(loop, &(struct qn_server_options){.listen = listen});
    struct qn_client *client = rpc_connect(
        loop, &(struct qn_client_options){.address = address != NULL ? address : qn_server_address(server)});
    struct rpc_call *call = rpc_call_new(5000, NULL);
    call->ctx.caller.known = true;
    call->ctx.caller.user_id = QN_STR("u1");
    call->ctx.credentials.bearer = QN_STR("token");
    rpc_start_echo(call, client, "hällo");
    rpc_await(call);
    assert_int_equal(call->request.status, QN_OK);
    assert_string_equal(rpc_echo(call)->text, "hällo");
    assert_string_equal(rpc_echo(call)->user_id, "u1");
    assert_string_equal(rpc_echo(call)->bearer, "token");
    assert_string_equal(rpc_echo(call)->request_id, "test-request");
    assert_in_range(rpc_echo(call)->left_ms, 1, 5000);
    rpc_call_free(call);
    rpc_close_client(client);
    rpc_close_server(server);
    rpc_expect_no_messages();
    loop_fixture_end();
}

static void test_every_transport(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(listens); i++)
        echo_over(listen_address(i), NULL);
    echo_over(listen_address(1), listen_address(1)); /* by its folder */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_transport)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
