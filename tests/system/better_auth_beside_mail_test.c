#include "common/core/check.h"
#include "tests/harness/test.h"
#include "tests/system/beside_fixture.h"

/* The gateway beside a real Better Auth: a link that one mailed is followed to the other. */

static void test_a_password_forgotten_here_is_chosen_there(void **state)
{
    const char *email = beside_new_address(), *cookie = beside_sign_up(beside_here(state), email);
    beside_expect(beside_post(beside_here(state), "/request-password-reset", NULL,
                              harness_text("{\"email\":\"%s\",\"redirectTo\":\"/reset\"}", email)),
                  200, "\"status\":true");
    const char *link = beside_mailed(beside_here(state), email);
    const char *token = harness_text("%.*s", 24, link + strlen("/reset-password/"));
    beside_expect_location(beside_get(beside_there(state), link, NULL),
                           harness_text(BESIDE_SITE "/reset?token=%s", token));
    beside_expect_location(beside_get(beside_here(state), link, NULL),
                           harness_text(BESIDE_SITE "/reset?token=%s", token));
    const char *chosen = harness_text("{\"newPassword\":\"second horse 2\",\"token\":\"%s\"}", token);
    beside_expect(beside_post(beside_there(state), "/reset-password", NULL, chosen), 200,
                  "{\"status\":true}");
    beside_expect(beside_post(beside_here(state), "/reset-password", NULL, chosen), 400, "INVALID_TOKEN");
    beside_expect_location(beside_get(beside_here(state), link, NULL),
                           BESIDE_SITE "/reset?error=INVALID_TOKEN");
    beside_expect(beside_sign_in_as(beside_here(state), email, BESIDE_PASSWORD), 401,
                  "INVALID_EMAIL_OR_PASSWORD");
    beside_session_of(beside_sign_in_as(beside_here(state), email, "\"second horse 2\""));
    beside_expect_read_by_both(cookie);
}

/* Somebody who came by another provider chooses a first one. */
static void test_a_first_password_by_mail(void **state)
{
    const char *email = beside_new_address();
    beside_sign_up(beside_here(state), email);
    harness_postgres_do(beside.admin,
                        harness_text("delete from account where \"userId\" = (select id from \"user\" "
                                     "where email = '%s')",
                                     email));
    beside_expect(beside_sign_in_as(beside_there(state), email, BESIDE_PASSWORD), 401,
                  "INVALID_EMAIL_OR_PASSWORD");
    beside_expect(beside_post(beside_here(state), "/request-password-reset", NULL,
                              harness_text("{\"email\":\"%s\"}", email)),
                  200, "");
    const char *link = beside_mailed(beside_here(state), email);
    beside_expect(beside_post(beside_there(state), "/reset-password", NULL,
                              harness_text("{\"newPassword\":\"second horse 2\",\"token\":\"%.24s\"}",
                                           link + strlen("/reset-password/"))),
                  200, "{\"status\":true}");
    beside_expect_read_by_both(
        beside_session_of(beside_sign_in_as(beside_here(state), email, "\"second horse 2\"")));
}

static void test_an_address_is_verified_there(void **state)
{
    const char *email = beside_new_address(), *cookie = beside_sign_up(beside_here(state), email);
    beside_expect(beside_post(beside_here(state), "/send-verification-email", cookie,
                              harness_text("{\"email\":\"%s\",\"callbackURL\":\"/welcome\"}", email)),
                  200, "{\"status\":true}");
    const char *link = beside_mailed(beside_here(state), email);
    beside_expect_location(beside_get(beside_there(state), link, NULL), "/welcome");
    beside_expect(beside_get(beside_here(state), "/get-session", cookie), 200, "\"emailVerified\":true");
    beside_expect_read_by_both(cookie);
}

/* The old address agrees on one side, the new one is proven on the other. */
static void test_an_address_is_changed_across_both(void **state)
{
    const char *email = beside_new_address(), *to = beside_new_address(),
               *cookie = beside_sign_up(beside_here(state), email);
    harness_postgres_do(
        beside.admin, harness_text("update \"user\" set \"emailVerified\" = true where email = '%s'", email));
    beside_expect(beside_post(beside_here(state), "/change-email", cookie,
                              harness_text("{\"newEmail\":\"%s\",\"callbackURL\":\"/changed\"}", to)),
                  200, "{\"status\":true}");
    beside_expect_location(beside_get(beside_there(state), beside_mailed(beside_here(state), email), cookie),
                           "/changed");
    beside_expect_location(beside_get(beside_here(state), beside_mailed(beside_there(state), to), cookie),
                           "/changed");
    beside_expect(beside_get(beside_there(state), "/get-session", cookie), 200, to);
    beside_expect_read_by_both(cookie);
    beside_sign_in(beside_there(state), to);
    beside_expect(beside_sign_in_as(beside_there(state), email, BESIDE_PASSWORD), 401,
                  "INVALID_EMAIL_OR_PASSWORD");
}

static void test_a_user_is_deleted_by_a_link_from_here(void **state)
{
    const char *email = beside_new_address(), *cookie = beside_sign_up(beside_here(state), email);
    beside_expect(beside_post(beside_here(state), "/delete-user", cookie, "{\"callbackURL\":\"/bye\"}"), 200,
                  "Verification email sent");
    beside_expect_location(beside_get(beside_there(state), beside_mailed(beside_here(state), email), cookie),
                           "/bye");
    beside_expect_gone(cookie);
    beside_expect(beside_sign_in_as(beside_here(state), email, BESIDE_PASSWORD), 401,
                  "INVALID_EMAIL_OR_PASSWORD");
    assert_int_equal(beside_count("select count(*) from \"user\" where email = '%s'", email), 0);
    beside_sign_up(beside_there(state), email); /* the address is free again, on both */
    beside_sign_in(beside_here(state), email);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BESIDE_BOTH_WAYS(test_a_password_forgotten_here_is_chosen_there),
        BESIDE_BOTH_WAYS(test_a_first_password_by_mail),
        BESIDE_BOTH_WAYS(test_an_address_is_verified_there),
        BESIDE_BOTH_WAYS(test_an_address_is_changed_across_both),
        BESIDE_BOTH_WAYS(test_a_user_is_deleted_by_a_link_from_here),
    };
    return beside_run_on_both_layouts(tests, QN_COUNT(tests));
}
