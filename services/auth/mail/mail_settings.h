#ifndef AUTH_MAIL_SETTINGS_H
#define AUTH_MAIL_SETTINGS_H

#include "common/app/config.h"
#include "services/auth/mail/smtp.h"

/* What sending mail can be told; services/auth/README.md has the table. */
struct auth_mail_settings {
    char *smtp_url;  /* empty: nothing is sent */
    char *smtp_from; /* "Name <address>" or an address */
    char *smtp_tls;  /* "auto", "required", "tried" */
    char *smtp_ca_file;
    char *templates; /* a folder; empty: the built-in ones */
    char *site;      /* {{site}}; empty: the name in smtp_from, or its domain */
    int64_t queue_max;
    int64_t timeout_ms;   /* of one try */
    int64_t retry_for_ms; /* of all of them */
};

/* Lines for a service's table of settings. */
#define AUTH_MAIL_SETTINGS(type, member)                                                                       \
    QN_SETTING_SECRET("SMTP_URL", type, member.smtp_url, "",                                                   \
                      "server that takes mail: smtp://user:password@host:587, smtps://…; without it, links " \
                      "go to the log (NODE_ENV development or test) or what needs mail is off"),               \
        QN_SETTING_STRING("SMTP_FROM", type, member.smtp_from, "",                                             \
                          "sender of mail: address, or Name <address>"),                                       \
        QN_SETTING_CHOICE("SMTP_TLS", type, member.smtp_tls, "auto", "auto|required|tried",                    \
                          "STARTTLS with smtp://; auto: required, but on this machine (localhost) tried"),     \
        QN_SETTING_STRING("SMTP_CA_FILE", type, member.smtp_ca_file, "",                                       \
                          "authority of the server's certificate, PEM file; empty: the system's"),             \
        QN_SETTING_STRING("QUINTET_MAIL_TEMPLATES", type, member.templates, "",                                \
                          "folder with mails that go before the built-in ones, as verify-email.html"),         \
        QN_SETTING_STRING("BETTER_AUTH_APP_NAME", type, member.site, "",                                       \
                          "what mails call the site; empty: the name or domain of SMTP_FROM"),                 \
        QN_SETTING_INT("QUINTET_MAIL_QUEUE", type, member.queue_max, "1000", 1, 100000,                        \
                       "mails that wait to be sent; more are dropped"),                                        \
        QN_SETTING_DURATION("QUINTET_MAIL_TIMEOUT", type, member.timeout_ms, "30s", 100, 600000,               \
                            "longest time for one try to send a mail"),                                        \
        QN_SETTING_DURATION(                                                                                   \
            "QUINTET_MAIL_RETRY_FOR", type, member.retry_for_ms, "10m", 1000, 86400000,                        \
            "so long a mail is tried again after the server could not be reached or said 4xx")

/* What the table cannot say. */
void auth_mail_settings_check(const struct auth_mail_settings *settings, struct qn_config_report *report);

/* Whether there is a server. */
bool auth_mail_settings_given(const struct auth_mail_settings *settings);

/* What "auto" comes to. */
enum auth_mail_tls auth_mail_settings_tls(const struct auth_mail_settings *settings);

/* "host:port" of the url, for the log: a view, without user and password. */
struct qn_str auth_mail_settings_host(const struct auth_mail_settings *settings);

/* What mails call the site. A view. */
struct qn_str auth_mail_settings_site(const struct auth_mail_settings *settings);

#endif
