/* Sign-in: 1. check the fields  2. find user and hash by the address  3. verify the password (off the loop)
 *          4. write a session; older ones stay  5. set the cookies and answer.
 *   No such user, or one without a password: step 3 runs all the same, on a hash that is nobody's, so neither
 * the answer (UNAUTHENTICATED, INVALID_EMAIL_OR_PASSWORD) nor its time tells whether the address is known.
 *   With the right password, but an address that must be verified first: PERMISSION_DENIED,
 * EMAIL_NOT_VERIFIED, and then, if so set, the mail that verifies it.
 *   User deleted between 2 and 4: the same answer. A stored hash that is none: INTERNAL.
 *
 * Sign-out: 1. expire the cookies, whatever comes  2. delete the session that was shown, if any  3. answer.
 *
 * In both: hashing queue full: RESOURCE_EXHAUSTED and when to come again; late at any step:
 * DEADLINE_EXCEEDED, and an expired call is never hashed; store away: UNAVAILABLE; lost after the write was
 * sent: UNKNOWN, it may have happened. */
#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/credential.h"
#include "services/auth/input.h"
#include "services/auth/letter.h"
#include "services/auth/session.h"
#include "services/auth/set_cookie.h"
#include "services/auth/sign.h"
#include "services/auth/upstream.h"

static void fail_refused(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_UNAUTHENTICATED, .message = "Invalid email or password",
                      .reason = "INVALID_EMAIL_OR_PASSWORD");
}

struct sign_in {
    struct auth_service *service;
    struct qn_call *call;
    const Quintet__Auth__V1__SignInRequest *in;
    struct qn_str password;
    bool remembered_not;
    struct qn_request store;
    struct auth_hash_job job;
    const Quintet__Store__V1__User *user; /* NULL: no such address */
    Quintet__Store__V1__Session *session;
};

static void sign_in_on_created(struct qn_request *request)
{
    struct sign_in *s = container_of(request, struct sign_in, store);
    struct qn_call *call = s->call;
    if (request->status == QN_NOT_FOUND) {
        fail_refused(call);
        return;
    }
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    Quintet__Auth__V1__SignInResponse out = QUINTET__AUTH__V1__SIGN_IN_RESPONSE__INIT;
    out.user = auth_session_show_user(s->user, call->arena);
    out.session = auth_session_show(s->session, call->arena);
    enum qn_status status = out.user && out.session ? QN_OK : QN_RESOURCE_EXHAUSTED;
    if (status == QN_OK)
        status = auth_set_cookie_session(s->service, call, s->session, s->user, s->in->forget_me,
                                         s->remembered_not);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
        return;
    }
    qn_log(&call->ctx.log, QN_INFO, "signed in", QN_F_C("user", s->user->id));
    qn_call_reply(call, &out);
}

/* The password was right, so whoever it is may be told, and written to. */
static void refuse_unverified(struct sign_in *s)
{
    const struct qn_fault fault = {
        .status = QN_PERMISSION_DENIED, .message = "Email not verified", .reason = "EMAIL_NOT_VERIFIED"};
    struct auth_letter letter = {.kind = AUTH_MAIL_VERIFY_EMAIL,
                                 .valid_ms = s->service->settings->verify_expires_in_ms};
    char *token;
    if (!s->service->settings->verify_on_sign_in) {
        qn_call_fail(s->call, &fault);
        return;
    }
    token = auth_letter_token(s->service, s->call, s->user->email, NULL, NULL, s->user->id);
    letter.link =
        token ? auth_letter_link(s->service, s->call, "/verify-email", token, s->in->callback_url, "/")
              : NULL;
    letter.to = s->user->email;
    letter.name = s->user->name;
    auth_letter_fail(s->service, s->call, &fault, &letter);
}

static void sign_in_on_verified(struct auth_hash_job *job, enum qn_status status)
{
    struct sign_in *s = container_of(job, struct sign_in, job);
    if (status == QN_UNAUTHENTICATED) {
        fail_refused(s->call);
        return;
    }
    if (status == QN_INTERNAL)
        qn_log(&s->call->ctx.log, QN_ERROR, "stored password hash is not salt:key",
               QN_F_C("user", s->user ? s->user->id : ""));
    if (status != QN_OK) {
        auth_input_fail_hashing(s->service, s->call, status);
        return;
    }
    if (s->service->settings->require_verification && !s->user->email_verified) {
        refuse_unverified(s);
        return;
    }
    s->session = auth_session_new(s->service, s->call, s->user->id, qn_clock_wall_ms(), s->in->forget_me);
    if (s->session == NULL) {
        qn_call_fail_with(s->call, .status = QN_RESOURCE_EXHAUSTED);
        return;
    }
    auth_upstream_create_session(s->service, &s->store, s->call, s->session, sign_in_on_created);
}

static void sign_in_on_found(struct qn_request *request)
{
    struct sign_in *s = container_of(request, struct sign_in, store);
    if (request->status != QN_OK) {
        qn_call_fail_from(s->call, request, true);
        return;
    }
    const Quintet__Store__V1__GetCredentialResponse *found = request->out;
    s->user = found->user;
    /* Without a user there is no hash either; an empty one is verified against nobody's. */
    struct qn_str stored = found->user ? qn_str_c(found->password_hash) : (struct qn_str){0};
    auth_hasher_verify(s->service->hasher, &s->job, s->password, stored, s->call->ctx.deadline_ms,
                       sign_in_on_verified);
}

void auth_sign_in(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__SignInRequest *in = call->in;
    struct qn_str password;
    if (!service->settings->email_password) {
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION,
                          .message = "Email and password is not enabled",
                          .reason = "EMAIL_PASSWORD_DISABLED");
        return;
    }
    char *email = auth_input_email(call, in->email);
    if (email == NULL ||
        !auth_input_password(service->settings, call, "password", in->password, in->password_utf8, &password))
        return;
    struct sign_in *s = qn_call_new(call, struct sign_in);
    s->service = service;
    s->call = call;
    s->in = in;
    s->password = password;
    s->remembered_not =
        auth_credential_dont_remember(&service->cookies, call->ctx.credentials.cookie, call->arena);
    auth_upstream_get_credential(service, &s->store, call, email, sign_in_on_found);
}

/* Sign-out. */

struct sign_out {
    struct qn_call *call;
    struct qn_request delete;
};

static void answer_ended(struct qn_call *call, bool ended)
{
    Quintet__Auth__V1__SignOutResponse out = QUINTET__AUTH__V1__SIGN_OUT_RESPONSE__INIT;
    out.ended = ended;
    qn_call_reply(call, &out);
}

static void sign_out_on_deleted(struct qn_request *request)
{
    struct qn_call *call = container_of(request, struct sign_out, delete)->call;
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    const Quintet__Store__V1__DeleteSessionResponse *out = request->out;
    answer_ended(call, out->deleted);
}

void auth_sign_out(struct auth_service *service, struct qn_call *call)
{
    enum qn_status status = auth_set_cookie_expired(
        service, call, auth_set_cookie_shows_cache(service, call->ctx.credentials.cookie));
    enum auth_credential shown = AUTH_CREDENTIAL_NONE;
    char *token = NULL;
    if (status == QN_OK)
        status = auth_credential_read(&service->cookies, &call->ctx, call->arena, &shown, &token);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
    } else if (shown != AUTH_CREDENTIAL_TOKEN) {
        answer_ended(call, false);
    } else {
        struct sign_out *s = qn_call_new(call, struct sign_out);
        s->call = call;
        auth_upstream_delete_session(service, &s->delete, call, token, "", sign_out_on_deleted);
    }
}
