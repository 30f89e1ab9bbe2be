#ifndef AUTH_MAIL_MAIL_H
#define AUTH_MAIL_MAIL_H

#include <stdatomic.h>

#include "common/app/app.h"
#include "common/core/list.h"
#include "common/core/log.h"
#include "common/loop/work.h"
#include "services/auth/mail/mail_settings.h"
#include "services/auth/mail/message.h"
#include "services/auth/mail/templates.h"

/* Sends mail: a part of the service. A mail is handed over and forgotten; whoever does so answers its own
 * caller alike whether or not there was somebody to write to. It is built and sent on a lane of its own,
 * tried again with longer and longer pauses while the server is away or says 4xx, and dropped after a 5xx, or
 * when its time is up. At most so many wait; they wait in memory, and a process that ends tries each once
 * more and drops the rest, with a log line. A mail may arrive twice (the server took it and was lost before
 * it said so), as with every mail server.
 *
 * Without SMTP_URL: with NODE_ENV development or test the link goes to the log instead; otherwise nothing can
 * be sent, and what needs it must be off.
 *
 * Metrics: quintet_auth_mail_total{mail,outcome}, _tries_total{outcome}, _waiting;
 * quintet_work_*{lane="mail"}. */
struct auth_mail {
    struct qn_part part;
    const struct auth_mail_settings *settings;
    char *const *env; /* NODE_ENV, of the settings */

    struct qn_loop *loop; /* private from here */
    struct auth_mail_templates templates;
    struct auth_mail_server server;
    struct qn_str from_name, site;
    char from_address[AUTH_MAIL_ADDRESS_MAX + 1];
    struct qn_lane *lane; /* NULL unless open with a server */
    struct qn_list jobs;
    atomic_bool stop;
    bool draining;
    struct qn_timer drain_limit;
    struct qn_later later;
    void (*done)(struct qn_part *part); /* of the drain or close that runs */
    struct qn_log_limit trouble;
};

#define AUTH_MAIL(settings_, env_)                                                                           \
    {                                                                                                        \
        .part = {.name = "mail",                                                                             \
                 .open = auth_mail_open,                                                                     \
                 .drain = auth_mail_drain,                                                                   \
                 .close = auth_mail_close},                                                                  \
        .settings = (settings_), .env = (env_)                                                               \
    }

/* Open fails when a template of the folder is not good. */
enum qn_status auth_mail_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void auth_mail_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void auth_mail_close(struct qn_part *part, void (*done)(struct qn_part *part));

/* Whether a mail, or at least a developer, can be told. What needs mail is off without. */
bool auth_mail_can_send(const struct auth_mail *mail);

/* Takes a mail over; 'values' (without the site, which is put in here) and 'to' are copied. QN_OK: it will be
 * tried. QN_FAILED_PRECONDITION: auth_mail_can_send() says no; QN_RESOURCE_EXHAUSTED: too many wait, or the
 * values are over 64 KiB; QN_INVALID_ARGUMENT: no such address, or the link is neither http:// nor https://.
 * All of them are logged and counted here. */
enum qn_status auth_mail_post(struct auth_mail *mail, enum auth_mail_kind kind, struct qn_str to,
                              const struct auth_mail_values *values);

#endif
