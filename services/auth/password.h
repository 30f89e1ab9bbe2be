#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/core/str.h"

/* Password hashes as Better Auth writes them: "salt:key" in lower-case hex, where key is scrypt (N 16384, r
 * 16, p 1, 64 bytes) over the password in NFKC as UTF-8, and the salt that scrypt gets is the hex text
 * itself, not the 16 bytes behind it. Some 60 to 80 ms of CPU and 32 MiB of memory each: never on the loop
 * (services/auth/hasher.h).
 *
 * All functions: any thread; 'password' is well-formed UTF-8 and may hold NUL, which counts. */

enum {
    /* The longest that a site may allow, in UTF-16 code units before normalisation, as JavaScript's length
     * counts: what keeps normalisation and hashing bounded. */
    AUTH_PASSWORD_CEILING = 1024,
    AUTH_PASSWORD_SALT_LEN = 32,
    AUTH_PASSWORD_SALT_MAX = 1024, /* of one that is stored: scrypt reads it 64 times over, and whoever writes
                                      rows must not make sign-in dearer */
    AUTH_PASSWORD_KEY_BYTES = 64,
    AUTH_PASSWORD_HASH_LEN = AUTH_PASSWORD_SALT_LEN + 1 + 2 * AUTH_PASSWORD_KEY_BYTES, /* 161 */
};

/* A well-formed hash that no password is known for: what is verified when there is nothing to verify, so that
 * an unknown address costs the same as a wrong password. */
extern const struct qn_str auth_password_nobody;

/* Unicode's NFKC (UAX #15), what is hashed. QN_INVALID_ARGUMENT: not UTF-8.  QN_RESOURCE_EXHAUSTED: no
 * memory, or the buffer's ceiling; no text grows more than AUTH_PASSWORD_GROWTH_MAX times (UAX #15, table
 * 11). */
enum { AUTH_PASSWORD_GROWTH_MAX = 11 };
QN_MUST_USE enum qn_status auth_password_normalise(struct qn_str password, struct qn_buf *to);

/* Hashes under a new random salt; writes AUTH_PASSWORD_HASH_LEN characters and a NUL.
 * QN_RESOURCE_EXHAUSTED: no memory.  QN_INVALID_ARGUMENT: not UTF-8. */
QN_MUST_USE enum qn_status auth_password_hash(struct qn_str password, char to[AUTH_PASSWORD_HASH_LEN + 1]);

/* A stored hash taken apart. Nothing in it says how much work it is. */
struct auth_password_parts {
    struct qn_str salt;
    uint8_t key[AUTH_PASSWORD_KEY_BYTES];
    bool whole; /* 'key' is filled; no password is right for one that is not 64 bytes of hex */
};

/* QN_INTERNAL: it lacks one of its halves, or the salt is longer than any. */
QN_MUST_USE enum qn_status auth_password_read(struct qn_str stored, struct auth_password_parts *ret_parts);

/* QN_OK: it is the password.  QN_UNAUTHENTICATED: it is not, found in constant time after the full work.
 * QN_INTERNAL: 'stored' cannot be read; nothing was hashed.
 * QN_RESOURCE_EXHAUSTED, QN_INVALID_ARGUMENT: as above. */
QN_MUST_USE enum qn_status auth_password_verify(struct qn_str password, struct qn_str stored);

#endif
