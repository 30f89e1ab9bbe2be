#ifndef AUTH_EMAIL_H
#define AUTH_EMAIL_H

#include <stdbool.h>

#include "common/core/arena.h"
#include "common/core/str.h"

/* E-mail addresses as Better Auth takes them (zod's rule): ASCII only, nothing trimmed, nothing quoted. */

/* Better Auth sets no limit; ours keeps an address well inside what a btree page of PostgreSQL can index
 * (about 2,700 bytes), so that a long one is a typed error and not a failed insert. */
enum { AUTH_EMAIL_MAX_BYTES = 1024 };

bool auth_email_valid(struct qn_str email);

/* The address as it is stored and looked up: lower case. NULL over the arena's ceiling. */
char *auth_email_fold(struct qn_str email, struct qn_arena *arena);

#endif
