/* Each: 1. the live session (live.c)  2. the store  3. answer. A session revoked is gone for the next check,
 * here and in a Better Auth server beside; only its cookie cache, if a site has that on, remembers for its
 * five minutes. */
#include "services/auth/sessions.h"

#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/live.h"
#include "services/auth/session.h"
#include "services/auth/set_cookie.h"
#include "services/auth/upstream.h"

/* RefreshSession. */

static void answer_refresh(struct auth_live *live)
{
    struct qn_call *call = live->call;
    const Quintet__Auth__V1__RefreshSessionRequest *in = call->in;
    Quintet__Auth__V1__RefreshSessionResponse out = QUINTET__AUTH__V1__REFRESH_SESSION_RESPONSE__INIT;
    out.state = live->state;
    out.refreshed = live->refreshed;
    out.cached = live->cached;
    if (live->session) {
        out.session = auth_session_show(live->session, call->arena);
        out.user = auth_session_show_user(live->user, call->arena);
        if (out.session == NULL || out.user == NULL) {
            qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
            return;
        }
    }
    /* A look at the rows that has not set it already: the next one may be into the cookie. */
    if (live->session && !live->cached && !live->refreshed && !live->dont_remember && !in->disable_refresh) {
        enum qn_status status = auth_set_cookie_cache(live->service, call, live->session, live->user, false);
        if (status != QN_OK) {
            qn_call_fail_with(call, .status = status);
            return;
        }
    }
    qn_call_reply(call, &out);
}

void auth_sessions_refresh(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__RefreshSessionRequest *in = call->in;
    auth_live_start(qn_call_new(call, struct auth_live), service, call,
                    (in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0) |
                        (in->use_cookie_cache ? AUTH_LIVE_USE_CACHE : 0),
                    answer_refresh, answer_refresh);
}

/* The others: a session, then one question. */
struct work {
    struct auth_live live;
    struct qn_request store;
};

static struct work *work_of(struct auth_live *live)
{
    return container_of(live, struct work, live);
}

/* The call that a question was asked for; NULL when the question failed: then the call has, too. */
static struct qn_call *call_of(struct qn_request *request)
{
    struct qn_call *call = container_of(request, struct work, store)->live.call;
    if (request->status == QN_OK)
        return call;
    qn_call_fail_from(call, request, true);
    return NULL;
}

/* ListSessions. */

static void on_listed(struct qn_request *request)
{
    struct qn_call *call = call_of(request);
    if (call == NULL)
        return;
    const Quintet__Store__V1__ListSessionsResponse *rows = request->out;
    Quintet__Auth__V1__ListSessionsResponse out = QUINTET__AUTH__V1__LIST_SESSIONS_RESPONSE__INIT;
    out.sessions = qn_arena_array(call->arena, rows->n_sessions, sizeof(Quintet__Auth__V1__Session *));
    bool whole = out.sessions || rows->n_sessions == 0;
    for (size_t i = 0; whole && i < rows->n_sessions; i++)
        whole = (out.sessions[out.n_sessions++] = auth_session_show(rows->sessions[i], call->arena)) != NULL;
    if (whole)
        qn_call_reply(call, &out);
    else
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
}

static void list(struct auth_live *live)
{
    if (auth_live_must_be_fresh(live))
        auth_upstream_list_sessions(live->service, &work_of(live)->store, live->call, live->user->id,
                                    qn_clock_wall_ms(), on_listed);
}

void auth_sessions_list(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__ListSessionsRequest *in = call->in;
    auth_live_start(&qn_call_new(call, struct work)->live, service, call,
                    in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0, list, NULL);
}

/* RevokeSession. */

static void on_revoked(struct qn_request *request)
{
    struct auth_live *live = &container_of(request, struct work, store)->live;
    struct qn_call *call = call_of(request);
    if (call == NULL)
        return;
    const Quintet__Auth__V1__RevokeSessionRequest *in = call->in;
    enum qn_status status = strcmp(in->token, live->token) == 0
                                ? auth_set_cookie_expired(live->service, call, live->shown_cache)
                                : QN_OK;
    Quintet__Auth__V1__RevokeSessionResponse out = QUINTET__AUTH__V1__REVOKE_SESSION_RESPONSE__INIT;
    if (status == QN_OK)
        qn_call_reply(call, &out);
    else
        qn_call_fail_with(call, .status = status);
}

static void revoke(struct auth_live *live)
{
    const Quintet__Auth__V1__RevokeSessionRequest *in = live->call->in;
    auth_upstream_delete_session(live->service, &work_of(live)->store, live->call, in->token, live->user->id,
                                 on_revoked);
}

void auth_sessions_revoke(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__RevokeSessionRequest *in = call->in;
    auth_live_start(&qn_call_new(call, struct work)->live, service, call,
                    in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0, revoke, NULL);
}

/* RevokeSessions. */

static void on_all_revoked(struct qn_request *request)
{
    struct auth_live *live = &container_of(request, struct work, store)->live;
    struct qn_call *call = call_of(request);
    if (call == NULL)
        return;
    enum qn_status status = auth_set_cookie_expired(live->service, call, live->shown_cache);
    Quintet__Auth__V1__RevokeSessionsResponse out = QUINTET__AUTH__V1__REVOKE_SESSIONS_RESPONSE__INIT;
    qn_log(&call->ctx.log, QN_INFO, "sessions revoked", QN_F_C("user", live->user->id));
    if (status == QN_OK)
        qn_call_reply(call, &out);
    else
        qn_call_fail_with(call, .status = status);
}

static void revoke_all(struct auth_live *live)
{
    auth_upstream_delete_sessions(live->service, &work_of(live)->store, live->call, live->user->id, "",
                                  on_all_revoked);
}

void auth_sessions_revoke_all(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__RevokeSessionsRequest *in = call->in;
    auth_live_start(&qn_call_new(call, struct work)->live, service, call,
                    in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0, revoke_all, NULL);
}

/* RevokeOtherSessions. */

static void on_others_revoked(struct qn_request *request)
{
    struct qn_call *call = call_of(request);
    Quintet__Auth__V1__RevokeOtherSessionsResponse out =
        QUINTET__AUTH__V1__REVOKE_OTHER_SESSIONS_RESPONSE__INIT;
    if (call)
        qn_call_reply(call, &out);
}

static void revoke_others(struct auth_live *live)
{
    auth_upstream_delete_sessions(live->service, &work_of(live)->store, live->call, live->user->id,
                                  live->token, on_others_revoked);
}

void auth_sessions_revoke_others(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__RevokeOtherSessionsRequest *in = call->in;
    auth_live_start(&qn_call_new(call, struct work)->live, service, call,
                    in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0, revoke_others, NULL);
}
