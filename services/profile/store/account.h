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

/* One row if the user has a credential account: its hash, null when it has none. */
void store_account_find_password(struct store_steps *steps, const char *user_id);

/* Sets it; one row of the first step a credential account. With a 'session' all of the user's sessions go and
 * that one is made: three steps, one transaction, and the last two do nothing where the first found nothing.
 * With a 'new_account_id' instead a second step makes an account where there is none: one row if it did.
 * Either may be NULL. 'password_hash' is a new one, whose salt nobody else has. */
void store_account_set_password(struct store_steps *steps, const char *user_id, const char *password_hash,
                                int64_t updated_at_ms, const char *new_account_id,
                                const struct store_session *session);

struct store_account_change {
    const char *name; /* NULL: stays */
    bool set_image;
    const char *image; /* NULL: the column becomes null */
    const char *email; /* NULL: stays */
    bool set_email_verified;
    bool email_verified;
};
/* One row, the user as it is then, if there is one. */
void store_account_update_user(struct store_steps *steps, const char *user_id,
                               const struct store_account_change *change, int64_t updated_at_ms);
bool store_account_read_user(const PGresult *result, int row, struct store_user *ret_user);

/* One row if there was one. What points to it goes along (on delete cascade in both layouts, and ours). */
void store_account_delete_user(struct store_steps *steps, const char *user_id);

struct store_account {
    struct qn_str id, account_id, provider_id, user_id, scope;
    int64_t created_at_ms, updated_at_ms;
};
/* A user's accounts, oldest first. The product, too, lists no more than so many. */
enum { STORE_ACCOUNT_LIST_MAX = 100 };
void store_account_list(struct store_steps *steps, const char *user_id);
bool store_account_read_listed(const PGresult *result, int row, struct store_account *ret_account);

/* One row if it was this user's and not the last one. */
void store_account_delete(struct store_steps *steps, const char *user_id, const char *id);

#endif
