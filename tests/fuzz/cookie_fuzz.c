#include <stdint.h>

#include "common/core/check.h"
#include "common/core/email.h"
#include "services/auth/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a stranger can put into a Cookie header, a bearer token or an address. Whatever it is: a token comes
 * out only under our signature (or bare, from a bearer), and holds no NUL. */

enum { HEADER_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth_cookie_jar jar;
    if (jar.mac == NULL)
        QN_CHECK(auth_cookie_open(&jar, QN_STR("rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"), false) == QN_OK);
    if (size > HEADER_MAX)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size);
    struct qn_arena arena;
    qn_arena_init(&arena, 256 * 1024);

    struct qn_str raw = auth_cookie_find(text, auth_cookie_name(&jar, AUTH_COOKIE_SESSION_TOKEN)), value;
    QN_CHECK(raw.ptr == NULL || (raw.ptr >= text.ptr && raw.ptr + raw.len <= text.ptr + text.len));
    if (auth_cookie_unsign(&jar, raw, &arena, &value) == QN_OK) {
        char signature[AUTH_COOKIE_SIGNATURE_LEN + 1];
        QN_CHECK(strlen(value.ptr) == value.len && value.len > 0);
        QN_CHECK(auth_cookie_sign(&jar, value, signature) == QN_OK);
        /* Written again it reads the same. */
        struct qn_buf written;
        qn_buf_init(&written, 4 * HEADER_MAX);
        QN_CHECK(auth_cookie_write(&jar, AUTH_COOKIE_SESSION_TOKEN, value, 1, &written) == QN_OK);
        struct qn_str rest = qn_buf_view(&written), pair, again;
        QN_CHECK(qn_str_next(&rest, ';', &pair));
        raw = auth_cookie_find(pair, auth_cookie_name(&jar, AUTH_COOKIE_SESSION_TOKEN));
        QN_CHECK(auth_cookie_unsign(&jar, raw, &arena, &again) == QN_OK && qn_str_eq(value, again));
        qn_buf_fini(&written);
    }

    const struct qn_context ctx = {.credentials = {.cookie = text, .bearer = text}};
    enum auth_credential shown;
    char *token;
    QN_CHECK(auth_credential_read(&jar, &ctx, &arena, &shown, &token) == QN_OK);
    QN_CHECK((token != NULL) == (shown == AUTH_CREDENTIAL_TOKEN));
    (void)auth_credential_dont_remember(&jar, ctx.credentials.cookie, &arena);

    if (qn_email_valid(text)) {
        char *folded = qn_email_fold(text, &arena);
        QN_CHECK(folded && strlen(folded) == text.len && qn_email_valid(qn_str_c(folded)));
    }
    qn_arena_fini(&arena);
    return 0;
}
