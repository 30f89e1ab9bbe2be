#ifndef AUTH_TICKET_H
#define AUTH_TICKET_H

#include "services/auth/service.h"
#include "services/auth/upstream.h"

/* Tokens that a mail carries and that are redeemed once: rows of Better Auth's table verification, so that a
 * server beside redeems what was issued here, and the reverse. */

enum {
    AUTH_TICKET_TOKEN_MAX = 512, /* of a token shown; ours have 24 or 32. The store takes 1 KiB with what is
                                    before */
    AUTH_TICKET_RESET_LEN = 24,  /* a–z A–Z 0–9 */
    AUTH_TICKET_DELETE_LEN = 32, /* a–z 0–9 */
};

#define AUTH_TICKET_RESET  "reset-password:"
#define AUTH_TICKET_DELETE "delete-account-"

/* Embed it in the handler's state. A store that cannot be asked fails the call. */
struct auth_ticket {
    struct auth_service *service;
    struct qn_call *call;
    const char *user_id;                  /* in 'then': whose it is; NULL: there is none, or it has ended */
    Quintet__Store__V1__Verification row; /* private from here */
    struct qn_request store;
    void (*then)(struct auth_ticket *ticket);
};

/* Random ones, in the call's arena; NULL after failing the call. */
char *auth_ticket_new_reset(struct qn_call *call);
char *auth_ticket_new_delete(struct qn_call *call);

/* Writes a row. 'valid_ms' 0: one that has ended already and that nobody will be told of, for where there is
 * nobody; it costs the same. Deletes what has ended, at most once a minute. */
void auth_ticket_issue(struct auth_ticket *ticket, struct auth_service *service, struct qn_call *call,
                       const char *kind, const char *token, const char *user_id, int64_t valid_ms,
                       void (*then)(struct auth_ticket *ticket));

/* Whose is it? */
void auth_ticket_look(struct auth_ticket *ticket, struct auth_service *service, struct qn_call *call,
                      const char *kind, const char *token, void (*then)(struct auth_ticket *ticket));

/* The same, and it is used up, whoever shows it. */
void auth_ticket_take(struct auth_ticket *ticket, struct auth_service *service, struct qn_call *call,
                      const char *kind, const char *token, void (*then)(struct auth_ticket *ticket));

#endif
