#ifndef QN_CORE_STATUS_H
#define QN_CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/* The one list of outcomes, with gRPC's canonical codes. They travel on the wire unchanged; the names are
 * those of the Connect protocol ("Error Codes"). QN_UNKNOWN means: it may have happened. */
#define QN_STATUS_LIST(X)                                                                                    \
    X(OK, 0, "ok")                                                                                           \
    X(CANCELLED, 1, "canceled")                                                                              \
    X(UNKNOWN, 2, "unknown")                                                                                 \
    X(INVALID_ARGUMENT, 3, "invalid_argument")                                                               \
    X(DEADLINE_EXCEEDED, 4, "deadline_exceeded")                                                             \
    X(NOT_FOUND, 5, "not_found")                                                                             \
    X(ALREADY_EXISTS, 6, "already_exists")                                                                   \
    X(PERMISSION_DENIED, 7, "permission_denied")                                                             \
    X(RESOURCE_EXHAUSTED, 8, "resource_exhausted")                                                           \
    X(FAILED_PRECONDITION, 9, "failed_precondition")                                                         \
    X(ABORTED, 10, "aborted")                                                                                \
    X(OUT_OF_RANGE, 11, "out_of_range")                                                                      \
    X(UNIMPLEMENTED, 12, "unimplemented")                                                                    \
    X(INTERNAL, 13, "internal")                                                                              \
    X(UNAVAILABLE, 14, "unavailable")                                                                        \
    X(DATA_LOSS, 15, "data_loss")                                                                            \
    X(UNAUTHENTICATED, 16, "unauthenticated")

enum qn_status {
#define QN_STATUS_ENUM(name, code, text) QN_##name = (code),
    QN_STATUS_LIST(QN_STATUS_ENUM)
#undef QN_STATUS_ENUM
        QN_STATUS_COUNT
};

#define QN_MUST_USE __attribute__((warn_unused_result))

/* Leaves the function with the status of 'expr' unless it is QN_OK. */
#define QN_TRY(expr)                                                                                         \
    do {                                                                                                     \
        enum qn_status qn_try_status_ = (expr);                                                              \
        if (qn_try_status_ != QN_OK)                                                                         \
            return qn_try_status_;                                                                           \
    } while (0)

/* "not_found" for QN_NOT_FOUND; "unknown" for a number that is no status. Never NULL; static memory. */
const char *qn_status_name(enum qn_status status);

/* Turns a number from a peer into a status: anything out of range becomes QN_UNKNOWN. */
enum qn_status qn_status_from_wire(int64_t code);

enum { QN_ERROR_MESSAGE_MAX = 256 };

/* A status with a sentence for people, for operations whose failure wants words (settings, files, set-up).
 * A zeroed one is QN_OK with an empty message. */
struct qn_error {
    enum qn_status status;
    char message[QN_ERROR_MESSAGE_MAX]; /* NUL-terminated, cut at the end if need be */
};

/* Fills 'err' (NULL is allowed) and returns 'status', so that a function may end with it. */
enum qn_status qn_error_set(struct qn_error *err, enum qn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
