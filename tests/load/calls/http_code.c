#include "tests/load/calls/http_code.h"

#include "common/json/reader.h"

/* An error of the protocol is a few lines; a page of HTML that is longer is none. */
enum { BODY_MAX = 64 * 1024, ARENA_BYTES = 1 << 20 };

static enum qn_status by_table(unsigned http_status)
{
    switch (http_status) {
    case 400:
        return QN_INTERNAL;
    case 401:
        return QN_UNAUTHENTICATED;
    case 403:
        return QN_PERMISSION_DENIED;
    case 404:
        return QN_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return QN_UNAVAILABLE;
    default:
        return QN_UNKNOWN;
    }
}

static enum qn_status by_name(struct qn_str name)
{
    for (int code = QN_OK + 1; code < QN_STATUS_COUNT; code++)
        if (qn_str_eq(name, qn_str_c(qn_status_name((enum qn_status)code))))
            return (enum qn_status)code;
    return QN_OK;
}

enum qn_status load_http_code(unsigned http_status, struct qn_str body)
{
    if (http_status >= 200 && http_status < 300)
        return QN_OK;
    enum qn_status status = QN_OK;
    struct qn_arena arena;
    struct qn_json *value;
    qn_arena_init(&arena, ARENA_BYTES);
    if (body.len <= BODY_MAX && qn_json_parse(body, true, &arena, &value, NULL) == QN_OK) {
        const struct qn_json *code = qn_json_get(value, "code");
        if (code && code->kind == QN_JSON_STRING)
            status = by_name(code->text);
    }
    qn_arena_fini(&arena);
    return status != QN_OK ? status : by_table(http_status);
}
