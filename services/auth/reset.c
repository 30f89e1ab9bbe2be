/* RequestPasswordReset: 1. check the fields  2. find the user  3. write a ticket for the user, or one that is
 * nobody's  4. answer  5. send the mail, if there is a user.
 *   Up to 4 all is the same with a user and without; what fails, fails for both.
 *
 * ResetPassword: 1. check the fields  2. look whether the ticket is good  3. hash (off the loop)  4. take the
 * ticket: of two at once, one gets it  5. write the password, in a new account if the user has none  6. end
 * the sessions, if so set  7. answer.
 *   2 before 3: what is no ticket costs no hash. 3 before 4: a full queue costs no ticket. What fails at 5 or
 * 6 has cost it: a new mail is the way on. */
#include "services/auth/reset.h"

#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "services/auth/input.h"
#include "services/auth/letter.h"
#include "services/auth/ticket.h"
#include "services/auth/upstream.h"

struct asked {
    struct auth_service *service;
    struct qn_call *call;
    char *token, *link;
    const Quintet__Store__V1__User *user; /* NULL: nobody has this address */
    struct qn_request store;
    struct auth_ticket ticket;
};

static void on_issued(struct auth_ticket *ticket)
{
    const struct asked *asked = container_of(ticket, struct asked, ticket);
    static const Quintet__Auth__V1__RequestPasswordResetResponse out =
        QUINTET__AUTH__V1__REQUEST_PASSWORD_RESET_RESPONSE__INIT;
    auth_letter_reply(asked->service, asked->call, &out,
                      &(const struct auth_letter){
                          .kind = AUTH_MAIL_RESET_PASSWORD,
                          .to = asked->user ? asked->user->email : NULL,
                          .name = asked->user ? asked->user->name : "",
                          .link = asked->link,
                          .valid_ms = asked->service->settings->reset_expires_in_ms,
                      });
}

static void on_user(struct qn_request *request)
{
    struct asked *asked = container_of(request, struct asked, store);
    char nobody[QN_ID_LEN + 1];
    if (request->status != QN_OK) {
        qn_call_fail_from(asked->call, request, true);
        return;
    }
    const Quintet__Store__V1__GetCredentialResponse *found = request->out;
    qn_id_new(nobody);
    asked->user = found->user;
    char *user_id = qn_arena_strdup(asked->call->arena, asked->user ? asked->user->id : nobody);
    if (user_id == NULL)
        qn_call_fail_with(asked->call, .status = QN_RESOURCE_EXHAUSTED);
    else
        auth_ticket_issue(&asked->ticket, asked->service, asked->call, AUTH_TICKET_RESET, asked->token,
                          user_id, asked->user ? asked->service->settings->reset_expires_in_ms : 0,
                          on_issued);
}

void auth_reset_request(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__RequestPasswordResetRequest *in = call->in;
    char *email, *token, *link;
    if (!auth_letter_can_send(service)) {
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION, .message = "Reset password isn't enabled",
                          .reason = "RESET_PASSWORD_DISABLED");
        return;
    }
    if ((email = auth_input_email(call, in->email)) == NULL ||
        (token = auth_ticket_new_reset(call)) == NULL ||
        (link = auth_letter_link(service, call, "/reset-password/", token, in->redirect_to, "")) == NULL)
        return;
    struct asked *asked = qn_call_new(call, struct asked);
    asked->service = service;
    asked->call = call;
    asked->token = token;
    asked->link = link;
    auth_upstream_get_credential(service, &asked->store, call, email, on_user);
}

/* CheckPasswordReset. */

static void on_looked(struct auth_ticket *ticket)
{
    Quintet__Auth__V1__CheckPasswordResetResponse out =
        QUINTET__AUTH__V1__CHECK_PASSWORD_RESET_RESPONSE__INIT;
    out.valid = ticket->user_id != NULL;
    qn_call_reply(ticket->call, &out);
}

void auth_reset_check(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__CheckPasswordResetRequest *in = call->in;
    auth_ticket_look(qn_call_new(call, struct auth_ticket), service, call, AUTH_TICKET_RESET, in->token,
                     on_looked);
}

/* ResetPassword. */

struct reset {
    struct auth_service *service;
    struct qn_call *call;
    struct qn_str password;
    struct auth_ticket ticket;
    struct auth_hash_job job;
    const char *user_id;
    struct qn_request store;
};

static void fail_token(struct qn_call *call)
{
    auth_input_fail(call, "INVALID_TOKEN", "Invalid token", "token", "is not one that works");
}

static void answer_reset(struct reset *reset)
{
    static const Quintet__Auth__V1__ResetPasswordResponse out =
        QUINTET__AUTH__V1__RESET_PASSWORD_RESPONSE__INIT;
    qn_log(&reset->call->ctx.log, QN_INFO, "password reset", QN_F_C("user", reset->user_id));
    qn_call_reply(reset->call, &out);
}

static void on_sessions_ended(struct qn_request *request)
{
    struct reset *reset = container_of(request, struct reset, store);
    if (request->status == QN_OK)
        answer_reset(reset);
    else
        qn_call_fail_from(reset->call, request, true);
}

static void on_set(struct qn_request *request)
{
    struct reset *reset = container_of(request, struct reset, store);
    if (request->status == QN_NOT_FOUND)
        fail_token(reset->call); /* the user has gone */
    else if (request->status != QN_OK)
        qn_call_fail_from(reset->call, request, true);
    else if (reset->service->settings->revoke_sessions_on_reset)
        auth_upstream_delete_sessions(reset->service, &reset->store, reset->call, reset->user_id, "",
                                      on_sessions_ended);
    else
        answer_reset(reset);
}

static void on_reset_taken(struct auth_ticket *ticket)
{
    struct reset *reset = container_of(ticket, struct reset, ticket);
    Quintet__Store__V1__SetPasswordRequest set = QUINTET__STORE__V1__SET_PASSWORD_REQUEST__INIT;
    char account_id[QN_ID_LEN + 1];
    if (ticket->user_id == NULL) {
        fail_token(reset->call);
        return;
    }
    qn_id_new(account_id);
    reset->user_id = ticket->user_id;
    set.user_id = (char *)reset->user_id;
    set.password_hash = reset->job.hash;
    set.updated_at_ms = qn_clock_wall_ms();
    set.new_account_id = account_id;
    auth_upstream_set_password(reset->service, &reset->store, reset->call, &set, on_set);
}

static void on_reset_hashed(struct auth_hash_job *job, enum qn_status status)
{
    struct reset *reset = container_of(job, struct reset, job);
    const Quintet__Auth__V1__ResetPasswordRequest *in = reset->call->in;
    if (status == QN_OK)
        auth_ticket_take(&reset->ticket, reset->service, reset->call, AUTH_TICKET_RESET, in->token,
                         on_reset_taken);
    else
        auth_input_fail_hashing(reset->service, reset->call, status);
}

static void on_reset_looked(struct auth_ticket *ticket)
{
    struct reset *reset = container_of(ticket, struct reset, ticket);
    if (ticket->user_id)
        auth_hasher_hash(reset->service->hasher, &reset->job, reset->password, reset->call->ctx.deadline_ms,
                         on_reset_hashed);
    else
        fail_token(reset->call);
}

void auth_reset_password(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__ResetPasswordRequest *in = call->in;
    struct qn_str password;
    if (in->token[0] == '\0') {
        fail_token(call);
        return;
    }
    if (!auth_input_new_password(service->settings, call, "new_password", in->new_password,
                                 in->new_password_utf8, &password))
        return;
    struct reset *reset = qn_call_new(call, struct reset);
    reset->service = service;
    reset->call = call;
    reset->password = password;
    auth_ticket_look(&reset->ticket, service, call, AUTH_TICKET_RESET, in->token, on_reset_looked);
}
