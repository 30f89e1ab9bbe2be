#include "services/profile/store/account.h"

static const struct pg_statement insert_user = {
    .name = "user_insert",
    .sql = "insert into \"user\" (id, name, email, \"emailVerified\", image, \"createdAt\", \"updatedAt\")"
           " values ($1, $2, $3, $4, $5, $6, $7)",
};

static const struct pg_statement insert_account = {
    .name = "account_insert",
    .sql =
        "insert into account (id, \"accountId\", \"providerId\", \"userId\", \"accessToken\", "
        "\"refreshToken\","
        " \"idToken\", \"accessTokenExpiresAt\", \"refreshTokenExpiresAt\", scope, password, \"createdAt\","
        " \"updatedAt\")"
        " values ($1, $2, 'credential', $2, null, null, null, null, null, null, $3, $4, $5)",
};

/* There is no unique index on an account's provider, so there might be two; the oldest is the one. */
static const struct pg_statement find = {
    .name = "credential_by_email",
    .sql = "select " STORE_USER_COLUMNS ","
           " (select a.password from account a where a.\"userId\" = u.id and a.\"providerId\" = 'credential'"
           " and a.\"accountId\" = u.id order by a.\"createdAt\", a.id limit 1)"
           " from \"user\" u where u.email = any($1::text[])",
    .plain_select = true,
    .binary = true,
};

void store_account_create(struct store_steps *steps, const struct store_user *user, const char *account_id,
                          const char *password_hash, const struct store_session *session)
{
    store_steps_add(steps, &insert_user);
    store_steps_str(steps, user->id);
    store_steps_str(steps, user->name);
    store_steps_str(steps, user->email);
    store_steps_bool(steps, user->email_verified);
    if (user->has_image)
        store_steps_str(steps, user->image);
    else
        store_steps_null(steps);
    store_steps_time(steps, user->created_at_ms);
    store_steps_time(steps, user->updated_at_ms);

    store_steps_add(steps, &insert_account);
    store_steps_c(steps, account_id);
    store_steps_str(steps, user->id);
    store_steps_c(steps, password_hash);
    store_steps_time(steps, user->created_at_ms);
    store_steps_time(steps, user->updated_at_ms);

    store_session_insert(steps, session);
}

bool store_account_is_email(const char *constraint)
{
    return strstr(constraint, "email") != NULL;
}

void store_account_find(struct store_steps *steps, const struct qn_str *emails, size_t n_emails)
{
    store_steps_add(steps, &find);
    store_steps_array(steps, emails, n_emails);
}

bool store_account_read(const PGresult *result, int row, struct store_credential *ret_credential)
{
    struct store_row r = store_row_of(result, row);
    store_user_read(&r, &ret_credential->user);
    ret_credential->password_hash = store_row_str(&r);
    return !r.bad;
}
