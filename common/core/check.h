#ifndef QN_CORE_CHECK_H
#define QN_CORE_CHECK_H

#include <stddef.h>

/* Contracts between our own functions. A failed check is a bug in this program: it is printed to stderr with
 * its place and the process aborts, in every build. Bytes from a peer must never decide a check. */
#define QN_CHECK(condition)                                                                                  \
    ((condition) ? (void)0 : qn_check_failed(#condition, __FILE__, __LINE__, __func__))

_Noreturn void qn_check_failed(const char *condition, const char *file, int line, const char *function);

#define QN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The object that holds 'member' at 'pointer'. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
