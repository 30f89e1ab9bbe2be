#ifndef QN_TESTS_REPLAY_JWE_H
#define QN_TESTS_REPLAY_JWE_H

#include <stdbool.h>

#include "common/core/arena.h"
#include "common/core/str.h"

/* Reads what Better Auth encrypts for its cookie cache (services/auth/jwe.h says how), written a second time:
 * a mistake of the service's would otherwise agree with itself. The text is in the arena. False: not under
 * that secret, or not of that form. */
bool replay_jwe_read(const char *secret, struct qn_str token, struct qn_arena *arena,
                     struct qn_str *ret_text);

#endif
