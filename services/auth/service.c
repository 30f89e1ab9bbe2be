#include "services/auth/service.h"

#include "common/core/check.h"

/* What the cookie cache is made with. */
static enum qn_status open_cache(struct auth_service *self)
{
    struct qn_str secrets[AUTH_JWE_KEYS_MAX];
    self->cache =
        (struct auth_cache_kit){auth_settings_cache_strategy(self->settings), &self->cookies, &self->ring};
    if (!self->settings->cookie_cache || self->cache.strategy != AUTH_CACHE_JWE)
        return QN_OK;
    return auth_jwe_open(&self->ring, secrets, auth_settings_secrets(self->settings, secrets));
}

enum qn_status auth_service_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct auth_service *self = container_of(part, struct auth_service, part);
    self->loop = loop;
    const char *weakness = auth_settings_weakness(self->settings);
    if (weakness)
        qn_log(NULL, QN_WARN, "weak secret", QN_F_C("why", weakness));
    bool secure = auth_settings_secure_cookies(self->settings);
    if (auth_cookie_open(&self->cookies, auth_settings_secret(self->settings), secure) != QN_OK)
        return qn_error_set(err, QN_INTERNAL, "libcrypto has no HMAC-SHA256");
    if (open_cache(self) != QN_OK) {
        auth_cookie_close(&self->cookies);
        return qn_error_set(err, QN_INTERNAL, "libcrypto has no A256CBC-HS512");
    }
    qn_log(NULL, QN_INFO, "cookies",
           QN_F_C("name", auth_cookie_name(&self->cookies, AUTH_COOKIE_SESSION_TOKEN)));
    return QN_OK;
}

static void close_later(struct qn_later *later)
{
    struct auth_service *self = container_of(later, struct auth_service, later);
    auth_jwe_close(&self->ring);
    auth_cookie_close(&self->cookies);
    self->closed(&self->part);
}

void auth_service_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct auth_service *self = container_of(part, struct auth_service, part);
    self->closed = done;
    qn_later_start(self->loop, &self->later, close_later);
}
