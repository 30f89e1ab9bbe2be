#include "services/auth/jwt.h"

#include "common/core/encode.h"
#include "common/core/utf8.h"

#define HEADER "{\"alg\":\"HS256\"}"

static enum qn_status write_part(struct qn_buf *to, struct qn_str text)
{
    char *end = qn_buf_reserve(to, (text.len + 2) / 3 * 4 + 1);
    if (end == NULL)
        return QN_RESOURCE_EXHAUSTED;
    qn_buf_commit(to, qn_base64url_encode(end, text.ptr, text.len));
    return QN_OK;
}

enum qn_status auth_jwt_write(struct auth_cookie_jar *jar, struct qn_str payload, struct qn_buf *to)
{
    char signature[AUTH_COOKIE_SIGNATURE_URL_LEN + 1];
    size_t from = to->len;
    QN_TRY(write_part(to, QN_STR(HEADER)));
    qn_buf_write_byte(to, '.');
    QN_TRY(write_part(to, payload));
    QN_TRY(auth_cookie_sign_url(jar, qn_str_n(to->data + from, to->len - from), signature));
    qn_buf_write_byte(to, '.');
    qn_buf_write_c(to, signature);
    return qn_buf_failed(to) ? QN_RESOURCE_EXHAUSTED : QN_OK;
}

static bool read_part(struct qn_str part, struct qn_arena *arena, const struct qn_json **ret_object)
{
    struct qn_json *object;
    size_t len;
    uint8_t *text = qn_arena_alloc(arena, part.len / 4 * 3 + 3);
    if (!text || !qn_base64_decode_lax(part, text, &len) || !qn_utf8_valid(qn_str_n((char *)text, len)) ||
        qn_json_parse(qn_str_n((char *)text, len), false, arena, &object, NULL) != QN_OK ||
        object->kind != QN_JSON_OBJECT)
        return false;
    *ret_object = object;
    return true;
}

bool auth_jwt_read(struct auth_cookie_jar *jar, struct qn_str token, struct qn_arena *arena,
                   const struct qn_json **ret_payload)
{
    ptrdiff_t first = qn_str_find(token, '.'), last = qn_str_rfind(token, '.');
    const struct qn_json *header;
    if (first < 0 || first == last)
        return false;
    struct qn_str signed_text = qn_str_n(token.ptr, (size_t)last);
    struct qn_str shown = qn_str_n(token.ptr + last + 1, token.len - (size_t)last - 1);
    struct qn_str payload = qn_str_n(token.ptr + first + 1, (size_t)(last - first) - 1);
    if (!auth_cookie_is_signed_url(jar, signed_text, shown) ||
        !read_part(qn_str_n(token.ptr, (size_t)first), arena, &header))
        return false;
    /* A token of ours under another algorithm would be one of another kind. */
    const struct qn_json *algorithm = qn_json_get(header, "alg");
    return algorithm && algorithm->kind == QN_JSON_STRING && qn_str_eq(algorithm->text, QN_STR("HS256")) &&
           read_part(payload, arena, ret_payload);
}
