#include "common/core/check.h"
#include "services/media/s3/retry.h"
#include "tests/harness/test.h"

static struct media_s3_verdict judge(enum media_s3_result result, long code, const char *s3)
{
    const struct media_s3_transfer transfer = {.result = result, .code = code};
    struct media_s3_fault fault = {{0}, {0}};
    if (s3)
        strncpy(fault.code, s3, MEDIA_S3_FAULT_CODE_MAX);
    return media_s3_retry_judge(&transfer, &fault);
}

static void test_what_an_answer_means(void **state)
{
    (void)state;
    static const struct {
        long code;
        const char *s3;
        enum qn_status status;
        bool again, loud;
    } cases[] = {
        {200, NULL, QN_OK, false, false},
        {206, NULL, QN_OK, false, false},
        {204, NULL, QN_OK, false, false},
        {404, NULL, QN_NOT_FOUND, false, false},
        {404, "NoSuchKey", QN_NOT_FOUND, false, false},
        {404, "NoSuchBucket", QN_UNAVAILABLE, false, true},
        {416, "InvalidRange", QN_OUT_OF_RANGE, false, false},
        {403, NULL, QN_UNAVAILABLE, false, true},
        {403, "SignatureDoesNotMatch", QN_UNAVAILABLE, false, true},
        {403, "RequestTimeTooSkewed", QN_UNAVAILABLE, false, true},
        {403, "SomethingNew", QN_UNAVAILABLE, false, true},
        {301, "PermanentRedirect", QN_UNAVAILABLE, false, true},
        {307, NULL, QN_UNAVAILABLE, false, true},
        {400, "RequestTimeout", QN_UNAVAILABLE, true, false},
        {400, "InvalidArgument", QN_INTERNAL, false, true},
        {429, NULL, QN_UNAVAILABLE, true, false},
        {500, "InternalError", QN_UNAVAILABLE, true, false},
        {501, "NotImplemented", QN_INTERNAL, false, true},
        {503, "SlowDown", QN_UNAVAILABLE, true, false},
        {599, NULL, QN_UNAVAILABLE, true, false},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        const struct media_s3_verdict verdict = judge(MEDIA_S3_ANSWERED, cases[i].code, cases[i].s3);
        assert_int_equal(verdict.status, cases[i].status);
        assert_int_equal(verdict.again, cases[i].again);
        assert_int_equal(verdict.loud, cases[i].loud);
        assert_non_null(verdict.outcome);
        assert_true(!verdict.again || !verdict.answered);
    }
    assert_string_equal(judge(MEDIA_S3_ANSWERED, 403, "RequestTimeTooSkewed").hint,
                        "this machine's clock is wrong");
}

static void test_what_no_answer_means(void **state)
{
    (void)state;
    assert_true(judge(MEDIA_S3_UNREACHABLE, 0, NULL).again);
    assert_true(judge(MEDIA_S3_BROKEN, 200, NULL).again);
    assert_false(judge(MEDIA_S3_UNTRUSTED, 0, NULL).again);
    assert_true(judge(MEDIA_S3_UNTRUSTED, 0, NULL).loud);
    assert_int_equal(judge(MEDIA_S3_LATE, 0, NULL).status, QN_DEADLINE_EXCEEDED);
    assert_int_equal(judge(MEDIA_S3_CROWDED, 0, NULL).status, QN_RESOURCE_EXHAUSTED);
    assert_int_equal(judge(MEDIA_S3_TOO_LARGE, 200, NULL).status, QN_OUT_OF_RANGE);
    assert_int_equal(judge(MEDIA_S3_NO_MEMORY, 0, NULL).status, QN_RESOURCE_EXHAUSTED);
}

static void test_waits_grow_and_are_spread(void **state)
{
    (void)state;
    static const uint64_t most_ms[] = {100, 200, 400, 800, 1600, 2000, 2000};
    for (unsigned n = 1; n <= QN_COUNT(most_ms); n++) {
        assert_int_equal(media_s3_retry_wait_ms(n, 0, 0), 0);
        assert_int_equal(media_s3_retry_wait_ms(n, 0, (uint32_t)most_ms[n - 1]), most_ms[n - 1]);
        for (uint32_t random = 0; random < 5000; random += 7)
            assert_in_range(media_s3_retry_wait_ms(n, 0, random), 0, most_ms[n - 1]);
    }
    assert_in_range(media_s3_retry_wait_ms(1, 7, UINT32_MAX), 7000, 7100);
}

/* An outage: after the first few failures the store gets a tenth more than it is asked for, not four times
 * that; and what it answers afterwards fills the budget again. */
static void test_an_outage_is_not_multiplied(void **state)
{
    (void)state;
    struct media_s3_budget budget = {0};
    unsigned retries = 0;
    for (int i = 0; i < 1000; i++)
        retries += media_s3_budget_take(&budget);
    assert_int_equal(retries, MEDIA_S3_BUDGET_MAX);
    for (int i = 0; i < 9; i++)
        media_s3_budget_give(&budget);
    assert_false(media_s3_budget_take(&budget));
    media_s3_budget_give(&budget);
    assert_true(media_s3_budget_take(&budget));
    for (int i = 0; i < 10000; i++)
        media_s3_budget_give(&budget);
    for (retries = 0; media_s3_budget_take(&budget);)
        retries++;
    assert_int_equal(retries, MEDIA_S3_BUDGET_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_answer_means),
        cmocka_unit_test(test_what_no_answer_means),
        cmocka_unit_test(test_waits_grow_and_are_spread),
        cmocka_unit_test(test_an_outage_is_not_multiplied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
