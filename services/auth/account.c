/* Sign-up: 1. check the fields  2. look whether the address is taken  3. hash the password (off the loop)
 *          4. write user, account and session in one transaction  5. set the cookies and answer.
 *   Fields bad: INVALID_ARGUMENT. Taken at 2, or by a race at 4: ALREADY_EXISTS.
 *
 * Sign-in: 1. check the fields  2. find user and hash by the address  3. verify the password (off the loop)
 *          4. write a session; older ones stay  5. set the cookies and answer.
 *   No such user, or one without a password: step 3 runs all the same, on a hash that is nobody's, so neither
 * the answer (UNAUTHENTICATED, INVALID_EMAIL_OR_PASSWORD) nor its time tells whether the address is known.
 *   User deleted between 2 and 4: the same answer. A stored hash that is none: INTERNAL.
 *
 * Sign-out: 1. expire the cookies, whatever comes  2. delete the session that was shown, if any  3. answer.
 *
 * In all: hashing queue full: RESOURCE_EXHAUSTED and when to come again; late at any step: DEADLINE_EXCEEDED,
 * and an expired call is never hashed; store away: UNAVAILABLE; lost after a write was sent: UNKNOWN, it may
 * have happened. */
#include "services/auth/account.h"

#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/email.h"
#include "common/core/id.h"
#include "common/core/utf8.h"
#include "services/auth/credential.h"
#include "services/auth/session.h"
#include "services/auth/upstream.h"

static void fail_field(struct qn_call *call, const char *reason, const char *message, const char *field,
                       const char *description)
{
    const struct qn_violation violation = {field, description};
    qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = message, .reason = reason,
                      .violations = &violation, .n_violations = 1);
}

static void fail_taken(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_ALREADY_EXISTS, .message = "User already exists. Use another email.",
                      .reason = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
}

static void fail_refused(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_UNAUTHENTICATED, .message = "Invalid email or password",
                      .reason = "INVALID_EMAIL_OR_PASSWORD");
}

/* Answers for a hashing that did not get to its end. */
static void fail_hashing(const struct auth_service *service, struct qn_call *call, enum qn_status status)
{
    if (status == QN_RESOURCE_EXHAUSTED)
        qn_call_fail_with(call, .status = status, .message = "too many sign-ins at once",
                          .reason = "OVERLOAD",
                          .retry_after_ms = auth_hasher_retry_after_ms(service->hasher));
    else
        qn_call_fail_with(call, .status = status);
}

/* The password of a request, from one of the two fields it may stand in; false after failing the call.
 * 'shortest' is 0 where a short password is just a wrong one. */
static bool take_password(struct qn_call *call, const char *text, ProtobufCBinaryData utf8, size_t shortest,
                          struct qn_str *ret_password)
{
    if (text[0] != '\0' && utf8.len > 0) {
        fail_field(call, NULL, "password is given twice", "password_utf8",
                   "must be empty when password is given");
        return false;
    }
    struct qn_str password = utf8.len > 0 ? qn_str_n((const char *)utf8.data, utf8.len) : qn_str_c(text);
    if (!qn_utf8_valid(password)) {
        fail_field(call, NULL, "password is not UTF-8", "password_utf8", "must be UTF-8");
        return false;
    }
    size_t len = qn_utf8_utf16_len(password);
    if (len < shortest) {
        fail_field(call, "PASSWORD_TOO_SHORT", "Password too short", "password",
                   "must have 8 characters or more");
        return false;
    }
    if (len > AUTH_PASSWORD_MAX) {
        fail_field(call, "PASSWORD_TOO_LONG", "Password too long", "password",
                   "must have 128 characters or fewer");
        return false;
    }
    *ret_password = password;
    return true;
}

/* The address as the store knows it, in the arena; NULL after failing the call. */
static char *take_email(struct qn_call *call, const char *email)
{
    if (!qn_email_valid(qn_str_c(email))) {
        fail_field(call, "INVALID_EMAIL", "Invalid email", "email",
                   "must be an address, as name@example.com");
        return NULL;
    }
    char *folded = qn_email_fold(qn_str_c(email), call->arena);
    if (folded == NULL)
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
    return folded;
}

static enum qn_status set_cookie(struct auth_service *service, struct qn_call *call, enum auth_cookie which,
                                 struct qn_str value, int max_age_s)
{
    struct qn_buf text;
    qn_buf_init(&text, AUTH_COOKIE_MAX_BYTES);
    enum qn_status status = max_age_s == 0
                                ? auth_cookie_write_expired(&service->cookies, which, &text)
                                : auth_cookie_write(&service->cookies, which, value, max_age_s, &text);
    if (status == QN_OK)
        qn_call_set_cookie(call, qn_buf_view(&text));
    qn_buf_fini(&text);
    return status;
}

/* The cookies of a new session. With 'remembered_not' a valid dont_remember cookie came in with the request:
 * it must go, or it would go on to shorten a session that is to last. */
static enum qn_status set_session_cookies(struct auth_service *service, struct qn_call *call,
                                          const char *token, bool forget_me, bool remembered_not)
{
    QN_TRY(set_cookie(service, call, AUTH_COOKIE_SESSION_TOKEN, qn_str_c(token),
                      forget_me ? AUTH_COOKIE_OF_BROWSER : AUTH_SESSION_SECONDS));
    if (forget_me)
        return set_cookie(service, call, AUTH_COOKIE_DONT_REMEMBER, QN_STR("true"), AUTH_COOKIE_OF_BROWSER);
    if (remembered_not)
        return set_cookie(service, call, AUTH_COOKIE_DONT_REMEMBER, QN_STR(""), 0);
    return QN_OK;
}

/* Sign-up. */

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
    Quintet__Store__V1__Session *session;
};

static void sign_up_on_created(struct qn_request *request)
{
    struct sign_up *s = container_of(request, struct sign_up, store);
    struct qn_call *call = s->call;
    if (request->status == QN_ALREADY_EXISTS) {
        fail_taken(call);
        return;
    }
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    Quintet__Auth__V1__SignUpResponse out = QUINTET__AUTH__V1__SIGN_UP_RESPONSE__INIT;
    out.user = auth_session_show_user(&s->user, call->arena);
    out.session = auth_session_show(s->session, call->arena);
    enum qn_status status = out.user && out.session ? QN_OK : QN_RESOURCE_EXHAUSTED;
    if (status == QN_OK)
        status =
            set_session_cookies(s->service, call, s->session->token, s->in->forget_me, s->remembered_not);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
        return;
    }
    qn_log(&call->ctx.log, QN_INFO, "signed up", QN_F_C("user", s->user.id));
    qn_call_reply(call, &out);
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
    in->session = s->session =
        s->user.id ? auth_session_new(s->call, s->user.id, now_ms, s->in->forget_me) : NULL;
    return in->account_id && in->session;
}

static void sign_up_on_hashed(struct auth_hash_job *job, enum qn_status status)
{
    struct sign_up *s = container_of(job, struct sign_up, job);
    if (status != QN_OK) {
        fail_hashing(s->service, s->call, status);
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
    if (found->user != NULL) {
        fail_taken(s->call);
        return;
    }
    auth_hasher_hash(s->service->hasher, &s->job, s->password, s->call->ctx.deadline_ms, sign_up_on_hashed);
}

void auth_account_sign_up(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__SignUpRequest *in = call->in;
    if (strlen(in->name) > AUTH_ACCOUNT_NAME_MAX_BYTES) {
        fail_field(call, NULL, "name is too long", "name", "must have 16384 bytes or fewer");
        return;
    }
    if (strlen(in->image) > AUTH_ACCOUNT_IMAGE_MAX_BYTES) {
        fail_field(call, NULL, "image is too long", "image", "must have 16384 bytes or fewer");
        return;
    }
    /* Nothing is made in the call before it is known to go on: a failed call is gone, and its memory with it.
     */
    struct qn_str password;
    char *email = take_email(call, in->email);
    if (email == NULL || !take_password(call, in->password, in->password_utf8, AUTH_PASSWORD_MIN, &password))
        return;
    struct sign_up *s = qn_call_new(call, struct sign_up);
    s->service = service;
    s->call = call;
    s->in = in;
    s->email = email;
    s->password = password;
    s->remembered_not = auth_credential_dont_remember(&service->cookies, &call->ctx, call->arena);
    auth_upstream_get_credential(service, &s->store, call, s->email, sign_up_on_looked_up);
}

/* Sign-in. */

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
        status =
            set_session_cookies(s->service, call, s->session->token, s->in->forget_me, s->remembered_not);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
        return;
    }
    qn_log(&call->ctx.log, QN_INFO, "signed in", QN_F_C("user", s->user->id));
    qn_call_reply(call, &out);
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
        fail_hashing(s->service, s->call, status);
        return;
    }
    s->session = auth_session_new(s->call, s->user->id, qn_clock_wall_ms(), s->in->forget_me);
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

void auth_account_sign_in(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__SignInRequest *in = call->in;
    struct qn_str password;
    char *email = take_email(call, in->email);
    if (email == NULL || !take_password(call, in->password, in->password_utf8, 0, &password))
        return;
    struct sign_in *s = qn_call_new(call, struct sign_in);
    s->service = service;
    s->call = call;
    s->in = in;
    s->password = password;
    s->remembered_not = auth_credential_dont_remember(&service->cookies, &call->ctx, call->arena);
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

void auth_account_sign_out(struct auth_service *service, struct qn_call *call)
{
    static const enum auth_cookie expired[] = {AUTH_COOKIE_SESSION_TOKEN, AUTH_COOKIE_SESSION_DATA,
                                               AUTH_COOKIE_DONT_REMEMBER};
    enum qn_status status = QN_OK;
    for (size_t i = 0; i < QN_COUNT(expired) && status == QN_OK; i++)
        status = set_cookie(service, call, expired[i], QN_STR(""), 0);

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
        auth_upstream_delete_session(service, &s->delete, call, token, sign_out_on_deleted);
    }
}
