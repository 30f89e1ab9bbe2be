#include <stdlib.h>

#include "common/core/check.h"
#include "common/rpc/wire.h"
#include "rpc.pb-c.h"
#include "tests/harness/test.h"

/* The envelope by hand against the envelope by protobuf-c, in both directions. */

static struct qn_context full_context(void)
{
    struct qn_context ctx = {.request_id = QN_STR("r1"), .traceparent = QN_STR("00-ab-cd-01")};
    ctx.caller.known = true;
    ctx.caller.user_id = QN_STR("user");
    ctx.caller.session_id = QN_STR("session");
    ctx.caller.client_ip = QN_STR("192.0.2.1");
    ctx.caller.user_agent = QN_STR("Agent/1.0 ä");
    ctx.credentials.cookie = QN_STR("a=b");
    ctx.credentials.bearer = QN_STR("token");
    return ctx;
}

/* A Call without its timeout, written by hand. */
static struct qn_str written_call(const struct qn_context *ctx, struct qn_str payload, char *room)
{
    size_t size = qn_wire_call_size(ctx, payload.len);
    char *at, *end = qn_wire_put_call(room, ctx, payload.len, &at);
    assert_int_equal(end - room, size);
    memcpy(at, payload.ptr, payload.len);
    return qn_str_n(room, size);
}

static void test_request_is_read_by_protobuf_c(void **state)
{
    (void)state;
    char first[512], second[512], message[2048];
    struct qn_context ctx = full_context(), empty = {0};
    struct qn_str calls[] = {written_call(&ctx, QN_STR("payload"), first),
                             written_call(&empty, QN_STR(""), second)};
    uint32_t timeouts_ms[] = {10000, 1};
    struct qn_str method = QN_STR("quintet.auth.v1.AuthService/GetSession");
    size_t size = qn_wire_request_size(method.len);
    for (size_t i = 0; i < 2; i++)
        size += qn_wire_add_call_size(calls[i].len, timeouts_ms[i]);
    char *to = qn_wire_put_request(message, method);
    for (size_t i = 0; i < 2; i++)
        to = qn_wire_add_call(to, calls[i], timeouts_ms[i]);
    assert_int_equal(to - message, size);

    Quintet__Rpc__V1__Request *request =
        quintet__rpc__v1__request__unpack(NULL, size, (const uint8_t *)message);
    assert_non_null(request);
    assert_string_equal(request->method, method.ptr);
    assert_int_equal(request->n_calls, 2);
    const Quintet__Rpc__V1__Call *call = request->calls[0];
    assert_memory_equal(call->payload.data, "payload", 7);
    assert_int_equal(call->timeout_ms, 10000);
    assert_string_equal(call->request_id, "r1");
    assert_string_equal(call->traceparent, "00-ab-cd-01");
    assert_string_equal(call->caller->user_id, "user");
    assert_string_equal(call->caller->session_id, "session");
    assert_string_equal(call->caller->client_ip, "192.0.2.1");
    assert_string_equal(call->caller->user_agent, "Agent/1.0 ä");
    assert_string_equal(call->credentials->cookie, "a=b");
    assert_string_equal(call->credentials->bearer, "token");
    assert_null(request->calls[1]->caller);
    assert_null(request->calls[1]->credentials);
    assert_int_equal(request->calls[1]->timeout_ms, 1);
    quintet__rpc__v1__request__free_unpacked(request, NULL);
}

static void test_request_by_protobuf_c_is_read(void **state)
{
    (void)state;
    Quintet__Rpc__V1__Caller caller = QUINTET__RPC__V1__CALLER__INIT;
    caller.user_id = (char *)"user";
    caller.client_ip = (char *)"::1";
    Quintet__Rpc__V1__Credentials credentials = QUINTET__RPC__V1__CREDENTIALS__INIT;
    credentials.cookie = (char *)"c";
    Quintet__Rpc__V1__Call calls[2] = {QUINTET__RPC__V1__CALL__INIT, QUINTET__RPC__V1__CALL__INIT};
    Quintet__Rpc__V1__Call *pointers[] = {&calls[0], &calls[1]};
    calls[0].payload = (ProtobufCBinaryData){3, (uint8_t *)"abc"};
    calls[0].timeout_ms = UINT32_MAX;
    calls[0].request_id = (char *)"r";
    calls[0].caller = &caller;
    calls[0].credentials = &credentials;
    Quintet__Rpc__V1__Request request = QUINTET__RPC__V1__REQUEST__INIT;
    request.method = (char *)"s/m";
    request.n_calls = 2;
    request.calls = pointers;
    uint8_t bytes[256];
    size_t len = quintet__rpc__v1__request__pack(&request, bytes);

    struct qn_wire_request read;
    struct qn_wire_call call;
    assert_int_equal(qn_wire_read_request(qn_str_n((char *)bytes, len), &read, NULL), QN_OK);
    assert_str(read.method, "s/m");
    assert_int_equal(read.n_calls, 2);
    assert_false(read.goodbye);
    assert_true(qn_wire_next_call(&read, &call));
    assert_str(call.payload, "abc");
    assert_int_equal(call.timeout_ms, QN_WIRE_TIMEOUT_MAX_MS); /* cut */
    assert_str(call.ctx.request_id, "r");
    assert_true(call.ctx.caller.known);
    assert_str(call.ctx.caller.user_id, "user");
    assert_str(call.ctx.caller.client_ip, "::1");
    assert_str(call.ctx.credentials.cookie, "c");
    assert_true(qn_wire_next_call(&read, &call));
    assert_false(call.ctx.caller.known);
    assert_int_equal(call.payload.len, 0);
    assert_int_equal(call.timeout_ms, 0);
    assert_false(qn_wire_next_call(&read, &call));
    assert_false(qn_wire_next_call(&read, &call));
}

static void test_goodbye(void **state)
{
    (void)state;
    char bytes[QN_WIRE_GOODBYE_SIZE];
    assert_ptr_equal(qn_wire_put_goodbye(bytes), bytes + sizeof(bytes));
    struct qn_wire_request read;
    assert_int_equal(qn_wire_read_request(qn_str_n(bytes, sizeof(bytes)), &read, NULL), QN_OK);
    assert_true(read.goodbye);
    assert_int_equal(read.n_calls, 0);
}

/* Nobody known, but an address: it travels, and makes nobody known. */
static void test_address_without_a_user(void **state)
{
    (void)state;
    char room[128], message[256];
    struct qn_context ctx = {0};
    ctx.caller.client_ip = QN_STR("192.0.2.1");
    struct qn_str call = written_call(&ctx, QN_STR(""), room);
    char *end = qn_wire_add_call(message, call, 5);
    struct qn_wire_request read;
    struct qn_wire_call got;
    assert_int_equal(qn_wire_read_request(qn_str_n(message, (size_t)(end - message)), &read, NULL), QN_OK);
    assert_true(qn_wire_next_call(&read, &got));
    assert_false(got.ctx.caller.known);
    assert_str(got.ctx.caller.client_ip, "192.0.2.1");
}

/* A peer's count decides about no memory of ours. */
static void test_too_many_calls(void **state)
{
    (void)state;
    char bytes[2 * 65];
    for (size_t i = 0; i < 65; i++)
        memcpy(bytes + 2 * i, "\x12\x00", 2);
    struct qn_wire_request read = {.n_calls = 7};
    struct qn_error err = {0};
    assert_int_equal(qn_wire_read_request(qn_str_n(bytes, 128), &read, &err), QN_OK);
    assert_int_equal(read.n_calls, 64);
    read.n_calls = 7;
    assert_int_equal(qn_wire_read_request(qn_str_n(bytes, 130), &read, &err), QN_INVALID_ARGUMENT);
    assert_int_equal(read.n_calls, 7); /* as it was */
    for (size_t i = 0; i < 65; i++)
        memcpy(bytes + 2 * i, "\x0a\x00", 2);
    struct qn_wire_response response = {.n_results = 7};
    assert_int_equal(qn_wire_read_response(qn_str_n(bytes, 128), &response, &err), QN_OK);
    response.n_results = 7;
    assert_int_equal(qn_wire_read_response(qn_str_n(bytes, 130), &response, &err), QN_INVALID_ARGUMENT);
    assert_int_equal(response.n_results, 7);
}

static void test_result_is_read_by_protobuf_c(void **state)
{
    (void)state;
    static const struct qn_violation violations[] = {{"birth_date", "must be a date"}, {"bio", ""}};
    const struct qn_fault fault = {
        .status = QN_INVALID_ARGUMENT,
        .message = "nö",
        .reason = "BAD_FIELDS",
        .violations = violations,
        .n_violations = 2,
        .retry_after_ms = 1000,
        .not_executed = true,
    };
    const struct qn_str cookies[] = {QN_STR("a=1"), QN_STR("b=2")};
    const struct qn_wire_result results[] = {
        {.fault = &fault, .cookies = cookies, .n_cookies = 2},
        {.payload_len = 5},
        {0},
    };
    char message[1024], *to = message, *payload;
    for (size_t i = 0; i < QN_COUNT(results); i++) {
        char *end = qn_wire_add_result(to, &results[i], &payload);
        assert_int_equal(end - to, qn_wire_add_result_size(&results[i]));
        if (i == 1)
            memcpy(payload, "12345", 5);
        to = end;
    }
    to = qn_wire_add_draining(to);

    Quintet__Rpc__V1__Response *response =
        quintet__rpc__v1__response__unpack(NULL, (size_t)(to - message), (const uint8_t *)message);
    assert_non_null(response);
    assert_true(response->draining);
    assert_int_equal(response->n_results, 3);
    const Quintet__Rpc__V1__Result *result = response->results[0];
    assert_int_equal(result->status, 3);
    assert_string_equal(result->message, "nö");
    assert_string_equal(result->detail->reason, "BAD_FIELDS");
    assert_int_equal(result->detail->n_violations, 2);
    assert_string_equal(result->detail->violations[0]->field, "birth_date");
    assert_string_equal(result->detail->violations[0]->description, "must be a date");
    assert_int_equal(result->retry_after_ms, 1000);
    assert_true(result->not_executed);
    assert_int_equal(result->n_set_cookie, 2);
    assert_string_equal(result->set_cookie[1], "b=2");
    assert_int_equal(response->results[1]->status, 0);
    assert_int_equal(response->results[1]->payload.len, 5);
    assert_memory_equal(response->results[1]->payload.data, "12345", 5);
    quintet__rpc__v1__response__free_unpacked(response, NULL);
}

/* Our own text that is not UTF-8 would cost a whole message; it is left out. */
static void test_bad_text_is_left_out(void **state)
{
    (void)state;
    const struct qn_violation violation = {"f\xff", "d\xff"};
    const struct qn_fault fault = {.status = QN_INTERNAL,
                                   .message = "\xff",
                                   .reason = "\xff",
                                   .violations = &violation,
                                   .n_violations = 1};
    const struct qn_wire_result result = {.fault = &fault};
    char message[256], *payload;
    char *end = qn_wire_add_result(message, &result, &payload);
    assert_int_equal(end - message, qn_wire_add_result_size(&result));
    struct qn_wire_response response;
    assert_int_equal(qn_wire_read_response(qn_str_n(message, (size_t)(end - message)), &response, NULL),
                     QN_OK);
}

static void test_result_by_protobuf_c_is_read(void **state)
{
    (void)state;
    Quintet__Rpc__V1__FieldViolation violation = QUINTET__RPC__V1__FIELD_VIOLATION__INIT;
    violation.field = (char *)"f";
    Quintet__Rpc__V1__FieldViolation *violations[] = {&violation};
    Quintet__Rpc__V1__ErrorDetail detail = QUINTET__RPC__V1__ERROR_DETAIL__INIT;
    detail.reason = (char *)"WHY";
    detail.violations = violations;
    detail.n_violations = 1;
    char *cookies[10];
    for (size_t i = 0; i < QN_COUNT(cookies); i++)
        cookies[i] = (char *)"k=v";
    Quintet__Rpc__V1__Result result = QUINTET__RPC__V1__RESULT__INIT;
    result.status = 77; /* no status of ours */
    result.message = (char *)"m";
    result.detail = &detail;
    result.retry_after_ms = 9;
    result.set_cookie = cookies;
    result.n_set_cookie = QN_COUNT(cookies);
    result.payload = (ProtobufCBinaryData){2, (uint8_t *)"pp"};
    Quintet__Rpc__V1__Result *results[] = {&result};
    Quintet__Rpc__V1__Response response = QUINTET__RPC__V1__RESPONSE__INIT;
    response.results = results;
    response.n_results = 1;
    response.draining = true;
    uint8_t bytes[512];
    size_t len = quintet__rpc__v1__response__pack(&response, bytes);

    struct qn_wire_response read;
    struct qn_str one;
    struct qn_wire_answer answer;
    struct qn_arena arena;
    qn_arena_init(&arena, 10000);
    assert_int_equal(qn_wire_read_response(qn_str_n((char *)bytes, len), &read, NULL), QN_OK);
    assert_true(read.draining);
    assert_true(qn_wire_next_result(&read, &one));
    assert_int_equal(qn_wire_read_result(one, &arena, &answer), QN_OK);
    assert_int_equal(answer.status, QN_UNKNOWN);
    assert_str(answer.message, "m");
    assert_str(answer.reason, "WHY");
    assert_int_equal(answer.n_violations, 1);
    assert_string_equal(answer.violations[0].field, "f");
    assert_string_equal(answer.violations[0].description, "");
    assert_int_equal(answer.retry_after_ms, 9);
    assert_int_equal(answer.n_cookies, QN_WIRE_COOKIES_MAX);
    assert_str(answer.cookies[7], "k=v");
    assert_str(answer.payload, "pp");
    assert_false(qn_wire_next_result(&read, &one));
    qn_arena_fini(&arena);
    /* Every ceiling: all of it, or RESOURCE_EXHAUSTED. */
    for (size_t ceiling = 1; ceiling < 800; ceiling += 16) {
        assert_int_equal(qn_wire_read_response(qn_str_n((char *)bytes, len), &read, NULL), QN_OK);
        assert_true(qn_wire_next_result(&read, &one));
        qn_arena_init(&arena, ceiling);
        enum qn_status status = qn_wire_read_result(one, &arena, &answer);
        assert_true(status == QN_OK || status == QN_RESOURCE_EXHAUSTED);
        qn_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_is_read_by_protobuf_c),
        cmocka_unit_test(test_request_by_protobuf_c_is_read),
        cmocka_unit_test(test_goodbye),
        cmocka_unit_test(test_address_without_a_user),
        cmocka_unit_test(test_too_many_calls),
        cmocka_unit_test(test_result_is_read_by_protobuf_c),
        cmocka_unit_test(test_bad_text_is_left_out),
        cmocka_unit_test(test_result_by_protobuf_c_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
