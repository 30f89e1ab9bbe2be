#include <string.h>

#include "common/core/log.h"
#include "common/loop/private.h"
#include "tests/harness/test.h"

static void test_known_errors_become_statuses(void **state)
{
    (void)state;
    static const struct {
        int uv;
        enum qn_status status;
    } known[] = {
        {0, QN_OK},
        {UV_ECANCELED, QN_CANCELLED},
        {UV_EINVAL, QN_INVALID_ARGUMENT},
        {UV_ENOENT, QN_NOT_FOUND},
        {UV_EEXIST, QN_ALREADY_EXISTS},
        {UV_EPERM, QN_PERMISSION_DENIED},
        {UV_EMFILE, QN_RESOURCE_EXHAUSTED},
        {UV_ENOSPC, QN_RESOURCE_EXHAUSTED},
        {UV_ETIMEDOUT, QN_UNAVAILABLE},
    };
    for (size_t i = 0; i < QN_COUNT(known); i++)
        assert_int_equal(qn_loop_status(known[i].uv), known[i].status);
}

static char line[256];

static void keep(void *context, struct qn_str text)
{
    (void)context;
    snprintf(line, sizeof line, "%.*s", QN_STR_ARG(text));
}

/* libuv may come to return what it does not return today; nobody should have to guess what that was. */
static void test_an_unknown_error_is_told_loudly(void **state)
{
    (void)state;
    qn_log_redirect(keep, NULL);
    enum qn_status status = qn_loop_status(UV_EXDEV);
    qn_log_redirect(NULL, NULL);
    assert_int_equal(status, QN_INTERNAL);
    assert_non_null(strstr(line, "ERROR"));
    assert_non_null(strstr(line, "error=EXDEV"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_errors_become_statuses),
        cmocka_unit_test(test_an_unknown_error_is_told_loudly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
