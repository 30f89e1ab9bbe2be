#ifndef PROFILE_STORE_VERIFICATION_H
#define PROFILE_STORE_VERIFICATION_H

#include "services/profile/store/row.h"
#include "services/profile/store/steps.h"

/* Better Auth's table verification. */

struct store_verification {
    struct qn_str id, identifier, value;
    int64_t expires_at_ms, created_at_ms, updated_at_ms;
};

void store_verification_insert(struct store_steps *steps, const struct store_verification *verification);

/* The newest of that identifier: one row or none. */
void store_verification_find(struct store_steps *steps, const char *identifier);

/* Deletes all of that identifier; the rows that went, in any order. */
void store_verification_take(struct store_steps *steps, const char *identifier);

/* Deletes those that ended before. */
void store_verification_sweep(struct store_steps *steps, int64_t before_ms);

/* Views last as long as the result. False for a row that is not as expected. */
bool store_verification_read(const PGresult *result, int row, struct store_verification *ret_verification);

#endif
