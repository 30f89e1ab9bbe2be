/* GetSession and GetSessionWithProfileCheck: which session a request shows, and that looking never writes. */
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/rows.h"
#include "tests/harness/test.h"
#include "tests/integration/auth_fixture.h"

#define STATE(name) QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_##name
#define NEXT(name)  QUINTET__AUTH__V1__NEXT_STEP__NEXT_STEP_##name

/* A session of rows.json whose row is still there, and pieces of its cookie. */
#define TOKEN     "64mcRMplVxpY4AtfnBvIxfcczaLgIwqe"
#define SIGNATURE "NGgaQWVcJ/EpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc="
#define COOKIE    "better-auth.session_token=" TOKEN ".NGgaQWVcJ%2FEpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc%3D"
#define ALICE     "oxQm2t4mzhoZrVRpl3yOk2FXard8ipIa"
/* Of a session whose row was recorded as expired, and of one whose row has gone. */
#define EXPIRED_COOKIE                                                                                       \
    "better-auth.session_token=Aii8lMhZe7yK4D5kihEz2Y36dEDubviY."                                            \
    "JrXOKx7ZRA4rQK3hWmUlUvAaBRTkq90dCRYj2hqBh9U%3D"
#define GONE_COOKIE                                                                                          \
    "better-auth.session_token=woGOWoDqNLuqoBxhKz2FX0VNc7Qmgtpc."                                            \
    "PtMOnPX61nXgOTZO539HwFvTExo4JwmmHSDwiMPryBA%3D"
#define FORGED_COOKIE "better-auth.session_token=" TOKEN ".yEkOladEX5UiE9OQwn1xWow1ZUf1BNfkyIam1YSpXC4%3D"

static struct auth_fixture fixture;

static int connect_test(void **state)
{
    (void)state;
    auth_fixture_connect(&fixture);
    return 0;
}

static int disconnect_test(void **state)
{
    (void)state;
    auth_fixture_disconnect(&fixture);
    return 0;
}

static int state_of(const char *cookie, const char *bearer)
{
    struct auth_call call = {.cookie = cookie, .bearer = bearer};
    const Quintet__Auth__V1__GetSessionResponse *out = auth_fixture_get_session(&fixture, &call);
    int state = out->state;
    assert_int_equal(out->session != NULL, state == STATE(LIVE));
    assert_int_equal(out->user != NULL, state == STATE(LIVE));
    assert_int_equal(call.request.n_set_cookies, 0); /* never: that is for those who may set cookies */
    auth_fixture_forget(&call);
    return state;
}

/* Every cookie that Better Auth gave out opens its session here, as long as the row is there. */
static void test_recorded_cookies(void **state)
{
    (void)state;
    const struct qn_json *sessions = harness_rows_table("session"),
                         *users = harness_rows_member(harness_rows(), "users");
    size_t live = 0, expired = 0, gone = 0;
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *given = harness_rows_member(&users->items[i], "sessions");
        for (size_t k = 0; k < given->n_items; k++) {
            struct qn_str token = harness_rows_text(&given->items[k], "token");
            struct qn_str value =
                harness_rows_text(&harness_rows_member(&given->items[k], "cookies")->items[0], "value");
            const struct qn_json *row = NULL;
            for (size_t r = 0; r < sessions->n_items; r++)
                if (qn_str_eq(harness_rows_text(&sessions->items[r], "token"), token))
                    row = &sessions->items[r];
            /* Given out over https under the other name; the signature is the same. */
            struct auth_call call = {
                .cookie = harness_text("theme=dark; better-auth.session_token=%.*s", QN_STR_ARG(value))};
            const Quintet__Auth__V1__GetSessionResponse *out = auth_fixture_get_session(&fixture, &call);
            if (row == NULL) {
                assert_int_equal(out->state, STATE(UNKNOWN));
                gone++;
            } else if (out->state == STATE(EXPIRED)) {
                expired++;
            } else {
                assert_int_equal(out->state, STATE(LIVE));
                assert_str(token, out->session->token);
                assert_str(harness_rows_text(row, "id"), out->session->id);
                assert_str(harness_rows_text(row, "ipAddress"), out->session->ip_address);
                assert_str(harness_rows_text(row, "userAgent"), out->session->user_agent);
                assert_str(harness_rows_text(&users->items[i], "userId"), out->user->id);
                int64_t created_ms;
                assert_true(qn_time_parse(harness_rows_text(row, "createdAt"), &created_ms));
                assert_int_equal(out->session->created_at->seconds * 1000 +
                                     out->session->created_at->nanos / 1000000,
                                 created_ms);
                live++;
            }
            auth_fixture_forget(&call);
        }
    }
    assert_int_equal(live, 18);
    assert_int_equal(expired, 1);
    assert_int_equal(gone, 1);
}

static void test_states(void **state)
{
    (void)state;
    assert_int_equal(state_of(COOKIE, ""), STATE(LIVE));
    assert_int_equal(state_of("better-auth.session_token=" TOKEN "." SIGNATURE, ""), STATE(LIVE));
    assert_int_equal(state_of("better-auth.session_token=\"" TOKEN "." SIGNATURE "\"", ""), STATE(LIVE));
    assert_int_equal(state_of("", TOKEN), STATE(LIVE));
    assert_int_equal(state_of("", TOKEN "." SIGNATURE), STATE(LIVE));
    assert_int_equal(state_of(GONE_COOKIE, TOKEN), STATE(LIVE)); /* the bearer goes first */
    assert_int_equal(state_of("", ""), STATE(NONE));
    assert_int_equal(state_of("theme=dark", ""), STATE(NONE));
    assert_int_equal(state_of("__Secure-" COOKIE, ""), STATE(NONE));
    assert_int_equal(state_of(EXPIRED_COOKIE, ""), STATE(EXPIRED));
    assert_int_equal(state_of(GONE_COOKIE, ""), STATE(UNKNOWN));
    assert_int_equal(state_of("", "nope"), STATE(UNKNOWN));
    assert_int_equal(state_of("", "' or 1=1 --"), STATE(UNKNOWN));
    assert_int_equal(state_of(FORGED_COOKIE, ""), STATE(BAD_SIGNATURE));
    assert_int_equal(state_of("better-auth.session_token=" TOKEN, ""), STATE(BAD_SIGNATURE));
    assert_int_equal(state_of("better-auth.session_token=%00%ff." SIGNATURE, ""), STATE(BAD_SIGNATURE));
    for (size_t len = strlen("better-auth.session_token=") + 1; len < strlen(COOKIE); len++)
        assert_int_equal(state_of(harness_text("%.*s", (int)len, COOKIE), ""), STATE(BAD_SIGNATURE));
}

/* Its last second, as the row has it. */
static void test_expiry_is_judged_by_the_row(void **state)
{
    (void)state;
    harness_postgres_do(fixture.admin,
                        "update public.session set \"expiresAt\" = \"expiresAt\" - interval '7 days 1 hour' "
                        "where token = '" TOKEN "'");
    assert_int_equal(state_of(COOKIE, ""), STATE(EXPIRED));
    struct auth_call call = {.cookie = COOKIE};
    assert_false(auth_fixture_check(&fixture, &call)->authenticated);
    auth_fixture_forget(&call);
    harness_postgres_do(fixture.admin,
                        "update public.session set \"expiresAt\" = \"expiresAt\" + interval '7 days 1 hour' "
                        "where token = '" TOKEN "'");
    assert_int_equal(state_of(COOKIE, ""), STATE(LIVE));
}

static void expect_sign_in(const char *cookie)
{
    struct auth_call call = {.cookie = cookie};
    const Quintet__Auth__V1__GetSessionWithProfileCheckResponse *out = auth_fixture_check(&fixture, &call);
    assert_false(out->authenticated);
    assert_false(out->profile_complete);
    assert_null(out->session);
    assert_null(out->user);
    assert_int_equal(out->n_missing_fields, 0);
    assert_int_equal(out->next_step, NEXT(SIGN_IN));
    assert_string_equal(out->next_path, "/signin");
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
}

static void expect_create(const char *const *missing, size_t n_missing)
{
    struct auth_call call = {.cookie = COOKIE};
    const Quintet__Auth__V1__GetSessionWithProfileCheckResponse *out = auth_fixture_check(&fixture, &call);
    assert_true(out->authenticated);
    assert_false(out->profile_complete);
    assert_string_equal(out->user->id, ALICE);
    assert_string_equal(out->session->token, TOKEN);
    assert_int_equal(out->n_missing_fields, n_missing);
    for (size_t i = 0; i < n_missing; i++)
        assert_string_equal(out->missing_fields[i], missing[i]);
    assert_int_equal(out->next_step, NEXT(CREATE_PROFILE));
    assert_string_equal(out->next_path, "/create");
    auth_fixture_forget(&call);
}

/* The whole answer that a page needs, on the user's way: not signed in, no profile, half a profile, a whole
 * one. */
static void test_profile_check(void **state)
{
    (void)state;
    expect_sign_in("");
    expect_sign_in(FORGED_COOKIE);
    expect_sign_in(EXPIRED_COOKIE);
    expect_sign_in(GONE_COOKIE);

    static const char *const all[] = {"display_name", "birth_date", "gender", "city", "bio", "photos"};
    expect_create(all, QN_COUNT(all));
    harness_postgres_do(fixture.admin,
                        "insert into quintet.profile (user_id, display_name, gender, created_at, updated_at) "
                        "values ('" ALICE "', 'Alice', 'female', now(), now())");
    static const char *const half[] = {"birth_date", "city", "bio", "photos"};
    expect_create(half, QN_COUNT(half));
    harness_postgres_do(fixture.admin,
                        "update quintet.profile set birth_date = '1990-02-03', city = 'Utrecht', bio = 'Hi'");
    static const char *const photos[] = {"photos"};
    expect_create(photos, QN_COUNT(photos));
    harness_postgres_do(
        fixture.admin,
        "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main, "
        "created_at, expires_at) values ('p', '" ALICE "', 'k', 'image/png', 10, true, true, now(), now())");

    struct auth_call call = {.cookie = COOKIE};
    const Quintet__Auth__V1__GetSessionWithProfileCheckResponse *out = auth_fixture_check(&fixture, &call);
    assert_true(out->authenticated);
    assert_true(out->profile_complete);
    assert_int_equal(out->n_missing_fields, 0);
    assert_int_equal(out->next_step, NEXT(NONE));
    assert_string_equal(out->next_path, "");
    auth_fixture_forget(&call);
}

/* What changes with any write to a row, even one that writes the same again. */
static char *fingerprint(void)
{
    PGresult *result =
        PQexec(fixture.admin, "select md5(string_agg(part, ',' order by part)) from ("
                              " select concat('u', ctid, xmin, t) part from public.\"user\" t union all"
                              " select concat('s', ctid, xmin, t) from public.session t union all"
                              " select concat('a', ctid, xmin, t) from public.account t union all"
                              " select concat('p', ctid, xmin, t) from quintet.profile t union all"
                              " select concat('f', ctid, xmin, t) from quintet.photo t) all_rows");
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    char *text = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

/* A transaction that writes gets an id of its own; reading ones do not. Only the services and this look-up
 * are connected. */
static long next_transaction(void)
{
    return auth_fixture_number(&fixture, "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint");
}

static void test_reading_never_writes(void **state)
{
    (void)state;
    char *before = fingerprint();
    long transaction = next_transaction();
    static const char *const cookies[] = {COOKIE, EXPIRED_COOKIE, GONE_COOKIE, FORGED_COOKIE, ""};
    for (size_t i = 0; i < QN_COUNT(cookies); i++) {
        struct auth_call session = {.cookie = cookies[i]}, check = {.cookie = cookies[i]};
        auth_fixture_get_session(&fixture, &session);
        auth_fixture_check(&fixture, &check);
        auth_fixture_forget(&session);
        auth_fixture_forget(&check);
    }
    assert_int_equal(next_transaction(), transaction);
    char *after = fingerprint();
    assert_string_equal(after, before);
    free(before);
    free(after);
    /* The instrument itself: a write moves it. */
    harness_postgres_do(fixture.admin, "update public.\"user\" set name = name where id = '" ALICE "'");
    assert_true(next_transaction() > transaction);
}

/* What profile has been asked by way of GetSession: calls, and the messages that they came in. */
static double store_asked(const char *what)
{
    double value = harness_service_metric(
        fixture.profile,
        harness_text("quintet_rpc_batch_calls_%s{method=\"quintet.store.v1.SessionStore/GetSession\"}",
                     what));
    return value < 0 ? 0 : value;
}

/* Many calls of one turn travel together, to auth and on to profile, and are answered each for itself; for
 * what is not well signed the store is not asked at all. */
static void test_many_at_once(void **state)
{
    (void)state;
    enum { CALLS = 192, MESSAGES = 3 }; /* of 64 */
    static const struct {
        const char *cookie;
        int state;
    } kinds[] = {{COOKIE, STATE(LIVE)},
                 {FORGED_COOKIE, STATE(BAD_SIGNATURE)},
                 {EXPIRED_COOKIE, STATE(EXPIRED)},
                 {"", STATE(NONE)},
                 {GONE_COOKIE, STATE(UNKNOWN)},
                 {"better-auth.session_token=cNqwI4L6WlOSvHvtppsRiV1knjiU25W2."
                  "yEkOladEX5UiE9OQwn1xWow1ZUf1BNfkyIam1YSpXC4%3D",
                  STATE(LIVE)}};
    struct auth_call *calls = calloc(CALLS, sizeof(*calls));
    assert_non_null(calls);
    size_t n_done = 0;
    double asked = store_asked("sum"), messages = store_asked("count");
    Quintet__Auth__V1__GetSessionRequest in = QUINTET__AUTH__V1__GET_SESSION_REQUEST__INIT;
    for (size_t i = 0; i < CALLS; i++) {
        calls[i].cookie = kinds[i % QN_COUNT(kinds)].cookie;
        calls[i].n_done = &n_done;
        auth_fixture_start_call(&fixture, &calls[i], &quintet_auth_v1_auth_service_get_session, &in);
    }
    loop_fixture_run_until_count(&n_done, CALLS, 60000);
    for (size_t i = 0; i < CALLS; i++) {
        auth_fixture_expect(&calls[i], QN_OK, NULL);
        const Quintet__Auth__V1__GetSessionResponse *out = calls[i].request.out;
        assert_int_equal(out->state, kinds[i % QN_COUNT(kinds)].state);
        if (i % QN_COUNT(kinds) == 0)
            assert_string_equal(out->session->token, TOKEN);
        if (i % QN_COUNT(kinds) == 5)
            assert_string_equal(out->session->token, "cNqwI4L6WlOSvHvtppsRiV1knjiU25W2");
        auth_fixture_forget(&calls[i]);
    }
    free(calls);
    assert_float_equal(store_asked("sum") - asked, CALLS / QN_COUNT(kinds) * 4, 0);
    assert_in_range(store_asked("count") - messages, 1, MESSAGES);
}

static int start(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_KYSELY, NULL);
    return 0;
}

static int start_prisma(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_PRISMA, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    auth_fixture_stop(&fixture);
    return 0;
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_test, disconnect_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECTED(test_recorded_cookies),
        CONNECTED(test_states),
        CONNECTED(test_expiry_is_judged_by_the_row),
        CONNECTED(test_profile_check),
        CONNECTED(test_reading_never_writes),
        CONNECTED(test_many_at_once),
    };
    return cmocka_run_group_tests_name("tables of Better Auth", tests, start, stop) +
           cmocka_run_group_tests_name("tables of Prisma", tests, start_prisma, stop);
}
