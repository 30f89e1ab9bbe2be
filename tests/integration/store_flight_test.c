#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "store.qn.h"
#include "tests/harness/rounds.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* Single flight: what is asked for by several at once is asked of PostgreSQL once, and nobody sees an older
 * row for it than he would have seen by asking alone. */

static struct harness_store store;

#define STATEMENT      "session_with_profile"
#define GET_CHECKED    &quintet_store_v1_session_store_get_session_with_profile
#define CREATE_SESSION &quintet_store_v1_session_store_create_session
#define DELETE_SESSION &quintet_store_v1_session_store_delete_session
#define DELETE_PHOTO   &quintet_store_v1_photo_store_delete_photo

typedef Quintet__Store__V1__GetSessionWithProfileResponse Checked;

static struct harness_call *start_check(const char *token)
{
    Quintet__Store__V1__GetSessionWithProfileRequest in =
        QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_REQUEST__INIT;
    in.token = (char *)token;
    return harness_store_start(&store, GET_CHECKED, &in, NULL);
}

static struct harness_call *start_delete(const char *token)
{
    Quintet__Store__V1__DeleteSessionRequest in = QUINTET__STORE__V1__DELETE_SESSION_REQUEST__INIT;
    in.token = (char *)token;
    return harness_store_start(&store, DELETE_SESSION, &in, NULL);
}

static const char *found_token(const struct harness_call *call)
{
    if (call->request.status != QN_OK)
        fail_msg("a check ended with %s", qn_status_name(call->request.status));
    const Checked *out = call->request.out;
    return out->session ? out->session->token : NULL;
}

static void turn_over(struct qn_later *later)
{
    (void)later;
    qn_loop_stop(store.loop);
}

/* One turn of the loop: what has been started leaves. */
static void turn(void)
{
    struct qn_later later = {0};
    qn_later_start(store.loop, &later, turn_over);
    qn_loop_run(store.loop);
}

static double metric(const char *series)
{
    struct qn_buf text;
    qn_buf_init(&text, 1 << 20);
    qn_metric_render(&text);
    qn_buf_write_c(&text, "");
    const char *line = strstr(text.data, series);
    double value = line ? strtod(strchr(line, ' ') + 1, NULL) : 0;
    qn_buf_fini(&text);
    return value;
}

static double joined(void)
{
    return metric("\nquintet_profile_lookups_joined_total{statement=\"" STATEMENT "\"} ");
}

static double in_flight(void)
{
    return metric("\nquintet_rpc_server_in_flight ");
}

/* Forty look-ups in one message, by three keys. */
static void test_within_a_message(void **state)
{
    (void)state;
    char *tokens[3], *nobody = harness_store_id(&store);
    harness_store_user(&store, &tokens[0]);
    harness_store_user(&store, &tokens[1]);
    tokens[2] = nobody;
    double statements = harness_store_statements(STATEMENT), before = joined();
    struct harness_call *calls[40];
    for (size_t i = 0; i < QN_COUNT(calls); i++)
        calls[i] = start_check(tokens[i % 3]);
    harness_store_wait(&store);
    for (size_t i = 0; i < QN_COUNT(calls); i++) {
        const char *token = found_token(calls[i]);
        if (i % 3 == 2)
            assert_null(token);
        else
            assert_string_equal(token, tokens[i % 3]);
    }
    assert_float_equal(harness_store_statements(STATEMENT) - statements, 1, 0);
    assert_float_equal(joined() - before, 40 - 3, 0);
}

/* The one connection is taken by a write that waits for a lock: look-ups that come meanwhile, message after
 * message, wait as one statement. */
static void test_messages_join_what_waits(void **state)
{
    (void)state;
    enum { CALLS = 20, JOINED = CALLS - 2, HANG_MS = 60000 }; /* by two keys */
    char *token, *other, *user = harness_store_user(&store, &token);
    harness_store_user(&store, &other);
    double statements = harness_store_statements(STATEMENT), before = joined();
    harness_store_do(&store, "begin");
    harness_store_do(&store, "select 1 from \"user\" where id = '%s' for update", user);
    Quintet__Store__V1__DeletePhotoRequest in = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    in.user_id = user;
    in.photo_id = (char *)"none";
    harness_store_start(&store, DELETE_PHOTO, &in, NULL);
    harness_store_wait_until(&store, "select count(*) from pg_locks where not granted", 1);
    struct harness_call *calls[CALLS];
    for (size_t i = 0; i < QN_COUNT(calls); i++) {
        calls[i] = start_check(i % 2 ? other : token);
        turn();
    }
    uint64_t until_ms = qn_clock_now_ms() + HANG_MS;
    while (in_flight() < CALLS + 1) { /* each comes by a thread of nng's, when that has its turn */
        if (qn_clock_left_ms(until_ms) == 0)
            fail_msg("%.0f calls have arrived, not %d", in_flight(), CALLS + 1);
        turn();
    }
    harness_store_do(&store, "commit");
    harness_store_wait(&store);
    for (size_t i = 0; i < QN_COUNT(calls); i++)
        assert_string_equal(found_token(calls[i]), i % 2 ? other : token);
    assert_true(harness_store_statements(STATEMENT) - statements <= 2);
    assert_float_equal(joined() - before, JOINED, 0);
}

/* Somebody signs out while others ask for the session all the time, and looks as soon as that was
 * acknowledged: it is gone. A check that joined a statement which had been sent before would still see it: a
 * row takes some milliseconds to read here, after the statement's snapshot was taken. */
static void test_an_acknowledged_delete_is_seen(void **state)
{
    (void)state;
    enum { CHECKS_AT_ONCE = 16 };
    size_t n_rounds = harness_rounds(150, 20000), stale = 0;
    char *user = harness_store_user(&store, NULL);
    for (size_t round = 0; round < n_rounds; round++) {
        Quintet__Store__V1__Session session = QUINTET__STORE__V1__SESSION__INIT;
        Quintet__Store__V1__CreateSessionRequest in = QUINTET__STORE__V1__CREATE_SESSION_REQUEST__INIT;
        session.id = harness_store_id(&store);
        session.user_id = user;
        session.token = harness_store_id(&store);
        session.created_at_ms = session.updated_at_ms = session.expires_at_ms = 1795407356001;
        session.user_agent = session.ip_address = (char *)"";
        in.session = &session;
        harness_store_ask(&store, CREATE_SESSION, &in, NULL);
        struct harness_call *delete = start_delete(session.token);
        while (!delete->answered) {
            if (store.outstanding < CHECKS_AT_ONCE) /* so that some are under way at any time */
                start_check(session.token);
            turn();
        }
        assert_int_equal(delete->request.status, QN_OK);
        struct harness_call *check = start_check(session.token); /* at once */
        while (!check->answered)
            turn();
        stale += found_token(check) != NULL;
    }
    harness_store_wait(&store);
    assert_int_equal(stale, 0);
}

HARNESS_STORE_SETUP(open_ours, HARNESS_OURS)

/* Rows that take their time. */
static int open_slow(void **state)
{
    open_ours(state);
    harness_store_do(&store, "alter table session rename to session_row;"
                             "create view session as select * from session_row"
                             " where pg_sleep(0.003) is not null;"
                             "grant select, insert, update, delete on session to quintet");
    return 0;
}

static int open_lone(void **state)
{
    (void)state;
    harness_store_open_with(&store, HARNESS_OURS, "&connection_limit=1");
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    harness_store_close(&store);
    return 0;
}

int main(void)
{
    const struct CMUnitTest usual[] = {cmocka_unit_test(test_within_a_message)};
    const struct CMUnitTest slow[] = {cmocka_unit_test(test_an_acknowledged_delete_is_seen)};
    const struct CMUnitTest lone[] = {cmocka_unit_test(test_messages_join_what_waits)};
    return cmocka_run_group_tests_name("five connections", usual, open_ours, close_store) +
           cmocka_run_group_tests_name("slow rows", slow, open_slow, close_store) +
           cmocka_run_group_tests_name("one connection", lone, open_lone, close_store);
}
