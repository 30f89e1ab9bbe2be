#ifndef AUTH_HASHER_H
#define AUTH_HASHER_H

#include "common/app/app.h"
#include "common/core/backlog.h"
#include "common/loop/work.h"
#include "services/auth/password.h"

/* Password hashing off the loop: a lane of as many threads as there are cores, with a bounded queue. One that
 * would be hashed only when its caller has gone is refused at once (common/core/backlog.h has the rule). A
 * part of the service; the lane's metrics (quintet_work_…{lane="hash"}) show its queue,
 * quintet_auth_hash_refused_total what was refused. */
struct auth_hasher {
    struct qn_part part;
    const int64_t *threads; /* of the settings; 0: one a core, less one */
    const int64_t *queue_max;
    unsigned threads_used; /* from open on */
    struct qn_loop *loop;
    struct qn_lane *lane;   /* NULL unless open */
    struct qn_backlog pace; /* how long one takes on a thread */
    size_t in_hand;         /* jobs started and not yet done, refused ones left out */
    void (*closed)(struct qn_part *part);
};

#define AUTH_HASHER(threads_, queue_max_)                                                                    \
    {                                                                                                        \
        .part = {.name = "hash", .open = auth_hasher_open, .close = auth_hasher_close},                      \
        .threads = (threads_), .queue_max = (queue_max_)                                                     \
    }

enum qn_status auth_hasher_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
void auth_hasher_close(struct qn_part *part, void (*done)(struct qn_part *part));

/* When to come again after a refusal: about as long as what waits now takes, and at least a second. */
uint32_t auth_hasher_retry_after_ms(const struct auth_hasher *hasher);

/* One hashing. Embed it, zero it; it and what it points to stay until 'done', which runs on the loop, once,
 * never from within the start. */
struct auth_hash_job {
    struct qn_work work;
    struct qn_str password;
    struct qn_str stored;
    char hash[AUTH_PASSWORD_HASH_LEN + 1]; /* of a new password, valid in 'done' with QN_OK */
    enum qn_status outcome;
    uint64_t took_us; /* on the thread */
    struct auth_hasher *hasher;
    struct qn_later refused;
    void (*done)(struct auth_hash_job *job, enum qn_status status);
};

/* Hashes a new password. done: as auth_password_hash(), or QN_RESOURCE_EXHAUSTED (queue full, or
 * its turn would come too late; nothing was done), QN_DEADLINE_EXCEEDED (no thread was free before
 * 'deadline_ms'; nothing was done), QN_CANCELLED. */
void auth_hasher_hash(struct auth_hasher *hasher, struct auth_hash_job *job, struct qn_str password,
                      uint64_t deadline_ms, void (*done)(struct auth_hash_job *job, enum qn_status status));

/* Verifies a password; an empty 'stored' costs the same and is QN_UNAUTHENTICATED. done: as
 * auth_password_verify(), or one of the three above. */
void auth_hasher_verify(struct auth_hasher *hasher, struct auth_hash_job *job, struct qn_str password,
                        struct qn_str stored, uint64_t deadline_ms,
                        void (*done)(struct auth_hash_job *job, enum qn_status status));

#endif
