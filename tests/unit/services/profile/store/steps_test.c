#include "services/profile/store/account.h"
#include "services/profile/store/profile.h"
#include "services/profile/store/steps.h"
#include "tests/harness/test.h"

static void test_parameters_as_text(void **state)
{
    (void)state;
    static const struct pg_statement statement = {.name = "s", .sql = "select"};
    struct qn_arena arena;
    qn_arena_init(&arena, 4096);
    struct store_steps steps;
    store_steps_init(&steps, &arena);
    store_steps_add(&steps, &statement);
    store_steps_str(&steps, qn_str_n("view and more", 4)); /* cut and ended */
    store_steps_str(&steps, (struct qn_str){0});
    store_steps_str_or_null(&steps, QN_STR(""));
    store_steps_bool(&steps, true);
    store_steps_bool(&steps, false);
    store_steps_i64(&steps, INT64_MIN);
    store_steps_time(&steps, 1795407356937);
    store_steps_date(&steps, (struct qn_date){813, 2, 9});
    store_steps_null(&steps);
    struct qn_str values[] = {QN_STR("a"), QN_STR("b\"c\\d")};
    store_steps_array(&steps, values, 2);
    const char *const want[] = {"view",
                                "",
                                NULL,
                                "t",
                                "f",
                                "-9223372036854775808",
                                "2026-11-23T04:15:56.937Z",
                                "0813-02-09",
                                NULL,
                                "{\"a\",\"b\\\"c\\\\d\"}"};
    assert_false(steps.failed);
    assert_int_equal(steps.n, 1);
    assert_ptr_equal(steps.at[0].statement, &statement);
    assert_int_equal(steps.at[0].n_params, 10);
    for (int i = 0; i < 10; i++) {
        if (want[i])
            assert_string_equal(steps.at[0].params[i], want[i]);
        else
            assert_null(steps.at[0].params[i]);
    }
    qn_arena_fini(&arena);
}

/* A text that found no memory must not go to PostgreSQL as null. */
static void test_the_arenas_ceiling_is_not_null(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 64);
    struct store_user user = {.id = QN_STR("u"), .email = QN_STR("a@example.com")};
    struct store_session session = {.id = QN_STR("s"), .user_id = QN_STR("u"), .token = QN_STR("t")};
    struct store_steps steps;
    store_steps_init(&steps, &arena);
    store_account_create(&steps, &user, "a", "hash", &session);
    assert_true(steps.failed);
    qn_arena_fini(&arena);
}

/* Every set of filters asks with as many parameters as its statement has. */
static void test_lists_match_their_statements(void **state)
{
    (void)state;
    const char *names[] = {"profile_list", "profile_list_gender", "profile_list_city",
                           "profile_list_city_gender"};
    for (int i = 0; i < 4; i++) {
        struct qn_arena arena;
        qn_arena_init(&arena, 4096);
        struct profile_filter filter = {.gender = i & 1 ? PROFILE_GENDER_MALE : PROFILE_GENDER_NONE};
        if (i & 2)
            filter.city = QN_STR("Wien");
        struct store_profile_list list = {.not_user_id = QN_STR("me"), .filter = &filter, .limit = 21};
        struct store_steps steps;
        store_steps_init(&steps, &arena);
        store_profile_list(&steps, &list);
        assert_string_equal(steps.at[0].statement->name, names[i]);
        char last[4] = {'$', (char)('0' + steps.at[0].n_params), 0};
        char beyond[4] = {'$', (char)('1' + steps.at[0].n_params), 0};
        assert_non_null(strstr(steps.at[0].statement->sql, last));
        assert_null(strstr(steps.at[0].statement->sql, beyond));
        assert_true(steps.at[0].statement->plain_select);
        qn_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters_as_text),
        cmocka_unit_test(test_the_arenas_ceiling_is_not_null),
        cmocka_unit_test(test_lists_match_their_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
