#ifndef PROFILE_STORE_PROFILE_H
#define PROFILE_STORE_PROFILE_H

#include "services/profile/page.h"
#include "services/profile/profile.h"
#include "services/profile/store/row.h"
#include "services/profile/store/steps.h"

/* quintet.profile, read with its owner's ready photos. */

/* [0] the new profile; none when the user has one. 23503: no such user. */
void store_profile_insert(struct store_steps *steps, struct qn_str user_id,
                          const struct profile_fields *fields, int64_t now_ms);

/* [0] the profile. */
void store_profile_get(struct store_steps *steps, struct qn_str user_id);

/* Writes the fields of the set 'which', those that are not given as null. [0] the profile as it is then. */
void store_profile_update(struct store_steps *steps, struct qn_str user_id,
                          const struct profile_fields *fields, unsigned which, int64_t now_ms);

/* With its owner's photos, pending ones too. [2] one row if there was a profile, else none, and then nothing
 * has changed. */
void store_profile_delete(struct store_steps *steps, struct qn_str user_id);

struct store_profile_list {
    struct qn_str not_user_id;
    const struct profile_filter *filter;
    struct profile_births births;
    const struct profile_page_key *after; /* NULL: from the newest on */
    int limit;                            /* 1 to STORE_PROFILE_LIST_MAX */
};

/* A page of 100 and one more row, which tells whether there is another page. */
enum { STORE_PROFILE_LIST_MAX = 101 };

/* [0] complete profiles, newest first, photos and all. */
void store_profile_list(struct store_steps *steps, const struct store_profile_list *list);

/* A row of any of them. Texts last as long as the result, photos as long as the arena. QN_INTERNAL for a row
 * that is not as expected, QN_RESOURCE_EXHAUSTED at the arena's ceiling. */
QN_MUST_USE enum qn_status store_profile_read(const PGresult *result, int row, struct qn_arena *arena,
                                              struct profile *ret_profile);

#endif
