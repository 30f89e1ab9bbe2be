#ifndef QN_CORE_ID_H
#define QN_CORE_ID_H

#include <stddef.h>

/* Random identifiers from getrandom(2). Any thread. If the kernel gives no randomness the process aborts:
 * there is no safe way on. */

void qn_random_bytes(void *to, size_t len);

enum { QN_ID_LEN = 32 };

/* 32 characters of A–Z a–z 0–9 and a NUL, uniform by rejection sampling: Better Auth's row ids and session
 * tokens have this shape. */
void qn_id_new(char to[QN_ID_LEN + 1]);

enum { QN_REQUEST_ID_LEN = 16 };

/* 16 lower-case hex digits and a NUL, for request ids in logs; no secret. One system call for 32 of them,
 * each thread for itself; a child made by fork(2) that does not go on to exec repeats its parent's next ones.
 */
void qn_id_request(char to[QN_REQUEST_ID_LEN + 1]);

#endif
