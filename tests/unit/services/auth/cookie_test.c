#include "common/core/check.h"
#include "services/auth/cookie.h"
#include "tests/harness/rows.h"
#include "tests/harness/test.h"

/* The same session with and without TLS, and what its signature looks like when it has '+' and '/'. */
#define TOKEN     "64mcRMplVxpY4AtfnBvIxfcczaLgIwqe"
#define SIGNATURE "NGgaQWVcJ/EpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc="
#define ENCODED   TOKEN ".NGgaQWVcJ%2FEpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc%3D"

static struct auth_cookie_jar jar, secure_jar;
static struct qn_arena arena;

static int setup(void **state)
{
    (void)state;
    struct qn_str secret = harness_rows_text(harness_rows(), "secret");
    qn_arena_init(&arena, 1024 * 1024);
    return auth_cookie_open(&jar, secret, false) == QN_OK &&
                   auth_cookie_open(&secure_jar, secret, true) == QN_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    auth_cookie_close(&jar);
    auth_cookie_close(&secure_jar);
    qn_arena_fini(&arena);
    return 0;
}

static enum auth_cookie which_of(struct auth_cookie_jar *of, struct qn_str name)
{
    for (enum auth_cookie which = AUTH_COOKIE_SESSION_TOKEN; which <= AUTH_COOKIE_DONT_REMEMBER; which++)
        if (qn_str_eq(name, qn_str_c(auth_cookie_name(of, which))))
            return which;
    fail_msg("no cookie is called %.*s", QN_STR_ARG(name));
    return AUTH_COOKIE_SESSION_TOKEN;
}

/* Each cookie that the real product set is set here byte for byte, and read again as it came and decoded. */
static void test_every_recorded_cookie(void **state)
{
    (void)state;
    size_t cookies = 0;
    const struct qn_json *users = harness_rows_member(harness_rows(), "users");
    for (size_t i = 0; i < users->n_items; i++) {
        const struct qn_json *sessions = harness_rows_member(&users->items[i], "sessions");
        for (size_t k = 0; k < sessions->n_items; k++) {
            bool secure =
                qn_str_starts(harness_rows_text(&sessions->items[k], "baseURL"), QN_STR("https://"));
            struct auth_cookie_jar *of = secure ? &secure_jar : &jar;
            const struct qn_json *set = harness_rows_member(&sessions->items[k], "cookies");
            for (size_t c = 0; c < set->n_items; c++, cookies++) {
                const struct qn_json *cookie = &set->items[c];
                struct qn_str value = harness_rows_text(cookie, "signedPart"), read;
                struct qn_str text = harness_rows_text(cookie, "setCookie");
                bool lasting = strstr(text.ptr, "Max-Age=604800") != NULL;

                char signature[AUTH_COOKIE_SIGNATURE_LEN + 1];
                assert_int_equal(auth_cookie_sign(of, value, signature), QN_OK);
                assert_str(harness_rows_text(cookie, "signature"), signature);

                struct qn_buf written;
                qn_buf_init(&written, AUTH_COOKIE_MAX_BYTES);
                assert_int_equal(auth_cookie_write(of, which_of(of, harness_rows_text(cookie, "name")), value,
                                                   lasting ? 604800 : AUTH_COOKIE_OF_BROWSER, &written),
                                 QN_OK);
                assert_str(text, written.data);
                qn_buf_fini(&written);

                assert_int_equal(auth_cookie_unsign(of, harness_rows_text(cookie, "value"), &arena, &read),
                                 QN_OK);
                assert_true(qn_str_eq(read, value));
                assert_int_equal(auth_cookie_unsign(of, harness_rows_text(cookie, "decoded"), &arena, &read),
                                 QN_OK);
                assert_true(qn_str_eq(read, value));
            }
        }
    }
    assert_true(cookies > 20);
}

static void expect_expired(struct auth_cookie_jar *of, enum auth_cookie which, const char *text)
{
    struct qn_buf written;
    qn_buf_init(&written, AUTH_COOKIE_MAX_BYTES);
    assert_int_equal(auth_cookie_write_expired(of, which, &written), QN_OK);
    assert_string_equal(written.data, text);
    qn_buf_fini(&written);
}

static void test_expired(void **state)
{
    (void)state;
    expect_expired(&jar, AUTH_COOKIE_SESSION_TOKEN,
                   "better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    expect_expired(&jar, AUTH_COOKIE_SESSION_DATA,
                   "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    expect_expired(&secure_jar, AUTH_COOKIE_DONT_REMEMBER,
                   "__Secure-better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax");
}

/* What a Cookie header can look like, and which value is read from it; NULL: none. */
static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *header, *value;
    } cases[] = {
        {"", NULL},
        {"n", NULL},
        {"n=", ""},
        {"n=v", "v"},
        {"theme=dark", NULL},
        {"a=b;n=v;c=d", "v"}, /* no blank after the semicolon */
        {"a=b; n=v; c=d", "v"},
        {" n = v ", "v"},
        {"\tn=v\t;", "v"},
        {"n=v; n=junk", "v"},    /* the first wins, */
        {"n=junk; n=v", "junk"}, /* also when it is worse */
        {"n=; n=v", ""},
        {"n; n=v", "v"}, /* without '=' it is no cookie */
        {"n=\"v\"", "v"},
        {"n=\"\"", ""},
        {"n=\"", "\""},
        {"n=v=w==", "v=w=="},
        {"N=v", NULL}, /* names are case-sensitive */
        {"nn=v; n =w", "w"},
        {"xn=v", NULL},
        {";;;=;n=v", "v"},
        {"=n; n=v", "v"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct qn_str value = auth_cookie_find(qn_str_c(cases[i].header), "n");
        if ((value.ptr == NULL) != (cases[i].value == NULL) ||
            (value.ptr && !qn_str_eq(value, qn_str_c(cases[i].value))))
            fail_msg("\"%s\" gives \"%.*s\"", cases[i].header, QN_STR_ARG(value));
    }
}

/* An https server ignores the cookie without the prefix, and the reverse. */
static void test_names_do_not_mix(void **state)
{
    (void)state;
    struct qn_str plain = QN_STR("better-auth.session_token=v"),
                  prefixed = QN_STR("__Secure-better-auth.session_token=v");
    assert_non_null(auth_cookie_find(plain, auth_cookie_name(&jar, AUTH_COOKIE_SESSION_TOKEN)).ptr);
    assert_null(auth_cookie_find(prefixed, auth_cookie_name(&jar, AUTH_COOKIE_SESSION_TOKEN)).ptr);
    assert_non_null(auth_cookie_find(prefixed, auth_cookie_name(&secure_jar, AUTH_COOKIE_SESSION_TOKEN)).ptr);
    assert_null(auth_cookie_find(plain, auth_cookie_name(&secure_jar, AUTH_COOKIE_SESSION_TOKEN)).ptr);
}

static void expect_unsigned(struct qn_str raw)
{
    struct qn_str value;
    if (auth_cookie_unsign(&jar, raw, &arena, &value) != QN_UNAUTHENTICATED)
        fail_msg("\"%.*s\" was taken", QN_STR_ARG(raw));
}

static void test_forged(void **state)
{
    (void)state;
    static const char *const forged[] = {
        "",
        ".",
        "junk",
        "junk.sig",
        TOKEN,
        TOKEN ".",
        "." SIGNATURE,                                         /* nothing signed */
        "A4mcRMplVxpY4AtfnBvIxfcczaLgIwqe." SIGNATURE,         /* another token */
        TOKEN ".yEkOladEX5UiE9OQwn1xWow1ZUf1BNfkyIam1YSpXC4=", /* another's signature */
        TOKEN ".NGgaQWVcJ_EpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc",  /* base64url */
        TOKEN ".NGgaQWVcJ_EpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc=", /* base64url, padded */
        TOKEN ".NGgaQWVcJ/EpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc",  /* not padded */
        TOKEN ".NGgaQWVcJ/EpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfd=", /* the same bytes, spelt with spare bits */
        TOKEN ".NGgaQWVcJ/EpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc==",
        TOKEN "." SIGNATURE ".",
        TOKEN "." SIGNATURE "." SIGNATURE,
        " " TOKEN "." SIGNATURE,
        TOKEN ".NGgaQWVcJ%2FEpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc%3", /* percent-encoding cut: kept as it is */
        TOKEN ".NGgaQWVcJ%252FEpUxi3Wyr2MnDZ83pS23O2dS6FAv9sXfc%253D", /* encoded twice */
        "%ff%fe." SIGNATURE,                                           /* no UTF-8 */
        TOKEN "%00." SIGNATURE,
    };
    for (size_t i = 0; i < QN_COUNT(forged); i++)
        expect_unsigned(qn_str_c(forged[i]));
    for (size_t len = 0; len < strlen(ENCODED); len++)
        expect_unsigned(qn_str_n(ENCODED, len));
}

/* Any one changed bit is found. */
static void test_every_bit_counts(void **state)
{
    (void)state;
    static const char whole[] = TOKEN "." SIGNATURE;
    char changed[sizeof(whole)];
    for (size_t bit = 0; bit < 8 * (sizeof(whole) - 1); bit++) {
        memcpy(changed, whole, sizeof(whole));
        changed[bit / 8] = (char)(changed[bit / 8] ^ (1 << bit % 8));
        expect_unsigned(qn_str_n(changed, sizeof(whole) - 1));
    }
}

/* The dot that counts is the last: a value may hold dots and anything else. */
static void test_value_round_trip(void **state)
{
    (void)state;
    static const char *const values[] = {"a", "a.b.c", "..", "100% sure; a=b \"c\"", "\xe2\x82\xac", "%2E"};
    for (size_t i = 0; i < QN_COUNT(values); i++) {
        struct qn_buf written;
        qn_buf_init(&written, AUTH_COOKIE_MAX_BYTES);
        assert_int_equal(auth_cookie_write(&jar, AUTH_COOKIE_SESSION_TOKEN, qn_str_c(values[i]), 1, &written),
                         QN_OK);
        struct qn_str pair = qn_buf_view(&written), first, read;
        assert_true(qn_str_next(&pair, ';', &first));
        struct qn_str raw = auth_cookie_find(first, "better-auth.session_token");
        assert_int_equal(auth_cookie_unsign(&jar, raw, &arena, &read), QN_OK);
        assert_str(read, values[i]);
        qn_buf_fini(&written);
    }
}

/* A NUL under a good signature (a leaked secret, a bug elsewhere) must not become another, shorter token. */
static void test_nul_never_cuts_a_token(void **state)
{
    (void)state;
    static const char value[] = "token\0rest";
    struct qn_buf written;
    qn_buf_init(&written, AUTH_COOKIE_MAX_BYTES);
    assert_int_equal(
        auth_cookie_write(&jar, AUTH_COOKIE_SESSION_TOKEN, qn_str_n(value, sizeof(value) - 1), 1, &written),
        QN_OK);
    struct qn_str pair = qn_buf_view(&written), first;
    assert_true(qn_str_next(&pair, ';', &first));
    expect_unsigned(auth_cookie_find(first, "better-auth.session_token"));
    qn_buf_fini(&written);
}

/* After a rotation old cookies stop working: only the current secret signs. */
static void test_another_secret(void **state)
{
    (void)state;
    struct auth_cookie_jar other;
    struct qn_str value;
    assert_int_equal(auth_cookie_open(&other, QN_STR("another-secret-of-more-than-32-characters"), false),
                     QN_OK);
    assert_int_equal(auth_cookie_unsign(&other, QN_STR(ENCODED), &arena, &value), QN_UNAUTHENTICATED);
    auth_cookie_close(&other);
}

static void test_no_room(void **state)
{
    (void)state;
    struct qn_arena small;
    struct qn_str value;
    qn_arena_init(&small, 8);
    assert_int_equal(auth_cookie_unsign(&jar, QN_STR(ENCODED), &small, &value), QN_RESOURCE_EXHAUSTED);
    qn_arena_fini(&small);
    struct qn_buf written;
    qn_buf_init(&written, 64);
    assert_int_equal(auth_cookie_write(&jar, AUTH_COOKIE_SESSION_TOKEN, QN_STR(TOKEN), 1, &written),
                     QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_recorded_cookie),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_names_do_not_mix),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_value_round_trip),
        cmocka_unit_test(test_nul_never_cuts_a_token),
        cmocka_unit_test(test_another_secret),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
