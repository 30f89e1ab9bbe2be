#include "services/gateway/limit.h"

#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "services/gateway/address.h"
#include "services/gateway/limit_rule.h"
#include "services/gateway/settings.h"

enum {
    PATIENCE_MS = 1000,        /* for auth to count: far more than it takes, far less than a client waits */
    NAMELESS_EVERY_MS = 60000, /* between two log lines about clients whose address is not known */
    REFUSED_EVERY_MS = 1000,
};

/* What clients share whose address nobody vouches for. The product's word. */
#define NAMELESS "no-trusted-ip"

/* Methods that do what a path does: otherwise one face would be the way around the other. All of auth's, but
 * for those that each page asks. */
static const struct {
    const struct qn_method *method;
    const char *path;
} METHODS[] = {
    {&quintet_auth_v1_auth_service_sign_up, "/sign-up/email"},
    {&quintet_auth_v1_auth_service_sign_in, "/sign-in/email"},
    {&quintet_auth_v1_auth_service_sign_out, "/sign-out"},
    {&quintet_auth_v1_auth_service_list_sessions, "/list-sessions"},
    {&quintet_auth_v1_auth_service_revoke_session, "/revoke-session"},
    {&quintet_auth_v1_auth_service_revoke_sessions, "/revoke-sessions"},
    {&quintet_auth_v1_auth_service_revoke_other_sessions, "/revoke-other-sessions"},
    {&quintet_auth_v1_auth_service_update_user, "/update-user"},
    {&quintet_auth_v1_auth_service_change_password, "/change-password"},
    {&quintet_auth_v1_auth_service_verify_password, "/verify-password"},
    {&quintet_auth_v1_auth_service_list_accounts, "/list-accounts"},
    {&quintet_auth_v1_auth_service_unlink_account, "/unlink-account"},
    {&quintet_auth_v1_auth_service_delete_user, "/delete-user"},
    {&quintet_auth_v1_auth_service_request_password_reset, "/request-password-reset"},
    {&quintet_auth_v1_auth_service_check_password_reset, "/reset-password/*"},
    {&quintet_auth_v1_auth_service_reset_password, "/reset-password"},
    {&quintet_auth_v1_auth_service_send_verification_email, "/send-verification-email"},
    {&quintet_auth_v1_auth_service_verify_email, "/verify-email"},
    {&quintet_auth_v1_auth_service_change_email, "/change-email"},
};

static struct qn_metric outcome_metric = {
    .name = "quintet_gateway_limit_total",
    .help = "Requests that were counted for the rate limit; unknown: auth did not answer, and they passed",
    .kind = QN_COUNTER,
    .labels = {"outcome"},
};

/* A question under way, in the request's arena. */
struct question {
    const struct gateway_limit *limit;
    struct qn_context ctx; /* the request's own with less time, and without what the client showed */
    struct qn_str client, path;
};

bool gateway_limit_is_on(const struct gateway_settings *settings)
{
    struct qn_str enabled = qn_str_c(settings->limit_enabled);
    if (qn_str_eq(enabled, QN_STR("auto")))
        return qn_str_eq(qn_str_c(settings->app.env), QN_STR("production"));
    return qn_str_eq(enabled, QN_STR("true"));
}

static void count(const char *outcome)
{
    qn_metric_add(qn_metric_series(&outcome_metric, outcome, NULL, NULL), 1);
}

static void on_taken(struct gateway_request *req)
{
    const struct question *question = req->limiting;
    const Quintet__Auth__V1__TakeResponse *out = req->rpc.out;
    if (req->rpc.status != QN_OK || out->allowed) {
        count(req->rpc.status == QN_OK ? "allowed" : "unknown");
        question->limit->pass(req);
        return;
    }
    static struct qn_log_limit refused;
    uint64_t held_back;
    if (qn_log_due(&refused, REFUSED_EVERY_MS, &held_back))
        qn_log(&req->ctx.log, QN_INFO, "too many requests", QN_F_STR("client", question->client),
               QN_F_STR("path", question->path), QN_F_INT("held_back", held_back));
    count("refused");
    question->limit->refuse(req, out->retry_after_ms > 0 ? out->retry_after_ms : 1);
}

static void take(struct gateway_request *req, struct qn_str client, struct qn_str path,
                 const struct gateway_limit *limit)
{
    const struct gateway_settings *set = req->settings;
    const struct gateway_limit_rules rules = {
        .all = {(uint32_t)set->limit_max, (uint32_t)set->limit_window_s},
        .custom = qn_str_c(set->limit_custom_rules),
    };
    struct gateway_limit_rule rule;
    if (!gateway_limit_rule_find(&rules, path, &rule)) {
        limit->pass(req);
        return;
    }
    struct question *question = qn_arena_new(&req->arena, struct question);
    char *key = qn_arena_printf(&req->arena, "%.*s|%.*s", QN_STR_ARG(client), QN_STR_ARG(path));
    if (!question || !key) {
        count("unknown");
        limit->pass(req); /* which has no memory either, and says so */
        return;
    }
    *question = (struct question){.limit = limit, .ctx = req->ctx, .client = client, .path = path};
    uint64_t patience_ms = qn_clock_now_ms() + PATIENCE_MS;
    if (question->ctx.deadline_ms > patience_ms)
        question->ctx.deadline_ms = patience_ms;
    question->ctx.credentials.cookie = question->ctx.credentials.bearer = QN_STR("");
    question->ctx.caller.user_agent = QN_STR("");
    Quintet__Auth__V1__TakeRequest in = QUINTET__AUTH__V1__TAKE_REQUEST__INIT;
    in.key = key;
    in.window_ms = rule.window_s * 1000;
    in.max = rule.max;
    req->limiting = question;
    gateway_request_ask_near(req, req->upstream->auth.client, &quintet_auth_v1_limit_service_take, &in,
                             qn_str_c(key), &question->ctx, on_taken);
}

/* Who asks; NAMELESS when nobody can tell. */
static struct qn_str client_of(struct gateway_request *req)
{
    struct qn_str client = req->ctx.caller.client_ip;
    if (!client.len)
        client =
            gateway_address_of_stranger(req->exchange->peer, req->settings->trusted_proxies, &req->arena);
    if (client.len)
        return client;
    static struct qn_log_limit nameless;
    uint64_t held_back;
    if (qn_log_due(&nameless, NAMELESS_EVERY_MS, &held_back))
        qn_log(&req->ctx.log, QN_WARN,
               "clients share one rate limit: the proxy names none, or a list and QUINTET_TRUSTED_PROXIES "
               "does not "
               "say which of it to believe",
               QN_F_STR("peer", req->exchange->peer), QN_F_INT("held_back", held_back));
    return QN_STR(NAMELESS);
}

void gateway_limit_path(struct gateway_request *req, struct qn_str path, const struct gateway_limit *limit)
{
    if (gateway_limit_is_on(req->settings))
        take(req, client_of(req), path, limit);
    else
        limit->pass(req);
}

/* The site's own server, by its proxy's silence. */
static bool is_site_itself(const struct gateway_request *req)
{
    return !qn_exchange_header(req->exchange, "X-Forwarded-For").ptr &&
           gateway_address_is_trusted(req->exchange->peer, req->settings->trusted_proxies);
}

void gateway_limit_method(struct gateway_request *req, const struct qn_method *method,
                          const struct gateway_limit *limit)
{
    for (size_t i = 0; i < QN_COUNT(METHODS); i++) {
        if (METHODS[i].method == method && gateway_limit_is_on(req->settings) && !is_site_itself(req)) {
            take(req, client_of(req), qn_str_c(METHODS[i].path), limit);
            return;
        }
    }
    limit->pass(req);
}
