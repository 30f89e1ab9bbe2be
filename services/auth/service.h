#ifndef AUTH_SERVICE_H
#define AUTH_SERVICE_H

#include "common/app/parts.h"
#include "services/auth/cookie.h"
#include "services/auth/hasher.h"
#include "services/auth/jwe.h"
#include "services/auth/mail/mail.h"
#include "services/auth/settings.h"

/* What the handlers work with: one a process, made in main.c. As a part of the service it holds the key of
 * the cookies. */
struct auth_service {
    struct qn_part part;
    const struct auth_settings *settings;
    const struct qn_part_rpc_client *profile; /* whose stores hold the rows; open before this part */
    struct auth_hasher *hasher;
    struct auth_mail *mail;
    struct auth_cookie_jar cookies;
    struct auth_jwe_ring ring;   /* zero, unless the cookie cache is on and encrypts */
    struct auth_cache_kit cache; /* of the two */
    int64_t swept_ms;            /* ticket.c's: when old rows were last deleted */
    struct qn_loop *loop;        /* private from here */
    struct qn_later later;
    void (*closed)(struct qn_part *part);
};

#define AUTH_SERVICE(settings_, profile_, hasher_, mail_)                                                    \
    {                                                                                                        \
        .part = {.name = "cookies", .open = auth_service_open, .close = auth_service_close},                 \
        .settings = (settings_), .profile = (profile_), .hasher = (hasher_), .mail = (mail_)                 \
    }

/* Warns when the secret is weak. */
enum qn_status auth_service_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void auth_service_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
