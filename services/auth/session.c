/* A session check: 1. verify the signature of what was shown  2. ask the store for the row (with the
 * profile's state in the same question)  3. judge its expiry  4. answer. Nothing is ever written: no refresh,
 * no cookie, no deletion. Nothing shown, or not signed by us: answered at step 1, the store is not asked. No
 * such row, or an expired one: an answer like any other, OK without a session. Store away: UNAVAILABLE; late:
 * DEADLINE_EXCEEDED. Never "no session": a page would send its user to sign in. */
#include "services/auth/session.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/utf8.h"
#include "services/auth/credential.h"
#include "services/auth/upstream.h"

#define STATE(name) QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_##name

static const char sign_in_path[] = "/signin", create_path[] = "/create";

/* At most so many bytes, cut where a character ends. */
static struct qn_str cut(struct qn_str text, size_t max_bytes)
{
    if (text.len <= max_bytes)
        return text;
    size_t len = max_bytes;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return qn_str_n(text.ptr, len);
}

Quintet__Store__V1__Session *auth_session_new(const struct auth_service *service, struct qn_call *call,
                                              const char *user_id, int64_t now_ms, bool forget_me)
{
    char id[QN_ID_LEN + 1], token[QN_ID_LEN + 1];
    qn_id_new(id);
    qn_id_new(token);
    struct qn_str ip = call->ctx.caller.client_ip;
    struct qn_str agent = cut(call->ctx.caller.user_agent, AUTH_SESSION_USER_AGENT_MAX_BYTES);

    Quintet__Store__V1__Session *row = qn_arena_new(call->arena, Quintet__Store__V1__Session);
    if (row == NULL)
        return NULL;
    quintet__store__v1__session__init(row);
    row->id = qn_arena_strdup(call->arena, id);
    row->user_id = qn_arena_strdup(call->arena, user_id);
    row->token = qn_arena_strdup(call->arena, token);
    row->expires_at_ms = now_ms + (forget_me ? 1000 * (int64_t)AUTH_SESSION_SHORT_SECONDS
                                             : service->settings->session_expires_in_ms);
    row->created_at_ms = row->updated_at_ms = now_ms;
    row->ip_address = qn_arena_copy(call->arena, ip.ptr, ip.len);
    row->user_agent = qn_arena_copy(call->arena, agent.ptr, agent.len);
    return row->id && row->user_id && row->token && row->ip_address && row->user_agent ? row : NULL;
}

Google__Protobuf__Timestamp *auth_session_show_time(int64_t ms, struct qn_arena *arena)
{
    Google__Protobuf__Timestamp *time = qn_arena_new(arena, Google__Protobuf__Timestamp);
    if (time == NULL)
        return NULL;
    google__protobuf__timestamp__init(time);
    int64_t rest_ms =
        ms % 1000 < 0 ? ms % 1000 + 1000 : ms % 1000; /* nanos count forward, also before 1970 */
    time->seconds = (ms - rest_ms) / 1000;
    time->nanos = (int32_t)(rest_ms * 1000000);
    return time;
}

Quintet__Auth__V1__User *auth_session_show_user(const Quintet__Store__V1__User *row, struct qn_arena *arena)
{
    Quintet__Auth__V1__User *user = qn_arena_new(arena, Quintet__Auth__V1__User);
    if (user == NULL)
        return NULL;
    quintet__auth__v1__user__init(user);
    user->id = row->id;
    user->name = row->name;
    user->email = row->email;
    user->email_verified = row->email_verified;
    user->image = row->image;
    user->created_at = auth_session_show_time(row->created_at_ms, arena);
    user->updated_at = auth_session_show_time(row->updated_at_ms, arena);
    return user->created_at && user->updated_at ? user : NULL;
}

Quintet__Auth__V1__Session *auth_session_show(const Quintet__Store__V1__Session *row, struct qn_arena *arena)
{
    Quintet__Auth__V1__Session *session = qn_arena_new(arena, Quintet__Auth__V1__Session);
    if (session == NULL)
        return NULL;
    quintet__auth__v1__session__init(session);
    session->id = row->id;
    session->user_id = row->user_id;
    session->token = row->token;
    session->expires_at = auth_session_show_time(row->expires_at_ms, arena);
    session->created_at = auth_session_show_time(row->created_at_ms, arena);
    session->updated_at = auth_session_show_time(row->updated_at_ms, arena);
    session->ip_address = row->ip_address;
    session->user_agent = row->user_agent;
    return session->expires_at && session->created_at && session->updated_at ? session : NULL;
}

Quintet__Auth__V1__SessionState auth_session_judge(const Quintet__Store__V1__Session *session,
                                                   const Quintet__Store__V1__User *user)
{
    if (session == NULL || user == NULL)
        return STATE(UNKNOWN);
    return session->expires_at_ms < qn_clock_wall_ms() ? STATE(EXPIRED) : STATE(LIVE);
}

bool auth_session_refresh_due(const struct auth_service *service, const Quintet__Store__V1__Session *session)
{
    const struct auth_settings *set = service->settings;
    return !set->disable_session_refresh &&
           session->expires_at_ms - set->session_expires_in_ms + set->session_update_age_ms <=
               qn_clock_wall_ms();
}

struct check {
    struct auth_service *service;
    struct qn_call *call;
    struct qn_str cookie; /* as shown; asking the store takes it out of the context */
    struct qn_request find;
};

static void answer(struct qn_call *call, Quintet__Auth__V1__SessionState state,
                   const Quintet__Store__V1__Session *session, const Quintet__Store__V1__User *user,
                   bool refresh_due)
{
    Quintet__Auth__V1__GetSessionResponse out = QUINTET__AUTH__V1__GET_SESSION_RESPONSE__INIT;
    out.state = state;
    out.refresh_due = refresh_due;
    if (state == STATE(LIVE)) {
        out.session = auth_session_show(session, call->arena);
        out.user = auth_session_show_user(user, call->arena);
        if (out.session == NULL || out.user == NULL) {
            qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
            return;
        }
    }
    qn_call_reply(call, &out);
}

static void answer_with_profile(struct qn_call *call, Quintet__Auth__V1__SessionState state,
                                const Quintet__Store__V1__GetSessionWithProfileResponse *found)
{
    Quintet__Auth__V1__GetSessionWithProfileCheckResponse out =
        QUINTET__AUTH__V1__GET_SESSION_WITH_PROFILE_CHECK_RESPONSE__INIT;
    if (state == STATE(LIVE)) {
        out.authenticated = true;
        out.session = auth_session_show(found->session, call->arena);
        out.user = auth_session_show_user(found->user, call->arena);
        if (out.session == NULL || out.user == NULL) {
            qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
            return;
        }
        out.profile_complete = found->has_profile && found->n_missing_fields == 0;
        out.n_missing_fields = found->n_missing_fields;
        out.missing_fields = found->missing_fields;
        out.next_step = out.profile_complete ? QUINTET__AUTH__V1__NEXT_STEP__NEXT_STEP_NONE
                                             : QUINTET__AUTH__V1__NEXT_STEP__NEXT_STEP_CREATE_PROFILE;
        if (!out.profile_complete)
            out.next_path = (char *)create_path;
    } else {
        out.next_step = QUINTET__AUTH__V1__NEXT_STEP__NEXT_STEP_SIGN_IN;
        out.next_path = (char *)sign_in_path;
    }
    qn_call_reply(call, &out);
}

static void on_found(struct qn_request *request)
{
    const struct check *check = container_of(request, struct check, find);
    struct qn_call *call = check->call;
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    const Quintet__Store__V1__GetSessionResponse *found = request->out;
    Quintet__Auth__V1__SessionState state = auth_session_judge(found->session, found->user);
    bool due = state == STATE(LIVE) && auth_session_refresh_due(check->service, found->session) &&
               !auth_credential_dont_remember(&check->service->cookies, check->cookie, call->arena);
    answer(call, state, found->session, found->user, due);
}

static void on_found_with_profile(struct qn_request *request)
{
    struct qn_call *call = container_of(request, struct check, find)->call;
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    const Quintet__Store__V1__GetSessionWithProfileResponse *found = request->out;
    answer_with_profile(call, auth_session_judge(found->session, found->user), found);
}

/* The token to look up; NULL when there is none to look up: then 'ret_state' says why. */
static enum qn_status read_token(struct auth_service *service, struct qn_call *call, char **ret_token,
                                 Quintet__Auth__V1__SessionState *ret_state)
{
    enum auth_credential shown;
    QN_TRY(auth_credential_read(&service->cookies, &call->ctx, call->arena, &shown, ret_token));
    *ret_state = shown == AUTH_CREDENTIAL_NONE ? STATE(NONE) : STATE(BAD_SIGNATURE);
    return QN_OK;
}

void auth_session_check(struct auth_service *service, struct qn_call *call)
{
    char *token;
    Quintet__Auth__V1__SessionState state;
    enum qn_status status = read_token(service, call, &token, &state);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
    } else if (token == NULL) {
        answer(call, state, NULL, NULL, false);
    } else {
        struct check *check = qn_call_new(call, struct check);
        check->service = service;
        check->call = call;
        check->cookie = call->ctx.credentials.cookie;
        auth_upstream_get_session(service, &check->find, call, token, on_found);
    }
}

void auth_session_check_with_profile(struct auth_service *service, struct qn_call *call)
{
    char *token;
    Quintet__Auth__V1__SessionState state;
    enum qn_status status = read_token(service, call, &token, &state);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
    } else if (token == NULL) {
        answer_with_profile(call, state, NULL);
    } else {
        struct check *check = qn_call_new(call, struct check);
        check->call = call;
        auth_upstream_get_session_with_profile(service, &check->find, call, token, on_found_with_profile);
    }
}
