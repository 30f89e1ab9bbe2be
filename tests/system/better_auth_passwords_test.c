#include <stdio.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/json/writer.h"
#include "tests/harness/http.h"
#include "tests/harness/rows.h"
#include "tests/harness/stack.h"
#include "tests/harness/tables.h"
#include "tests/harness/test.h"

/* People who signed up with the real Better Auth sign in through the gateway, on both layouts of its tables;
 * and passwords that are no plain words come through HTTP, JSON and the wire as they were typed. */

#define SIGN_IN "/api/auth/sign-in/email"
#define SIGN_UP "/api/auth/sign-up/email"
#define REFUSED "{\"message\":\"Invalid email or password\",\"code\":\"INVALID_EMAIL_OR_PASSWORD\"}"

static struct harness_stack stack;
static struct qn_arena arena;

static int set_up(enum harness_tables made_by)
{
    qn_arena_init(&arena, 64 * 1024 * 1024);
    harness_stack_start_on(&stack, harness_tables_start(made_by), NULL);
    return 0;
}

static int set_up_kysely(void **state)
{
    (void)state;
    return set_up(HARNESS_TABLES_KYSELY);
}

static int set_up_prisma(void **state)
{
    (void)state;
    return set_up(HARNESS_TABLES_PRISMA);
}

static int tear_down(void **state)
{
    (void)state;
    harness_stack_stop(&stack);
    qn_arena_fini(&arena);
    return 0;
}

static struct harness_http_reply post(const char *path, const char *type, struct qn_str body)
{
    return harness_http(&(const struct harness_http_request){
        .url = qn_arena_printf(&arena, "%s%s", stack.url, path),
        .headers = {qn_arena_printf(&arena, "Content-Type: %s", type)},
        .body = body,
    });
}

/* {"name":"","email":…,"password":…}; the password as JSON text, for escapes that no text stands behind. */
static struct qn_str credentials(struct qn_str email, struct qn_str password_json)
{
    char *json = qn_arena_printf(&arena, "{\"name\":\"\",\"email\":\"%.*s\",\"password\":%.*s}",
                                 QN_STR_ARG(email), QN_STR_ARG(password_json));
    return qn_str_c(json);
}

static struct qn_str as_json(struct qn_str text)
{
    struct qn_buf out;
    qn_buf_init(&out, 64 * 1024);
    struct qn_json_writer w = {.to = &out};
    qn_json_str(&w, text);
    struct qn_str copy = qn_arena_str(&arena, qn_buf_view(&out));
    qn_buf_fini(&out);
    return copy;
}

static struct qn_json *parse(const struct harness_http_reply *reply)
{
    struct qn_json *value = NULL;
    struct qn_str text = qn_arena_str(&arena, qn_str_n(reply->body, reply->body_len));
    assert_int_equal(qn_json_parse(text, false, &arena, &value, NULL), QN_OK);
    return value;
}

/* Ends with the reply freed. 'user_id' ptr NULL: whoever it is. */
static void expect_in(const char *what, struct harness_http_reply reply, struct qn_str user_id)
{
    if (reply.status != 200)
        fail_msg("%s: %d %s", what, reply.status, reply.body);
    struct qn_str id = harness_rows_text(harness_rows_member(parse(&reply), "user"), "id");
    if (user_id.ptr && !qn_str_eq(id, user_id))
        fail_msg("%s: signed in as %.*s", what, QN_STR_ARG(id));
    assert_non_null(harness_http_cookie(&reply, "better-auth.session_token"));
    harness_http_free(&reply);
}

static void expect_refused(const char *what, struct harness_http_reply reply)
{
    if (reply.status != 401 || strcmp(reply.body, REFUSED) != 0)
        fail_msg("%s: %d %s", what, reply.status, reply.body);
    assert_null(harness_http_header(&reply, "Set-Cookie", 0));
    harness_http_free(&reply);
}

static struct harness_http_reply sign_in(struct qn_str email, struct qn_str password)
{
    return post(SIGN_IN, "application/json", credentials(email, as_json(password)));
}

/* The row of a user (an element of "users") in the table. */
static const struct qn_json *row_of(const struct qn_json *user)
{
    const struct qn_json *table = harness_rows_table("user");
    struct qn_str id = harness_rows_text(user, "userId");
    for (size_t i = 0; i < table->n_items; i++) {
        if (qn_str_eq(harness_rows_text(&table->items[i], "id"), id))
            return &table->items[i];
    }
    fail_msg("no row");
    return NULL;
}

static void try_spellings(const struct qn_json *user, const char *what, struct qn_str email)
{
    const struct qn_json *also = qn_json_get(user, "alsoAccepts"), *not = qn_json_get(user, "alsoRejects");
    const struct qn_json *as_sent = qn_json_get(user, "passwordSentAsJson");
    struct qn_str id = harness_rows_text(user, "userId");
    for (size_t i = 0; also && i < also->n_items; i++)
        expect_in(what, sign_in(email, also->items[i].text), id);
    for (size_t i = 0; not &&i < not ->n_items; i++)
        expect_refused(what, sign_in(email, not ->items[i].text));
    if (as_sent)
        expect_in(what, post(SIGN_IN, "application/json", credentials(email, as_sent->text)), id);
}

/* Each with the password of the day, the spellings that are the same to NFKC, and those that are not. */
static void test_everybody_signs_in(void **state)
{
    (void)state;
    const struct qn_json *users = harness_rows_member(harness_rows(), "users");
    size_t n_in = 0;
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *user = &users->items[i];
        const char *what = qn_arena_str(&arena, harness_rows_text(user, "label")).ptr;
        struct qn_str email = harness_rows_text(row_of(user), "email");
        struct qn_str password = harness_rows_password(user);
        if (!password.ptr) { /* came by another provider: no password is the right one */
            expect_refused(what, sign_in(email, QN_STR("no password at all")));
            continue;
        }
        expect_in(what, sign_in(email, password), harness_rows_text(user, "userId"));
        if (qn_json_get(user, "changedPassword"))
            expect_refused(what, sign_in(email, harness_rows_text(qn_json_get(user, "request"), "password")));
        try_spellings(user, what, email);
        n_in++;
    }
    assert_true(n_in >= 15);
}

static bool flag(const struct qn_json *object, const char *key)
{
    const struct qn_json *member = qn_json_get(object, key);
    return member && member->kind == QN_JSON_BOOL && member->boolean;
}

/* The members of a row as they are answered; times too, to the millisecond, whatever the layout. */
static void expect_row(const struct qn_json *answered, const struct qn_json *row, const char *const *members)
{
    for (; *members; members++) {
        const struct qn_json *is = harness_rows_member(answered, *members),
                             *was = harness_rows_member(row, *members);
        if (is->kind != was->kind || is->boolean != was->boolean || !qn_str_eq(is->text, was->text))
            fail_msg("%s: \"%.*s\", not \"%.*s\"", *members, QN_STR_ARG(is->text), QN_STR_ARG(was->text));
    }
}

static const struct qn_json *session_row(struct qn_str token)
{
    const struct qn_json *table = harness_rows_table("session");
    for (size_t i = 0; i < table->n_items; i++) {
        if (qn_str_eq(harness_rows_text(&table->items[i], "token"), token))
            return &table->items[i];
    }
    fail_msg("no row of %.*s", QN_STR_ARG(token));
    return NULL;
}

/* The recorded sessions are due for a refresh, which would move the times that are compared. */
static const struct qn_json *get_session(struct qn_str set_cookie)
{
    struct qn_str cookie = set_cookie;
    (void)qn_str_next(&set_cookie, ';', &cookie);
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .url = qn_arena_printf(&arena, "%s/api/auth/get-session?disableRefresh=true", stack.url),
        .headers = {qn_arena_printf(&arena, "Cookie: %.*s", QN_STR_ARG(cookie))},
    });
    assert_int_equal(reply.status, 200);
    const struct qn_json *answer = parse(&reply);
    harness_http_free(&reply);
    return answer;
}

/* Whoever was signed in when the site moved over still is, and sees what the product showed. Runs first:
 * those who sign in get new sessions. */
static void test_cookies_of_better_auth_are_good(void **state)
{
    (void)state;
    static const char *const user_members[] = {
        "name", "email", "emailVerified", "image", "createdAt", "updatedAt", "id", NULL};
    static const char *const session_members[] = {"token",     "createdAt", "updatedAt", "ipAddress",
                                                  "userAgent", "userId",    "id",        NULL};
    const struct qn_json *users = harness_rows_member(harness_rows(), "users");
    size_t n_live = 0, n_dead = 0;
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *sessions = harness_rows_member(&users->items[i], "sessions");
        for (size_t k = 0; k < sessions->n_items; k++) {
            const struct qn_json *session = &sessions->items[k];
            const struct qn_json *cookies = harness_rows_member(session, "cookies");
            const struct qn_json *answer = get_session(harness_rows_text(&cookies->items[0], "setCookie"));
            /* Of an https site the cookie has another name, which this one does not read. */
            bool https = qn_str_starts(harness_rows_text(session, "baseURL"), QN_STR("https"));
            if (https || flag(session, "expired") || flag(session, "revoked")) {
                assert_int_equal(answer->kind, QN_JSON_NULL);
                n_dead++;
                continue;
            }
            expect_row(harness_rows_member(answer, "user"), row_of(&users->items[i]), user_members);
            expect_row(harness_rows_member(answer, "session"),
                       session_row(harness_rows_text(session, "token")), session_members);
            n_live++;
        }
    }
    assert_true(n_live >= 15 && n_dead >= 3);
}

static struct qn_str form_of(struct qn_str email, struct qn_str password)
{
    struct qn_buf out;
    qn_buf_init(&out, 64 * 1024);
    (void)qn_buf_write_c(&out, "email=");
    (void)qn_percent_encode(&out, email, QN_PERCENT_UNRESERVED);
    (void)qn_buf_write_c(&out, "&password=");
    (void)qn_percent_encode(&out, password, QN_PERCENT_UNRESERVED);
    struct qn_str copy = qn_arena_str(&arena, qn_buf_view(&out));
    qn_buf_fini(&out);
    return copy;
}

/* Sign-up with a password as JSON text, then sign-in with others. */
struct odd_password {
    const char *email, *json;
    const char *accepts[4], *rejects[4]; /* as JSON text */
};

static const struct odd_password ODD[] = {
    /* U+0000 is a character like any other: nothing may be cut there, nor dropped. */
    {"nul-inside@odd.example",
     "\"abc\\u0000defgh\"",
     {"\"abc\\u0000defgh\""},
     {"\"abc\"", "\"abcdefgh\"", "\"abc\\u0000\"", "\"abc\\u0000defgi\""}},
    /* At the end alone it does not count: HMAC, inside of scrypt, pads its key with zeros. So it is in the
       product. */
    {"nul-last@odd.example",
     "\"abcdefgh\\u0000\"",
     {"\"abcdefgh\\u0000\"", "\"abcdefgh\""},
     {"\"\\u0000abcdefgh\"", "\"abcdefg\""}},
    /* A lone surrogate becomes U+FFFD, so all of them are the same; a pair is another character. */
    {"surrogate@odd.example",
     "\"\\ud800abcdefg\"",
     {"\"\\ud800abcdefg\"", "\"\\udc00abcdefg\"", "\"\\ufffdabcdefg\""},
     {"\"abcdefg\"", "\"\\ud83d\\ude00abcdefg\"", "\"?abcdefg\""}},
    /* NFKC: composed and decomposed, half width and full. */
    {"nfkc@odd.example",
     "\"\\uff21\\uff22\\uff23e\\u0301\\u2460xyz\"",
     {"\"ABC\\u00e91xyz\""},
     {"\"ABCe1xyz\"", "\"abc\\u00e91xyz\""}},
};

static struct harness_http_reply post_json(const char *path, const char *email, const char *password_json)
{
    return post(path, "application/json", credentials(qn_str_c(email), qn_str_c(password_json)));
}

static void test_odd_passwords(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(ODD); i++) {
        const struct odd_password *odd = &ODD[i];
        expect_in(odd->email, post_json(SIGN_UP, odd->email, odd->json), (struct qn_str){0});
        for (size_t k = 0; k < QN_COUNT(odd->accepts) && odd->accepts[k]; k++)
            expect_in(odd->accepts[k], post_json(SIGN_IN, odd->email, odd->accepts[k]), (struct qn_str){0});
        for (size_t k = 0; k < QN_COUNT(odd->rejects) && odd->rejects[k]; k++)
            expect_refused(odd->rejects[k], post_json(SIGN_IN, odd->email, odd->rejects[k]));
    }
}

/* The same passwords in a form, where "%00" is how U+0000 is written. */
static void test_odd_passwords_in_a_form(void **state)
{
    (void)state;
    const char *type = "application/x-www-form-urlencoded";
    struct qn_str nul = QN_STR("nul@example.com"), nfkc = QN_STR("nfkc@example.com");
    expect_in("form", post(SIGN_IN, type, form_of(nul, QN_STR("abc\0defgh"))), (struct qn_str){0});
    expect_refused("form", post(SIGN_IN, type, form_of(nul, QN_STR("abc"))));
    expect_in("form", post(SIGN_IN, type, form_of(nfkc, QN_STR("IV1fiff ABC2 x2"))), (struct qn_str){0});
}

/* Connect's string fields cannot hold U+0000 (protobuf-c would cut there), so that password has a field of
 * bytes. */
static void test_nul_through_connect(void **state)
{
    (void)state;
    const char *path = "/quintet.auth.v1.AuthService/SignIn";
    struct harness_http_reply reply = harness_http_post(
        stack.url, path, NULL, "{\"email\":\"nul@example.com\",\"password\":\"abc\\u0000defgh\"}");
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "\"invalid_argument\""));
    harness_http_free(&reply);
    reply = harness_http_post(stack.url, path, NULL,
                              "{\"email\":\"nul@example.com\",\"passwordUtf8\":\"YWJjAGRlZmdo\"}");
    assert_int_equal(reply.status, 200);
    harness_http_free(&reply);
    reply = harness_http_post(stack.url, path, NULL, "{\"email\":\"nul@example.com\",\"password\":\"abc\"}");
    assert_int_equal(reply.status, 401);
    harness_http_free(&reply);
}

/* Refused by their length, in UTF-16 units before NFKC, and with nothing hashed for them. */
static void test_lengths(void **state)
{
    (void)state;
    char json[2 + 6 * 129 + 1];
    size_t len = 0;
    json[len++] = '"';
    for (int i = 0; i < 129; i++)
        len += (size_t)snprintf(json + len, sizeof json - len, "\\u0000");
    memcpy(json + len, "\"", 2);
    struct harness_http_reply reply = post_json(SIGN_IN, "nul@example.com", json);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "PASSWORD_TOO_LONG"));
    harness_http_free(&reply);
    reply = post_json(SIGN_UP, "short@odd.example", "\"\\u0000\\u0000\\ud800\\ud83d\\ude00ab\"");
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "PASSWORD_TOO_SHORT"));
    harness_http_free(&reply);
}

int main(void)
{
    const struct CMUnitTest moved[] = {
        cmocka_unit_test(test_cookies_of_better_auth_are_good),
        cmocka_unit_test(test_everybody_signs_in),
    };
    const struct CMUnitTest moved_and_odd[] = {
        cmocka_unit_test(test_cookies_of_better_auth_are_good),
        cmocka_unit_test(test_everybody_signs_in),
        cmocka_unit_test(test_odd_passwords),
        cmocka_unit_test(test_odd_passwords_in_a_form),
        cmocka_unit_test(test_nul_through_connect),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests_name("tables of Better Auth's own", moved, set_up_kysely, tear_down) +
           cmocka_run_group_tests_name("tables of Prisma", moved_and_odd, set_up_prisma, tear_down);
}
