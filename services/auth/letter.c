#include "services/auth/letter.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "common/json/writer.h"
#include "services/auth/input.h"
#include "services/auth/jwt.h"

enum {
    LINK_MAX = 32 * 1024, /* a callback thrice as long in percent signs, a token, and what is before */
    LETTER_MAX = 64 * 1024,
};

#define DEFAULT_BASE_PATH                                                                                    \
    "/api/auth" /* where BETTER_AUTH_URL has no path: the gateway's and the product's                        \
                 */

bool auth_letter_can_send(const struct auth_service *service)
{
    return service->settings->url && service->settings->url[0] != '\0' && auth_mail_can_send(service->mail);
}

static void write_base(struct qn_str url, struct qn_buf *to)
{
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    qn_buf_write_str(to, url);
    ptrdiff_t slash = qn_str_rfind(url, '/');
    if (slash < 1 || url.ptr[slash - 1] == '/') /* the second of "://" */
        qn_buf_write_c(to, DEFAULT_BASE_PATH);
}

/* What was written, in the call's arena. */
static char *keep(struct qn_call *call, struct qn_buf *text)
{
    char *copy = qn_buf_failed(text) ? NULL : qn_arena_copy(call->arena, (const char *)text->data, text->len);
    qn_buf_fini(text);
    if (copy == NULL)
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
    return copy;
}

char *auth_letter_link(const struct auth_service *service, struct qn_call *call, const char *path,
                       const char *token, const char *callback, const char *fallback)
{
    struct qn_buf link;
    if (strlen(callback) > AUTH_LETTER_CALLBACK_MAX) {
        auth_input_fail(call, NULL, "URL is too long", "callback_url", "must have 4096 bytes or fewer");
        return NULL;
    }
    qn_buf_init(&link, LINK_MAX);
    write_base(qn_str_c(service->settings->url), &link);
    qn_buf_printf(&link, qn_str_ends(qn_str_c(path), QN_STR("/")) ? "%s%s?" : "%s?token=%s&", path, token);
    qn_buf_write_c(&link, "callbackURL=");
    (void)qn_percent_encode(&link, qn_str_c(callback[0] ? callback : fallback), QN_PERCENT_COMPONENT);
    return keep(call, &link);
}

static void write_claim(struct qn_json_writer *w, const char *key, const char *value)
{
    if (value == NULL)
        return;
    qn_json_key(w, key);
    qn_json_c(w, value);
}

char *auth_letter_token(struct auth_service *service, struct qn_call *call, const char *email,
                        const char *update_to, const char *request_type, const char *user_id)
{
    int64_t now_s = qn_clock_wall_ms() / 1000;
    struct qn_buf claims, token;
    qn_buf_init(&claims, LINK_MAX);
    qn_buf_init(&token, LINK_MAX);
    struct qn_json_writer w = {.to = &claims};
    qn_json_object_begin(&w);
    write_claim(&w, "email", email);
    write_claim(&w, "updateTo", update_to);
    write_claim(&w, "requestType", request_type);
    write_claim(&w, "userId", user_id);
    qn_json_key(&w, "iat");
    qn_json_int(&w, now_s);
    qn_json_key(&w, "exp");
    qn_json_int(&w, now_s + service->settings->verify_expires_in_ms / 1000);
    qn_json_object_end(&w);
    enum qn_status status = qn_buf_failed(&claims)
                                ? QN_RESOURCE_EXHAUSTED
                                : auth_jwt_write(&service->cookies, qn_buf_view(&claims), &token);
    qn_buf_fini(&claims);
    if (status == QN_OK)
        return keep(call, &token);
    qn_buf_fini(&token);
    qn_call_fail_with(call, .status = status);
    return NULL;
}

void auth_letter_write_valid(int64_t ms, char to[AUTH_LETTER_VALID_LEN])
{
    static const struct {
        int64_t ms;
        const char *name;
    } UNITS[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
    size_t i = 0;
    while (i + 1 < QN_COUNT(UNITS) && ms % UNITS[i].ms != 0)
        i++;
    long long n = ms / UNITS[i].ms;
    snprintf(to, AUTH_LETTER_VALID_LEN, "%lld %s%s", n, UNITS[i].name, n == 1 ? "" : "s");
}

/* A letter that outlives its call, whose memory goes with its answer. Copied also where it goes to nobody. */
struct kept {
    enum auth_mail_kind kind;
    char *to;
    char valid[AUTH_LETTER_VALID_LEN];
    struct auth_mail_values values;
    struct qn_arena arena;
};

static void keep_letter(const struct auth_letter *letter, struct kept *kept)
{
    struct qn_str *of = kept->values.of;
    *kept = (struct kept){.kind = letter->kind};
    qn_arena_init(&kept->arena, LETTER_MAX);
    kept->to = letter->to ? qn_arena_strdup(&kept->arena, letter->to) : NULL;
    auth_letter_write_valid(letter->valid_ms, kept->valid);
    of[AUTH_MAIL_EMAIL] = qn_str_c(kept->to ? kept->to : "");
    of[AUTH_MAIL_NAME] = qn_arena_str(&kept->arena, qn_str_c(letter->name));
    of[AUTH_MAIL_NEW_EMAIL] =
        qn_arena_str(&kept->arena, qn_str_c(letter->new_email ? letter->new_email : ""));
    of[AUTH_MAIL_LINK] = qn_arena_str(&kept->arena, qn_str_c(letter->link));
    of[AUTH_MAIL_VALID] = qn_str_c(kept->valid);
}

static void send(struct auth_service *service, struct kept *kept)
{
    if (kept->to)
        (void)auth_mail_post(service->mail, kept->kind, qn_str_c(kept->to),
                             &kept->values); /* says itself what went wrong */
    qn_arena_fini(&kept->arena);
}

void auth_letter_reply(struct auth_service *service, struct qn_call *call, const void *out,
                       const struct auth_letter *letter)
{
    struct kept kept;
    if (letter->link == NULL)
        return;
    keep_letter(letter, &kept);
    qn_call_reply(call, out);
    send(service, &kept);
}

void auth_letter_fail(struct auth_service *service, struct qn_call *call, const struct qn_fault *fault,
                      const struct auth_letter *letter)
{
    struct kept kept;
    if (letter->link == NULL)
        return;
    keep_letter(letter, &kept);
    qn_call_fail(call, fault);
    send(service, &kept);
}
