#include <stdint.h>

#include "common/core/check.h"
#include "common/core/email.h"
#include "services/auth/claims.h"
#include "services/auth/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The token of a verification link as anybody may show it, and its payload as if we had signed it. */

enum { VALUE_MAX = 16 * 1024 };

static void check_sound(const struct auth_claims *claims)
{
    QN_CHECK(qn_email_valid(qn_str_c(claims->email)));
    QN_CHECK((claims->change == AUTH_CLAIMS_VERIFY) == (claims->update_to == NULL));
    QN_CHECK(claims->update_to == NULL || qn_email_valid(qn_str_c(claims->update_to)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth_cookie_jar jar;
    if (jar.mac == NULL)
        QN_CHECK(auth_cookie_open(&jar, QN_STR("rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je"), false) == QN_OK);
    if (size > VALUE_MAX)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size);
    struct qn_arena arena;
    struct qn_buf jwt;
    struct auth_claims claims;
    qn_arena_init(&arena, 4 * 1024 * 1024);
    qn_buf_init(&jwt, 4 * VALUE_MAX);
    if (auth_claims_read(&jar, text, 0, &arena, &claims) == QN_OK)
        check_sound(&claims);
    QN_CHECK(auth_jwt_write(&jar, text, &jwt) == QN_OK);
    if (auth_claims_read(&jar, qn_buf_view(&jwt), 0, &arena, &claims) == QN_OK)
        check_sound(&claims);
    qn_buf_fini(&jwt);
    qn_arena_fini(&arena);
    return 0;
}
