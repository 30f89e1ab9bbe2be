#include "common/core/check.h"
#include "services/auth/claims.h"
#include "services/auth/jwt.h"
#include "tests/harness/test.h"

/* Tokens of verification mails, against one that the real Better Auth sent, with the fixtures' secret. */

#define SECRET "rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"

static const char RECORDED[] =
    "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6InUxNy5tYWlsQGV4YW1wbGUuY29tIiwidXNlcklkIjoicnZOM3dmc2NFMk5zUVp0ZXR1"
    "a3NPTHZBMmJkS09MTTgiLCJpYXQiOjE3OTU0MDgyNzQsImV4cCI6MTc5NTQxMTg3NH0.nweuNsDxLLBlM-t-FZQAneaS2rDI-ufwx"
    "pTBhc-80EE";

enum { ENDS_S = 1795411874 };

static struct auth_cookie_jar jar;
static struct qn_arena arena;

static int set_up(void **state)
{
    (void)state;
    qn_arena_init(&arena, 4 * 1024 * 1024);
    return auth_cookie_open(&jar, QN_STR(SECRET), false);
}

static int tear_down(void **state)
{
    (void)state;
    auth_cookie_close(&jar);
    qn_arena_fini(&arena);
    return 0;
}

static void test_the_products_own(void **state)
{
    (void)state;
    struct auth_claims claims;
    assert_int_equal(auth_claims_read(&jar, qn_str_c(RECORDED), INT64_C(1000) * ENDS_S - 1, &arena, &claims),
                     QN_OK);
    assert_int_equal(claims.change, AUTH_CLAIMS_VERIFY);
    assert_string_equal(claims.email, "u17.mail@example.com");
    assert_string_equal(claims.user_id, "rvN3wfscE2NsQZtetuksOLvA2bdKOLM8");
    assert_null(claims.update_to);
    assert_int_equal(auth_claims_read(&jar, qn_str_c(RECORDED), INT64_C(1000) * ENDS_S, &arena, &claims),
                     QN_DEADLINE_EXCEEDED);
}

/* Any byte changed, or the last one cut off: not ours. Whether it has ended is then not said either. */
static void test_not_signed_by_us(void **state)
{
    (void)state;
    struct auth_claims claims;
    for (size_t i = 0; i < sizeof RECORDED - 1; i++) {
        char *other = qn_arena_strdup(&arena, RECORDED);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        assert_int_equal(auth_claims_read(&jar, qn_str_c(other), INT64_MAX, &arena, &claims),
                         QN_INVALID_ARGUMENT);
    }
    for (size_t len = 0; len < sizeof RECORDED - 1; len++)
        assert_int_equal(auth_claims_read(&jar, qn_str_n(RECORDED, len), 0, &arena, &claims),
                         QN_INVALID_ARGUMENT);
}

static enum qn_status read_signed(const char *payload, struct auth_claims *ret_claims)
{
    struct qn_buf token;
    qn_buf_init(&token, 64 * 1024);
    assert_int_equal(auth_jwt_write(&jar, qn_str_c(payload), &token), QN_OK);
    enum qn_status status = auth_claims_read(&jar, qn_buf_view(&token), 0, &arena, ret_claims);
    qn_buf_fini(&token);
    return status;
}

static void test_changes(void **state)
{
    (void)state;
    struct auth_claims claims;
    assert_int_equal(
        read_signed("{\"email\":\"a@example.com\",\"updateTo\":\"b@example.com\",\"requestType\":"
                    "\"change-email-confirmation\",\"exp\":1}",
                    &claims),
        QN_OK);
    assert_int_equal(claims.change, AUTH_CLAIMS_MAY_CHANGE);
    assert_string_equal(claims.update_to, "b@example.com");
    assert_null(claims.user_id);
    assert_int_equal(
        read_signed("{\"email\":\"a@example.com\",\"updateTo\":\"b@example.com\",\"requestType\":"
                    "\"change-email-verification\",\"userId\":\"u\",\"exp\":1}",
                    &claims),
        QN_OK);
    assert_int_equal(claims.change, AUTH_CLAIMS_DO_CHANGE);
    assert_string_equal(claims.user_id, "u");
}

/* Signed by us, but for something else (the cookie cache is a JWT, too), or not whole. */
static void test_what_says_something_else(void **state)
{
    (void)state;
    static const char *const PAYLOADS[] = {
        "{}",
        "{\"exp\":1}",
        "{\"email\":\"a@example.com\"}",
        "{\"email\":\"a@example.com\",\"exp\":\"1\"}",
        "{\"email\":\"a\",\"exp\":1}",
        "{\"email\":1,\"exp\":1}",
        "{\"email\":\"a@example.com\\u0000\",\"exp\":1}",
        "{\"email\":\"a@example.com\",\"userId\":7,\"exp\":1}",
        "{\"email\":\"a@example.com\",\"updateTo\":null,\"exp\":1}",
        "{\"email\":\"a@example.com\",\"updateTo\":\"b@example.com\",\"exp\":1}",
        "{\"email\":\"a@example.com\",\"updateTo\":\"b@example.com\",\"requestType\":\"other\",\"exp\":1}",
        "{\"email\":\"a@example.com\",\"updateTo\":\"b\",\"requestType\":\"change-email-verification\","
        "\"exp\":1}",
        "{\"session\":{\"token\":\"t\"},\"user\":{\"email\":\"a@example.com\"},\"exp\":1}",
        "[]",
        "",
    };
    struct auth_claims claims;
    for (size_t i = 0; i < QN_COUNT(PAYLOADS); i++) {
        if (read_signed(PAYLOADS[i], &claims) != QN_INVALID_ARGUMENT)
            fail_msg("%s is taken", PAYLOADS[i]);
    }
    assert_int_equal(read_signed("{\"email\":\"a@example.com\",\"exp\":0}", &claims), QN_DEADLINE_EXCEEDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_products_own),
        cmocka_unit_test(test_not_signed_by_us),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_what_says_something_else),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
