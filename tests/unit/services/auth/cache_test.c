#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/auth/cache.h"
#include "services/auth/jwt.h"
#include "tests/harness/test.h"

/* The cookie cache against what the real Better Auth wrote: recorded values, signed with the fixtures'
 * secret. */

#define SECRET "rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"

/* Of a sign-up. */
static const char SIGNED_UP[] =
    "eyJzZXNzaW9uIjp7InNlc3Npb24iOnsiZXhwaXJlc0F0IjoiMjAyNi0xMS0zMFQwNDozMToxOC45NjdaIiwi"
    "dG9rZW4iOiJTV1NhUU5HN0d4NnlhUDlaQ29Mbmp6Vmt5c1ZGR0lLTiIsImNyZWF0ZWRBdCI6IjIwMjYtMTEt"
    "MjNUMDQ6MzE6MTguOTY3WiIsInVwZGF0ZWRBdCI6IjIwMjYtMTEtMjNUMDQ6MzE6MTguOTY3WiIsImlwQWRk"
    "cmVzcyI6IjIwMy4wLjExMy43IiwidXNlckFnZW50IjoiZml4dHVyZS1jbGllbnQvMS4wIiwidXNlcklkIjoi"
    "c0ppWG9iaFA0Qk1SYlNIazVOWVk2SE0xR29lRjl0N3UiLCJpZCI6InFHdVNWR2JISkE4OFltRnVEU1B0NndE"
    "UFFzYkFsaTBIIn0sInVzZXIiOnsibmFtZSI6IlVzZXIgMjIiLCJlbWFpbCI6InUyMi5jYWNoZWNvbXBhY3RA"
    "ZXhhbXBsZS5jb20iLCJlbWFpbFZlcmlmaWVkIjpmYWxzZSwiaW1hZ2UiOm51bGwsImNyZWF0ZWRBdCI6IjIw"
    "MjYtMTEtMjNUMDQ6MzE6MTguOTY0WiIsInVwZGF0ZWRBdCI6IjIwMjYtMTEtMjNUMDQ6MzE6MTguOTY0WiIs"
    "ImlkIjoic0ppWG9iaFA0Qk1SYlNIazVOWVk2SE0xR29lRjl0N3UifSwidXBkYXRlZEF0IjoxNzk1NDA4Mjc4"
    "OTY5LCJ2ZXJzaW9uIjoiMSJ9LCJleHBpcmVzQXQiOjE3OTU0MDg1Nzg5NjksInNpZ25hdHVyZSI6Ik9WRDBj"
    "UEdvVF9TeE9RNjhHcjk3b3Bxa1pqMlB6V1Rfd3dQTkdFbUN4NVEifQ";

/* Of an update of the user, whose session came out of the cache and has its members in another order. */
static const char UPDATED[] =
    "eyJzZXNzaW9uIjp7InNlc3Npb24iOnsiaWQiOiJKUlZlUzNZckxQZWhNcmcwRFU5YlV3aFFkTFNjZEZ0VCIs"
    "ImNyZWF0ZWRBdCI6IjIwMjYtMTEtMjNUMDQ6MzE6MTkuMTU5WiIsInVwZGF0ZWRBdCI6IjIwMjYtMTEtMjNU"
    "MDQ6MzE6MTkuMTU5WiIsInVzZXJJZCI6IjJyUnJDVURmR3ljazhwNXNmS29FZXNoTjhHSG1SSjJRIiwiZXhw"
    "aXJlc0F0IjoiMjAyNi0xMS0zMFQwNDozMToxOS4xNTlaIiwidG9rZW4iOiJWRGFsdlJaanAxcUV3NktXdjlO"
    "cmsya0ZwaW1mTWplaSIsImlwQWRkcmVzcyI6IjIwMy4wLjExMy43IiwidXNlckFnZW50IjoiZml4dHVyZS1j"
    "bGllbnQvMS4wIn0sInVzZXIiOnsibmFtZSI6ImNhY2hlZCIsImVtYWlsIjoidTIzLmNhY2hlY29tcGFjdEBl"
    "eGFtcGxlLmNvbSIsImVtYWlsVmVyaWZpZWQiOmZhbHNlLCJpbWFnZSI6bnVsbCwiY3JlYXRlZEF0IjoiMjAy"
    "Ni0xMS0yM1QwNDozMToxOS4xNTZaIiwidXBkYXRlZEF0IjoiMjAyNi0xMS0yM1QwNDozMToxOS4yMDVaIiwi"
    "aWQiOiIyclJyQ1VEZkd5Y2s4cDVzZktvRWVzaE44R0htUkoyUSJ9LCJ1cGRhdGVkQXQiOjE3OTU0MDgyNzky"
    "MDcsInZlcnNpb24iOiIxIn0sImV4cGlyZXNBdCI6MTc5NTQwODU3OTIwNywic2lnbmF0dXJlIjoiemZoZFE1"
    "Mmx4SGRMc0x5ZkdyN2Zac3psajU4cWxMWUF5RDFKNDM4cnNpMCJ9";

/* The other strategy. */
static const char SIGNED_UP_JWT[] =
    "eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uIjp7ImV4cGlyZXNBdCI6IjIwMjYtMTEtMzBUMDQ6MzE6MjAuMDA"
    "3WiIsInRva2VuIjoiTjJjTVZDa0d6eHdzZ3UwSXRRdm1TMExDM3A2MUowd1oiLCJjcmVhdGVkQXQiOiIyMDI"
    "2LTExLTIzVDA0OjMxOjIwLjAwN1oiLCJ1cGRhdGVkQXQiOiIyMDI2LTExLTIzVDA0OjMxOjIwLjAwN1oiLCJ"
    "pcEFkZHJlc3MiOiIyMDMuMC4xMTMuNyIsInVzZXJBZ2VudCI6ImZpeHR1cmUtY2xpZW50LzEuMCIsInVzZXJ"
    "JZCI6IkhINWVyTUxIOU1aNFVMNWlGNWtoZjl1ZUFLQ0ppUGJBIiwiaWQiOiJEM0JuT25DcExXZHJRRFI1OHV"
    "LWlVPTDZnd1VabUJESyJ9LCJ1c2VyIjp7Im5hbWUiOiJVc2VyIDI0IiwiZW1haWwiOiJ1MjQuY2FjaGVqd3R"
    "AZXhhbXBsZS5jb20iLCJlbWFpbFZlcmlmaWVkIjpmYWxzZSwiaW1hZ2UiOm51bGwsImNyZWF0ZWRBdCI6IjI"
    "wMjYtMTEtMjNUMDQ6MzE6MTkuOTk3WiIsInVwZGF0ZWRBdCI6IjIwMjYtMTEtMjNUMDQ6MzE6MTkuOTk3WiI"
    "sImlkIjoiSEg1ZXJNTEg5TVo0VUw1aUY1a2hmOXVlQUtDSmlQYkEifSwidXBkYXRlZEF0IjoxNzk1NDA4Mjg"
    "wMDEzLCJ2ZXJzaW9uIjoiMSIsImlhdCI6MTc5NTQwODI4MCwiZXhwIjoxNzk1NDA4NTgwfQ.HLlnc-gAqyrQ"
    "dnAkYVTCrIiDInklAzCxKUJRo7s0CbY";

/* The third, which encrypts: of a sign-up. */
static const char SIGNED_UP_JWE[] =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiNWhRRW5ibHNsUlVmanBoeWY5TGlfbWw1SFZSRHZs"
    "YVRhMU43MEJ2d0tsZyJ9..oPs5QsQOKUkspnuw3q4pDg.kOn1bl8iP0k_DQDYSB8B6VmJml-9AqlCbnFpWQaLuxNkMRp7F5e"
    "7sfdAabHdovETkxRDdksHdHVCEcXDCBho-blo3CtsXPyZXHaLtaiM4QWYM47c_BXp3FOc9wJbdQHaReX7ZQ_h5cYBrRNXj6D"
    "5AMj5Shi3PFMnfKSfHgmgU0b4B4YklsU8IIiM8PkHlXsXfy1J2Y6Bk6gjcO1o3cbTSVi3j7aLFmCuCfBDKKZhLSMqjgBXP4z"
    "byyBtn0RxqEZ71wP5KNnVKPC9e_-Qp-ZHchrZvV2RBExYSjSa0gni-AcfsqlxNlBE_bRdHwoOZaA7ZA5QXLK6x5A3Ebw26-y"
    "Pg-6ty1bOAJ2p-QPSX3d_CCznxsucRTGptCkoe8ybk3mCjIEqbWSqtM-8Z86YKNGX-rIcTj7RtSGxhQ_LHppw5JoRAPXSmP9"
    "yyFTrkrJ9nP7MUk_76uJjnZkXjcoZyYIGiC9iL_p1bVLQmNQRFrzchnh4rdHI5fLJThousPeVpgMDf7yLBofS5gtFzFK79I-"
    "vI2LwCOnKYrfriR83B8NliCJ5gZvBxuCsOUqkY2x-TbU80XMqWeukGdhFchd4kdzXvq_nLWyfPAhgqYwksA8XT0btPVT-Wcw"
    "0E7i7TtHILwNelOnZsGD_FcXhW4l71B-l57jP5A8k4h8W2brcBu-EyCxM4xJYd2hyOFNCqJ-o4tzDJIkSU7ECvMesb3MaLaK"
    "13mHsYdzzjgo-mTvoGJln_T2Oav-3wAcuTq62k-z_YjX9a37nJAPvsSpFVC1YPKw6QWccEskf2B9xfCrHgA3jJQIUT4b8XPS"
    "8xy3YzDSHi9oZPVzGqDx7RexG6dCYWFtNa6src-ZkOZMw3y1bbQKOhsk.WwgZ3oRUQixnyWkdMWFUphK6SGp1hqSH0ZO1KXr"
    "NDEM";

static struct auth_cookie_jar jar;
static struct auth_jwe_ring ring;
static struct qn_arena arena;
static const struct auth_cache_kit compact = {AUTH_CACHE_COMPACT, &jar, NULL},
                                   jwt = {AUTH_CACHE_JWT, &jar, NULL}, jwe = {AUTH_CACHE_JWE, &jar, &ring};

static int set_up(void **state)
{
    (void)state;
    const struct qn_str secret = QN_STR(SECRET);
    qn_arena_init(&arena, 8 * 1024 * 1024);
    return auth_cookie_open(&jar, secret, false) == QN_OK && auth_jwe_open(&ring, &secret, 1) == QN_OK ? 0
                                                                                                       : -1;
}

static int tear_down(void **state)
{
    (void)state;
    auth_jwe_close(&ring);
    auth_cookie_close(&jar);
    qn_arena_fini(&arena);
    return 0;
}

static bool read(struct qn_str value, struct auth_cache *ret_cache)
{
    return auth_cache_read(&compact, value, &arena, ret_cache);
}

static void test_what_better_auth_wrote_is_read(void **state)
{
    (void)state;
    struct auth_cache cache;
    assert_true(read(qn_str_c(SIGNED_UP), &cache));
    assert_int_equal(cache.expires_at_ms, 1795408578969);
    assert_string_equal(cache.session.token, "SWSaQNG7Gx6yaP9ZCoLnjzVkysVFGIKN");
    assert_string_equal(cache.session.user_id, "sJiXobhP4BMRbSHk5NYY6HM1GoeF9t7u");
    assert_string_equal(cache.session.ip_address, "203.0.113.7");
    assert_int_equal(cache.session.created_at_ms, 1795408278967);
    assert_string_equal(cache.user.email, "u22.cachecompact@example.com");
    assert_false(cache.user.email_verified);
    assert_false(cache.user.has_image);
    assert_string_equal(cache.user.image, "");
    assert_true(read(qn_str_c(UPDATED), &cache));
    assert_string_equal(cache.user.name, "cached");
}

/* Byte for byte: a Better Auth server beside takes ours for its own. */
static void test_what_is_written_is_what_better_auth_wrote(void **state)
{
    (void)state;
    struct auth_cache cache;
    struct qn_buf again;
    qn_buf_init(&again, AUTH_CACHE_VALUE_MAX);
    assert_true(read(qn_str_c(SIGNED_UP), &cache));
    assert_int_equal(
        auth_cache_write(&compact, &cache.session, &cache.user, 1795408278969, cache.expires_at_ms, &again),
        QN_OK);
    assert_str(qn_buf_view(&again), SIGNED_UP);
    qn_buf_fini(&again);
}

static void test_a_jwt_byte_for_byte(void **state)
{
    (void)state;
    struct auth_cache cache;
    struct qn_buf again;
    char text[sizeof SIGNED_UP_JWT];
    qn_buf_init(&again, AUTH_CACHE_VALUE_MAX);
    assert_true(auth_cache_read(&jwt, qn_str_c(SIGNED_UP_JWT), &arena, &cache));
    assert_int_equal(cache.expires_at_ms, 1795408580000);
    assert_string_equal(cache.user.email, "u24.cachejwt@example.com");
    assert_int_equal(
        auth_cache_write(&jwt, &cache.session, &cache.user, 1795408280013, cache.expires_at_ms, &again),
        QN_OK);
    assert_str(qn_buf_view(&again), SIGNED_UP_JWT);
    qn_buf_fini(&again);
    for (size_t i = 0; i + 1 < sizeof SIGNED_UP_JWT - 1; i++) {
        memcpy(text, SIGNED_UP_JWT, sizeof SIGNED_UP_JWT);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        if (auth_cache_read(&jwt, qn_str_c(text), &arena, &cache))
            fail_msg("character %zu", i);
    }
    /* Signed, but by an algorithm's name that is not ours, or one of the two parts missing. */
    static const char *const odd[] = {"{\"alg\":\"none\"}", "{}", "[]", "x"};
    for (size_t i = 0; i < QN_COUNT(odd); i++) {
        char token[512], signature[AUTH_COOKIE_SIGNATURE_URL_LEN + 1];
        size_t len = qn_base64url_encode(token, odd[i], strlen(odd[i]));
        memcpy(token + len, ".e30", sizeof ".e30"); /* {} */
        assert_int_equal(auth_cookie_sign_url(&jar, qn_str_c(token), signature), QN_OK);
        const struct qn_json *payload;
        char *whole = qn_arena_printf(&arena, "%s.%s", token, signature);
        assert_false(auth_jwt_read(&jar, qn_str_c(whole), &arena, &payload));
    }
    static const char *const broken[] = {"", ".", "..", "a", "a.b", "a.b.c", SIGNED_UP};
    for (size_t i = 0; i < QN_COUNT(broken); i++)
        assert_false(auth_cache_read(&jwt, qn_str_c(broken[i]), &arena, &cache));
}

/* Not byte for byte: each has a vector and a name of its own. What is said is the same. */
static void test_a_jwe_says_what_better_auth_said(void **state)
{
    (void)state;
    struct auth_cache cache, other;
    struct qn_buf again;
    struct qn_str was, is;
    qn_buf_init(&again, AUTH_CACHE_VALUE_MAX);
    assert_true(auth_cache_read(&jwe, qn_str_c(SIGNED_UP_JWE), &arena, &cache));
    assert_int_equal(cache.expires_at_ms, 1795408580000);
    assert_string_equal(cache.user.email, "u26.cachejwe@example.com");
    assert_string_equal(cache.session.token, "pJzOaWxS9D8JfwrWVIn9Zz91XdDEXbT1");
    assert_int_equal(
        auth_cache_write(&jwe, &cache.session, &cache.user, 1795408280742, cache.expires_at_ms, &again),
        QN_OK);
    assert_true(auth_cache_read(&jwe, qn_buf_view(&again), &arena, &other));
    assert_int_equal(other.expires_at_ms, cache.expires_at_ms);

    assert_true(auth_jwe_read(&ring, qn_str_c(SIGNED_UP_JWE), &arena, &was));
    assert_true(auth_jwe_read(&ring, qn_buf_view(&again), &arena, &is));
    enum { JTI_LEN = sizeof("bead6cef-e676-40be-8006-da671eac9138\"}") - 1 };
    assert_int_equal(was.len, is.len);
    assert_true(qn_str_eq(qn_str_n(was.ptr, was.len - JTI_LEN), qn_str_n(is.ptr, is.len - JTI_LEN)));
    const char *jti = is.ptr + is.len - JTI_LEN;
    for (size_t i = 0; i < JTI_LEN - 2; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        assert_true(dash ? jti[i] == '-' : strchr("0123456789abcdef", jti[i]) != NULL);
    }
    assert_int_equal(jti[14], '4'); /* a random one (RFC 9562, 5.4) */
    assert_true(strchr("89ab", jti[19]) != NULL);

    /* The other two are none of it, and it is none of theirs. */
    assert_false(auth_cache_read(&jwe, qn_str_c(SIGNED_UP_JWT), &arena, &cache));
    assert_false(auth_cache_read(&jwe, qn_str_c(SIGNED_UP), &arena, &cache));
    assert_false(auth_cache_read(&jwt, qn_str_c(SIGNED_UP_JWE), &arena, &cache));
    assert_false(auth_cache_read(&compact, qn_str_c(SIGNED_UP_JWE), &arena, &cache));
    /* Ours, but no session. */
    static const char *const odd[] = {"", "x", "[]", "{}", "{\"exp\":\"1\"}", "{\"exp\":1}", "\xff"};
    for (size_t i = 0; i < QN_COUNT(odd); i++) {
        qn_buf_clear(&again);
        assert_int_equal(auth_jwe_write(&ring, qn_str_c(odd[i]), &again), QN_OK);
        assert_false(auth_cache_read(&jwe, qn_buf_view(&again), &arena, &cache));
    }
    qn_buf_fini(&again);
}

/* One character changed, anywhere, and it is not ours. */
static void test_a_change_anywhere_is_seen(void **state)
{
    (void)state;
    struct auth_cache cache;
    char text[sizeof SIGNED_UP];
    /* The last character's low bits are no part of the last byte. */
    for (size_t i = 0; i + 1 < sizeof SIGNED_UP - 1; i++) {
        memcpy(text, SIGNED_UP, sizeof SIGNED_UP);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        if (read(qn_str_c(text), &cache))
            fail_msg("character %zu", i);
    }
    for (size_t len = 0; len < sizeof SIGNED_UP - 1; len += 7)
        assert_false(read(qn_str_n(SIGNED_UP, len), &cache));
    struct auth_cookie_jar other;
    assert_int_equal(auth_cookie_open(&other, QN_STR("another secret than the fixtures'"), false), QN_OK);
    assert_false(auth_cache_read(&(const struct auth_cache_kit){AUTH_CACHE_COMPACT, &other, NULL},
                                 qn_str_c(SIGNED_UP), &arena, &cache));
    auth_cookie_close(&other);
}

static void write_row(Quintet__Store__V1__Session *session, Quintet__Store__V1__User *user)
{
    quintet__store__v1__session__init(session);
    quintet__store__v1__user__init(user);
    session->id = session->token = session->user_id = user->id = (char *)"x";
    session->user_agent = (char *)"a\t\"b\" \\ \xe2\x98\x83";
    user->name = (char *)"Zo\xc3\xab";
    user->email = (char *)"a@example.com";
    user->image = (char *)"https://cdn.example.com/b.png";
    user->has_image = user->email_verified = true;
    session->expires_at_ms = session->created_at_ms = session->updated_at_ms = user->created_at_ms =
        user->updated_at_ms = 1795408278967;
}

static void test_there_and_back(void **state)
{
    (void)state;
    Quintet__Store__V1__Session session;
    Quintet__Store__V1__User user;
    struct auth_cache cache;
    struct qn_buf value;
    qn_buf_init(&value, AUTH_CACHE_VALUE_MAX);
    write_row(&session, &user);
    assert_int_equal(auth_cache_write(&compact, &session, &user, 1, 2, &value), QN_OK);
    assert_true(read(qn_buf_view(&value), &cache));
    assert_int_equal(cache.expires_at_ms, 2);
    assert_string_equal(cache.session.user_agent, session.user_agent);
    assert_string_equal(cache.user.name, user.name);
    assert_string_equal(cache.user.image, user.image);
    assert_true(cache.user.has_image && cache.user.email_verified);
    qn_buf_fini(&value);
}

/* Signed all right, but not what we take for a session: another version, say, or a site's own shape. */
static void test_other_shapes(void **state)
{
    (void)state;
    static const char SESSION[] = "{\"expiresAt\":\"2026-11-30T04:31:18.967Z\",\"token\":\"t\","
                                  "\"createdAt\":\"2026-11-23T04:31:18.967Z\","
                                  "\"updatedAt\":\"2026-11-23T04:31:18.967Z\",\"ipAddress\":null,"
                                  "\"userAgent\":null,\"userId\":\"u\",\"id\":\"i\",\"more\":[1,-0.5,{}]}";
    static const char USER[] = "{\"name\":\"\",\"email\":\"e\",\"emailVerified\":true,\"image\":null,"
                               "\"createdAt\":\"2026-11-23T04:31:18.967Z\","
                               "\"updatedAt\":\"2026-11-23T04:31:18.967Z\",\"id\":\"u\"}";
    const struct {
        const char *session, *user, *rest;
        bool sound;
    } cases[] = {
        {SESSION, USER, "\"version\":\"1\"", true},  {SESSION, USER, "\"version\":\"2\"", false},
        {SESSION, USER, "\"version\":1", false},     {SESSION, "null", "\"version\":\"1\"", false},
        {"[]", USER, "\"version\":\"1\"", false},    {SESSION, "{}", "\"version\":\"1\"", false},
        {"\"a\"", USER, "\"version\":\"1\"", false},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        char signature[AUTH_COOKIE_SIGNATURE_URL_LEN + 1], value[4096];
        char *inner = qn_arena_printf(&arena, "{\"session\":%s,\"user\":%s,%s", cases[i].session,
                                      cases[i].user, cases[i].rest);
        char *text = qn_arena_printf(&arena, "%s,\"expiresAt\":5}", inner);
        assert_int_equal(auth_cookie_sign_url(&jar, qn_str_c(text), signature), QN_OK);
        char *payload = qn_arena_printf(&arena, "{\"session\":%s},\"expiresAt\":5,\"signature\":\"%s\"}",
                                        inner, signature);
        struct qn_str encoded = qn_str_n(value, qn_base64url_encode(value, payload, strlen(payload)));
        struct auth_cache cache;
        if (read(encoded, &cache) != cases[i].sound)
            fail_msg("case %zu", i);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    Quintet__Store__V1__Session session;
    Quintet__Store__V1__User user;
    struct qn_buf value;
    qn_buf_init(&value, 512);
    write_row(&session, &user);
    assert_int_equal(auth_cache_write(&compact, &session, &user, 1, 2, &value), QN_RESOURCE_EXHAUSTED);
    qn_buf_fini(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_better_auth_wrote_is_read),
        cmocka_unit_test(test_what_is_written_is_what_better_auth_wrote),
        cmocka_unit_test(test_a_jwt_byte_for_byte),
        cmocka_unit_test(test_a_jwe_says_what_better_auth_said),
        cmocka_unit_test(test_a_change_anywhere_is_seen),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_other_shapes),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
