#ifndef QN_TESTS_REPLAY_MAIL_H
#define QN_TESTS_REPLAY_MAIL_H

#include "tests/harness/replay.h"
#include "tests/harness/smtp.h"

/* The mails that the recording says were sent ("sent"), against what a mail server of the test got. */

struct replay_mail {
    struct replay *replay;
    const struct replay_target *target;
    struct harness_smtp *server;
    size_t seen; /* mails that were looked at */
};

/* A verification token that the recorder signed by hand is signed anew, as much later as the replay is, and
 * put in the recorded one's place. One that was not well signed, or came by mail, stays as it is. Before the
 * exchange is asked. */
void replay_mail_sign(struct replay_mail *mail, const struct replay_exchange *exchange);

/* After it was asked: waits for the next mail and compares whom it is to, what it is, and its link; the
 * tokens must have the same shape, JWTs say the same and be signed with the target's secret. What was issued
 * takes the recorded one's place from then on. True for an exchange that sent nothing. */
bool replay_mail_compare(struct replay_mail *mail, const struct replay_exchange *exchange,
                         struct qn_buf *differences);

/* For a mail that the recorder did not keep: its token takes the place of 'recorded' (NULL: of none). */
void replay_mail_skip(struct replay_mail *mail, const char *recorded);

#endif
