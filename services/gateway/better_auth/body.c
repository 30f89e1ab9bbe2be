#include "services/gateway/better_auth/body.h"

#include "common/core/email.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"
#include "services/gateway/better_auth/answer.h"

enum { ISSUES_MAX = 4096, FORM_FIELDS_MAX = 256 };

static const char *const ALLOWED[] = {
    [GATEWAY_BODY_JSON] = "application/json",
    [GATEWAY_BODY_JSON_OR_FORM] = "application/x-www-form-urlencoded, application/json",
};

static struct qn_str media_type(struct qn_str header)
{
    ptrdiff_t semicolon = qn_str_find(header, ';');
    return qn_str_trim(semicolon < 0 ? header : qn_str_n(header.ptr, (size_t)semicolon));
}

/* One side of "name=value", decoded. What is not UTF-8 after decoding is refused. */
static bool form_text(struct qn_str raw, struct qn_arena *arena, struct qn_str *ret_text)
{
    char *text = qn_arena_alloc(arena, raw.len + 1);
    size_t len;
    if (!text || !qn_percent_decode(raw, text, &len, true))
        return false;
    *ret_text = qn_str_n(text, len);
    return qn_utf8_valid(*ret_text);
}

/* application/x-www-form-urlencoded (WHATWG URL, section 5.1) as an object; the last of a repeated name wins.
 */
static struct qn_json *form_read(struct qn_str text, struct qn_arena *arena)
{
    struct qn_json *object = qn_arena_new(arena, struct qn_json);
    struct qn_str *keys = qn_arena_array(arena, FORM_FIELDS_MAX, sizeof *keys);
    struct qn_json *items = qn_arena_array(arena, FORM_FIELDS_MAX, sizeof *items);
    struct qn_str pair, key, value;
    if (!object || !keys || !items)
        return NULL;
    *object = (struct qn_json){.kind = QN_JSON_OBJECT, .keys = keys, .items = items};
    while (qn_str_next(&text, '&', &pair)) {
        if (pair.len == 0)
            continue;
        ptrdiff_t equals = qn_str_find(pair, '=');
        struct qn_str name = equals < 0 ? pair : qn_str_n(pair.ptr, (size_t)equals);
        struct qn_str rest =
            equals < 0 ? QN_STR("") : qn_str_n(pair.ptr + equals + 1, pair.len - (size_t)equals - 1);
        if (!form_text(name, arena, &key) || !form_text(rest, arena, &value))
            return NULL;
        size_t at = 0;
        while (at < object->n_items && !qn_str_eq(keys[at], key))
            at++;
        if (at == FORM_FIELDS_MAX)
            return NULL;
        if (at == object->n_items)
            object->n_items++;
        keys[at] = key;
        items[at] = (struct qn_json){.kind = QN_JSON_STRING, .text = value};
    }
    return object;
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
        body = form_read(x->body, &req->arena);
        if (!body) {
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

bool gateway_body_check(struct gateway_request *req, const struct qn_json *body,
                        const struct gateway_body_field *fields, size_t n_fields, bool also_record)
{
    struct qn_buf issues;
    qn_buf_init(&issues, ISSUES_MAX);
    if (!body || body->kind != QN_JSON_OBJECT) {
        complain(&issues, NULL, "Invalid input: expected object, received ", kind_name(body));
        if (also_record)
            complain(&issues, NULL, "Invalid input: expected record, received ", kind_name(body));
    } else {
        for (size_t i = 0; i < n_fields; i++)
            check_field(qn_json_get(body, fields[i].name), &fields[i], &issues);
    }
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

bool gateway_body_bool(const struct qn_json *body, const char *name, bool fallback)
{
    const struct qn_json *value = body ? qn_json_get(body, name) : NULL;
    return value && value->kind == QN_JSON_BOOL ? value->boolean : fallback;
}
