#ifndef AUTH_CREDENTIAL_H
#define AUTH_CREDENTIAL_H

#include "common/rpc/call.h"
#include "services/auth/cookie.h"

/* Which session a request shows. */
enum auth_credential {
    AUTH_CREDENTIAL_NONE,          /* no cookie and no bearer token */
    AUTH_CREDENTIAL_BAD_SIGNATURE, /* something was shown, but we did not sign it */
    AUTH_CREDENTIAL_TOKEN,         /* a token that is worth looking up */
};

enum {
    /* Tokens are text of any shape (ours have 32 characters), but a longer one cannot be in the unique index
     * of the table: a btree entry ends at about 2,700 bytes. Such a bearer token counts as not signed by us.
     */
    AUTH_CREDENTIAL_TOKEN_MAX = 2048,
};

/* The bearer token goes before the cookie, bare or as token.signature (percent-encoded or not); one with a
 * bad signature counts as not shown, and the cookie decides. 'ret_token' lives in the arena, NUL-terminated,
 * with AUTH_CREDENTIAL_TOKEN alone. QN_RESOURCE_EXHAUSTED, QN_INTERNAL as auth_cookie_unsign(). */
QN_MUST_USE enum qn_status auth_credential_read(struct auth_cookie_jar *jar, const struct qn_context *ctx,
                                                struct qn_arena *arena, enum auth_credential *ret_shown,
                                                char **ret_token);

/* Whether a Cookie header carries a validly signed dont_remember cookie. */
bool auth_credential_dont_remember(struct auth_cookie_jar *jar, struct qn_str cookies,
                                   struct qn_arena *arena);

#endif
