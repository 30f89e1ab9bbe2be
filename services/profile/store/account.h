#ifndef PROFILE_STORE_ACCOUNT_H
#define PROFILE_STORE_ACCOUNT_H

#include "services/profile/store/row.h"
#include "services/profile/store/session.h"
#include "services/profile/store/steps.h"

/* Better Auth's tables "user" and account. */

/* User, credential account and first session: three steps, one transaction. The account points to the user as
 * Better Auth's own do: providerId "credential", accountId the user's id, its times the user's. Every column
 * is written, since what has a default depends on who made the tables. */
void store_account_create(struct store_steps *steps, const struct store_user *user, const char *account_id,
                          const char *password_hash, const struct store_session *session);

/* Whether 23505 on this constraint means that the e-mail address is taken. All else that is unique in the
 * three tables is random, so there a second time is somebody's mistake. */
bool store_account_is_email(const char *constraint);

/* The users of these e-mail addresses with the hashes of their credential accounts. */
void store_account_find(struct store_steps *steps, const struct qn_str *emails, size_t n_emails);

struct store_credential {
    struct store_user user;
    struct qn_str password_hash; /* empty without a credential account, or with one that has no password */
};

/* Views last as long as the result. False for a row that is not as expected. */
bool store_account_read(const PGresult *result, int row, struct store_credential *ret_credential);

#endif
