#include "services/gateway/better_auth/body.h"

#include "common/core/email.h"
#include "common/core/utf8.h"
#include "common/json/writer.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/form.h"

enum { ISSUES_MAX = 4096, NUMBER_MAX = 64 };

static const char *const ALLOWED[] = {
    [GATEWAY_BODY_JSON] = "application/json",
    [GATEWAY_BODY_JSON_OR_FORM] = "application/x-www-form-urlencoded, application/json",
};

static struct qn_str media_type(struct qn_str header)
{
    ptrdiff_t semicolon = qn_str_find(header, ';');
    return qn_str_trim(semicolon < 0 ? header : qn_str_n(header.ptr, (size_t)semicolon));
}

bool gateway_body_read(struct gateway_request *req, enum gateway_body_types types,
                       const struct qn_json **ret_body)
{
    struct qn_exchange *x = req->exchange;
    struct qn_str type = qn_exchange_header(x, "Content-Type"), media = media_type(type);
    struct qn_json *body = NULL;
    *ret_body = NULL;
    if (x->body_too_large) {
        gateway_answer_error(req, 413, "Request body too large", "PAYLOAD_TOO_LARGE");
        return false;
    }
    if (type.len == 0)
        return true; /* a body without a type is not read: the product behind a plain Node server does not
                        either */
    if (qn_str_eq_nocase(media, QN_STR("application/json"))) {
        if (x->body.len && qn_json_parse(x->body, true, &req->arena, &body, NULL) != QN_OK) {
            gateway_answer_error(req, 400, "Invalid JSON in request body", "BAD_REQUEST");
            return false;
        }
    } else if (types == GATEWAY_BODY_JSON_OR_FORM &&
               qn_str_eq_nocase(media, QN_STR("application/x-www-form-urlencoded"))) {
        if (gateway_form_read(x->body, &req->arena, &body) != QN_OK) {
            gateway_answer_error(req, 400, "Invalid form in request body", "BAD_REQUEST");
            return false;
        }
    } else {
        const char *message =
            qn_arena_printf(&req->arena, "Content-Type \"%.*s\" is not allowed. Allowed types: %s",
                            QN_STR_ARG(type), ALLOWED[types]);
        if (!message || !qn_utf8_valid(type))
            message = "Content-Type is not allowed";
        gateway_answer_error(req, 415, message, "UNSUPPORTED_MEDIA_TYPE");
        return false;
    }
    *ret_body = body;
    return true;
}

/* As zod names what it received. */
static const char *kind_name(const struct qn_json *value)
{
    static const char *const NAMES[] = {
        [QN_JSON_NULL] = "null",     [QN_JSON_BOOL] = "boolean", [QN_JSON_NUMBER] = "number",
        [QN_JSON_STRING] = "string", [QN_JSON_ARRAY] = "array",  [QN_JSON_OBJECT] = "object",
    };
    return value ? NAMES[value->kind] : "undefined";
}

static void complain(struct qn_buf *issues, const char *field, const char *format, const char *received)
{
    if (issues->len)
        qn_buf_write_c(issues, "; ");
    qn_buf_printf(issues, field ? "[body.%s] " : "[body] ", field);
    qn_buf_printf(issues, "%s%s", format, received);
}

static void check_field(const struct qn_json *value, const struct gateway_body_field *field,
                        struct qn_buf *issues)
{
    if (!value && field->optional)
        return;
    if (field->kind == GATEWAY_FIELD_BOOLEAN) {
        if (!value || value->kind != QN_JSON_BOOL)
            complain(issues, field->name, "Invalid input: expected boolean, received ", kind_name(value));
        return;
    }
    if (!value || value->kind != QN_JSON_STRING)
        complain(issues, field->name, "Invalid input: expected string, received ", kind_name(value));
    else if (field->kind == GATEWAY_FIELD_EMAIL && !qn_email_valid(value->text))
        complain(issues, field->name, "Invalid email address", "");
    else if (field->kind == GATEWAY_FIELD_FILLED && value->text.len == 0)
        complain(issues, field->name, "Too small: expected string to have >=1 characters", "");
}

void gateway_body_issues(const struct qn_json *body, const struct gateway_body_field *fields, size_t n_fields,
                         enum gateway_body_shape shape, struct qn_buf *issues)
{
    if (!body || body->kind != QN_JSON_OBJECT) {
        if (shape & GATEWAY_BODY_OBJECT)
            complain(issues, NULL, "Invalid input: expected object, received ", kind_name(body));
        if (shape & GATEWAY_BODY_RECORD)
            complain(issues, NULL, "Invalid input: expected record, received ", kind_name(body));
        return;
    }
    for (size_t i = 0; i < n_fields; i++)
        check_field(qn_json_get(body, fields[i].name), &fields[i], issues);
}

bool gateway_body_check(struct gateway_request *req, const struct qn_json *body,
                        const struct gateway_body_field *fields, size_t n_fields,
                        enum gateway_body_shape shape)
{
    struct qn_buf issues;
    qn_buf_init(&issues, ISSUES_MAX);
    gateway_body_issues(body, fields, n_fields, shape, &issues);
    bool sound = issues.len == 0;
    if (!sound)
        gateway_answer_error(req, 400, issues.data, "VALIDATION_ERROR");
    qn_buf_fini(&issues);
    return sound;
}

struct qn_str gateway_body_str(const struct qn_json *body, const char *name)
{
    const struct qn_json *value = body ? qn_json_get(body, name) : NULL;
    return value && value->kind == QN_JSON_STRING ? value->text : (struct qn_str){0};
}

char *gateway_body_text(struct gateway_request *req, const struct qn_json *body, const char *name)
{
    struct qn_str text = gateway_body_str(body, name);
    return qn_str_find(text, '\0') >= 0 ? NULL
                                        : qn_arena_copy(&req->arena, text.ptr ? text.ptr : "", text.len);
}

char *gateway_body_text_of_any(struct gateway_request *req, const struct qn_json *value)
{
    struct qn_buf text;
    char *copy = NULL;
    if (value->kind == QN_JSON_STRING)
        return qn_str_find(value->text, '\0') >= 0
                   ? NULL
                   : qn_arena_copy(&req->arena, value->text.ptr ? value->text.ptr : "", value->text.len);
    if (value->kind != QN_JSON_NUMBER && value->kind != QN_JSON_BOOL)
        return NULL;
    qn_buf_init(&text, NUMBER_MAX);
    struct qn_json_writer w = {.to = &text};
    if (value->kind == QN_JSON_BOOL)
        qn_json_bool(&w, value->boolean);
    else
        qn_json_double(&w, value->number == 0 ? 0 : value->number); /* -0 loses its sign in JavaScript */
    if (!qn_buf_failed(&text))
        copy = qn_arena_copy(&req->arena, text.data, text.len);
    qn_buf_fini(&text);
    return copy;
}

ProtobufCBinaryData gateway_body_bytes(const struct qn_json *body, const char *name)
{
    struct qn_str text = gateway_body_str(body, name);
    return (ProtobufCBinaryData){.len = text.len, .data = (uint8_t *)(text.ptr ? text.ptr : "")};
}

bool gateway_body_bool(const struct qn_json *body, const char *name, bool fallback)
{
    const struct qn_json *value = body ? qn_json_get(body, name) : NULL;
    return value && value->kind == QN_JSON_BOOL ? value->boolean : fallback;
}
