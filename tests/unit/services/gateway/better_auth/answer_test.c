#include "services/gateway/better_auth/answer.h"
#include "tests/harness/test.h"

static Google__Protobuf__Timestamp time_of(int64_t seconds, int32_t nanos)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    time.seconds = seconds;
    time.nanos = nanos;
    return time;
}

static void expect_user(const Quintet__Auth__V1__User *user, const char *json)
{
    struct qn_buf text;
    qn_buf_init(&text, 64 * 1024);
    struct qn_json_writer w = {.to = &text};
    gateway_answer_write_user(&w, user);
    assert_false(qn_buf_failed(&text));
    assert_str(qn_buf_view(&text), json);
    qn_buf_fini(&text);
}

static void test_user(void **state)
{
    (void)state;
    Google__Protobuf__Timestamp created = time_of(1795408255, 768000000),
                                updated = time_of(1795408256, 999999);
    Quintet__Auth__V1__User user = QUINTET__AUTH__V1__USER__INIT;
    user.id = (char *)"sHP4kkZ6jI3rBq8YNFLqzoOjDim9a9UR";
    user.name = (char *)"It's \"quoted\" \\ back";
    user.email = (char *)"ada@example.com";
    user.email_verified = true;
    user.image = (char *)"https://cdn.example.com/a.png";
    user.created_at = &created;
    user.updated_at = &updated;
    expect_user(&user,
                "{\"name\":\"It's \\\"quoted\\\" \\\\ back\",\"email\":\"ada@example.com\","
                "\"emailVerified\":true,\"image\":\"https://cdn.example.com/a.png\","
                "\"createdAt\":\"2026-11-23T04:30:55.768Z\",\"updatedAt\":\"2026-11-23T04:30:56.000Z\","
                "\"id\":\"sHP4kkZ6jI3rBq8YNFLqzoOjDim9a9UR\"}");
}

/* Columns that are null are written as null, never left out. */
static void test_user_without_an_image(void **state)
{
    (void)state;
    Quintet__Auth__V1__User user = QUINTET__AUTH__V1__USER__INIT;
    expect_user(&user,
                "{\"name\":\"\",\"email\":\"\",\"emailVerified\":false,\"image\":null,\"createdAt\":null,"
                "\"updatedAt\":null,\"id\":\"\"}");
}

static void test_session(void **state)
{
    (void)state;
    Google__Protobuf__Timestamp expires = time_of(1796013055, 1000000), before_1970 = time_of(-1, 500000000);
    Quintet__Auth__V1__Session session = QUINTET__AUTH__V1__SESSION__INIT;
    session.id = (char *)"i";
    session.user_id = (char *)"u";
    session.token = (char *)"t";
    session.user_agent = (char *)"a\tb";
    session.expires_at = &expires;
    session.created_at = session.updated_at = &before_1970;
    struct qn_buf text;
    qn_buf_init(&text, 64 * 1024);
    struct qn_json_writer w = {.to = &text};
    gateway_answer_write_session(&w, &session);
    assert_str(qn_buf_view(&text),
               "{\"expiresAt\":\"2026-11-30T04:30:55.001Z\",\"token\":\"t\","
               "\"createdAt\":\"1969-12-31T23:59:59.500Z\",\"updatedAt\":\"1969-12-31T23:59:59.500Z\","
               "\"ipAddress\":\"\",\"userAgent\":\"a\\tb\",\"userId\":\"u\",\"id\":\"i\"}");
    qn_buf_fini(&text);
}

static void test_account(void **state)
{
    (void)state;
    Google__Protobuf__Timestamp created = time_of(1795408255, 768000000);
    Quintet__Auth__V1__Account account = QUINTET__AUTH__V1__ACCOUNT__INIT;
    account.id = (char *)"i";
    account.account_id = (char *)"4711";
    account.provider_id = (char *)"github";
    account.user_id = (char *)"u";
    account.created_at = account.updated_at = &created;
    account.scopes = (char *[]){(char *)"read:user", (char *)"user:email"};
    account.n_scopes = 2;
    struct qn_buf text;
    qn_buf_init(&text, 64 * 1024);
    struct qn_json_writer w = {.to = &text};
    gateway_answer_write_account(&w, &account);
    assert_str(
        qn_buf_view(&text),
        "{\"accountId\":\"4711\",\"providerId\":\"github\",\"userId\":\"u\","
        "\"createdAt\":\"2026-11-23T04:30:55.768Z\",\"updatedAt\":\"2026-11-23T04:30:55.768Z\",\"id\":\"i\","
        "\"scopes\":[\"read:user\",\"user:email\"]}");
    qn_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_user_without_an_image),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
