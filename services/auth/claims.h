#ifndef AUTH_CLAIMS_H
#define AUTH_CLAIMS_H

#include "services/auth/cookie.h"

/* What the token of a verification mail says (auth_letter_token() writes it). */

#define AUTH_CLAIMS_CONFIRM "change-email-confirmation" /* to the old address: may it become the other? */
#define AUTH_CLAIMS_CHANGE  "change-email-verification" /* to the new one */

enum auth_claims_change { AUTH_CLAIMS_VERIFY, AUTH_CLAIMS_MAY_CHANGE, AUTH_CLAIMS_DO_CHANGE };

struct auth_claims {
    enum auth_claims_change change;
    const char *email;
    const char *update_to; /* NULL with AUTH_CLAIMS_VERIFY */
    const char *user_id;   /* NULL: not said; the product's older tokens do not */
};

enum { AUTH_CLAIMS_TOKEN_MAX = 8 * 1024 }; /* two addresses, escaped, in base64, and room */

/* Reads one, in the arena. QN_INVALID_ARGUMENT: not signed by us, or it says something else;
 * QN_DEADLINE_EXCEEDED: it has ended. */
QN_MUST_USE enum qn_status auth_claims_read(struct auth_cookie_jar *jar, struct qn_str token, int64_t now_ms,
                                            struct qn_arena *arena, struct auth_claims *ret_claims);

#endif
