/* Sign-up: 1. check the fields  2. look whether the address is taken  3. hash the password (off the loop)
 *          4. write user, account and session in one transaction  5. set the cookies and answer.
 *   Fields bad: INVALID_ARGUMENT. Taken at 2, or by a race at 4: ALREADY_EXISTS.
 *   Where sign-up signs nobody in (addresses must be verified first, or so it is set), there is no session,
 * the mail goes after the answer, and nobody learns that an address is taken: the look at 2 decides nothing,
 * the write at 4 fails, and the answer is that of a new user whom there is not. Hashing queue full:
 * RESOURCE_EXHAUSTED and when to come again; late at any step: DEADLINE_EXCEEDED, and an expired call is
 * never hashed; store away: UNAVAILABLE; lost after the write was sent: UNKNOWN, it may have happened. */
#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "services/auth/credential.h"
#include "services/auth/input.h"
#include "services/auth/letter.h"
#include "services/auth/session.h"
#include "services/auth/set_cookie.h"
#include "services/auth/sign.h"
#include "services/auth/upstream.h"

static void fail_taken(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_ALREADY_EXISTS, .message = "User already exists. Use another email.",
                      .reason = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
}

struct sign_up {
    struct auth_service *service;
    struct qn_call *call;
    const Quintet__Auth__V1__SignUpRequest *in;
    char *email;
    struct qn_str password;
    bool remembered_not;
    struct qn_request store; /* the question under way: one at a time */
    struct auth_hash_job job;
    Quintet__Store__V1__User user;
    Quintet__Store__V1__Session *session; /* NULL: sign-up signs nobody in */
};

/* Answers, and has the address verified if that is set; 'made' is false where there is no such user. */
static void sign_up_reply(struct sign_up *s, const Quintet__Auth__V1__SignUpResponse *out, bool made)
{
    if (!auth_settings_verify_on_sign_up(s->service->settings)) {
        qn_call_reply(s->call, out);
        return;
    }
    char *token = auth_letter_token(s->service, s->call, s->email, NULL, NULL, s->user.id), *link;
    if (token == NULL || (link = auth_letter_link(s->service, s->call, "/verify-email", token,
                                                  s->in->callback_url, "/")) == NULL)
        return;
    auth_letter_reply(s->service, s->call, out,
                      &(const struct auth_letter){
                          .kind = AUTH_MAIL_VERIFY_EMAIL,
                          .to = made ? s->email : NULL,
                          .name = s->user.name,
                          .link = link,
                          .valid_ms = s->service->settings->verify_expires_in_ms,
                      });
}

static void sign_up_on_created(struct qn_request *request)
{
    struct sign_up *s = container_of(request, struct sign_up, store);
    struct qn_call *call = s->call;
    bool made = request->status == QN_OK, conceal = auth_settings_sign_up_conceals(s->service->settings);
    if (request->status == QN_ALREADY_EXISTS && !conceal) {
        fail_taken(call);
        return;
    }
    if (!made && request->status != QN_ALREADY_EXISTS) {
        qn_call_fail_from(call, request, true);
        return;
    }
    Quintet__Auth__V1__SignUpResponse out = QUINTET__AUTH__V1__SIGN_UP_RESPONSE__INIT;
    out.user = auth_session_show_user(&s->user, call->arena);
    out.session = s->session ? auth_session_show(s->session, call->arena) : NULL;
    enum qn_status status = out.user && (out.session || !s->session) ? QN_OK : QN_RESOURCE_EXHAUSTED;
    if (status == QN_OK && s->session)
        status = auth_set_cookie_session(s->service, call, s->session, &s->user, s->in->forget_me,
                                         s->remembered_not);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
        return;
    }
    if (made)
        qn_log(&call->ctx.log, QN_INFO, "signed up", QN_F_C("user", s->user.id));
    sign_up_reply(s, &out, made);
}

/* The rows of a new user, with ids, token and times of our making. False over the arena's ceiling. */
static bool sign_up_fill_rows(struct sign_up *s, Quintet__Store__V1__CreateUserRequest *in)
{
    char id[QN_ID_LEN + 1];
    int64_t now_ms = qn_clock_wall_ms();
    qn_id_new(id);
    quintet__store__v1__user__init(&s->user);
    s->user.id = qn_arena_strdup(s->call->arena, id);
    s->user.name = s->in->name;
    s->user.email = s->email;
    s->user.image = s->in->image;
    s->user.has_image = s->in->image[0] != '\0';
    s->user.created_at_ms = s->user.updated_at_ms = now_ms;

    qn_id_new(id);
    in->user = &s->user;
    in->account_id = qn_arena_strdup(s->call->arena, id);
    in->password_hash = s->job.hash;
    if (!s->user.id || !in->account_id)
        return false;
    if (auth_settings_sign_up_conceals(s->service->settings))
        return true;
    in->session = s->session = auth_session_new(s->service, s->call, s->user.id, now_ms, s->in->forget_me);
    return in->session != NULL;
}

static void sign_up_on_hashed(struct auth_hash_job *job, enum qn_status status)
{
    struct sign_up *s = container_of(job, struct sign_up, job);
    if (status != QN_OK) {
        auth_input_fail_hashing(s->service, s->call, status);
        return;
    }
    Quintet__Store__V1__CreateUserRequest in = QUINTET__STORE__V1__CREATE_USER_REQUEST__INIT;
    if (!sign_up_fill_rows(s, &in)) {
        qn_call_fail_with(s->call, .status = QN_RESOURCE_EXHAUSTED);
        return;
    }
    auth_upstream_create_user(s->service, &s->store, s->call, &in, sign_up_on_created);
}

static void sign_up_on_looked_up(struct qn_request *request)
{
    struct sign_up *s = container_of(request, struct sign_up, store);
    if (request->status != QN_OK) {
        qn_call_fail_from(s->call, request, true);
        return;
    }
    const Quintet__Store__V1__GetCredentialResponse *found = request->out;
    if (found->user != NULL && !auth_settings_sign_up_conceals(s->service->settings)) {
        fail_taken(s->call);
        return;
    }
    auth_hasher_hash(s->service->hasher, &s->job, s->password, s->call->ctx.deadline_ms, sign_up_on_hashed);
}

void auth_sign_up(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__SignUpRequest *in = call->in;
    if (!service->settings->email_password || service->settings->disable_sign_up) {
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION,
                          .message = "Email and password sign up is not enabled",
                          .reason = "EMAIL_PASSWORD_SIGN_UP_DISABLED");
        return;
    }
    if (!auth_input_texts(call, in->name, in->image))
        return;
    /* Nothing is made in the call before it is known to go on: a failed call is gone, and its memory with it.
     */
    struct qn_str password;
    char *email = auth_input_email(call, in->email);
    if (email == NULL || !auth_input_new_password(service->settings, call, "password", in->password,
                                                  in->password_utf8, &password))
        return;
    struct sign_up *s = qn_call_new(call, struct sign_up);
    s->service = service;
    s->call = call;
    s->in = in;
    s->email = email;
    s->password = password;
    s->remembered_not =
        auth_credential_dont_remember(&service->cookies, call->ctx.credentials.cookie, call->arena);
    auth_upstream_get_credential(service, &s->store, call, s->email, sign_up_on_looked_up);
}
