#include <stdint.h>

#include "common/core/check.h"
#include "common/core/email.h"
#include "common/core/utf8.h"
#include "services/gateway/better_auth/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A JSON body as anybody may post it to Better Auth's routes: it is read, or refused, and then held against
 * fields of every kind. What has no issue holds what the fields say. */

enum { BODY_MAX = 64 * 1024, ROOM = 16 * 1024 * 1024, ISSUES_MAX = 4096 };

static const struct gateway_body_field FIELDS[] = {
    {"name", GATEWAY_FIELD_STRING, false},       {"email", GATEWAY_FIELD_EMAIL, false},
    {"password", GATEWAY_FIELD_FILLED, false},   {"image", GATEWAY_FIELD_STRING, true},
    {"rememberMe", GATEWAY_FIELD_BOOLEAN, true},
};

static void check_sound(const struct qn_json *body)
{
    QN_CHECK(body && body->kind == QN_JSON_OBJECT);
    for (size_t i = 0; i < QN_COUNT(FIELDS); i++) {
        const struct qn_json *value = qn_json_get(body, FIELDS[i].name);
        struct qn_str text = gateway_body_str(body, FIELDS[i].name);
        QN_CHECK(value || FIELDS[i].optional);
        if (!value)
            continue;
        if (FIELDS[i].kind == GATEWAY_FIELD_BOOLEAN) {
            QN_CHECK(value->kind == QN_JSON_BOOL && text.ptr == NULL);
            continue;
        }
        QN_CHECK(value->kind == QN_JSON_STRING && text.ptr && qn_utf8_valid(text));
        QN_CHECK(FIELDS[i].kind != GATEWAY_FIELD_EMAIL || qn_email_valid(text));
        QN_CHECK(FIELDS[i].kind != GATEWAY_FIELD_FILLED || text.len > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum gateway_body_shape SHAPES[] = {GATEWAY_BODY_OBJECT, GATEWAY_BODY_RECORD,
                                                     GATEWAY_BODY_OBJECT_AND_RECORD};
    struct qn_json *body = NULL;
    struct qn_arena arena;
    struct qn_buf issues;
    if (size > BODY_MAX)
        return 0;
    qn_arena_init(&arena, ROOM);
    if (qn_json_parse(qn_str_n((const char *)data, size), true, &arena, &body, NULL) == QN_OK) {
        for (size_t i = 0; i < QN_COUNT(SHAPES); i++) {
            qn_buf_init(&issues, ISSUES_MAX);
            gateway_body_issues(body, FIELDS, QN_COUNT(FIELDS), SHAPES[i], &issues);
            QN_CHECK(!qn_buf_failed(&issues) && qn_utf8_valid(qn_buf_view(&issues)));
            if (issues.len == 0)
                check_sound(body);
            qn_buf_fini(&issues);
        }
    }
    qn_arena_fini(&arena);
    return 0;
}
