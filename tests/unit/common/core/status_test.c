#include <string.h>

#include "common/core/status.h"
#include "tests/harness/test.h"

/* The numbers are gRPC's and travel on the wire: none may ever move. */
static void test_codes_are_grpcs(void **state)
{
    (void)state;
    assert_int_equal(QN_OK, 0);
    assert_int_equal(QN_CANCELLED, 1);
    assert_int_equal(QN_UNKNOWN, 2);
    assert_int_equal(QN_INVALID_ARGUMENT, 3);
    assert_int_equal(QN_DEADLINE_EXCEEDED, 4);
    assert_int_equal(QN_NOT_FOUND, 5);
    assert_int_equal(QN_ALREADY_EXISTS, 6);
    assert_int_equal(QN_PERMISSION_DENIED, 7);
    assert_int_equal(QN_RESOURCE_EXHAUSTED, 8);
    assert_int_equal(QN_FAILED_PRECONDITION, 9);
    assert_int_equal(QN_ABORTED, 10);
    assert_int_equal(QN_OUT_OF_RANGE, 11);
    assert_int_equal(QN_UNIMPLEMENTED, 12);
    assert_int_equal(QN_INTERNAL, 13);
    assert_int_equal(QN_UNAVAILABLE, 14);
    assert_int_equal(QN_DATA_LOSS, 15);
    assert_int_equal(QN_UNAUTHENTICATED, 16);
    assert_int_equal(QN_STATUS_COUNT, 17);
}

static void test_names_are_connects(void **state)
{
    (void)state;
    assert_string_equal(qn_status_name(QN_OK), "ok");
    assert_string_equal(qn_status_name(QN_CANCELLED), "canceled"); /* Connect spells it with one l */
    assert_string_equal(qn_status_name(QN_DEADLINE_EXCEEDED), "deadline_exceeded");
    assert_string_equal(qn_status_name(QN_UNAUTHENTICATED), "unauthenticated");
    assert_string_equal(qn_status_name(QN_STATUS_COUNT), "unknown");
    assert_string_equal(qn_status_name((enum qn_status) - 1), "unknown");
}

static void test_numbers_from_a_peer_become_statuses(void **state)
{
    (void)state;
    for (int code = 0; code < QN_STATUS_COUNT; code++)
        assert_int_equal(qn_status_from_wire(code), code);
    assert_int_equal(qn_status_from_wire(-1), QN_UNKNOWN);
    assert_int_equal(qn_status_from_wire(QN_STATUS_COUNT), QN_UNKNOWN);
    assert_int_equal(qn_status_from_wire(INT64_MIN), QN_UNKNOWN);
    assert_int_equal(qn_status_from_wire((int64_t)1 << 32), QN_UNKNOWN); /* 0 when cut to 32 bits */
}

static void test_an_error_carries_its_sentence(void **state)
{
    (void)state;
    struct qn_error err = {0};
    assert_int_equal(qn_error_set(&err, QN_NOT_FOUND, "no file \"%s\"", "a.conf"), QN_NOT_FOUND);
    assert_int_equal(err.status, QN_NOT_FOUND);
    assert_string_equal(err.message, "no file \"a.conf\"");
    assert_int_equal(qn_error_set(NULL, QN_INTERNAL, "nobody %s", "listens"), QN_INTERNAL);
}

static void test_a_long_sentence_is_cut(void **state)
{
    (void)state;
    char longer[2 * QN_ERROR_MESSAGE_MAX];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct qn_error err = {0};
    qn_error_set(&err, QN_INTERNAL, "%s", longer);
    assert_int_equal(strlen(err.message), QN_ERROR_MESSAGE_MAX - 1);
}

static enum qn_status leaves_early(enum qn_status status, bool *ret_reached)
{
    QN_TRY(status);
    *ret_reached = true;
    return QN_OK;
}

static void test_try_leaves_with_the_status(void **state)
{
    (void)state;
    bool reached = false;
    assert_int_equal(leaves_early(QN_ABORTED, &reached), QN_ABORTED);
    assert_false(reached);
    assert_int_equal(leaves_early(QN_OK, &reached), QN_OK);
    assert_true(reached);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_are_grpcs),
        cmocka_unit_test(test_names_are_connects),
        cmocka_unit_test(test_numbers_from_a_peer_become_statuses),
        cmocka_unit_test(test_an_error_carries_its_sentence),
        cmocka_unit_test(test_a_long_sentence_is_cut),
        cmocka_unit_test(test_try_leaves_with_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
