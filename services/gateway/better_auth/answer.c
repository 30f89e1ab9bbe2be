#include "services/gateway/better_auth/answer.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/gateway/better_auth/cookie.h"
#include "services/gateway/settings.h"

enum { ERROR_MAX = 16 * 1024 };

/* Reasons that auth gives, and what the product answers with them. */
static const struct {
    const char *reason;
    unsigned status;
    const char *message;
} REASONS[] = {
    {"INVALID_EMAIL", 400, "Invalid email"},
    {"PASSWORD_TOO_SHORT", 400, "Password too short"},
    {"PASSWORD_TOO_LONG", 400, "Password too long"},
    {"INVALID_EMAIL_OR_PASSWORD", 401, "Invalid email or password"},
    {"USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", 422, "User already exists. Use another email."},
    {"FAILED_TO_CREATE_USER", 422, "Failed to create user"},
    {"EMAIL_PASSWORD_SIGN_UP_DISABLED", 400, "Email and password sign up is not enabled"},
    {"EMAIL_PASSWORD_DISABLED", 400, "Email and password is not enabled"},
    {"SESSION_NOT_FRESH", 403, "Session is not fresh"},
    {"SESSION_EXPIRED", 400, "Session expired. Re-authenticate to perform this action."},
    {"INVALID_PASSWORD", 400, "Invalid password"},
    {"CREDENTIAL_ACCOUNT_NOT_FOUND", 400, "Credential account not found"},
    {"ACCOUNT_NOT_FOUND", 400, "Account not found"},
    {"FAILED_TO_UNLINK_LAST_ACCOUNT", 400, "You can't unlink your last account"},
    {"INVALID_TOKEN", 404, "Invalid token"}, /* of delete-user; of others by their routes */
    {"RESET_PASSWORD_DISABLED", 400, "Reset password isn't enabled"},
    {"VERIFICATION_EMAIL_NOT_ENABLED", 400, "Verification email isn't enabled"},
    {"CHANGE_EMAIL_DISABLED", 400, "Change email is disabled"},
    {"EMAIL_MISMATCH", 400, "Email mismatch"},
    {"EMAIL_ALREADY_VERIFIED", 400, "Email is already verified"},
    {"EMAIL_NOT_VERIFIED", 403, "Email not verified"},
};

struct gateway_face *gateway_answer_face(struct gateway_request *req)
{
    return req->face;
}

static void send(struct gateway_request *req, struct gateway_reply *reply)
{
    const struct gateway_face *face = gateway_answer_face(req);
    struct qn_str forget = {0};
    if (face && face->reads_session && req->exchange && !req->settings->cookie_cache)
        forget = gateway_cookie_forget_cache(req->settings, qn_exchange_header(req->exchange, "Cookie"));
    if (forget.len)
        gateway_reply_header(reply, "Set-Cookie", forget);
    for (size_t i = 0; i < req->rpc.n_set_cookies; i++)
        gateway_reply_header(reply, "Set-Cookie", req->rpc.set_cookies[i]);
    gateway_request_reply(req, reply);
}

void gateway_answer_error(struct gateway_request *req, unsigned status, const char *message, const char *code)
{
    struct gateway_reply reply = {0};
    gateway_answer_refusal(req, &reply, status, message, code);
}

void gateway_answer_refusal(struct gateway_request *req, struct gateway_reply *reply, unsigned status,
                            const char *message, const char *code)
{
    struct qn_buf json;
    reply->status = status;
    qn_buf_init(&json, ERROR_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_object_begin(&w);
    qn_json_key(&w, "message");
    qn_json_c(&w, message);
    if (code) {
        qn_json_key(&w, "code");
        qn_json_c(&w, code);
    }
    qn_json_object_end(&w);
    gateway_reply_header(reply, "Content-Type", QN_STR("application/json"));
    reply->body = qn_buf_view(&json);
    send(req, reply);
    qn_buf_fini(&json);
}

void gateway_answer_empty(struct gateway_request *req, unsigned status)
{
    send(req, &(struct gateway_reply){.status = status});
}

void gateway_answer_nothing(struct gateway_request *req, struct gateway_reply *reply, unsigned status)
{
    reply->status = status;
    gateway_reply_header(reply, "Content-Type", QN_STR("application/json"));
    send(req, reply);
}

void gateway_answer_json(struct gateway_request *req, struct gateway_reply *reply, struct qn_str json)
{
    reply->status = 200;
    gateway_reply_header(reply, "Content-Type", QN_STR("application/json"));
    reply->body = json;
    send(req, reply);
}

void gateway_answer_redirect(struct gateway_request *req, struct gateway_reply *reply, struct qn_str location)
{
    reply->status = 302;
    gateway_reply_header(reply, "Location", location);
    send(req, reply);
}

void gateway_answer_written(struct gateway_request *req, struct gateway_reply *reply,
                            const struct qn_buf *json)
{
    if (qn_buf_failed(json))
        gateway_answer_error(req, 500, "The answer is too large", "INTERNAL_SERVER_ERROR");
    else
        gateway_answer_json(req, reply, qn_buf_view(json));
}

void gateway_answer_fault(struct gateway_request *req)
{
    const struct qn_request *rpc = &req->rpc;
    for (size_t i = 0; i < QN_COUNT(REASONS); i++) {
        if (qn_str_eq(rpc->reason, qn_str_c(REASONS[i].reason))) {
            gateway_answer_error(req, REASONS[i].status, REASONS[i].message, REASONS[i].reason);
            return;
        }
    }
    if (qn_str_eq(rpc->reason, QN_STR("NO_SESSION"))) {
        gateway_answer_error(req, 401, "Unauthorized", "UNAUTHORIZED");
        return;
    }
    if (rpc->status == QN_INVALID_ARGUMENT) {
        gateway_answer_error(req, 400, rpc->message.len ? rpc->message.ptr : "Invalid input",
                             "VALIDATION_ERROR");
        return;
    }
    struct gateway_reply reply = {.status = 500};
    if (rpc->status == QN_RESOURCE_EXHAUSTED)
        reply.status = 429;
    else if (rpc->status == QN_UNAVAILABLE)
        reply.status = 503;
    else if (rpc->status == QN_DEADLINE_EXCEEDED)
        reply.status = 504;
    gateway_reply_retry_after(req, &reply, rpc->retry_after_ms);
    send(req, &reply);
}

static void write_time(struct qn_json_writer *w, const char *key, const Google__Protobuf__Timestamp *time)
{
    char text[QN_TIME_TEXT_LEN + 1];
    qn_json_key(w, key);
    if (!time) {
        qn_json_null(w);
        return;
    }
    qn_time_format(time->seconds * 1000 + time->nanos / 1000000, text);
    qn_json_c(w, text);
}

static void write_text(struct qn_json_writer *w, const char *key, const char *text)
{
    qn_json_key(w, key);
    qn_json_c(w, text);
}

void gateway_answer_write_user(struct qn_json_writer *w, const Quintet__Auth__V1__User *user)
{
    qn_json_object_begin(w);
    write_text(w, "name", user->name);
    write_text(w, "email", user->email);
    qn_json_key(w, "emailVerified");
    qn_json_bool(w, user->email_verified);
    write_text(w, "image", user->image[0] ? user->image : NULL);
    write_time(w, "createdAt", user->created_at);
    write_time(w, "updatedAt", user->updated_at);
    write_text(w, "id", user->id);
    qn_json_object_end(w);
}

void gateway_answer_write_session(struct qn_json_writer *w, const Quintet__Auth__V1__Session *session)
{
    qn_json_object_begin(w);
    write_time(w, "expiresAt", session->expires_at);
    write_text(w, "token", session->token);
    write_time(w, "createdAt", session->created_at);
    write_time(w, "updatedAt", session->updated_at);
    write_text(w, "ipAddress", session->ip_address);
    write_text(w, "userAgent", session->user_agent);
    write_text(w, "userId", session->user_id);
    write_text(w, "id", session->id);
    qn_json_object_end(w);
}

void gateway_answer_write_account(struct qn_json_writer *w, const Quintet__Auth__V1__Account *account)
{
    qn_json_object_begin(w);
    write_text(w, "accountId", account->account_id);
    write_text(w, "providerId", account->provider_id);
    write_text(w, "userId", account->user_id);
    write_time(w, "createdAt", account->created_at);
    write_time(w, "updatedAt", account->updated_at);
    write_text(w, "id", account->id);
    qn_json_key(w, "scopes");
    qn_json_array_begin(w);
    for (size_t i = 0; i < account->n_scopes; i++)
        qn_json_c(w, account->scopes[i]);
    qn_json_array_end(w);
    qn_json_object_end(w);
}
