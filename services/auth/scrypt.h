#ifndef AUTH_SCRYPT_H
#define AUTH_SCRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "common/core/status.h"
#include "common/core/str.h"

/* scrypt (RFC 7914) with Better Auth's costs, by whichever of two libraries is faster on this processor: on
 * an Intel Xeon one hash took libsodium 79 ms and OpenSSL 129, on an AMD EPYC 63 to 92 and 51 to 57. Both
 * give the same key. The first few hashes go to each in turn and are timed; from then on all go to the
 * faster. */

enum { AUTH_SCRYPT_N = 16384, AUTH_SCRYPT_R = 16, AUTH_SCRYPT_P = 1, AUTH_SCRYPT_KEY_BYTES = 64 };

/* Once, before anything else of OpenSSL's in this process: its large blocks then lie in huge pages where the
 * kernel has them (madvise(2), MADV_HUGEPAGE), which saves eight thousand page faults a hash, 13 of 71 ms.
 * Without it all is well, and slower. */
void auth_scrypt_init(void);

/* Any thread; 32 MiB while it runs. QN_RESOURCE_EXHAUSTED: no memory. */
QN_MUST_USE enum qn_status auth_scrypt(struct qn_str password, struct qn_str salt,
                                       uint8_t to[AUTH_SCRYPT_KEY_BYTES]);

/* For tests. */
enum auth_scrypt_library { AUTH_SCRYPT_SODIUM, AUTH_SCRYPT_OPENSSL, AUTH_SCRYPT_LIBRARIES };
QN_MUST_USE enum qn_status auth_scrypt_by(enum auth_scrypt_library library, struct qn_str password,
                                          struct qn_str salt, uint8_t to[AUTH_SCRYPT_KEY_BYTES]);
/* Which one the next hash goes to, by the times told so far. */
enum auth_scrypt_library auth_scrypt_choice(void);
/* A hash took so long, in µs of its thread's CPU; at least 1. */
void auth_scrypt_took(enum auth_scrypt_library library, uint64_t cpu_us);

#endif
