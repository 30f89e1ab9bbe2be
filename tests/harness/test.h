#ifndef QN_TESTS_TEST_H
#define QN_TESTS_TEST_H

/* cmocka, with the headers that it wants before itself, in an order that no formatter may change. Every test
 * includes this one. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/core/str.h"

/* A view against a C string, both shown when they differ. */
static inline void assert_str(struct qn_str is, const char *should_be)
{
    if (!qn_str_eq(is, qn_str_c(should_be)))
        fail_msg("\"%.*s\" is not \"%s\"", QN_STR_ARG(is), should_be);
}

#endif
