#include "common/core/status.h"

#include <stdarg.h>
#include <stdio.h>

const char *qn_status_name(enum qn_status status)
{
    switch (status) {
#define QN_STATUS_NAME(name, code, text)                                                                     \
    case QN_##name:                                                                                          \
        return text;
        QN_STATUS_LIST(QN_STATUS_NAME)
#undef QN_STATUS_NAME
    case QN_STATUS_COUNT:
        break;
    }
    return "unknown";
}

enum qn_status qn_status_from_wire(int64_t code)
{
    return code >= 0 && code < QN_STATUS_COUNT ? (enum qn_status)code : QN_UNKNOWN;
}

enum qn_status qn_error_set(struct qn_error *err, enum qn_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->status = status;
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return status;
}
