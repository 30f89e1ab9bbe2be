#ifndef AUTH_PROOF_H
#define AUTH_PROOF_H

#include "services/auth/hasher.h"
#include "services/auth/live.h"

/* That who has a session also knows the password. Two steps, because changing a password hashes the new one
 * between them. Embed it in the handler's state beside its struct auth_live. */
struct auth_proof {
    struct auth_live *live;
    const char *field;        /* of the request, that holds the password: violated by a wrong one */
    bool no_account_is_wrong; /* no password to compare with: INVALID_PASSWORD */
    struct qn_str stored;     /* private from here */
    struct qn_request store;
    struct auth_hash_job job;
    void (*then)(struct auth_proof *proof);
};

/* Finds the hash of the session's user. No credential account, or none with a password: the call fails,
 * FAILED_PRECONDITION (CREDENTIAL_ACCOUNT_NOT_FOUND), or as for a wrong password. */
void auth_proof_find(struct auth_proof *proof, struct auth_live *live, const char *field,
                     bool no_account_is_wrong, void (*then)(struct auth_proof *proof));

/* Verifies, off the loop. Another password: the call fails, INVALID_ARGUMENT (INVALID_PASSWORD).
 * Requires: found. */
void auth_proof_verify(struct auth_proof *proof, struct qn_str password,
                       void (*then)(struct auth_proof *proof));

#endif
