#ifndef AUTH_MAIL_JOB_H
#define AUTH_MAIL_JOB_H

#include "common/core/arena.h"
#include "services/auth/mail/mail.h"

/* One mail on its way. Inside the room.
 *
 *   new ──▶ try (on a thread) ──▶ sent, refused (5xx), expired, ended: gone
 *            ▲        │ 4xx, or no answer
 *            └─ pause ◀┘
 */
struct auth_mail_job {
    struct qn_node node;
    struct auth_mail *mail;
    struct qn_arena arena; /* holds this */
    enum auth_mail_kind kind;
    char *to;
    struct auth_mail_values values;
    uint64_t deadline_ms;
    unsigned tries;
    struct qn_work work;
    struct qn_timer pause; /* active: between two tries */
    enum auth_mail_outcome outcome;
    struct qn_error why;
};

/* What becomes of mails is counted under these words: sent, logged, refused, expired, full, invalid, off,
 * ended. */
void auth_mail_job_count(enum auth_mail_kind kind, const char *outcome);

/* Copies, and puts it among the mail's jobs. NULL: no memory, or more than a mail may have. */
struct auth_mail_job *auth_mail_job_new(struct auth_mail *mail, enum auth_mail_kind kind, struct qn_str to,
                                        const struct auth_mail_values *values);

/* Tries to send it now. Requires: it is neither being tried nor pausing. When all is over with it, it is
 * gone, and the part's drain may be. */
void auth_mail_job_try(struct auth_mail_job *job);

/* Drops one that pauses: the process ends. */
void auth_mail_job_drop(struct auth_mail_job *job);

/* mail.c: a job has gone. */
void auth_mail_job_gone(struct auth_mail *mail);

#endif
