/* quintet.store.v1.AccountStore. */
#include "services/profile/store/account.h"

#include "services/profile/rpc/batch.h"
#include "services/profile/rpc/check.h"
#include "services/profile/rpc/message.h"
#include "store.qn.h"

QUINTET_STORE_V1_ACCOUNT_STORE_HANDLERS(profile_rpc_account, profile_rpc_)

/* 1. insert user, account and session in one transaction  2. reply.
 * E-mail taken: ALREADY_EXISTS, nothing written. An id or token that is there already: INTERNAL, since they
 * are random and the caller must not take it for a taken address. */

static void on_created(struct profile_ask *ask)
{
    Quintet__Store__V1__CreateUserResponse out = QUINTET__STORE__V1__CREATE_USER_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

/* Also of a change of address. */
static bool on_not_created(struct profile_ask *ask)
{
    if (ask->query.status != QN_ALREADY_EXISTS)
        return false;
    if (store_account_is_email(ask->query.constraint)) {
        qn_call_fail_with(ask->call, .status = QN_ALREADY_EXISTS, .message = "the e-mail address is taken",
                          .reason = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    } else {
        qn_log(&ask->call->ctx.log, QN_ERROR, "an id is there already",
               QN_F_C("constraint", ask->query.constraint));
        qn_call_fail_with(ask->call, .status = QN_INTERNAL, .message = "an id is there already");
    }
    return true;
}

void profile_rpc_create_user(struct qn_call *call)
{
    const Quintet__Store__V1__CreateUserRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_user(in->user, &complaints);
    if (in->session)
        profile_check_session(in->session, &complaints);
    profile_check_text(in->account_id, 1, PROFILE_CHECK_ID_MAX, "account_id", &complaints);
    profile_check_text(in->password_hash, 1, PROFILE_CHECK_TEXT_MAX, "password_hash", &complaints);
    if (in->user && in->session && strcmp(in->user->id, in->session->user_id) != 0)
        profile_complain(&complaints, "session.user_id", "must be user.id");
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    struct store_user user = profile_message_to_user(in->user);
    struct store_session session;
    if (in->session)
        session = profile_message_to_session(in->session);
    store_account_create(&ask->steps, &user, in->account_id, in->password_hash,
                         in->session ? &session : NULL);
    ask->answer = on_created;
    ask->refuse = on_not_created;
    profile_ask_start(ask);
}

static struct qn_str credential_key(const void *in)
{
    return qn_str_c(((const Quintet__Store__V1__GetCredentialRequest *)in)->email);
}

static void answer_credential(struct qn_call *call, const PGresult *result, int row)
{
    Quintet__Store__V1__GetCredentialResponse out = QUINTET__STORE__V1__GET_CREDENTIAL_RESPONSE__INIT;
    Quintet__Store__V1__User user;
    struct store_credential credential;
    if (row >= 0) {
        if (!store_account_read(result, row, &credential)) {
            profile_ask_fail_row(call, "credential_by_email");
            return;
        }
        profile_message_user(&credential.user, &user);
        out.user = &user;
        out.password_hash = (char *)credential.password_hash.ptr;
    }
    qn_call_reply(call, &out);
}

void profile_rpc_get_credential(struct qn_call **calls, size_t n_calls)
{
    static struct profile_batch_flights flights;
    static const struct profile_batch_kind kind = {
        .key = credential_key,
        .ask = store_account_find,
        .key_column = STORE_USER_EMAIL_COLUMN,
        .answer = answer_credential,
        .flights = &flights,
    };
    profile_batch_run(&kind, calls, n_calls);
}

/* GetPassword and SetPassword. With a session, SetPassword is one transaction: hash, sessions, new session.
 */

static void on_password(struct profile_ask *ask)
{
    const PGresult *result = profile_ask_result(ask, 0);
    Quintet__Store__V1__GetPasswordResponse out = QUINTET__STORE__V1__GET_PASSWORD_RESPONSE__INIT;
    out.found = pg_result_rows(result) > 0;
    if (out.found && !pg_result_null(result, 0, 0))
        out.password_hash = (char *)pg_result_str(result, 0, 0).ptr;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_get_password(struct qn_call *call)
{
    const Quintet__Store__V1__GetPasswordRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_account_find_password(&ask->steps, in->user_id);
    ask->answer = on_password;
    profile_ask_start(ask);
}

static void fail_no_account(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "there is no account with a password",
                      .reason = "CREDENTIAL_ACCOUNT_NOT_FOUND");
}

static void on_password_set(struct profile_ask *ask)
{
    const Quintet__Store__V1__SetPasswordRequest *in = ask->call->in;
    if (pg_result_rows(profile_ask_result(ask, 0)) == 0 &&
        (in->new_account_id[0] == '\0' || pg_result_rows(profile_ask_result(ask, 1)) == 0)) {
        fail_no_account(ask->call);
        return;
    }
    Quintet__Store__V1__SetPasswordResponse out = QUINTET__STORE__V1__SET_PASSWORD_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

/* The user went between two steps: nothing has changed. */
static bool on_password_not_set(struct profile_ask *ask)
{
    if (ask->query.status != QN_NOT_FOUND)
        return false;
    fail_no_account(ask->call);
    return true;
}

void profile_rpc_set_password(struct qn_call *call)
{
    const Quintet__Store__V1__SetPasswordRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_text(in->user_id, 1, PROFILE_CHECK_ID_MAX, "user_id", &complaints);
    profile_check_text(in->password_hash, 1, PROFILE_CHECK_TEXT_MAX, "password_hash", &complaints);
    profile_check_text(in->new_account_id, 0, PROFILE_CHECK_ID_MAX, "new_account_id", &complaints);
    profile_check_time(in->updated_at_ms, "updated_at_ms", &complaints);
    if (in->session) {
        profile_check_session(in->session, &complaints);
        if (strcmp(in->session->user_id, in->user_id) != 0)
            profile_complain(&complaints, "session.user_id", "must be user_id");
        if (in->new_account_id[0] != '\0')
            profile_complain(&complaints, "new_account_id", "must be empty beside a session");
    }
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    struct store_session session;
    if (in->session)
        session = profile_message_to_session(in->session);
    store_account_set_password(&ask->steps, in->user_id, in->password_hash, in->updated_at_ms,
                               in->new_account_id[0] ? in->new_account_id : NULL,
                               in->session ? &session : NULL);
    ask->answer = on_password_set;
    ask->refuse = on_password_not_set;
    profile_ask_start(ask);
}

/* UpdateUser and DeleteUser. */

static void on_user_updated(struct profile_ask *ask)
{
    const PGresult *result = profile_ask_result(ask, 0);
    Quintet__Store__V1__UpdateUserResponse out = QUINTET__STORE__V1__UPDATE_USER_RESPONSE__INIT;
    Quintet__Store__V1__User message;
    struct store_user user;
    if (pg_result_rows(result) == 0) {
        qn_call_fail_with(ask->call, .status = QN_NOT_FOUND, .message = "there is no such user",
                          .reason = "USER_NOT_FOUND");
    } else if (!store_account_read_user(result, 0, &user)) {
        profile_ask_fail_row(ask->call, "user_update");
    } else {
        profile_message_user(&user, &message);
        out.user = &message;
        qn_call_reply(ask->call, &out);
    }
}

/* What the mask names. False: it names nothing, or something else. */
static bool read_change(const Quintet__Store__V1__UpdateUserRequest *in,
                        struct store_account_change *ret_change)
{
    *ret_change = (struct store_account_change){0};
    for (size_t i = 0; i < in->n_update_mask; i++) {
        struct qn_str name = qn_str_c(in->update_mask[i]);
        if (qn_str_eq(name, QN_STR("name"))) {
            ret_change->name = in->name;
        } else if (qn_str_eq(name, QN_STR("image"))) {
            ret_change->set_image = true;
            ret_change->image = in->has_image ? in->image : NULL;
        } else if (qn_str_eq(name, QN_STR("email"))) {
            ret_change->email = in->email;
        } else if (qn_str_eq(name, QN_STR("email_verified"))) {
            ret_change->set_email_verified = true;
            ret_change->email_verified = in->email_verified;
        } else {
            return false;
        }
    }
    return in->n_update_mask > 0;
}

void profile_rpc_update_user(struct qn_call *call)
{
    const Quintet__Store__V1__UpdateUserRequest *in = call->in;
    struct profile_complaints complaints = {0};
    struct store_account_change change;
    if (!read_change(in, &change))
        profile_complain(&complaints, "update_mask", "must name name, image, email or email_verified");
    profile_check_text(in->user_id, 1, PROFILE_CHECK_ID_MAX, "user_id", &complaints);
    profile_check_text(in->name, 0, PROFILE_CHECK_TEXT_MAX, "name", &complaints);
    profile_check_text(in->image, 0, PROFILE_CHECK_TEXT_MAX, "image", &complaints);
    profile_check_text(in->email, change.email ? 1 : 0, PROFILE_CHECK_EMAIL_MAX, "email", &complaints);
    profile_check_time(in->updated_at_ms, "updated_at_ms", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_account_update_user(&ask->steps, in->user_id, &change, in->updated_at_ms);
    ask->answer = on_user_updated;
    ask->refuse = on_not_created;
    profile_ask_start(ask);
}

static void on_user_deleted(struct profile_ask *ask)
{
    Quintet__Store__V1__DeleteUserResponse out = QUINTET__STORE__V1__DELETE_USER_RESPONSE__INIT;
    out.deleted = pg_result_rows(profile_ask_result(ask, 0)) > 0;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_delete_user(struct qn_call *call)
{
    const Quintet__Store__V1__DeleteUserRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_account_delete_user(&ask->steps, in->user_id);
    ask->answer = on_user_deleted;
    profile_ask_start(ask);
}

/* ListAccounts and DeleteAccount. */

static void on_accounts(struct profile_ask *ask)
{
    const PGresult *result = profile_ask_result(ask, 0);
    struct qn_arena *arena = ask->call->arena;
    size_t n = (size_t)pg_result_rows(result);
    Quintet__Store__V1__ListAccountsResponse out = QUINTET__STORE__V1__LIST_ACCOUNTS_RESPONSE__INIT;
    Quintet__Store__V1__Account *messages = qn_arena_array(arena, n, sizeof(*messages));
    out.accounts = qn_arena_array(arena, n, sizeof(Quintet__Store__V1__Account *));
    if (n > 0 && (messages == NULL || out.accounts == NULL)) {
        profile_ask_fail_memory(ask->call);
        return;
    }
    for (out.n_accounts = 0; out.n_accounts < n; out.n_accounts++) {
        struct store_account account;
        if (!store_account_read_listed(result, (int)out.n_accounts, &account)) {
            profile_ask_fail_row(ask->call, "account_list");
            return;
        }
        profile_message_account(&account, &messages[out.n_accounts]);
        out.accounts[out.n_accounts] = &messages[out.n_accounts];
    }
    qn_call_reply(ask->call, &out);
}

void profile_rpc_list_accounts(struct qn_call *call)
{
    const Quintet__Store__V1__ListAccountsRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_account_list(&ask->steps, in->user_id);
    ask->answer = on_accounts;
    profile_ask_start(ask);
}

static void on_account_deleted(struct profile_ask *ask)
{
    Quintet__Store__V1__DeleteAccountResponse out = QUINTET__STORE__V1__DELETE_ACCOUNT_RESPONSE__INIT;
    out.deleted = pg_result_rows(profile_ask_result(ask, 0)) > 0;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_delete_account(struct qn_call *call)
{
    const Quintet__Store__V1__DeleteAccountRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_account_delete(&ask->steps, in->user_id, in->id);
    ask->answer = on_account_deleted;
    profile_ask_start(ask);
}
