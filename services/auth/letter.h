#ifndef AUTH_LETTER_H
#define AUTH_LETTER_H

#include "common/rpc/call.h"
#include "services/auth/service.h"

/* A link by mail, and the answer of the call that asked for it. Nobody may learn from a call whether an
 * address is some user's: so whatever the case is, the link is made, and the call is answered; only then, if
 * there is somebody to write to, is the mail handed over. */

enum {
    AUTH_LETTER_CALLBACK_MAX = 4096, /* as the gateway has it */
    AUTH_LETTER_VALID_LEN = 32,
};

/* Whether there can be any: mail can be sent, and it is known where links lead (BETTER_AUTH_URL). */
bool auth_letter_can_send(const struct auth_service *service);

struct auth_letter {
    enum auth_mail_kind kind;
    const char *to;        /* NULL: nobody; all the rest is as if there were somebody */
    const char *name;      /* the user's */
    const char *new_email; /* NULL but in AUTH_MAIL_CHANGE_EMAIL */
    const char *link;
    int64_t valid_ms; /* what the mail says of the link */
};

/* <base>/path?token=…&callbackURL=… in the call's arena; with 'path' ending in "/" the token is its last
 * piece instead, as the product has it for password resets. An empty 'callback' becomes 'fallback'. NULL
 * after failing the call. */
char *auth_letter_link(const struct auth_service *service, struct qn_call *call, const char *path,
                       const char *token, const char *callback, const char *fallback);

/* A token that verifies an address for as long as emailVerification.expiresIn says, or with 'update_to' and
 * 'request_type' changes it: a JWT with the product's claims, in the call's arena. NULL after failing the
 * call. */
char *auth_letter_token(struct auth_service *service, struct qn_call *call, const char *email,
                        const char *update_to, const char *request_type, const char *user_id);

/* Answers the call, and then sends. 'link' may be NULL: then the call has failed already, and nothing
 * happens. */
void auth_letter_reply(struct auth_service *service, struct qn_call *call, const void *out,
                       const struct auth_letter *letter);
/* The same with a fault as the answer. */
void auth_letter_fail(struct auth_service *service, struct qn_call *call, const struct qn_fault *fault,
                      const struct auth_letter *letter);

/* A time as mails say it, in the largest unit that needs no fraction: "1 hour", "90 minutes". */
void auth_letter_write_valid(int64_t ms, char to[AUTH_LETTER_VALID_LEN]);

#endif
