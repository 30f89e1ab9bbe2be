#include "services/auth/claims.h"

#include "common/core/email.h"
#include "services/auth/jwt.h"

/* A text without NUL, in the arena; NULL when it is none or not there. */
static const char *read_text(const struct qn_json *claims, const char *key, struct qn_arena *arena)
{
    const struct qn_json *value = qn_json_get(claims, key);
    if (!value || value->kind != QN_JSON_STRING || qn_str_find(value->text, '\0') >= 0)
        return NULL;
    return qn_arena_copy(arena, value->text.ptr, value->text.len);
}

static bool is_address(const char *text)
{
    return text && qn_email_valid(qn_str_c(text));
}

/* An address that becomes another says by which of the two steps; tokens without a step are of versions of
 * the product before the two, which no mail of the last hour can hold. */
static bool read_change(const char *type, struct auth_claims *claims)
{
    if (claims->update_to == NULL)
        return true;
    if (!type || !is_address(claims->update_to))
        return false;
    if (qn_str_eq(qn_str_c(type), QN_STR(AUTH_CLAIMS_CONFIRM)))
        claims->change = AUTH_CLAIMS_MAY_CHANGE;
    else if (qn_str_eq(qn_str_c(type), QN_STR(AUTH_CLAIMS_CHANGE)))
        claims->change = AUTH_CLAIMS_DO_CHANGE;
    return claims->change != AUTH_CLAIMS_VERIFY;
}

enum qn_status auth_claims_read(struct auth_cookie_jar *jar, struct qn_str token, int64_t now_ms,
                                struct qn_arena *arena, struct auth_claims *ret_claims)
{
    const struct qn_json *payload;
    if (token.len > AUTH_CLAIMS_TOKEN_MAX || !auth_jwt_read(jar, token, arena, &payload))
        return QN_INVALID_ARGUMENT;
    const struct qn_json *end = qn_json_get(payload, "exp");
    if (!end || end->kind != QN_JSON_NUMBER)
        return QN_INVALID_ARGUMENT;
    if (!(end->number > (double)(now_ms / 1000)))
        return QN_DEADLINE_EXCEEDED;
    struct auth_claims claims = {
        .email = read_text(payload, "email", arena),
        .update_to = read_text(payload, "updateTo", arena),
        .user_id = read_text(payload, "userId", arena),
    };
    /* A claim that is there and is no text is not the same as none. */
    bool whole = is_address(claims.email) && (claims.update_to || !qn_json_get(payload, "updateTo")) &&
                 (claims.user_id || !qn_json_get(payload, "userId")) &&
                 read_change(read_text(payload, "requestType", arena), &claims);
    if (!whole)
        return QN_INVALID_ARGUMENT;
    *ret_claims = claims;
    return QN_OK;
}
