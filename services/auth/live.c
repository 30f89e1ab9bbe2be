/* 1. read what was shown  2. ask the store for the row  3. judge its expiry  4. if it was refreshed longer
 * ago than session.updateAge, move its end and send the cookie again, unless a valid dont_remember cookie was
 * shown
 * 5. go on.
 *   Nothing shown, or not signed by us: lost, and no cookie is touched. No such row, or expired, or gone
 * between 2 and 4: lost, the three cookies are expired, and an expired row is deleted; whether that went well
 * changes nothing for the one who asks. Store away at 2 or 4: UNAVAILABLE, never "no session". */
#include "services/auth/live.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/credential.h"
#include "services/auth/session.h"
#include "services/auth/set_cookie.h"
#include "services/auth/upstream.h"

#define STATE(name) QUINTET__AUTH__V1__SESSION_STATE__SESSION_STATE_##name

static void be_lost(struct auth_live *live)
{
    live->session = NULL;
    live->user = NULL;
    if (live->lost)
        live->lost(live);
    else
        qn_call_fail_with(live->call, .status = QN_UNAUTHENTICATED, .message = "sign in first",
                          .reason = "NO_SESSION");
}

static void on_expired_deleted(struct qn_request *request)
{
    be_lost(container_of(request, struct auth_live, store));
}

/* Well signed, but no session any more. */
static void forget(struct auth_live *live, Quintet__Auth__V1__SessionState state)
{
    enum qn_status status = auth_set_cookie_expired(live->service, live->call, live->shown_cache);
    live->state = state;
    if (status != QN_OK)
        qn_call_fail_with(live->call, .status = status);
    else if (state == STATE(EXPIRED) && !(live->flags & AUTH_LIVE_KEEP_ROW))
        auth_upstream_delete_session(live->service, &live->store, live->call, live->token, "",
                                     on_expired_deleted);
    else
        be_lost(live);
}

static void on_refreshed(struct qn_request *request)
{
    struct auth_live *live = container_of(request, struct auth_live, store);
    if (request->status != QN_OK) {
        qn_call_fail_from(live->call, request, true);
        return;
    }
    const Quintet__Store__V1__RefreshSessionResponse *out = request->out;
    if (out->session == NULL) {
        forget(live, STATE(REVOKED));
        return;
    }
    enum qn_status status =
        auth_set_cookie_session(live->service, live->call, out->session, live->user, false, false);
    if (status != QN_OK) {
        qn_call_fail_with(live->call, .status = status);
        return;
    }
    live->session = out->session;
    live->refreshed = true;
    live->then(live);
}

static void on_found(struct qn_request *request)
{
    struct auth_live *live = container_of(request, struct auth_live, store);
    if (request->status != QN_OK) {
        qn_call_fail_from(live->call, request, true);
        return;
    }
    const Quintet__Store__V1__GetSessionResponse *found = request->out;
    live->state = auth_session_judge(found->session, found->user);
    if (live->state != STATE(LIVE)) {
        forget(live, live->state);
        return;
    }
    live->session = found->session;
    live->user = found->user;
    if ((live->flags & AUTH_LIVE_KEEP_ROW) || live->dont_remember ||
        !auth_session_refresh_due(live->service, live->session)) {
        live->then(live);
        return;
    }
    int64_t now_ms = qn_clock_wall_ms();
    auth_upstream_refresh_session(live->service, &live->store, live->call, live->token,
                                  now_ms + live->service->settings->session_expires_in_ms, now_ms,
                                  on_refreshed);
}

/* The session that the cookie cache holds, if it may be taken for true: ours, of the token shown, and neither
 * has ended. One that may not is expired. */
static enum qn_status look_into_cache(struct auth_live *live)
{
    struct auth_service *service = live->service;
    struct qn_call *call = live->call;
    int64_t now_ms = qn_clock_wall_ms();
    struct qn_str value = auth_cookie_find(call->ctx.credentials.cookie,
                                           auth_cookie_name(&service->cookies, AUTH_COOKIE_SESSION_DATA));
    if (!live->shown_cache || !(live->flags & AUTH_LIVE_USE_CACHE))
        return QN_OK;
    live->cached = auth_cache_read(&service->cache, value, call->arena, &live->cache) &&
                   strcmp(live->cache.session.token, live->token) == 0 &&
                   live->cache.expires_at_ms >= now_ms && live->cache.session.expires_at_ms >= now_ms;
    return live->cached ? QN_OK : auth_set_cookie_no_cache(service, call);
}

void auth_live_start(struct auth_live *live, struct auth_service *service, struct qn_call *call,
                     unsigned flags, void (*then)(struct auth_live *live),
                     void (*lost)(struct auth_live *live))
{
    enum auth_credential shown;
    *live = (struct auth_live){.service = service, .call = call, .flags = flags, .then = then, .lost = lost};
    enum qn_status status =
        auth_credential_read(&service->cookies, &call->ctx, call->arena, &shown, &live->token);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
    } else if (shown != AUTH_CREDENTIAL_TOKEN) {
        live->state = shown == AUTH_CREDENTIAL_NONE ? STATE(NONE) : STATE(BAD_SIGNATURE);
        be_lost(live);
    } else {
        live->dont_remember =
            auth_credential_dont_remember(&service->cookies, call->ctx.credentials.cookie, call->arena);
        live->shown_cache = service->settings->cookie_cache &&
                            auth_set_cookie_shows_cache(service, call->ctx.credentials.cookie);
        status = look_into_cache(live);
        if (status != QN_OK) {
            qn_call_fail_with(call, .status = status);
        } else if (live->cached) {
            live->state = STATE(LIVE);
            live->session = &live->cache.session;
            live->user = &live->cache.user;
            then(live);
        } else {
            auth_upstream_get_session(service, &live->store, call, live->token, on_found);
        }
    }
}

bool auth_live_is_fresh(const struct auth_live *live)
{
    int64_t fresh_age_ms = live->service->settings->session_fresh_age_ms;
    return fresh_age_ms == 0 || qn_clock_wall_ms() - live->session->created_at_ms < fresh_age_ms;
}

bool auth_live_must_be_fresh(const struct auth_live *live)
{
    bool fresh = auth_live_is_fresh(live);
    if (!fresh)
        qn_call_fail_with(live->call, .status = QN_PERMISSION_DENIED, .message = "Session is not fresh",
                          .reason = "SESSION_NOT_FRESH");
    return fresh;
}
