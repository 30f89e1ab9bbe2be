#ifndef AUTH_MAIL_SMTP_H
#define AUTH_MAIL_SMTP_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* Hands one mail to a server, by libcurl, which only this file includes. Blocks: for a thread of a lane. */

enum auth_mail_tls {
    AUTH_MAIL_TLS_REQUIRED, /* smtp:// goes on by STARTTLS or not at all */
    AUTH_MAIL_TLS_TRIED, /* by STARTTLS if the server offers it: a man in the middle can take the offer away
                          */
};

struct auth_mail_server {
    const char *url; /* smtp://user:password@host:587 or smtps://…; user and password percent-encoded */
    enum auth_mail_tls tls;
    const char *ca_file;     /* PEM; empty: the system's authorities */
    uint32_t timeout_ms;     /* of the whole exchange */
    const atomic_bool *stop; /* set: the exchange ends within a second, as temporary */
};

enum auth_mail_outcome {
    AUTH_MAIL_SENT,      /* the server has taken it over */
    AUTH_MAIL_TEMPORARY, /* 4xx, or no answer: try again. It may have been taken over after all */
    AUTH_MAIL_PERMANENT, /* 5xx: the server will not have it */
};

/* Once, before threads start. QN_INTERNAL. */
QN_MUST_USE enum qn_status auth_mail_smtp_init(void);
void auth_mail_smtp_fini(void);

/* 'message' as auth_mail_message_write() made it. 'ret_why' says what went wrong, with the server's words;
 * never a user or password of the url. */
enum auth_mail_outcome auth_mail_smtp_send(const struct auth_mail_server *server, const char *from,
                                           const char *to, struct qn_str message, struct qn_error *ret_why);

#endif
