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
    profile_check_session(in->session, &complaints);
    profile_check_text(in->account_id, 1, PROFILE_CHECK_ID_MAX, "account_id", &complaints);
    profile_check_text(in->password_hash, 1, PROFILE_CHECK_TEXT_MAX, "password_hash", &complaints);
    if (in->user && in->session && strcmp(in->user->id, in->session->user_id) != 0)
        profile_complain(&complaints, "session.user_id", "must be user.id");
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    struct store_user user = profile_message_to_user(in->user);
    struct store_session session = profile_message_to_session(in->session);
    store_account_create(&ask->steps, &user, in->account_id, in->password_hash, &session);
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
