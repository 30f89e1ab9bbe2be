/* Each: 1. the live session (live.c)  2. the checks  3. the store  4. answer.
 *
 * DeleteUser's checks: 2a. switched on?  2b. with a password: is it the user's?  2c. with a token: was it
 * sent to the user?  2d. without one, and to be confirmed by mail: it is sent, and that is all  2e. with
 * neither: did the session begin lately? The rows go by foreign keys, and what lies in the object store goes
 * soon after, by entries that a trigger makes of the photos' rows (quintet.photo_trash). */
#include "services/auth/user.h"

#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/input.h"
#include "services/auth/letter.h"
#include "services/auth/proof.h"
#include "services/auth/session.h"
#include "services/auth/set_cookie.h"
#include "services/auth/ticket.h"
#include "services/auth/upstream.h"

struct work {
    struct auth_live live;
    struct auth_proof proof;
    struct qn_str password;
    struct auth_ticket ticket;
    char *link;
    struct qn_request store;
};

static struct work *work_of(struct auth_live *live)
{
    return container_of(live, struct work, live);
}

static void start(struct auth_service *service, struct qn_call *call, bool keep_row,
                  void (*then)(struct auth_live *live))
{
    auth_live_start(&qn_call_new(call, struct work)->live, service, call, keep_row ? AUTH_LIVE_KEEP_ROW : 0,
                    then, NULL);
}

/* The work that a question was asked for; NULL when the question failed: then the call has, too. */
static struct work *answered(struct qn_request *request)
{
    struct work *work = container_of(request, struct work, store);
    if (request->status == QN_OK)
        return work;
    qn_call_fail_from(work->live.call, request, true);
    return NULL;
}

/* UpdateUser. */

static void on_updated(struct qn_request *request)
{
    struct work *work = answered(request);
    if (work == NULL)
        return;
    struct auth_live *live = &work->live;
    const Quintet__Store__V1__UpdateUserResponse *row = request->out;
    Quintet__Auth__V1__UpdateUserResponse out = QUINTET__AUTH__V1__UPDATE_USER_RESPONSE__INIT;
    out.user = auth_session_show_user(row->user, live->call->arena);
    enum qn_status status = out.user ? QN_OK : QN_RESOURCE_EXHAUSTED;
    if (status == QN_OK)
        status = auth_set_cookie_session(live->service, live->call, live->session, row->user,
                                         live->dont_remember, false);
    if (status == QN_OK)
        qn_call_reply(live->call, &out);
    else
        qn_call_fail_with(live->call, .status = status);
}

static void update(struct auth_live *live)
{
    struct qn_call *call = live->call;
    const Quintet__Auth__V1__UpdateUserRequest *in = call->in;
    Quintet__Store__V1__UpdateUserRequest change = QUINTET__STORE__V1__UPDATE_USER_REQUEST__INIT;
    for (size_t i = 0; i < in->n_update_mask; i++) {
        if (strcmp(in->update_mask[i], "name") != 0 && strcmp(in->update_mask[i], "image") != 0) {
            auth_input_fail(call, NULL, "update_mask names what cannot be changed", "update_mask",
                            "must name name, image or both");
            return;
        }
    }
    if (in->n_update_mask == 0) {
        auth_input_fail(call, "NO_FIELDS_TO_UPDATE", "No fields to update", "update_mask",
                        "must name name, image or both");
        return;
    }
    if (!auth_input_texts(call, in->name, in->image))
        return;
    change.user_id = live->user->id;
    change.name = in->name;
    change.image = in->image;
    change.has_image = in->image[0] != '\0';
    change.updated_at_ms = qn_clock_wall_ms();
    change.update_mask = in->update_mask;
    change.n_update_mask = in->n_update_mask;
    auth_upstream_update_user(live->service, &work_of(live)->store, call, &change, on_updated);
}

void auth_user_update(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__UpdateUserRequest *in = call->in;
    start(service, call, in->disable_refresh, update);
}

/* DeleteUser. */

static void on_deleted(struct qn_request *request)
{
    struct work *work = answered(request);
    if (work == NULL)
        return;
    struct auth_live *live = &work->live;
    Quintet__Auth__V1__DeleteUserResponse out = QUINTET__AUTH__V1__DELETE_USER_RESPONSE__INIT;
    enum qn_status status = auth_set_cookie_expired(live->service, live->call, live->shown_cache);
    qn_log(&live->call->ctx.log, QN_INFO, "user deleted", QN_F_C("user", live->user->id));
    if (status == QN_OK)
        qn_call_reply(live->call, &out);
    else
        qn_call_fail_with(live->call, .status = status);
}

static void delete_now(struct auth_live *live)
{
    auth_upstream_delete_user(live->service, &work_of(live)->store, live->call, live->user->id, on_deleted);
}

static void fail_token(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "Invalid token", .reason = "INVALID_TOKEN");
}

/* Whoever shows it, it has been used. */
static void on_taken(struct auth_ticket *ticket)
{
    struct work *work = container_of(ticket, struct work, ticket);
    if (ticket->user_id && strcmp(ticket->user_id, work->live.user->id) == 0)
        delete_now(&work->live);
    else
        fail_token(work->live.call);
}

static void on_issued(struct auth_ticket *ticket)
{
    const struct work *work = container_of(ticket, struct work, ticket);
    Quintet__Auth__V1__DeleteUserResponse out = QUINTET__AUTH__V1__DELETE_USER_RESPONSE__INIT;
    out.mail_sent = true;
    auth_letter_reply(ticket->service, ticket->call, &out,
                      &(const struct auth_letter){
                          .kind = AUTH_MAIL_DELETE_ACCOUNT,
                          .to = work->live.user->email,
                          .name = work->live.user->name,
                          .link = work->link,
                      });
}

static void send_ticket(struct auth_live *live)
{
    const Quintet__Auth__V1__DeleteUserRequest *in = live->call->in;
    struct work *work = work_of(live);
    char *token = auth_ticket_new_delete(live->call);
    if (token == NULL || (work->link = auth_letter_link(live->service, live->call, "/delete-user/callback",
                                                        token, in->callback_url, "/")) == NULL)
        return;
    auth_ticket_issue(&work->ticket, live->service, live->call, AUTH_TICKET_DELETE, token, live->user->id,
                      AUTH_LETTER_DELETE_VALID_MS, on_issued);
}

/* What else than a password there may be. */
static void check_token(struct auth_live *live)
{
    const Quintet__Auth__V1__DeleteUserRequest *in = live->call->in;
    struct work *work = work_of(live);
    if (in->token[0] != '\0')
        auth_ticket_take(&work->ticket, live->service, live->call, AUTH_TICKET_DELETE, in->token, on_taken);
    else if (live->service->settings->delete_user_by_mail)
        send_ticket(live);
    else if (work->password.len > 0 || auth_live_is_fresh(live))
        delete_now(live);
    else
        qn_call_fail_with(live->call, .status = QN_FAILED_PRECONDITION,
                          .message = "Session expired. Re-authenticate to perform this action.",
                          .reason = "SESSION_EXPIRED");
}

static void on_delete_verified(struct auth_proof *proof)
{
    check_token(proof->live);
}

static void on_delete_found(struct auth_proof *proof)
{
    auth_proof_verify(proof, work_of(proof->live)->password, on_delete_verified);
}

static void delete_user(struct auth_live *live)
{
    struct work *work = work_of(live);
    const Quintet__Auth__V1__DeleteUserRequest *in = live->call->in;
    if (!live->service->settings->delete_user) {
        qn_call_fail_with(live->call, .status = QN_UNIMPLEMENTED, .message = "users cannot delete themselves",
                          .reason = "DELETE_USER_DISABLED");
        return;
    }
    if (!auth_input_password(live->call, "password", in->password, in->password_utf8, 0, &work->password))
        return;
    if (work->password.len > 0)
        auth_proof_find(&work->proof, live, "password", false, on_delete_found);
    else
        check_token(live);
}

void auth_user_delete(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__DeleteUserRequest *in = call->in;
    start(service, call, in->disable_refresh, delete_user);
}

/* ListAccounts. */

/* "a,b" as two texts. */
static bool show_scopes(const char *scope, struct qn_arena *arena, Quintet__Auth__V1__Account *account)
{
    struct qn_str rest = qn_str_c(scope), one;
    size_t most = 1;
    for (size_t i = 0; i < rest.len; i++)
        most += rest.ptr[i] == ',';
    if (rest.len == 0)
        return true;
    account->scopes = qn_arena_array(arena, most, sizeof(char *));
    while (account->scopes && qn_str_next(&rest, ',', &one)) {
        account->scopes[account->n_scopes] = qn_arena_copy(arena, one.ptr, one.len);
        if (account->scopes[account->n_scopes++] == NULL)
            return false;
    }
    return account->scopes != NULL;
}

static Quintet__Auth__V1__Account *show_account(const Quintet__Store__V1__Account *row,
                                                struct qn_arena *arena)
{
    Quintet__Auth__V1__Account *account = qn_arena_new(arena, Quintet__Auth__V1__Account);
    if (account == NULL)
        return NULL;
    quintet__auth__v1__account__init(account);
    account->id = row->id;
    account->account_id = row->account_id;
    account->provider_id = row->provider_id;
    account->user_id = row->user_id;
    account->created_at = auth_session_show_time(row->created_at_ms, arena);
    account->updated_at = auth_session_show_time(row->updated_at_ms, arena);
    return account->created_at && account->updated_at && show_scopes(row->scope, arena, account) ? account
                                                                                                 : NULL;
}

static void on_listed(struct qn_request *request)
{
    struct work *work = answered(request);
    if (work == NULL)
        return;
    struct qn_call *call = work->live.call;
    const Quintet__Store__V1__ListAccountsResponse *rows = request->out;
    Quintet__Auth__V1__ListAccountsResponse out = QUINTET__AUTH__V1__LIST_ACCOUNTS_RESPONSE__INIT;
    out.accounts = qn_arena_array(call->arena, rows->n_accounts, sizeof(Quintet__Auth__V1__Account *));
    bool whole = out.accounts || rows->n_accounts == 0;
    for (size_t i = 0; whole && i < rows->n_accounts; i++)
        whole = (out.accounts[out.n_accounts++] = show_account(rows->accounts[i], call->arena)) != NULL;
    if (whole)
        qn_call_reply(call, &out);
    else
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
}

static void list(struct auth_live *live)
{
    auth_upstream_list_accounts(live->service, &work_of(live)->store, live->call, live->user->id, on_listed);
}

void auth_user_list_accounts(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__ListAccountsRequest *in = call->in;
    start(service, call, in->disable_refresh, list);
}

/* UnlinkAccount: the list says what is wrong, the deletion judges once more. */

static void fail_not_found(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "Account not found",
                      .reason = "ACCOUNT_NOT_FOUND");
}

static void on_unlinked(struct qn_request *request)
{
    struct work *work = answered(request);
    if (work == NULL)
        return;
    const Quintet__Store__V1__DeleteAccountResponse *row = request->out;
    Quintet__Auth__V1__UnlinkAccountResponse out = QUINTET__AUTH__V1__UNLINK_ACCOUNT_RESPONSE__INIT;
    if (row->deleted)
        qn_call_reply(work->live.call, &out);
    else
        fail_not_found(work->live.call);
}

static void on_listed_to_unlink(struct qn_request *request)
{
    struct work *work = answered(request);
    if (work == NULL)
        return;
    struct auth_live *live = &work->live;
    const Quintet__Auth__V1__UnlinkAccountRequest *in = live->call->in;
    const Quintet__Store__V1__ListAccountsResponse *rows = request->out;
    if (rows->n_accounts == 1) {
        qn_call_fail_with(live->call, .status = QN_FAILED_PRECONDITION,
                          .message = "You can't unlink your last account",
                          .reason = "FAILED_TO_UNLINK_LAST_ACCOUNT");
        return;
    }
    for (size_t i = 0; i < rows->n_accounts; i++) {
        if (strcmp(rows->accounts[i]->id, in->id) == 0) {
            auth_upstream_delete_account(live->service, &work->store, live->call, live->user->id, in->id,
                                         on_unlinked);
            return;
        }
    }
    fail_not_found(live->call);
}

static void unlink_account(struct auth_live *live)
{
    if (auth_live_must_be_fresh(live))
        auth_upstream_list_accounts(live->service, &work_of(live)->store, live->call, live->user->id,
                                    on_listed_to_unlink);
}

void auth_user_unlink_account(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__UnlinkAccountRequest *in = call->in;
    start(service, call, in->disable_refresh, unlink_account);
}
