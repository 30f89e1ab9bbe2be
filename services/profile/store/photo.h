#ifndef PROFILE_STORE_PHOTO_H
#define PROFILE_STORE_PHOTO_H

#include "services/profile/store/row.h"
#include "services/profile/store/steps.h"

/* quintet.photo. Every change first locks the row of the photo's user ("for no key update": sign-ins, whose
 * foreign keys take the weaker "for key share", pass by), so the changes of one user's photos come one after
 * the other, each seeing what the one before did, and their number has a limit that no race gets round. The
 * lock is on the user because photos may come before the profile. A user who is gone has nothing to lock, and
 * then nothing to find either. */

struct store_photo {
    struct qn_str id, user_id, object_key, content_type;
    int64_t size_bytes;
    bool ready, main;
    int64_t created_at_ms;
    struct qn_str small_key; /* this and the next: empty and 0 for null */
    int64_t width, height;
    struct qn_str blur_data_url;
    int64_t upload_expires_at_ms;
};

/* Views last as long as the result. False for a row that is not as expected. */
bool store_photo_read(const PGresult *result, int row, struct store_photo *ret_photo);

/* A pending photo, unless the user has 'max' that are ready or 'max' pending whose upload has not ended by
 * 'now_ms'. Steps: [0] a row if there is such a user; [1] a row if the photo was made. */
void store_photo_insert(struct store_steps *steps, const struct store_photo *photo, int max,
                        int64_t upload_expires_at_ms, int64_t now_ms);

/* [0] the photo, pending or ready. */
void store_photo_get(struct store_steps *steps, const char *user_id, const char *photo_id);

/* Makes it ready unless the user has 'max' that are, the last in the order, and main if the user has no main
 * one. Of 'made' the keys, type, size, measures and placeholder count; what is empty or 0 stays or becomes
 * null. [2] the photo as it is then; still pending: there were too many. 23505 (photo_object_key_key): the
 * key is another's. */
void store_photo_complete(struct store_steps *steps, const char *user_id, const char *photo_id,
                          const struct store_photo *made, int max);

/* [0] the ready ones in their order, main first. */
void store_photo_list(struct store_steps *steps, const char *user_id);

/* [0] the ready ones, or the main one alone, of each of these users whose profile is complete; user by user,
 * each one's in their order. */
void store_photo_list_of_profiles(struct store_steps *steps, const struct qn_str *user_ids, size_t n_user_ids,
                                  bool main_only);

/* Removes it; if it was main, the next in the order becomes it. [1] the photo that went. */
void store_photo_delete(struct store_steps *steps, const char *user_id, const char *photo_id);

/* Removes all of a user who has a profile, which is about to go with them: the first two steps of
 * store_profile_delete(). Of a user without one it removes none. */
void store_photo_delete_all(struct store_steps *steps, struct qn_str user_id);

/* [2] the photo, main now; none if it is not there or not ready, and then nothing has changed. */
void store_photo_set_main(struct store_steps *steps, const char *user_id, const char *photo_id);

/* Puts the ready ones in this order, the first main. [2] as many rows as ids; none, and then nothing has
 * changed, unless they are all of them, each once. [3] as store_photo_list(). */
void store_photo_reorder(struct store_steps *steps, const char *user_id, const struct qn_str *photo_ids,
                         size_t n_photo_ids);

/* Removes pending ones whose upload ended before 'before_ms', 'max' at most, the oldest first; none that
 * somebody is changing. Locks no user. [0] a row for each. */
void store_photo_sweep(struct store_steps *steps, int64_t before_ms, int max);

#endif
