#include "services/auth/credential.h"

static enum qn_status from_bearer(struct auth_cookie_jar *jar, struct qn_str bearer, struct qn_arena *arena,
                                  enum auth_credential *ret_shown, struct qn_str *ret_token)
{
    *ret_shown = AUTH_CREDENTIAL_BAD_SIGNATURE;
    if (bearer.len > AUTH_CREDENTIAL_TOKEN_MAX)
        return QN_OK;
    if (qn_str_find(bearer, '.') < 0) {
        *ret_token = qn_arena_str(arena, bearer);
        *ret_shown = AUTH_CREDENTIAL_TOKEN;
        return ret_token->ptr ? QN_OK : QN_RESOURCE_EXHAUSTED;
    }
    enum qn_status status = auth_cookie_unsign(jar, bearer, arena, ret_token);
    if (status == QN_OK)
        *ret_shown = AUTH_CREDENTIAL_TOKEN;
    return status == QN_UNAUTHENTICATED ? QN_OK : status;
}

static enum qn_status from_cookie(struct auth_cookie_jar *jar, struct qn_str header, struct qn_arena *arena,
                                  enum auth_credential *ret_shown, struct qn_str *ret_token)
{
    struct qn_str raw = auth_cookie_find(header, auth_cookie_name(jar, AUTH_COOKIE_SESSION_TOKEN));
    if (raw.len == 0)
        return QN_OK;
    enum qn_status status = auth_cookie_unsign(jar, raw, arena, ret_token);
    *ret_shown = status == QN_OK ? AUTH_CREDENTIAL_TOKEN : AUTH_CREDENTIAL_BAD_SIGNATURE;
    return status == QN_UNAUTHENTICATED ? QN_OK : status;
}

enum qn_status auth_credential_read(struct auth_cookie_jar *jar, const struct qn_context *ctx,
                                    struct qn_arena *arena, enum auth_credential *ret_shown, char **ret_token)
{
    struct qn_str token = {0};
    enum auth_credential shown = AUTH_CREDENTIAL_NONE;
    struct qn_str bearer = ctx->credentials.bearer;
    if (bearer.len > 0)
        QN_TRY(from_bearer(jar, bearer, arena, &shown, &token));
    if (shown != AUTH_CREDENTIAL_TOKEN)
        QN_TRY(from_cookie(jar, ctx->credentials.cookie, arena, &shown, &token));
    *ret_shown = shown;
    *ret_token = (char *)token.ptr; /* a copy in the arena: ours to hand out */
    return QN_OK;
}

bool auth_credential_dont_remember(struct auth_cookie_jar *jar, struct qn_str cookies, struct qn_arena *arena)
{
    struct qn_str raw = auth_cookie_find(cookies, auth_cookie_name(jar, AUTH_COOKIE_DONT_REMEMBER));
    struct qn_str value;
    return raw.len > 0 && auth_cookie_unsign(jar, raw, arena, &value) == QN_OK &&
           qn_str_eq(value, QN_STR("true"));
}
