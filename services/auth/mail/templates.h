#ifndef AUTH_MAIL_TEMPLATES_H
#define AUTH_MAIL_TEMPLATES_H

#include "services/auth/mail/template.h"

/* The mails there are, each from two files: <name>.txt, whose first line is "Subject: …" and whose second is
 * empty, and <name>.html. Those of a folder that the site gives go before the built-in ones (templates/),
 * file by file. They are read once, at the start. */

enum auth_mail_kind {
    AUTH_MAIL_VERIFY_EMAIL,   /* verify-email: to an address, whether it is its user's */
    AUTH_MAIL_RESET_PASSWORD, /* reset-password */
    AUTH_MAIL_CHANGE_EMAIL,   /* change-email: to the old address, whether it may become new_email */
    AUTH_MAIL_DELETE_ACCOUNT, /* delete-account */
    AUTH_MAIL_KINDS,
};

enum { AUTH_MAIL_TEMPLATE_MAX_BYTES = 128 * 1024 };

struct auth_mail_template {
    struct qn_str subject, text, html; /* sources; views */
};

struct auth_mail_templates {
    struct auth_mail_template of[AUTH_MAIL_KINDS];
    char *files[2 * AUTH_MAIL_KINDS]; /* what was read, private */
    size_t n_files;
};

const char *auth_mail_kind_name(enum auth_mail_kind kind);

/* 'folder' empty: the built-in ones alone. QN_INVALID_ARGUMENT: no such folder, or a file that cannot be
 * read, is no UTF-8, too large, without a subject, or has a place for nothing; 'err' names it. */
QN_MUST_USE enum qn_status auth_mail_templates_open(struct auth_mail_templates *templates, const char *folder,
                                                    struct qn_error *err);
void auth_mail_templates_close(struct auth_mail_templates *templates); /* safe on a zeroed one */

#endif
