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

#define IS_CREDENTIAL(a, user)                                                                               \
    a ".\"userId\" = " user " and " a ".\"providerId\" = 'credential' and " a ".\"accountId\" = " user

static const struct pg_statement find_password = {
    .name = "password_by_user",
    .sql = "select a.password from account a where " IS_CREDENTIAL(
        "a", "$1") " order by a.\"createdAt\", a.id limit 1",
    .plain_select = true,
};

/* Were there two, both get it: whichever is looked at, here or by another server, the password is the new
 * one. */
static const struct pg_statement set_password = {
    .name = "password_set",
    .sql = "update account as a set password = $2, \"updatedAt\" = $3 where " IS_CREDENTIAL(
        "a", "$1") " returning a.id",
};

/* The steps after set_password in its transaction do nothing where that one has found nothing: the row that
 * it changed bears the new hash, whose salt is random. */
#define HAS_PASSWORD(user, hash)                                                                             \
    "exists (select from account a where " IS_CREDENTIAL("a", user) " and a.password = " hash ")"

static const struct pg_statement delete_sessions = {
    .name = "password_set_delete_sessions",
    .sql = "delete from session s where s.\"userId\" = $1 and " HAS_PASSWORD("$1", "$2"),
};

/* After the first in its transaction: where that one has found nothing. */
static const struct pg_statement insert_missing_account = {
    .name = "password_set_insert_account",
    .sql = "insert into account (id, \"accountId\", \"providerId\", \"userId\", password, \"createdAt\", "
           "\"updatedAt\")"
           " select $1, u.id, 'credential', u.id, $3, $4, $4 from \"user\" u where u.id = $2"
           " and not exists (select from account a where " IS_CREDENTIAL("a", "$2") ") returning id",
};

static const struct pg_statement insert_session = {
    .name = "password_set_insert_session",
    .sql = "insert into session (id, \"expiresAt\", token, \"createdAt\", \"updatedAt\", \"ipAddress\", "
           "\"userAgent\", \"userId\")"
           " select $1, $2, $3, $4, $5, $6, $7, $8 where " HAS_PASSWORD("$8", "$9"),
};

static const struct pg_statement update_user = {
    .name = "user_update",
    .sql = "update \"user\" as u set name = case when $2 then $3 else u.name end,"
           " image = case when $4 then $5 else u.image end, \"updatedAt\" = $6,"
           " email = coalesce($7, u.email), \"emailVerified\" = coalesce($8, u.\"emailVerified\")"
           " where u.id = $1 returning " STORE_USER_COLUMNS,
    .binary = true,
};

static const struct pg_statement delete_user = {
    .name = "user_delete",
    .sql = "delete from \"user\" where id = $1 returning id",
};

static const struct pg_statement list = {
    .name = "account_list",
    .sql = "select a.id, a.\"accountId\", a.\"providerId\", a.\"userId\", a.scope, a.\"createdAt\", "
           "a.\"updatedAt\""
           " from account a where a.\"userId\" = $1 order by a.\"createdAt\", a.id limit 100",
    .plain_select = true,
    .binary = true,
};

static const struct pg_statement delete_account = {
    .name = "account_delete",
    .sql = "delete from account a where a.id = $2 and a.\"userId\" = $1"
           " and exists (select from account b where b.\"userId\" = $1 and b.id <> $2) returning a.id",
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

    if (session)
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

void store_account_find_password(struct store_steps *steps, const char *user_id)
{
    store_steps_add(steps, &find_password);
    store_steps_c(steps, user_id);
}

void store_account_set_password(struct store_steps *steps, const char *user_id, const char *password_hash,
                                int64_t updated_at_ms, const char *new_account_id,
                                const struct store_session *session)
{
    store_steps_add(steps, &set_password);
    store_steps_c(steps, user_id);
    store_steps_c(steps, password_hash);
    store_steps_time(steps, updated_at_ms);
    if (new_account_id) {
        store_steps_add(steps, &insert_missing_account);
        store_steps_c(steps, new_account_id);
        store_steps_c(steps, user_id);
        store_steps_c(steps, password_hash);
        store_steps_time(steps, updated_at_ms);
    }
    if (session == NULL)
        return;
    store_steps_add(steps, &delete_sessions);
    store_steps_c(steps, user_id);
    store_steps_c(steps, password_hash);
    store_steps_add(steps, &insert_session);
    store_session_params(steps, session);
    store_steps_c(steps, password_hash);
}

void store_account_update_user(struct store_steps *steps, const char *user_id,
                               const struct store_account_change *change, int64_t updated_at_ms)
{
    store_steps_add(steps, &update_user);
    store_steps_c(steps, user_id);
    store_steps_bool(steps, change->name != NULL);
    store_steps_c(steps, change->name ? change->name : "");
    store_steps_bool(steps, change->set_image);
    if (change->set_image && change->image)
        store_steps_c(steps, change->image);
    else
        store_steps_null(steps);
    store_steps_time(steps, updated_at_ms);
    if (change->email)
        store_steps_c(steps, change->email);
    else
        store_steps_null(steps);
    if (change->set_email_verified)
        store_steps_bool(steps, change->email_verified);
    else
        store_steps_null(steps);
}

bool store_account_read_user(const PGresult *result, int row, struct store_user *ret_user)
{
    struct store_row r = store_row_of(result, row);
    store_user_read(&r, ret_user);
    return !r.bad;
}

void store_account_delete_user(struct store_steps *steps, const char *user_id)
{
    store_steps_add(steps, &delete_user);
    store_steps_c(steps, user_id);
}

void store_account_list(struct store_steps *steps, const char *user_id)
{
    store_steps_add(steps, &list);
    store_steps_c(steps, user_id);
}

bool store_account_read_listed(const PGresult *result, int row, struct store_account *ret_account)
{
    struct store_row r = store_row_of(result, row);
    ret_account->id = store_row_str(&r);
    ret_account->account_id = store_row_str(&r);
    ret_account->provider_id = store_row_str(&r);
    ret_account->user_id = store_row_str(&r);
    ret_account->scope = store_row_str(&r);
    ret_account->created_at_ms = store_row_time(&r);
    ret_account->updated_at_ms = store_row_time(&r);
    return !r.bad;
}

void store_account_delete(struct store_steps *steps, const char *user_id, const char *id)
{
    store_steps_add(steps, &delete_account);
    store_steps_c(steps, user_id);
    store_steps_c(steps, id);
}
