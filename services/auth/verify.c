/* SendVerificationEmail: 1. check the fields  2. a session? then it is about its user  3. otherwise find the
 * user  4. answer  5. send the mail, if there is a user whose address is not verified.
 *   Without a session all is the same up to 4, whoever has the address.
 *
 * ChangeEmail: 1. the live session  2. check the fields  3. is the new address taken?  4. answer  5. send the
 * mail, unless it is: to the old address if that is verified, otherwise to the new one.
 *
 * VerifyEmail: 1. read the token  2. find the user  3. for a change: who is signed in?  4. do what the token
 * says  5. a session where there is to be one  6. answer. Doing it again answers the same, until the address
 * is another. */
#include "services/auth/verify.h"

#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/email.h"
#include "common/core/id.h"
#include "services/auth/claims.h"
#include "services/auth/input.h"
#include "services/auth/letter.h"
#include "services/auth/live.h"
#include "services/auth/session.h"
#include "services/auth/set_cookie.h"
#include "services/auth/upstream.h"

#define VERIFY_PATH "/verify-email"

/* SendVerificationEmail. */

struct send {
    struct auth_live live;
    char *email;
    struct qn_request store;
};

/* Makes the link and answers; the mail goes to 'user' unless that is NULL. */
static void send(struct send *s, const Quintet__Store__V1__User *user)
{
    static const Quintet__Auth__V1__SendVerificationEmailResponse out =
        QUINTET__AUTH__V1__SEND_VERIFICATION_EMAIL_RESPONSE__INIT;
    struct qn_call *call = s->live.call;
    const Quintet__Auth__V1__SendVerificationEmailRequest *in = call->in;
    char nobody[QN_ID_LEN + 1], *token, *link;
    qn_id_new(nobody);
    token = auth_letter_token(s->live.service, call, s->email, NULL, NULL, user ? user->id : nobody);
    if (token == NULL ||
        (link = auth_letter_link(s->live.service, call, VERIFY_PATH, token, in->callback_url, "/")) == NULL)
        return;
    auth_letter_reply(s->live.service, call, &out,
                      &(const struct auth_letter){
                          .kind = AUTH_MAIL_VERIFY_EMAIL,
                          .to = user ? user->email : NULL,
                          .name = user ? user->name : "",
                          .link = link,
                          .valid_ms = s->live.service->settings->verify_expires_in_ms,
                      });
}

static void on_send_user(struct qn_request *request)
{
    struct send *s = container_of(request, struct send, store);
    if (request->status != QN_OK) {
        qn_call_fail_from(s->live.call, request, true);
        return;
    }
    const Quintet__Store__V1__GetCredentialResponse *found = request->out;
    send(s, found->user && !found->user->email_verified ? found->user : NULL);
}

static void send_to_anyone(struct auth_live *live)
{
    struct send *s = container_of(live, struct send, live);
    auth_upstream_get_credential(live->service, &s->store, live->call, s->email, on_send_user);
}

static void send_to_caller(struct auth_live *live)
{
    struct send *s = container_of(live, struct send, live);
    if (strcmp(live->user->email, s->email) != 0)
        auth_input_fail(live->call, "EMAIL_MISMATCH", "Email mismatch", "email", "must be the caller's own");
    else if (live->user->email_verified)
        qn_call_fail_with(live->call, .status = QN_FAILED_PRECONDITION,
                          .message = "Email is already verified", .reason = "EMAIL_ALREADY_VERIFIED");
    else
        send(s, live->user);
}

void auth_verify_send(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__SendVerificationEmailRequest *in = call->in;
    if (!auth_letter_can_send(service)) {
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION,
                          .message = "Verification email isn't enabled",
                          .reason = "VERIFICATION_EMAIL_NOT_ENABLED");
        return;
    }
    char *email = auth_input_email(call, in->email);
    if (email == NULL)
        return;
    struct send *s = qn_call_new(call, struct send);
    s->email = email;
    auth_live_start(&s->live, service, call, 0, send_to_caller, send_to_anyone);
}

/* ChangeEmail. */

struct change {
    struct auth_live live;
    char *email;
    struct qn_request store;
};

static void on_change_looked_up(struct qn_request *request)
{
    static const Quintet__Auth__V1__ChangeEmailResponse out = QUINTET__AUTH__V1__CHANGE_EMAIL_RESPONSE__INIT;
    struct change *c = container_of(request, struct change, store);
    struct qn_call *call = c->live.call;
    const Quintet__Auth__V1__ChangeEmailRequest *in = call->in;
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    const Quintet__Store__V1__GetCredentialResponse *found = request->out;
    const Quintet__Store__V1__User *user = c->live.user;
    bool confirm = user->email_verified;
    char *token = auth_letter_token(c->live.service, call, user->email, c->email,
                                    confirm ? AUTH_CLAIMS_CONFIRM : AUTH_CLAIMS_CHANGE, user->id),
         *link;
    if (token == NULL ||
        (link = auth_letter_link(c->live.service, call, VERIFY_PATH, token, in->callback_url, "/")) == NULL)
        return;
    const char *to = confirm ? user->email : c->email;
    auth_letter_reply(c->live.service, call, &out,
                      &(const struct auth_letter){
                          .kind = confirm ? AUTH_MAIL_CHANGE_EMAIL : AUTH_MAIL_VERIFY_EMAIL,
                          .to = found->user ? NULL : to,
                          .name = user->name,
                          .new_email = confirm ? c->email : NULL,
                          .link = link,
                          .valid_ms = c->live.service->settings->verify_expires_in_ms,
                      });
}

static void change(struct auth_live *live)
{
    struct change *c = container_of(live, struct change, live);
    const Quintet__Auth__V1__ChangeEmailRequest *in = live->call->in;
    if (!live->service->settings->change_email || !auth_letter_can_send(live->service)) {
        qn_call_fail_with(live->call, .status = QN_FAILED_PRECONDITION, .message = "Change email is disabled",
                          .reason = "CHANGE_EMAIL_DISABLED");
        return;
    }
    char *email = auth_input_email(live->call, in->new_email);
    if (email == NULL)
        return;
    c->email = email;
    if (strcmp(email, live->user->email) == 0)
        auth_input_fail(live->call, "EMAIL_IS_THE_SAME", "Email is the same", "new_email",
                        "must be another one");
    else
        auth_upstream_get_credential(live->service, &c->store, live->call, email, on_change_looked_up);
}

void auth_verify_change(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__ChangeEmailRequest *in = call->in;
    auth_live_start(&qn_call_new(call, struct change)->live, service, call,
                    in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0, change, NULL);
}

/* VerifyEmail. */

struct verify {
    struct auth_service *service;
    struct qn_call *call;
    struct auth_claims claims;
    struct qn_str cookie, bearer; /* as shown; asking the store takes them out of the context */
    const Quintet__Store__V1__User *user;
    struct auth_live live;
    const Quintet__Store__V1__Session *session; /* whose cookie is set; NULL: none is */
    struct qn_request store;
};

static void find_session(struct verify *v, void (*then)(struct auth_live *live),
                         void (*lost)(struct auth_live *live))
{
    v->call->ctx.credentials.cookie = v->cookie;
    v->call->ctx.credentials.bearer = v->bearer;
    auth_live_start(&v->live, v->service, v->call, 0, then, lost);
}

static void fail_token(struct qn_call *call)
{
    auth_input_fail(call, "INVALID_TOKEN", "Invalid token", "token", "is not one of ours");
}

static void fail_user(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "User not found", .reason = "USER_NOT_FOUND");
}

static void answer_verified(struct verify *v)
{
    Quintet__Auth__V1__VerifyEmailResponse out = QUINTET__AUTH__V1__VERIFY_EMAIL_RESPONSE__INIT;
    bool changed = v->claims.change == AUTH_CLAIMS_DO_CHANGE;
    enum qn_status status = QN_OK;
    out.done = changed ? QUINTET__AUTH__V1__VERIFY_EMAIL_RESPONSE__DONE__DONE_CHANGED
                       : QUINTET__AUTH__V1__VERIFY_EMAIL_RESPONSE__DONE__DONE_VERIFIED;
    if (changed && (out.user = auth_session_show_user(v->user, v->call->arena)) == NULL)
        status = QN_RESOURCE_EXHAUSTED;
    if (status == QN_OK && v->session)
        status =
            auth_set_cookie_session(v->service, v->call, v->session, v->user, v->live.dont_remember, false);
    if (status == QN_OK)
        qn_call_reply(v->call, &out);
    else
        qn_call_fail_with(v->call, .status = status);
}

static void on_signed_in(struct qn_request *request)
{
    struct verify *v = container_of(request, struct verify, store);
    if (request->status == QN_OK)
        answer_verified(v);
    else if (request->status == QN_NOT_FOUND)
        fail_user(v->call);
    else
        qn_call_fail_from(v->call, request, true);
}

static void sign_in(struct verify *v)
{
    Quintet__Store__V1__Session *session =
        auth_session_new(v->service, v->call, v->user->id, qn_clock_wall_ms(), false);
    v->session = session;
    if (session)
        auth_upstream_create_session(v->service, &v->store, v->call, session, on_signed_in);
    else
        qn_call_fail_with(v->call, .status = QN_RESOURCE_EXHAUSTED);
}

/* Whose session it is by now makes no difference to what was verified; another user's gives way. */
static void on_live_after(struct auth_live *live)
{
    struct verify *v = container_of(live, struct verify, live);
    v->session = strcmp(live->user->id, v->user->id) == 0 ? live->session : NULL;
    if (v->session)
        answer_verified(v);
    else
        sign_in(v);
}

static void on_lost_after(struct auth_live *live)
{
    sign_in(container_of(live, struct verify, live));
}

static void on_updated(struct qn_request *request)
{
    struct verify *v = container_of(request, struct verify, store);
    if (request->status == QN_NOT_FOUND) {
        fail_user(v->call);
        return;
    }
    if (request->status == QN_ALREADY_EXISTS) {
        qn_call_fail_with(v->call, .status = QN_ALREADY_EXISTS,
                          .message = "User already exists. Use another email.",
                          .reason = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
        return;
    }
    if (request->status != QN_OK) {
        qn_call_fail_from(v->call, request, true);
        return;
    }
    const Quintet__Store__V1__UpdateUserResponse *row = request->out;
    v->user = row->user;
    qn_log(&v->call->ctx.log, QN_INFO, v->claims.update_to ? "address changed" : "address verified",
           QN_F_C("user", v->user->id));
    if (v->claims.update_to && !v->session)
        sign_in(v);
    else if (!v->session && v->service->settings->sign_in_after_verification)
        find_session(v, on_live_after, on_lost_after);
    else
        answer_verified(v);
}

static void update(struct verify *v)
{
    char *mask[] = {(char *)"email_verified", (char *)"email"};
    Quintet__Store__V1__UpdateUserRequest change = QUINTET__STORE__V1__UPDATE_USER_REQUEST__INIT;
    change.user_id = v->user->id;
    change.email_verified = true;
    change.updated_at_ms = qn_clock_wall_ms();
    change.update_mask = mask;
    change.n_update_mask = 1;
    if (v->claims.update_to) {
        change.email = (char *)v->claims.update_to;
        change.n_update_mask = 2;
    }
    auth_upstream_update_user(v->service, &v->store, v->call, &change, on_updated);
}

/* The old address has agreed: now the new one is asked. */
static void confirm(struct verify *v)
{
    Quintet__Auth__V1__VerifyEmailResponse out = QUINTET__AUTH__V1__VERIFY_EMAIL_RESPONSE__INIT;
    const Quintet__Auth__V1__VerifyEmailRequest *in = v->call->in;
    char *token = auth_letter_token(v->service, v->call, v->claims.email, v->claims.update_to,
                                    AUTH_CLAIMS_CHANGE, v->user->id),
         *link;
    if (token == NULL ||
        (link = auth_letter_link(v->service, v->call, VERIFY_PATH, token, in->callback_url, "/")) == NULL)
        return;
    out.done = QUINTET__AUTH__V1__VERIFY_EMAIL_RESPONSE__DONE__DONE_CONFIRMED;
    auth_letter_reply(v->service, v->call, &out,
                      &(const struct auth_letter){
                          .kind = AUTH_MAIL_VERIFY_EMAIL,
                          .to = v->claims.update_to,
                          .name = v->user->name,
                          .link = link,
                          .valid_ms = v->service->settings->verify_expires_in_ms,
                      });
}

static void on_lost_before(struct auth_live *live)
{
    struct verify *v = container_of(live, struct verify, live);
    if (v->claims.change == AUTH_CLAIMS_MAY_CHANGE)
        confirm(v);
    else
        update(v);
}

/* A link that somebody else's browser opens does nothing. */
static void on_live_before(struct auth_live *live)
{
    struct verify *v = container_of(live, struct verify, live);
    if (strcmp(live->user->email, v->claims.email) != 0) {
        qn_call_fail_with(v->call, .status = QN_PERMISSION_DENIED, .message = "Invalid user",
                          .reason = "INVALID_USER");
        return;
    }
    v->session = live->session;
    on_lost_before(live);
}

static void on_user(struct qn_request *request)
{
    struct verify *v = container_of(request, struct verify, store);
    if (request->status != QN_OK) {
        qn_call_fail_from(v->call, request, true);
        return;
    }
    const Quintet__Store__V1__GetCredentialResponse *found = request->out;
    v->user = found->user;
    if (v->user == NULL) {
        fail_user(v->call);
    } else if (v->claims.user_id && strcmp(v->claims.user_id, v->user->id) != 0) {
        fail_token(v->call);
    } else if (v->claims.update_to) {
        find_session(v, on_live_before, on_lost_before);
    } else if (v->user->email_verified) {
        answer_verified(v);
    } else {
        update(v);
    }
}

void auth_verify_email(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__VerifyEmailRequest *in = call->in;
    struct auth_claims claims;
    enum qn_status status =
        auth_claims_read(&service->cookies, qn_str_c(in->token), qn_clock_wall_ms(), call->arena, &claims);
    if (status == QN_DEADLINE_EXCEEDED) {
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION, .message = "Token expired",
                          .reason = "TOKEN_EXPIRED");
        return;
    }
    char *email = status == QN_OK ? qn_email_fold(qn_str_c(claims.email), call->arena) : NULL;
    if (status == QN_OK && claims.change == AUTH_CLAIMS_MAY_CHANGE && !auth_letter_can_send(service))
        status = QN_INVALID_ARGUMENT;
    if (status != QN_OK) {
        fail_token(call);
        return;
    }
    if (email == NULL) {
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
        return;
    }
    struct verify *v = qn_call_new(call, struct verify);
    v->service = service;
    v->call = call;
    v->claims = claims;
    v->claims.email = email;
    v->cookie = call->ctx.credentials.cookie;
    v->bearer = call->ctx.credentials.bearer;
    auth_upstream_get_credential(service, &v->store, call, email, on_user);
}
