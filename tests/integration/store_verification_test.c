#include "common/core/check.h"
#include "store.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* VerificationStore, in each layout of Better Auth's tables. */

static struct harness_store store;

#define METHOD(name) (&quintet_store_v1_verification_store_##name)

static const int64_t NOW = INT64_C(1795407356471); /* 2026-11-23T04:15:56.471Z */

static Quintet__Store__V1__Verification new_verification(char *identifier, int64_t created_at_ms)
{
    Quintet__Store__V1__Verification row = QUINTET__STORE__V1__VERIFICATION__INIT;
    row.id = harness_store_id(&store);
    row.identifier = identifier;
    row.value = harness_store_id(&store);
    row.created_at_ms = row.updated_at_ms = created_at_ms;
    row.expires_at_ms = created_at_ms + 3600000;
    return row;
}

static void create(Quintet__Store__V1__Verification *row)
{
    Quintet__Store__V1__CreateVerificationRequest in = QUINTET__STORE__V1__CREATE_VERIFICATION_REQUEST__INIT;
    in.verification = row;
    harness_store_ask(&store, METHOD(create_verification), &in, NULL);
}

static const Quintet__Store__V1__Verification *find(const char *identifier)
{
    Quintet__Store__V1__GetVerificationRequest in = QUINTET__STORE__V1__GET_VERIFICATION_REQUEST__INIT;
    in.identifier = (char *)identifier;
    const Quintet__Store__V1__GetVerificationResponse *out =
        harness_store_ask(&store, METHOD(get_verification), &in, NULL);
    return out->verification;
}

static const Quintet__Store__V1__Verification *take(const char *identifier)
{
    Quintet__Store__V1__TakeVerificationRequest in = QUINTET__STORE__V1__TAKE_VERIFICATION_REQUEST__INIT;
    in.identifier = (char *)identifier;
    const Quintet__Store__V1__TakeVerificationResponse *out =
        harness_store_ask(&store, METHOD(take_verification), &in, NULL);
    return out->verification;
}

static void test_it_comes_back_once(void **state)
{
    (void)state;
    char *identifier = harness_store_text(&store, "reset-password:%s", harness_store_id(&store));
    Quintet__Store__V1__Verification row = new_verification(identifier, NOW);
    create(&row);
    const Quintet__Store__V1__Verification *found = find(identifier);
    assert_non_null(found);
    assert_string_equal(found->id, row.id);
    assert_string_equal(found->identifier, identifier);
    assert_string_equal(found->value, row.value);
    assert_true(found->expires_at_ms == NOW + 3600000);
    assert_true(found->created_at_ms == NOW);
    assert_true(found->updated_at_ms == NOW);
    assert_string_equal(take(identifier)->value, row.value);
    assert_null(take(identifier));
    assert_null(find(identifier));
    assert_null(find("' or 1 = 1; --"));
}

static void test_the_newest_counts_and_all_go(void **state)
{
    (void)state;
    char *identifier = harness_store_id(&store);
    Quintet__Store__V1__Verification rows[] = {new_verification(identifier, NOW + 1),
                                               new_verification(identifier, NOW + 2),
                                               new_verification(identifier, NOW)};
    for (size_t i = 0; i < QN_COUNT(rows); i++)
        create(&rows[i]);
    assert_string_equal(find(identifier)->id, rows[1].id);
    assert_string_equal(take(identifier)->id, rows[1].id);
    assert_null(find(identifier));
}

/* Two who show one token at once: it serves one of them. */
static void test_the_race_for_one(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    for (int i = 0; i < ROUNDS; i++) {
        char *identifier = harness_store_id(&store);
        Quintet__Store__V1__Verification row = new_verification(identifier, NOW);
        create(&row);
        Quintet__Store__V1__TakeVerificationRequest in = QUINTET__STORE__V1__TAKE_VERIFICATION_REQUEST__INIT;
        in.identifier = identifier;
        struct harness_call *calls[2];
        int got = 0;
        for (size_t k = 0; k < QN_COUNT(calls); k++)
            calls[k] = harness_store_start(&store, METHOD(take_verification), &in, NULL);
        harness_store_wait(&store);
        for (size_t k = 0; k < QN_COUNT(calls); k++) {
            assert_int_equal(calls[k]->request.status, QN_OK);
            const Quintet__Store__V1__TakeVerificationResponse *out = calls[k]->request.out;
            got += out->verification != NULL;
        }
        assert_int_equal(got, 1);
    }
}

static void test_sweeping(void **state)
{
    (void)state;
    char *old = harness_store_id(&store), *young = harness_store_id(&store);
    Quintet__Store__V1__Verification ended = new_verification(old, NOW),
                                     lasts = new_verification(young, NOW + 1);
    create(&ended);
    create(&lasts);
    Quintet__Store__V1__SweepVerificationsRequest in = QUINTET__STORE__V1__SWEEP_VERIFICATIONS_REQUEST__INIT;
    in.before_ms = lasts.expires_at_ms;
    harness_store_ask(&store, METHOD(sweep_verifications), &in, NULL);
    assert_null(find(old));
    assert_non_null(find(young));
}

static void test_what_is_not_valid(void **state)
{
    (void)state;
    Quintet__Store__V1__CreateVerificationRequest in = QUINTET__STORE__V1__CREATE_VERIFICATION_REQUEST__INIT;
    harness_store_refuse(&store, METHOD(create_verification), &in, NULL, QN_INVALID_ARGUMENT, "verification");
    Quintet__Store__V1__Verification row = new_verification((char *)"", INT64_MAX - 3600000);
    row.id = (char *)"";
    in.verification = &row;
    harness_store_refuse(&store, METHOD(create_verification), &in, NULL, QN_INVALID_ARGUMENT,
                         "verification.id verification.identifier verification.expires_at_ms"
                         " verification.created_at_ms verification.updated_at_ms");
    row = new_verification(harness_store_id(&store), NOW);
    create(&row);
    harness_store_refuse(&store, METHOD(create_verification), &in, NULL, QN_INTERNAL, NULL);
    Quintet__Store__V1__SweepVerificationsRequest sweep =
        QUINTET__STORE__V1__SWEEP_VERIFICATIONS_REQUEST__INIT;
    sweep.before_ms = INT64_MIN;
    harness_store_refuse(&store, METHOD(sweep_verifications), &sweep, NULL, QN_INVALID_ARGUMENT, "before_ms");
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_comes_back_once), cmocka_unit_test(test_the_newest_counts_and_all_go),
        cmocka_unit_test(test_the_race_for_one),   cmocka_unit_test(test_sweeping),
        cmocka_unit_test(test_what_is_not_valid),
    };
    return HARNESS_STORE_RUN(tests);
}
