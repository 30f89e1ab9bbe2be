/* Sign-up, sign-in and sign-out, on tables made by Better Auth's own migration, by Prisma, and by ours. */
#include <stdlib.h>

#include "common/core/check.h"
#include "services/auth/cookie.h"
#include "tests/harness/rows.h"
#include "tests/harness/test.h"
#include "tests/integration/auth_fixture.h"

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

static const struct qn_str good_password = QN_STR("correct horse 1");

static int64_t ms_of(const Google__Protobuf__Timestamp *time)
{
    return time->seconds * 1000 + time->nanos / 1000000;
}

/* The n-th Set-Cookie is 'name' with these attributes and a value that our secret has signed. */
static void expect_cookie(const struct auth_call *call, size_t nth, const char *name, const char *attributes)
{
    struct auth_cookie_jar jar;
    struct qn_arena arena;
    struct qn_str text = call->request.set_cookies[nth], rest = text, pair, value;
    qn_arena_init(&arena, 4096);
    assert_int_equal(auth_cookie_open(&jar, harness_rows_text(harness_rows(), "secret"), false), QN_OK);
    assert_true(qn_str_next(&rest, ';', &pair));
    struct qn_str raw = auth_cookie_find(pair, name);
    assert_non_null(raw.ptr);
    if (raw.len > 0)
        assert_int_equal(auth_cookie_unsign(&jar, raw, &arena, &value), QN_OK);
    assert_true(qn_str_ends(text, qn_str_c(attributes)));
    assert_int_equal(text.len, pair.len + strlen(attributes));
    auth_cookie_close(&jar);
    qn_arena_fini(&arena);
}

#define LASTING   "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
#define OF_WINDOW "; Path=/; HttpOnly; SameSite=Lax"
#define EXPIRED   "; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"

static void test_sign_up_writes_what_better_auth_writes(void **state)
{
    (void)state;
    struct auth_call call = {.client_ip = "203.0.113.7", .user_agent = "Mozilla/5.0 (test)"};
    auth_fixture_sign_up(&fixture, &call, "Ada Lovelace \xe6\x9d\x8e", "Ada.Lovelace@Example.COM",
                         good_password, false);
    auth_fixture_expect(&call, QN_OK, NULL);
    const Quintet__Auth__V1__SignUpResponse *out = call.request.out;
    assert_string_equal(out->user->email, "ada.lovelace@example.com");
    assert_string_equal(out->user->name, "Ada Lovelace \xe6\x9d\x8e");
    assert_string_equal(out->user->image, "");
    assert_false(out->user->email_verified);
    assert_int_equal(strlen(out->user->id), 32);
    assert_int_equal(strlen(out->session->id), 32);
    assert_int_equal(strlen(out->session->token), 32);
    assert_string_equal(out->session->user_id, out->user->id);
    assert_string_equal(out->session->ip_address, "203.0.113.7");
    assert_string_equal(out->session->user_agent, "Mozilla/5.0 (test)");
    assert_int_equal(ms_of(out->session->expires_at) - ms_of(out->session->created_at), 7 * 86400000);
    assert_int_equal(ms_of(out->user->created_at), ms_of(out->user->updated_at));
    assert_int_equal(ms_of(out->user->created_at), ms_of(out->session->created_at));

    assert_int_equal(call.request.n_set_cookies, 1);
    expect_cookie(&call, 0, "better-auth.session_token", LASTING);

    /* The rows, each column; times as text are the same in both layouts once both are UTC. */
    const char *id = out->user->id;
    harness_postgres_do(fixture.admin, "set time zone 'UTC'");
    assert_int_equal(auth_fixture_number(
                         &fixture,
                         "select count(*) from public.\"user\" where id = '%s' and email = "
                         "'ada.lovelace@example.com' and not \"emailVerified\" and image is null and "
                         "\"createdAt\" = \"updatedAt\" and extract(epoch from \"createdAt\") * 1000 = %lld",
                         id, (long long)ms_of(out->user->created_at)),
                     1);
    assert_int_equal(
        auth_fixture_number(&fixture,
                            "select count(*) from public.account where \"userId\" = '%s' and "
                            "\"accountId\" = \"userId\" and \"providerId\" = 'credential' and password ~ "
                            "'^[0-9a-f]{32}:[0-9a-f]{128}$' and length(id) = 32 and \"accessToken\" is null "
                            "and scope is null and \"createdAt\" = \"updatedAt\"",
                            id),
        1);
    assert_int_equal(
        auth_fixture_number(&fixture,
                            "select count(*) from public.session where \"userId\" = '%s' and token = '%s' "
                            "and id = '%s' and \"ipAddress\" = '203.0.113.7' and \"userAgent\" = "
                            "'Mozilla/5.0 (test)' and \"expiresAt\" = \"createdAt\" + interval '7 days'",
                            id, out->session->token, out->session->id),
        1);

    /* And the cookie opens a session at once. */
    struct auth_call check = {.cookie = auth_fixture_cookie(&call, 0)};
    const Quintet__Auth__V1__GetSessionResponse *found = auth_fixture_get_session(&fixture, &check);
    assert_string_equal(found->session->id, out->session->id);
    assert_int_equal(ms_of(found->session->expires_at), ms_of(out->session->expires_at));
    assert_int_equal(ms_of(found->user->created_at), ms_of(out->user->created_at));
    assert_string_equal(found->user->name, out->user->name);
    auth_fixture_forget(&check);
    auth_fixture_forget(&call);
}

static void test_forget_me(void **state)
{
    (void)state;
    struct auth_call up = {0}, in = {0};
    auth_fixture_sign_up(&fixture, &up, "", "forget@example.com", good_password, true);
    auth_fixture_expect(&up, QN_OK, NULL);
    assert_int_equal(up.request.n_set_cookies, 2);
    expect_cookie(&up, 0, "better-auth.session_token", OF_WINDOW);
    expect_cookie(&up, 1, "better-auth.dont_remember", OF_WINDOW);
    const Quintet__Auth__V1__SignUpResponse *out = up.request.out;
    assert_int_equal(ms_of(out->session->expires_at) - ms_of(out->session->created_at), 86400000);
    /* Unknown address and agent are empty, not null. */
    assert_int_equal(
        auth_fixture_number(&fixture,
                            "select count(*) from public.session where id = '%s' and \"ipAddress\" = "
                            "'' and \"userAgent\" = ''",
                            out->session->id),
        1);

    /* Signing in to stay, with the old dont_remember cookie: it goes. A forged one is left alone. */
    in.cookie = harness_text("%s; %s", auth_fixture_cookie(&up, 0), auth_fixture_cookie(&up, 1));
    auth_fixture_sign_in(&fixture, &in, "forget@example.com", good_password, false);
    auth_fixture_expect(&in, QN_OK, NULL);
    assert_int_equal(in.request.n_set_cookies, 2);
    expect_cookie(&in, 0, "better-auth.session_token", LASTING);
    expect_cookie(&in, 1, "better-auth.dont_remember", EXPIRED);
    auth_fixture_forget(&in);

    in.cookie = "better-auth.dont_remember=true";
    auth_fixture_sign_in(&fixture, &in, "forget@example.com", good_password, false);
    auth_fixture_expect(&in, QN_OK, NULL);
    assert_int_equal(in.request.n_set_cookies, 1);
    auth_fixture_forget(&in);
    auth_fixture_forget(&up);
}

static void test_taken_address(void **state)
{
    (void)state;
    struct auth_call call = {0};
    auth_fixture_sign_up(&fixture, &call, "One", "taken@example.com", good_password, false);
    auth_fixture_expect(&call, QN_OK, NULL);
    auth_fixture_forget(&call);
    long users = auth_fixture_number(&fixture, "select count(*) from public.\"user\"");
    auth_fixture_sign_up(&fixture, &call, "Two", "TAKEN@Example.com", good_password, false);
    auth_fixture_expect(&call, QN_ALREADY_EXISTS, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from public.\"user\""), users);
}

/* All pass the look-up before any has written: the database decides, and one wins. */
static void test_race_for_an_address(void **state)
{
    (void)state;
    enum { RACERS = 4 };
    struct auth_call calls[RACERS] = {0};
    size_t n_done = 0, won = 0;
    Quintet__Auth__V1__SignUpRequest in = QUINTET__AUTH__V1__SIGN_UP_REQUEST__INIT;
    in.email = (char *)"race@example.com";
    in.password = (char *)good_password.ptr;
    for (size_t i = 0; i < RACERS; i++) {
        calls[i].n_done = &n_done;
        auth_fixture_start_call(&fixture, &calls[i], &quintet_auth_v1_auth_service_sign_up, &in);
    }
    for (size_t i = 0; i < RACERS; i++) {
        auth_fixture_await(&fixture, &calls[i]);
        won += calls[i].request.status == QN_OK;
        if (calls[i].request.status != QN_OK)
            auth_fixture_expect(&calls[i], QN_ALREADY_EXISTS, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
        auth_fixture_forget(&calls[i]);
    }
    assert_int_equal(won, 1);
    assert_int_equal(auth_fixture_number(&fixture,
                                         "select count(*) from public.\"user\" u join public.account a on "
                                         "a.\"userId\" = u.id join public.session s on s.\"userId\" = u.id "
                                         "where email = 'race@example.com'"),
                     1);
}

static void expect_bad_sign_up(const char *email, struct qn_str password, const char *reason,
                               const char *field)
{
    struct auth_call call = {0};
    auth_fixture_sign_up(&fixture, &call, "B", email, password, false);
    auth_fixture_expect(&call, QN_INVALID_ARGUMENT, reason);
    assert_int_equal(call.request.n_violations, 1);
    assert_string_equal(call.request.violations[0].field, field);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
}

/* n times a character of 'len' bytes; lives as long as the process. */
static struct qn_str repeated(const char *character, size_t n)
{
    struct qn_buf text;
    qn_buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < n; i++)
        qn_buf_write_c(&text, character);
    struct qn_str kept = qn_str_c(harness_text("%s", text.data));
    qn_buf_fini(&text);
    return kept;
}

static void test_bad_fields_write_nothing(void **state)
{
    (void)state;
    long rows = auth_fixture_number(&fixture, "select count(*) from public.\"user\"");
    expect_bad_sign_up("not-an-email", good_password, "INVALID_EMAIL", "email");
    expect_bad_sign_up("", good_password, "INVALID_EMAIL", "email");
    expect_bad_sign_up("bad@example.com", QN_STR("1234567"), "PASSWORD_TOO_SHORT", "password");
    expect_bad_sign_up("bad@example.com", QN_STR(""), "PASSWORD_TOO_SHORT", "password");
    expect_bad_sign_up("bad@example.com", repeated("p", 129), "PASSWORD_TOO_LONG", "password");
    /* In UTF-16 code units: three emoji and a letter are 7, 64 of them and a letter 129. */
    expect_bad_sign_up("bad@example.com",
                       QN_STR("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
                              "a"),
                       "PASSWORD_TOO_SHORT", "password");
    expect_bad_sign_up("bad@example.com", repeated("\xf0\x9f\x98\x80", 65), "PASSWORD_TOO_LONG", "password");
    expect_bad_sign_up("bad@example.com", QN_STR("\0\xff\xff\xff\xff\xff\xff\xff\xff"), NULL,
                       "password_utf8");

    struct auth_call call = {0};
    Quintet__Auth__V1__SignUpRequest in = QUINTET__AUTH__V1__SIGN_UP_REQUEST__INIT;
    in.email = (char *)"bad@example.com";
    in.password = (char *)good_password.ptr;
    in.password_utf8 = (ProtobufCBinaryData){good_password.len, (uint8_t *)good_password.ptr};
    auth_fixture_ask(&fixture, &call, &quintet_auth_v1_auth_service_sign_up, &in);
    auth_fixture_expect(&call, QN_INVALID_ARGUMENT, NULL);
    auth_fixture_forget(&call);

    in.password_utf8.len = 0;
    in.name = (char *)repeated("n", 16 * 1024 + 1).ptr;
    auth_fixture_ask(&fixture, &call, &quintet_auth_v1_auth_service_sign_up, &in);
    auth_fixture_expect(&call, QN_INVALID_ARGUMENT, NULL);
    assert_string_equal(call.request.violations[0].field, "name");
    auth_fixture_forget(&call);

    in.name = (char *)"";
    in.image = (char *)repeated("i", 16 * 1024 + 1).ptr;
    auth_fixture_ask(&fixture, &call, &quintet_auth_v1_auth_service_sign_up, &in);
    auth_fixture_expect(&call, QN_INVALID_ARGUMENT, NULL);
    assert_string_equal(call.request.violations[0].field, "image");
    auth_fixture_forget(&call);
    assert_int_equal(auth_fixture_number(&fixture, "select count(*) from public.\"user\""), rows);
}

static void expect_signed_in(const struct qn_json *user, struct qn_str password)
{
    struct auth_call call = {0};
    struct qn_str email = harness_rows_text(harness_rows_member(user, "request"), "email");
    auth_fixture_sign_in(&fixture, &call, harness_text("%.*s", QN_STR_ARG(email)), password, false);
    auth_fixture_expect(&call, QN_OK, NULL);
    const Quintet__Auth__V1__SignInResponse *out = call.request.out;
    assert_str(harness_rows_text(user, "userId"), out->user->id);
    auth_fixture_forget(&call);
}

static void expect_refused(const char *email, struct qn_str password)
{
    struct auth_call call = {0};
    auth_fixture_sign_in(&fixture, &call, email, password, false);
    auth_fixture_expect(&call, QN_UNAUTHENTICATED, "INVALID_EMAIL_OR_PASSWORD");
    assert_str(call.request.message, "Invalid email or password");
    assert_int_equal(call.request.n_violations, 0);
    assert_int_equal(call.request.n_set_cookies, 0);
    auth_fixture_forget(&call);
}

/* Users that the real Better Auth made sign in with their passwords, in every spelling that it takes. */
static void test_recorded_users_sign_in(void **state)
{
    (void)state;
    const struct qn_json *users = harness_rows_member(harness_rows(), "users");
    size_t n = 0;
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *user = &users->items[i];
        struct qn_str password = harness_rows_password(user);
        if (password.ptr == NULL)
            continue;
        n++;
        expect_signed_in(user, password);
        const struct qn_json *accepted = harness_rows_member(user, "alsoAccepts");
        for (size_t k = 0; k < accepted->n_items; k++)
            expect_signed_in(user, accepted->items[k].text);
        struct qn_str email = harness_rows_text(harness_rows_member(user, "request"), "email");
        const struct qn_json *rejected = harness_rows_member(user, "alsoRejects");
        for (size_t k = 0; k < rejected->n_items; k++)
            expect_refused(harness_text("%.*s", QN_STR_ARG(email)), rejected->items[k].text);
    }
    assert_int_equal(n, 15);
}

/* A wrong password, an unknown address and a user who only ever came through another provider: one answer,
 * and one hashing each. */
static void test_one_answer_for_every_refusal(void **state)
{
    (void)state;
    const char *const series = "quintet_work_seconds_count{lane=\"hash\"}";
    const struct qn_json *external = NULL, *users = harness_rows_table("user");
    for (size_t i = 0; i < users->n_items; i++)
        if (harness_rows_hash(harness_rows_text(&users->items[i], "id")).ptr == NULL)
            external = &users->items[i];
    assert_non_null(external);
    struct qn_str email = harness_rows_text(external, "email");
    const char *const emails[] = {"alice@example.com", "nobody@example.com",
                                  harness_text("%.*s", QN_STR_ARG(email))};
    for (size_t i = 0; i < QN_COUNT(emails); i++) {
        double before = harness_service_metric(fixture.auth, series);
        expect_refused(emails[i], QN_STR("no such password"));
        assert_float_equal(harness_service_metric(fixture.auth, series), (before < 0 ? 0 : before) + 1, 0);
    }
}

static void test_bad_sign_in_fields(void **state)
{
    (void)state;
    struct auth_call call = {0};
    auth_fixture_sign_in(&fixture, &call, "nobody", good_password, false);
    auth_fixture_expect(&call, QN_INVALID_ARGUMENT, "INVALID_EMAIL");
    auth_fixture_forget(&call);
    auth_fixture_sign_in(&fixture, &call, "alice@example.com", repeated("p", 129), false);
    auth_fixture_expect(&call, QN_INVALID_ARGUMENT, "PASSWORD_TOO_LONG");
    auth_fixture_forget(&call);
    expect_refused("alice@example.com", QN_STR("short")); /* a short one is just wrong */
    expect_refused("alice@example.com", QN_STR(""));
}

static void test_stored_value_that_is_no_hash(void **state)
{
    (void)state;
    struct auth_call call = {0};
    auth_fixture_sign_up(&fixture, &call, "", "broken@example.com", good_password, false);
    auth_fixture_expect(&call, QN_OK, NULL);
    auth_fixture_forget(&call);
    harness_postgres_do(fixture.admin,
                        "update public.account set password = 'planted-text' where \"userId\" = (select id "
                        "from public.\"user\" where email = 'broken@example.com')");
    auth_fixture_sign_in(&fixture, &call, "broken@example.com", good_password, false);
    auth_fixture_expect(&call, QN_INTERNAL, NULL);
    assert_null(memmem(call.request.message.ptr, call.request.message.len, "planted", 7));
    auth_fixture_forget(&call);
    assert_false(harness_service_logged(fixture.auth, "planted-text"));
}

static void expect_all_expired(const struct auth_call *call)
{
    assert_int_equal(call->request.n_set_cookies, 3);
    expect_cookie(call, 0, "better-auth.session_token", EXPIRED);
    expect_cookie(call, 1, "better-auth.session_data", EXPIRED);
    expect_cookie(call, 2, "better-auth.dont_remember", EXPIRED);
}

static bool signed_out(struct auth_call *call)
{
    auth_fixture_sign_out(&fixture, call);
    auth_fixture_expect(call, QN_OK, NULL);
    expect_all_expired(call);
    const Quintet__Auth__V1__SignOutResponse *out = call->request.out;
    return out->ended;
}

static void test_sign_out(void **state)
{
    (void)state;
    struct auth_call in = {0}, other = {0};
    auth_fixture_sign_up(&fixture, &other, "", "out@example.com", good_password, false);
    auth_fixture_expect(&other, QN_OK, NULL);
    auth_fixture_sign_in(&fixture, &in, "out@example.com", good_password, false);
    auth_fixture_expect(&in, QN_OK, NULL);

    const char *cookie = auth_fixture_cookie(&in, 0);
    struct auth_call out = {.cookie = cookie};
    assert_true(signed_out(&out));
    auth_fixture_forget(&out);
    struct auth_call again = {.cookie = cookie};
    assert_false(signed_out(&again));
    auth_fixture_forget(&again);
    struct auth_call gone = {.cookie = cookie};
    assert_int_equal(auth_fixture_get_session(&fixture, &gone)->state,
                     QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_UNKNOWN);
    auth_fixture_forget(&gone);
    /* Only the session that was shown. */
    struct auth_call stays = {.cookie = auth_fixture_cookie(&other, 0)};
    assert_int_equal(auth_fixture_get_session(&fixture, &stays)->state,
                     QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_LIVE);
    auth_fixture_forget(&stays);

    /* By bearer token. */
    const Quintet__Auth__V1__SignUpResponse *up = other.request.out;
    struct auth_call bearer = {.bearer = harness_text("%s", up->session->token)};
    assert_true(signed_out(&bearer));
    auth_fixture_forget(&bearer);

    struct auth_call nothing = {0}, forged = {.cookie = "better-auth.session_token=junk.sig"};
    assert_false(signed_out(&nothing));
    assert_false(signed_out(&forged));
    auth_fixture_forget(&nothing);
    auth_fixture_forget(&forged);
    auth_fixture_forget(&in);
    auth_fixture_forget(&other);
}

static int start_ours(void **state)
{
    (void)state;
    auth_fixture_start(&fixture, HARNESS_TABLES_OURS, NULL);
    return 0;
}

static int start_kysely(void **state)
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
        CONNECTED(test_sign_up_writes_what_better_auth_writes),
        CONNECTED(test_forget_me),
        CONNECTED(test_taken_address),
        CONNECTED(test_race_for_an_address),
        CONNECTED(test_bad_fields_write_nothing),
        CONNECTED(test_recorded_users_sign_in),
        CONNECTED(test_one_answer_for_every_refusal),
        CONNECTED(test_bad_sign_in_fields),
        CONNECTED(test_stored_value_that_is_no_hash),
        CONNECTED(test_sign_out),
    };
    return cmocka_run_group_tests_name("tables of ours", tests, start_ours, stop) +
           cmocka_run_group_tests_name("tables of Better Auth", tests, start_kysely, stop) +
           cmocka_run_group_tests_name("tables of Prisma", tests, start_prisma, stop);
}
