#include "common/core/check.h"
#include "common/core/clock.h"
#include "profile.qn.h"
#include "services/profile/store/row.h"
#include "store.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* SessionStore, in each layout of Better Auth's tables. */

static struct harness_store store;

#define CREATE_SESSION &quintet_store_v1_session_store_create_session
#define GET_SESSION    &quintet_store_v1_session_store_get_session
#define GET_CHECKED    &quintet_store_v1_session_store_get_session_with_profile
#define DELETE_SESSION &quintet_store_v1_session_store_delete_session
#define CREATE_PROFILE &quintet_profile_v1_profile_service_create_profile

typedef Quintet__Store__V1__GetSessionWithProfileResponse Checked;

static Quintet__Store__V1__Session *new_session(char *user_id)
{
    Quintet__Store__V1__Session *session = qn_arena_new(&store.arena, Quintet__Store__V1__Session);
    quintet__store__v1__session__init(session);
    session->id = harness_store_id(&store);
    session->user_id = user_id;
    session->token = harness_store_id(&store);
    session->created_at_ms = 1795407356001;
    session->updated_at_ms = 1795407356999;
    session->expires_at_ms = 951782399999; /* long ago: no method here judges expiry */
    session->user_agent = (char *)"curl/8";
    return session;
}

static void create(Quintet__Store__V1__Session *session)
{
    Quintet__Store__V1__CreateSessionRequest in = QUINTET__STORE__V1__CREATE_SESSION_REQUEST__INIT;
    in.session = session;
    harness_store_ask(&store, CREATE_SESSION, &in, NULL);
}

static const Checked *check(const char *token)
{
    Quintet__Store__V1__GetSessionWithProfileRequest in =
        QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_REQUEST__INIT;
    in.token = (char *)token;
    return harness_store_ask(&store, GET_CHECKED, &in, NULL);
}

static bool delete (const char *token)
{
    Quintet__Store__V1__DeleteSessionRequest in = QUINTET__STORE__V1__DELETE_SESSION_REQUEST__INIT;
    in.token = (char *)token;
    const Quintet__Store__V1__DeleteSessionResponse *out =
        harness_store_ask(&store, DELETE_SESSION, &in, NULL);
    return out->deleted;
}

static void assert_missing(const Checked *checked, const char *names)
{
    const char *text = "";
    for (size_t i = 0; i < checked->n_missing_fields; i++)
        text = harness_store_text(&store, "%s%s%s", text, i > 0 ? " " : "", checked->missing_fields[i]);
    assert_string_equal(text, names);
}

static void test_a_session_comes_and_goes(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    Quintet__Store__V1__Session *session = new_session(user);
    create(session);
    const Checked *found = check(session->token);
    assert_non_null(found->session);
    assert_string_equal(found->session->id, session->id);
    assert_string_equal(found->session->user_id, user);
    assert_string_equal(found->session->token, session->token);
    assert_true(found->session->expires_at_ms == 951782399999);
    assert_true(found->session->created_at_ms == 1795407356001);
    assert_true(found->session->updated_at_ms == 1795407356999);
    assert_string_equal(found->session->ip_address, "");
    assert_string_equal(found->session->user_agent, "curl/8");
    assert_string_equal(found->user->id, user);
    assert_true(delete (session->token));
    assert_null(check(session->token)->session);
    assert_false(delete (session->token));
}

static void test_unknown_tokens(void **state)
{
    (void)state;
    static const char *const tokens[] = {
        "", "x", "{}", "\"", "\\", "NULL", "' or 1 = 1; --", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < QN_COUNT(tokens); i++) {
        const Checked *checked = check(tokens[i]);
        assert_null(checked->session);
        assert_null(checked->user);
        assert_false(checked->has_profile);
        assert_int_equal(checked->n_missing_fields, 0);
        assert_false(delete (tokens[i]));
    }
}

static void test_a_session_of_nobody(void **state)
{
    (void)state;
    Quintet__Store__V1__CreateSessionRequest in = QUINTET__STORE__V1__CREATE_SESSION_REQUEST__INIT;
    in.session = new_session(harness_store_id(&store));
    harness_store_refuse(&store, CREATE_SESSION, &in, NULL, QN_NOT_FOUND, "USER_NOT_FOUND");

    Quintet__Store__V1__Session *first = new_session(harness_store_user(&store, NULL));
    create(first);
    in.session = new_session(first->user_id);
    in.session->token = first->token;
    harness_store_refuse(&store, CREATE_SESSION, &in, NULL, QN_INTERNAL, NULL);
}

static void test_what_is_not_valid(void **state)
{
    (void)state;
    Quintet__Store__V1__CreateSessionRequest in = QUINTET__STORE__V1__CREATE_SESSION_REQUEST__INIT;
    harness_store_refuse(&store, CREATE_SESSION, &in, NULL, QN_INVALID_ARGUMENT, "session");
    Quintet__Store__V1__Session session = QUINTET__STORE__V1__SESSION__INIT;
    session.user_agent = harness_store_text(&store, "%0*d", 20000, 0);
    session.updated_at_ms = INT64_MAX;
    in.session = &session;
    harness_store_refuse(&store, CREATE_SESSION, &in, NULL, QN_INVALID_ARGUMENT,
                         "session.id session.user_id session.token session.updated_at_ms session.user_agent");
}

/* Every set of fields in the table, with and without a photo, against what a session check says lacks: the
 * statement, the table's own 'filled' and profile_missing() are three tellings of one thing. */
static void test_what_lacks_for_every_set_of_fields(void **state)
{
    (void)state;
    static const char *const names[] = {"display_name", "birth_date", "gender", "city", "bio", "photos"};
    static const char *const values[] = {"'N'", "'1990-01-01'", "'female'", "'C'", "'B'"};
    char *token, *user = harness_store_user(&store, &token);
    assert_false(check(token)->has_profile);
    assert_missing(check(token), "display_name birth_date gender city bio photos");
    harness_store_do(
        &store, "insert into quintet.profile (user_id, created_at, updated_at) values ('%s', now(), now())",
        user);
    for (unsigned given = 0; given < 64; given++) {
        const char *missing = "", *sets = "";
        for (unsigned field = 0; field < 6; field++) {
            bool has = given & (1u << field);
            if (!has)
                missing = harness_store_text(&store, "%s%s%s", missing, *missing ? " " : "", names[field]);
            if (field < 5)
                sets = harness_store_text(&store, "%s%s = %s, ", sets, names[field],
                                          has ? values[field] : "null");
        }
        harness_store_do(&store, "update quintet.profile set %supdated_at = now() where user_id = '%s'", sets,
                         user);
        harness_store_do(&store, "delete from quintet.photo where user_id = '%s'", user);
        if (given & 32)
            harness_store_do(
                &store,
                "insert into quintet.photo values ('%s', '%s', '%s', 'image/png', 1, true, true, now(),"
                " now())",
                harness_store_id(&store), user, harness_store_id(&store));
        const Checked *checked = check(token);
        assert_true(checked->has_profile);
        assert_missing(checked, missing);
        assert_int_equal(harness_store_number(
                             &store, "select filled::int from quintet.profile where user_id = '%s'", user),
                         (given & 31) == 31);
    }
}

/* Pictures that came before the profile do not make one; a pending picture is none. */
static void test_photos_alone(void **state)
{
    (void)state;
    char *token, *user = harness_store_user(&store, &token);
    harness_store_do(
        &store,
        "insert into quintet.photo values ('%s', '%s', '%s', 'image/png', 1, true, true, now(), now())",
        harness_store_id(&store), user, harness_store_id(&store));
    assert_missing(check(token), "display_name birth_date gender city bio photos");

    char *pending = harness_store_user(&store, &token);
    Quintet__Profile__V1__CreateProfileRequest in = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    in.city = (char *)"Wien";
    harness_store_ask(&store, CREATE_PROFILE, &in, pending);
    harness_store_do(
        &store,
        "insert into quintet.photo values ('%s', '%s', '%s', 'image/png', 1, false, false, now(), now())",
        harness_store_id(&store), pending, harness_store_id(&store));
    assert_missing(check(token), "display_name birth_date gender bio photos");
}

/* The main thing: many sessions in one turn of the loop are one statement, answers find their calls, the same
 * token may be asked for several times, unknown ones stand between. */
static void test_many_sessions_are_one_statement(void **state)
{
    (void)state;
    enum { USERS = 20, CALLS = 64 };
    char *tokens[USERS], *users[USERS];
    for (size_t i = 0; i < USERS; i++)
        users[i] = harness_store_user(&store, &tokens[i]);
    const struct {
        const struct qn_method *method;
        const char *statement;
    } kinds[] = {{GET_CHECKED, "session_with_profile"}, {GET_SESSION, "session_by_token"}};
    for (size_t kind = 0; kind < QN_COUNT(kinds); kind++) {
        double before = harness_store_statements(kinds[kind].statement);
        struct harness_call *calls[CALLS];
        for (size_t i = 0; i < CALLS; i++) {
            char *token = i % 4 == 3 ? harness_store_id(&store) : tokens[i % USERS];
            Quintet__Store__V1__GetSessionWithProfileRequest checked =
                QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_REQUEST__INIT;
            Quintet__Store__V1__GetSessionRequest plain = QUINTET__STORE__V1__GET_SESSION_REQUEST__INIT;
            checked.token = plain.token = token;
            const void *in = kind == 0 ? (const void *)&checked : (const void *)&plain;
            calls[i] = harness_store_start(&store, kinds[kind].method, in, NULL);
        }
        harness_store_wait(&store);
        for (size_t i = 0; i < CALLS; i++) {
            assert_int_equal(calls[i]->request.status, QN_OK);
            const Checked *checked = calls[i]->request.out;
            const Quintet__Store__V1__GetSessionResponse *plain = calls[i]->request.out;
            const Quintet__Store__V1__Session *session = kind == 0 ? checked->session : plain->session;
            const Quintet__Store__V1__User *user = kind == 0 ? checked->user : plain->user;
            if (i % 4 == 3) {
                assert_null(session);
                assert_null(user);
            } else {
                assert_string_equal(session->token, tokens[i % USERS]);
                assert_string_equal(session->user_id, users[i % USERS]);
                assert_string_equal(user->id, users[i % USERS]);
            }
        }
        assert_true(harness_store_statements(kinds[kind].statement) - before == 1);
    }
}

/* A row with a time that no clock shows takes neither its neighbours in the batch nor the process along. */
static void test_times_that_a_hand_wrote(void **state)
{
    (void)state;
    char *tokens[3];
    for (size_t i = 0; i < 3; i++)
        harness_store_user(&store, &tokens[i]);
    harness_store_do(
        &store,
        "update session set \"expiresAt\" = 'infinity', \"createdAt\" = '-infinity' where token = '%s'",
        tokens[1]);
    struct harness_call *calls[3];
    for (size_t i = 0; i < 3; i++) {
        Quintet__Store__V1__GetSessionWithProfileRequest in =
            QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_REQUEST__INIT;
        in.token = tokens[i];
        calls[i] = harness_store_start(&store, GET_CHECKED, &in, NULL);
    }
    harness_store_wait(&store);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(calls[i]->request.status, QN_OK);
    const Checked *odd = calls[1]->request.out;
    assert_true(odd->session->expires_at_ms == 253402300799999);
    assert_true(odd->session->created_at_ms == -62135596800000);
}

/* The time that PostgreSQL sends for this expression. */
static int64_t time_in(const char *sql, bool binary)
{
    PGresult *result = PQexecParams(store.admin, sql, 0, NULL, NULL, NULL, NULL, binary);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(store.admin));
    struct store_row row = store_row_of(result, 0);
    int64_t ms = store_row_time(&row);
    if (row.bad)
        fail_msg("%s is no time", sql);
    PQclear(result);
    return ms;
}

/* Some statements ask for text and some for binary, of tables with time zone and without: one time is one
 * number in all of them. */
static void test_times_are_the_same_in_both_formats(void **state)
{
    (void)state;
    static const char *const times[] = {
        "2026-11-23 04:31:53.314",
        "2026-11-23 04:31:53.314999",
        "2000-01-01 00:00:00",
        "1999-12-31 23:59:59.999999",
        "1969-12-31 23:59:59.9995",
        "1582-10-15 00:00:00.000001",
        "0001-01-02 00:00:00",
        "0001-12-31 00:00:00 BC",
        "4713-01-02 00:00:00 BC",
        "9999-12-30 23:59:59.999999",
        "12026-11-23 04:31:53",
        "294276-12-30 23:59:59.999999",
        "infinity",
        "-infinity",
    };
    for (size_t i = 0; i < QN_COUNT(times); i++) {
        char *naive = harness_store_text(&store, "select timestamp '%s'", times[i]),
             *zoned = harness_store_text(&store, "select timestamp '%s' at time zone 'UTC'", times[i]);
        int64_t ms = time_in(naive, false);
        const int64_t others[] = {time_in(zoned, false), time_in(naive, true), time_in(zoned, true)};
        for (size_t k = 0; k < QN_COUNT(others); k++)
            if (others[k] != ms)
                fail_msg("%s reads as %lld or %lld", times[i], (long long)ms, (long long)others[k]);
    }
}

/* The user goes, and with it all that is about the user. */
static void test_rows_go_with_their_user(void **state)
{
    (void)state;
    char *token, *user = harness_store_user(&store, &token);
    Quintet__Profile__V1__CreateProfileRequest in = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    harness_store_ask(&store, CREATE_PROFILE, &in, user);
    harness_store_do(
        &store,
        "insert into quintet.photo values ('%s', '%s', '%s', 'image/png', 1, true, true, now(), now())",
        harness_store_id(&store), user, harness_store_id(&store));
    harness_store_do(&store, "delete from \"user\" where id = '%s'", user);
    assert_null(check(token)->session);
    assert_int_equal(harness_store_number(&store,
                                          "select (select count(*) from quintet.profile where user_id = '%s')"
                                          " + (select count(*) from quintet.photo where user_id = '%s')",
                                          user, user),
                     0);
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_comes_and_goes),
        cmocka_unit_test(test_unknown_tokens),
        cmocka_unit_test(test_a_session_of_nobody),
        cmocka_unit_test(test_what_is_not_valid),
        cmocka_unit_test(test_what_lacks_for_every_set_of_fields),
        cmocka_unit_test(test_photos_alone),
        cmocka_unit_test(test_many_sessions_are_one_statement),
        cmocka_unit_test(test_times_that_a_hand_wrote),
        cmocka_unit_test(test_times_are_the_same_in_both_formats),
        cmocka_unit_test(test_rows_go_with_their_user),
    };
    return HARNESS_STORE_RUN(tests);
}
