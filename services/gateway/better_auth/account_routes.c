#include "auth.pb-c.h"
#include "auth.qn.h"
#include "common/core/check.h"
#include "services/gateway/better_auth/answer.h"
#include "services/gateway/better_auth/better_auth.h"
#include "services/gateway/better_auth/body.h"
#include "services/gateway/better_auth/csrf.h"
#include "services/gateway/better_auth/form.h"
#include "services/gateway/better_auth/routes.h"

/* Accounts of other providers may be in the tables, made by a Better Auth server before or beside; they are
 * listed and unlinked. Signing in by them is that server's: here no provider is configured, and each route
 * answers as the product does then. */

static void on_listed(struct gateway_request *req)
{
    const Quintet__Auth__V1__ListAccountsResponse *out = req->rpc.out;
    struct gateway_reply reply = {0};
    struct qn_buf json;
    if (req->rpc.status != QN_OK) {
        gateway_answer_fault(req);
        return;
    }
    qn_buf_init(&json, GATEWAY_ANSWER_MAX);
    struct qn_json_writer w = {.to = &json};
    qn_json_array_begin(&w);
    for (size_t i = 0; i < out->n_accounts; i++)
        gateway_answer_write_account(&w, out->accounts[i]);
    qn_json_array_end(&w);
    gateway_answer_written(req, &reply, &json);
    qn_buf_fini(&json);
}

static void ask_accounts(struct gateway_request *req, void (*next)(struct gateway_request *req))
{
    Quintet__Auth__V1__ListAccountsRequest in = QUINTET__AUTH__V1__LIST_ACCOUNTS_REQUEST__INIT;
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_list_accounts, &in, next);
}

void gateway_route_list_accounts(struct gateway_request *req)
{
    ask_accounts(req, on_listed);
}

void gateway_route_unlink_account(struct gateway_request *req)
{
    static const struct gateway_body_field FIELDS[] = {{"accountId", GATEWAY_FIELD_STRING}};
    Quintet__Auth__V1__UnlinkAccountRequest in = QUINTET__AUTH__V1__UNLINK_ACCOUNT_REQUEST__INIT;
    const struct qn_json *body;
    if (!gateway_body_read(req, GATEWAY_BODY_JSON, &body) || !gateway_csrf_check(req, body) ||
        !gateway_body_check(req, body, FIELDS, QN_COUNT(FIELDS), GATEWAY_BODY_OBJECT))
        return;
    char *id = gateway_body_text(req, body, "accountId");
    in.id = id ? id : (char *)"";
    in.disable_refresh = gateway_route_keeps_row(req);
    gateway_route_ask(req, &quintet_auth_v1_auth_service_unlink_account, &in, gateway_route_answer_status);
}

static void answer_no_provider(struct gateway_request *req)
{
    gateway_answer_error(req, 404, "Provider not found", "PROVIDER_NOT_FOUND");
}

static const struct gateway_body_field SOCIAL_FIELDS[] = {
    {"callbackURL", GATEWAY_FIELD_STRING, true},
    {"provider", GATEWAY_FIELD_STRING},
};

static bool read_social(struct gateway_request *req)
{
    const struct qn_json *body;
    return gateway_body_read(req, GATEWAY_BODY_JSON, &body) && gateway_csrf_check(req, body) &&
           gateway_body_check(req, body, SOCIAL_FIELDS, QN_COUNT(SOCIAL_FIELDS), GATEWAY_BODY_OBJECT);
}

void gateway_route_sign_in_social(struct gateway_request *req)
{
    if (read_social(req))
        answer_no_provider(req);
}

void gateway_route_link_social(struct gateway_request *req)
{
    if (read_social(req))
        gateway_route_want_session(req, answer_no_provider);
}

/* The account that a route is about, by the row's id; NULL after answering. */
static const Quintet__Auth__V1__Account *find_account(struct gateway_request *req, struct qn_str id)
{
    const Quintet__Auth__V1__ListAccountsResponse *out = req->rpc.out;
    struct gateway_reply reply = {0};
    if (req->rpc.status != QN_OK) {
        if (qn_str_eq(req->rpc.reason, QN_STR("NO_SESSION")))
            gateway_answer_nothing(req, &reply, 401); /* these routes look for themselves, and say nothing */
        else
            gateway_answer_fault(req);
        return NULL;
    }
    for (size_t i = 0; i < out->n_accounts; i++) {
        if (qn_str_eq(qn_str_c(out->accounts[i]->id), id))
            return out->accounts[i];
    }
    gateway_answer_error(req, 400, "Account not found", "ACCOUNT_NOT_FOUND");
    return NULL;
}

static void on_accounts_for_token(struct gateway_request *req)
{
    const Quintet__Auth__V1__Account *account =
        find_account(req, gateway_body_str(gateway_answer_face(req)->body, "accountId"));
    if (!account)
        return;
    char *message = qn_arena_printf(&req->arena, "Provider %s is not supported.", account->provider_id);
    gateway_answer_error(req, 400, message ? message : "Provider is not supported.",
                         "PROVIDER_NOT_SUPPORTED");
}

/* Exactly one of two ways to name the account; the product's sentence names neither. */
void gateway_route_provider_token(struct gateway_request *req)
{
    const struct qn_json *body;
    if (!gateway_body_read(req, GATEWAY_BODY_JSON, &body) || !gateway_csrf_check(req, body))
        return;
    bool by_id = gateway_body_str(body, "accountId").ptr != NULL;
    bool by_cookie = gateway_body_bool(body, "useAccountCookie", false);
    if (by_id == by_cookie) {
        gateway_answer_error(req, 400, "[body] Invalid input", "VALIDATION_ERROR");
        return;
    }
    gateway_answer_face(req)->body = body;
    ask_accounts(req, on_accounts_for_token);
}

static void on_accounts_for_info(struct gateway_request *req)
{
    if (find_account(req, qn_exchange_query(req->exchange, "accountId")))
        gateway_answer_error(req, 400, "Account is not associated with a configured social provider.",
                             "PROVIDER_NOT_CONFIGURED");
}

void gateway_route_account_info(struct gateway_request *req)
{
    if (qn_exchange_query(req->exchange, "accountId").ptr)
        ask_accounts(req, on_accounts_for_info);
    else
        gateway_answer_error(req, 400, "[query] Invalid input", "VALIDATION_ERROR");
}

/* Where a provider sends browsers back to. No state was ever given out here, so none matches. */
void gateway_route_callback(struct gateway_request *req)
{
    bool shown = qn_exchange_query(req->exchange, "state").len > 0;
    struct gateway_reply reply = {0};
    char *location = qn_arena_printf(&req->arena, "%s/error?error=%s", gateway_better_auth_base_url(req),
                                     shown ? "state_mismatch" : "state_not_found");
    if (!location) {
        gateway_answer_empty(req, 500);
        return;
    }
    gateway_reply_header(&reply, "Content-Type", QN_STR("application/json"));
    gateway_answer_redirect(req, &reply, qn_str_c(location));
}

enum { CALLBACK_LOCATION_MAX = 4096 }; /* what leaves as Location must find room among an answer's headers */

/* What a provider may say there. */
static const struct gateway_body_field CALLBACK_FIELDS[] = {
    {"code", GATEWAY_FIELD_STRING, true},      {"error", GATEWAY_FIELD_STRING, true},
    {"device_id", GATEWAY_FIELD_STRING, true}, {"error_description", GATEWAY_FIELD_STRING, true},
    {"state", GATEWAY_FIELD_STRING, true},     {"user", GATEWAY_FIELD_STRING, true},
    {"iss", GATEWAY_FIELD_STRING, true},
};

/* The same route with what was said in its query: what the query has, it keeps. */
static void write_callback(struct gateway_request *req, const struct qn_json *body, struct qn_buf *to)
{
    struct qn_str path = req->exchange->path;
    size_t base = gateway_better_auth_base_path(req->settings).len;
    bool first = true;
    qn_buf_printf(to, "%s%.*s?", gateway_better_auth_base_url(req), (int)(path.len - base), path.ptr + base);
    for (size_t i = 0; i < QN_COUNT(CALLBACK_FIELDS); i++) {
        const char *name = CALLBACK_FIELDS[i].name;
        struct qn_str value = qn_exchange_query(req->exchange, name);
        if (!value.ptr)
            value = gateway_body_str(body, name);
        if (!value.ptr)
            continue;
        qn_buf_printf(to, first ? "%s=" : "&%s=", name);
        gateway_form_write(to, value);
        first = false;
    }
}

/* Providers that answer by a form (Apple does) have a browser post to that place. Its cookies do not come
 * along with a post from another site, so it is sent there once more by a GET, with which they do. */
void gateway_route_post_callback(struct gateway_request *req)
{
    const struct qn_json *body;
    struct gateway_reply reply = {0};
    struct qn_buf location;
    if (!gateway_body_read(req, GATEWAY_BODY_JSON_OR_FORM, &body) || !gateway_csrf_check(req, body) ||
        (body &&
         !gateway_body_check(req, body, CALLBACK_FIELDS, QN_COUNT(CALLBACK_FIELDS), GATEWAY_BODY_OBJECT)))
        return;
    qn_buf_init(&location, CALLBACK_LOCATION_MAX);
    write_callback(req, body, &location);
    if (qn_buf_failed(&location)) {
        gateway_answer_error(req, 413, "Request body too large", "PAYLOAD_TOO_LARGE");
    } else {
        gateway_reply_header(&reply, "Content-Type", QN_STR("application/json"));
        gateway_answer_redirect(req, &reply, qn_buf_view(&location));
    }
    qn_buf_fini(&location);
}
