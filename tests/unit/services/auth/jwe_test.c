#include "common/core/check.h"
#include "services/auth/jwe.h"
#include "tests/harness/test.h"

/* Encrypted texts against what the real Better Auth 1.7.25 and jose 6.2 encrypted. */

#define SECRET "rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"
#define OTHER  "a secret with Zo\xc3\xab \xe2\x98\x83 in it, long enough"

/* The header under SECRET. */
#define HEADER                                                                                               \
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiNWhRRW5ibHNsUlVmanBoeWY5TGlf"                   \
    "bWw1SFZSRHZsYVRhMU43MEJ2d0tsZyJ9"

static const char TOKEN[] =
    HEADER "..JZvZusVQ2NbagIorjcysow.uoqfI2yFfLqx9vulvqKsDi2J_cE9y8o1JKhaevmFb0GeT6K7ZOOkf3RP2GjE_MDydlwT1Q5"
           "KsdFXZ3TCip0gUYL4vL4dya0kiz4mcoWgq4Vn9gB6SLgKQ0Hl1_F9TrQQDJ-eLITs3TQ5v2SWDiFQrQ.kGi2l8aidATCCP-"
           "g0izjJXpG0sYKzjH4vg3BXLLrbZw";
static const char TEXT[] = "{\"a\":1,\"b\":\"Zo\xc3\xab \xe2\x98\x83\",\"iat\":1795893411,\"exp\":1795893711,"
                           "\"jti\":\"bead6cef-e676-40be-8006-da671eac9138\"}";

static const char OTHER_TOKEN[] =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiRkZkbWFVUEZWZ2d3Vk9taERUTGdHNkdNLVJKZ2xrNGdWbVRQ"
    "d01yWV82dyJ9..uZaszLzC_USGl35mp5qRyw.2xo8QDMLODyIwLSzJF1nctQK3sRu1s7R-9ZnvRabq_ZjoFrgNeUUZ8Np-C_CK4dHFGV"
    "x9dzuH-lpqy1Kv4x-qs1uLddPtfF-j0iKjAgotB3NtjSpycDd8wobG1Nhl0z_TCL_jbHzYYJOkMFpeOcESg.Kv2hw8ZKehFGp9djEetJ"
    "u-CsFfu6-bW09hSbLvnQ37A";
static const char OTHER_TEXT[] = "{\"a\":1,\"b\":\"Zo\xc3\xab \xe2\x98\x83\",\"iat\":1795893411,"
                                 "\"exp\":1795893711,\"jti\":\"8bf14fca-5fbf-40d6-bb94-6693e8ccd160\"}";

static struct auth_jwe_ring ring;
static struct qn_arena arena;

static int set_up(void **state)
{
    (void)state;
    const struct qn_str secret = QN_STR(SECRET);
    qn_arena_init(&arena, 8 * 1024 * 1024);
    return auth_jwe_open(&ring, &secret, 1) == QN_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    auth_jwe_close(&ring);
    auth_jwe_close(&ring); /* safe: the first one left zeros */
    qn_arena_fini(&arena);
    return 0;
}

static void expect(struct auth_jwe_ring *under, const char *token, const char *text)
{
    struct qn_str read;
    assert_true(auth_jwe_read(under, qn_str_c(token), &arena, &read));
    assert_str(read, text);
}

static void test_what_better_auth_encrypted_is_read(void **state)
{
    (void)state;
    expect(&ring, TOKEN, TEXT);
    /* One byte less than a block, and a whole one: by jose alone. */
    expect(&ring,
           HEADER
           "..J38PooXlufBuF7LZXurO6w._luKPeemnZysLLtg9_UN6Q.oGXVPEtRe3v2sM-VKHdCoW0otz0bS_N8OQczDhNOcYo",
           "xxxxxxxxxxxxxxx");
    expect(&ring,
           HEADER
           "..3fUTOrsJqaqZ2OW_9A7bEA.OV7eGUl0BAxnK6YuEz_g_7wZq1eGEC8FL7d6BCkVXdQ.B47t3-Q3mVHKcFW0Qnb6LhN"
           "zGpkY3KhuQ8CY8eiEpZI",
           "xxxxxxxxxxxxxxxx");
}

/* After a change of the secret: what the older one encrypted is read, and nothing more encrypted with it. */
static void test_the_header_says_which_secret(void **state)
{
    (void)state;
    const struct qn_str secrets[] = {QN_STR(OTHER), QN_STR(SECRET)};
    struct auth_jwe_ring both;
    struct qn_buf token;
    struct qn_str text;
    assert_int_equal(auth_jwe_open(&both, secrets, QN_COUNT(secrets)), QN_OK);
    expect(&both, TOKEN, TEXT);
    expect(&both, OTHER_TOKEN, OTHER_TEXT);
    assert_false(auth_jwe_read(&ring, qn_str_c(OTHER_TOKEN), &arena, &text));
    qn_buf_init(&token, 1024);
    assert_int_equal(auth_jwe_write(&both, QN_STR("new"), &token), QN_OK);
    assert_false(auth_jwe_read(&ring, qn_buf_view(&token), &arena, &text));
    expect(&both, token.data, "new");
    qn_buf_fini(&token);
    auth_jwe_close(&both);
}

static void test_there_and_back(void **state)
{
    (void)state;
    char text[100];
    struct qn_buf token, again;
    struct qn_str read;
    memset(text, 'x', sizeof(text));
    qn_buf_init(&token, 1024);
    qn_buf_init(&again, 1024);
    for (size_t len = 0; len <= sizeof(text); len++) {
        qn_buf_clear(&token);
        qn_buf_clear(&again);
        assert_int_equal(auth_jwe_write(&ring, qn_str_n(text, len), &token), QN_OK);
        assert_int_equal(auth_jwe_write(&ring, qn_str_n(text, len), &again), QN_OK);
        assert_true(qn_str_starts(qn_buf_view(&token), QN_STR(HEADER "..")));
        assert_false(qn_str_eq(qn_buf_view(&token), qn_buf_view(&again))); /* a new vector each time */
        assert_true(auth_jwe_read(&ring, qn_buf_view(&token), &arena, &read));
        assert_true(qn_str_eq(read, qn_str_n(text, len)));
    }
    qn_buf_fini(&token);
    qn_buf_fini(&again);
}

/* One bit, in any character. */
static void test_a_change_anywhere_is_seen(void **state)
{
    (void)state;
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char token[sizeof(TOKEN)];
    struct qn_str text;
    for (size_t i = 0; i < sizeof(TOKEN) - 1; i++) {
        memcpy(token, TOKEN, sizeof(TOKEN));
        const char *at = strchr(ALPHABET, token[i]);
        /* The first of a character's six bits: the last ones of a part are no part of a byte. */
        token[i] = at ? ALPHABET[(at - ALPHABET) ^ 32] : 'A';
        if (auth_jwe_read(&ring, qn_str_c(token), &arena, &text))
            fail_msg("character %zu", i);
    }
    for (size_t len = 0; len < sizeof(TOKEN) - 1; len++)
        assert_false(auth_jwe_read(&ring, qn_str_n(TOKEN, len), &arena, &text));
}

static void test_other_shapes(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "....",
        HEADER "..",
        HEADER "....",
        HEADER ".a.J38PooXlufBuF7LZXurO6w._luKPeemnZysLLtg9_UN6Q.oGXVPEtRe3v2sM-VKHdCoW0otz0bS_N8OQczDhNOcYo",
        HEADER "..J38PooXlufBuF7LZXurO6w..oGXVPEtRe3v2sM-VKHdCoW0otz0bS_N8OQczDhNOcYo",
        HEADER "..J38PooXlufBuF7LZXurO6w._luKPeemnZysLLtg9_UN.oGXVPEtRe3v2sM-VKHdCoW0otz0bS_N8OQczDhNOcYo",
        HEADER
        "..J38PooXlufBuF7LZXurO6w._luKPeemnZysLLtg9_UN6Q.oGXVPEtRe3v2sM-VKHdCoW0otz0bS_N8OQczDhNOcYo.a",
        /* By jose with the same key, and a header that does not name it. */
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..phXxgPY5dwa6l9ZBs3PfQQ.tZEbY_kRQBA9ZBUraGKWLA."
        "Qrw3TBc"
        "molcg8JYo3Tv4LObwsDfmJLd_2rNBhWRqmoE",
    };
    struct qn_str text;
    for (size_t i = 0; i < QN_COUNT(odd); i++) {
        if (auth_jwe_read(&ring, qn_str_c(odd[i]), &arena, &text))
            fail_msg("\"%s\" is read", odd[i]);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    static char text[AUTH_JWE_TEXT_MAX + 1];
    struct qn_buf token;
    struct qn_str read;
    memset(text, 'x', sizeof(text));
    qn_buf_init(&token, 2 * sizeof(text));
    assert_int_equal(auth_jwe_write(&ring, qn_str_n(text, sizeof(text)), &token), QN_RESOURCE_EXHAUSTED);
    assert_int_equal(token.len, 0);
    assert_int_equal(auth_jwe_write(&ring, qn_str_n(text, sizeof(text) - 1), &token), QN_OK);
    assert_true(auth_jwe_read(&ring, qn_buf_view(&token), &arena, &read));
    assert_int_equal(read.len, sizeof(text) - 1);
    qn_buf_fini(&token);
    qn_buf_init(&token, 64);
    assert_int_equal(auth_jwe_write(&ring, QN_STR("x"), &token), QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_better_auth_encrypted_is_read),
        cmocka_unit_test(test_the_header_says_which_secret),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_a_change_anywhere_is_seen),
        cmocka_unit_test(test_other_shapes),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
