/* quintet.store.v1.SessionStore. */
#include "services/profile/store/session.h"

#include "services/profile/rpc/batch.h"
#include "services/profile/rpc/check.h"
#include "services/profile/rpc/message.h"
#include "store.qn.h"

QUINTET_STORE_V1_SESSION_STORE_HANDLERS(profile_rpc_session, profile_rpc_)

/* CreateSession: insert, reply. The user gone: NOT_FOUND. An id or token that is there already: as in
 * CreateUser. */

static void on_created(struct profile_ask *ask)
{
    Quintet__Store__V1__CreateSessionResponse out = QUINTET__STORE__V1__CREATE_SESSION_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

static bool on_not_created(struct profile_ask *ask)
{
    switch (ask->query.status) {
    case QN_NOT_FOUND:
        qn_call_fail_with(ask->call, .status = QN_NOT_FOUND, .message = "there is no such user",
                          .reason = "USER_NOT_FOUND");
        return true;
    case QN_ALREADY_EXISTS:
        qn_log(&ask->call->ctx.log, QN_ERROR, "an id is there already",
               QN_F_C("constraint", ask->query.constraint));
        qn_call_fail_with(ask->call, .status = QN_INTERNAL, .message = "an id is there already");
        return true;
    default:
        return false;
    }
}

void profile_rpc_create_session(struct qn_call *call)
{
    const Quintet__Store__V1__CreateSessionRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_session(in->session, &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    struct store_session session = profile_message_to_session(in->session);
    store_session_insert(&ask->steps, &session);
    ask->answer = on_created;
    ask->refuse = on_not_created;
    profile_ask_start(ask);
}

/* GetSession and GetSessionWithProfile: one statement for all calls of a message. */

static struct qn_str session_key(const void *in)
{
    return qn_str_c(((const Quintet__Store__V1__GetSessionRequest *)in)->token);
}

static void ask_session(struct store_steps *steps, const struct qn_str *tokens, size_t n_tokens)
{
    store_session_find(steps, tokens, n_tokens, false);
}

static void answer_session(struct qn_call *call, const PGresult *result, int row)
{
    Quintet__Store__V1__GetSessionResponse out = QUINTET__STORE__V1__GET_SESSION_RESPONSE__INIT;
    Quintet__Store__V1__Session session;
    Quintet__Store__V1__User user;
    struct store_found_session found;
    if (row >= 0) {
        if (!store_session_read(result, row, false, &found)) {
            profile_ask_fail_row(call, "session_by_token");
            return;
        }
        profile_message_session(&found.session, &session);
        profile_message_user(&found.user, &user);
        out.session = &session;
        out.user = &user;
    }
    qn_call_reply(call, &out);
}

void profile_rpc_get_session(struct qn_call **calls, size_t n_calls)
{
    static struct profile_batch_flights flights;
    static const struct profile_batch_kind kind = {
        .key = session_key,
        .ask = ask_session,
        .key_column = STORE_SESSION_TOKEN_COLUMN,
        .answer = answer_session,
        .flights = &flights,
    };
    profile_batch_run(&kind, calls, n_calls);
}

static struct qn_str session_with_profile_key(const void *in)
{
    return qn_str_c(((const Quintet__Store__V1__GetSessionWithProfileRequest *)in)->token);
}

static void ask_session_with_profile(struct store_steps *steps, const struct qn_str *tokens, size_t n_tokens)
{
    store_session_find(steps, tokens, n_tokens, true);
}

static void answer_session_with_profile(struct qn_call *call, const PGresult *result, int row)
{
    Quintet__Store__V1__GetSessionWithProfileResponse out =
        QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_RESPONSE__INIT;
    Quintet__Store__V1__Session session;
    Quintet__Store__V1__User user;
    struct store_found_session found;
    const char *missing[PROFILE_FIELD_COUNT];
    if (row >= 0) {
        if (!store_session_read(result, row, true, &found)) {
            profile_ask_fail_row(call, "session_with_profile");
            return;
        }
        profile_message_session(&found.session, &session);
        profile_message_user(&found.user, &user);
        out.session = &session;
        out.user = &user;
        out.has_profile = found.has_profile;
        /* Without a profile everything lacks, even if pictures were uploaded first. */
        out.n_missing_fields = profile_missing(found.has_profile ? found.given : 0, missing);
        out.missing_fields = (char **)missing;
    }
    qn_call_reply(call, &out);
}

void profile_rpc_get_session_with_profile(struct qn_call **calls, size_t n_calls)
{
    static struct profile_batch_flights flights;
    static const struct profile_batch_kind kind = {
        .key = session_with_profile_key,
        .ask = ask_session_with_profile,
        .key_column = STORE_SESSION_TOKEN_COLUMN,
        .answer = answer_session_with_profile,
        .flights = &flights,
    };
    profile_batch_run(&kind, calls, n_calls);
}

/* ListSessions and RefreshSession. */

static void on_listed(struct profile_ask *ask)
{
    const PGresult *result = profile_ask_result(ask, 0);
    struct qn_arena *arena = ask->call->arena;
    size_t n = (size_t)pg_result_rows(result);
    Quintet__Store__V1__ListSessionsResponse out = QUINTET__STORE__V1__LIST_SESSIONS_RESPONSE__INIT;
    Quintet__Store__V1__Session *messages = qn_arena_array(arena, n, sizeof(*messages));
    out.sessions = qn_arena_array(arena, n, sizeof(Quintet__Store__V1__Session *));
    if (n > 0 && (messages == NULL || out.sessions == NULL)) {
        profile_ask_fail_memory(ask->call);
        return;
    }
    for (out.n_sessions = 0; out.n_sessions < n; out.n_sessions++) {
        struct store_session session;
        if (!store_session_read_alone(result, (int)out.n_sessions, &session)) {
            profile_ask_fail_row(ask->call, "session_list");
            return;
        }
        profile_message_session(&session, &messages[out.n_sessions]);
        out.sessions[out.n_sessions] = &messages[out.n_sessions];
    }
    qn_call_reply(ask->call, &out);
}

void profile_rpc_list_sessions(struct qn_call *call)
{
    const Quintet__Store__V1__ListSessionsRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_time(in->after_ms, "after_ms", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_session_list(&ask->steps, in->user_id, in->after_ms);
    ask->answer = on_listed;
    profile_ask_start(ask);
}

static void on_refreshed(struct profile_ask *ask)
{
    const PGresult *result = profile_ask_result(ask, 0);
    Quintet__Store__V1__RefreshSessionResponse out = QUINTET__STORE__V1__REFRESH_SESSION_RESPONSE__INIT;
    Quintet__Store__V1__Session message;
    struct store_session session;
    if (pg_result_rows(result) > 0) {
        if (!store_session_read_alone(result, 0, &session)) {
            profile_ask_fail_row(ask->call, "session_refresh");
            return;
        }
        profile_message_session(&session, &message);
        out.session = &message;
    }
    qn_call_reply(ask->call, &out);
}

void profile_rpc_refresh_session(struct qn_call *call)
{
    const Quintet__Store__V1__RefreshSessionRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_time(in->expires_at_ms, "expires_at_ms", &complaints);
    profile_check_time(in->updated_at_ms, "updated_at_ms", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_session_refresh(&ask->steps, in->token, in->expires_at_ms, in->updated_at_ms);
    ask->answer = on_refreshed;
    profile_ask_start(ask);
}

/* DeleteSession and DeleteSessions. */

static void on_deleted(struct profile_ask *ask)
{
    Quintet__Store__V1__DeleteSessionResponse out = QUINTET__STORE__V1__DELETE_SESSION_RESPONSE__INIT;
    out.deleted = pg_result_rows(profile_ask_result(ask, 0)) > 0;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_delete_session(struct qn_call *call)
{
    const Quintet__Store__V1__DeleteSessionRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_session_delete(&ask->steps, in->token, in->user_id);
    ask->answer = on_deleted;
    profile_ask_start(ask);
}

static void on_all_deleted(struct profile_ask *ask)
{
    Quintet__Store__V1__DeleteSessionsResponse out = QUINTET__STORE__V1__DELETE_SESSIONS_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_delete_sessions(struct qn_call *call)
{
    const Quintet__Store__V1__DeleteSessionsRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_session_delete_all(&ask->steps, in->user_id, in->except_token);
    ask->answer = on_all_deleted;
    profile_ask_start(ask);
}
