#ifndef PROFILE_STORE_TRASH_H
#define PROFILE_STORE_TRASH_H

#include "services/profile/store/row.h"
#include "services/profile/store/steps.h"

/* quintet.photo_trash: what lies in the object store and must go. Triggers put it there
 * (migrations/0004_photo_objects.sql). A claim is a lease: an entry is handed out again from its not_before
 * on, which the claim moves to the lease's end, and that moment to the millisecond is what tells one lease of
 * an entry from another. Times are PostgreSQL's, so that several who claim have one clock.
 *
 * An entry falls due twice if something that is under way may bring back what was removed: again_at says
 * when. The claim that comes at or after again_at is the last, and takes the mark away. */

struct store_trash {
    int64_t id;
    struct qn_str prefix;
    int64_t attempts;
    int64_t leased_until_ms;
};

/* A view, as long as the result. False for a row that is not as expected. */
bool store_trash_read(const PGresult *result, int row, struct store_trash *ret_entry);

/* Leases at most 'max' entries that are due, those first that have been for longest, and passes over what
 * another is claiming right now. [0] them, in no order. */
void store_trash_claim(struct store_steps *steps, int max, int64_t lease_ms);

/* Entries of which everything is gone: those without again_at are deleted, the others fall due then. Ones
 * whose lease is another by now stay as they are. [0] and [1] a row for each of the others. Of the entries id
 * and leased_until_ms count. */
void store_trash_finish(struct store_steps *steps, const struct store_trash *entries, size_t n);

/* Puts them off: 15 s, doubled by each attempt, an hour at most, give or take a tenth. [0] a row for each
 * that was still the caller's. 'error' is cut at 300 characters. */
void store_trash_fail(struct store_steps *steps, const struct store_trash *entries, size_t n,
                      const char *error);

/* How much is due and not gone. */
enum { STORE_TRASH_COUNTED_MAX = 10000 };
struct store_trash_state {
    int64_t due;       /* STORE_TRASH_COUNTED_MAX: so many or more */
    int64_t oldest_ms; /* for how long one has been due; 0 when none is */
};
void store_trash_look(struct store_steps *steps); /* [0] one row, of the next */
bool store_trash_read_state(const PGresult *result, struct store_trash_state *ret_state);

#endif
