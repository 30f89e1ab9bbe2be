#ifndef TESTS_PHOTO_FIXTURE_H
#define TESTS_PHOTO_FIXTURE_H

#include "store.qn.h"
#include "tests/harness/store.h"

/* Photos as media makes them, for tests of PhotoStore and of what hangs on its rows. The store is opened and
 * closed by the test's groups (HARNESS_STORE_SETUPS); all that comes back lives as long as it is open. */
extern struct harness_store store;

#define CREATE_PHOTO   &quintet_store_v1_photo_store_create_photo
#define GET_PHOTO      &quintet_store_v1_photo_store_get_photo
#define COMPLETE_PHOTO &quintet_store_v1_photo_store_complete_photo
#define LIST_PHOTOS    &quintet_store_v1_photo_store_list_photos
#define DELETE_PHOTO   &quintet_store_v1_photo_store_delete_photo
#define SET_MAIN       &quintet_store_v1_photo_store_set_main_photo
#define REORDER        &quintet_store_v1_photo_store_reorder_photos
#define OF_PROFILES    &quintet_store_v1_photo_store_list_profile_photos

enum { PHOTO_FIXTURE_MAX = 6, PHOTO_FIXTURE_UPLOAD_MS = 600000 };

/* The request for a pending photo of this user; nothing is asked yet. */
Quintet__Store__V1__CreatePhotoRequest *photo_fixture_new(char *user_id);
/* Makes one; its id. */
char *photo_fixture_create(char *user_id);

/* The request that makes it ready, with keys of its own each time. */
Quintet__Store__V1__CompletePhotoRequest *photo_fixture_made(char *user_id, char *photo_id);
const Quintet__Store__V1__Photo *photo_fixture_complete(char *user_id, char *photo_id);
/* A ready one; its id. */
char *photo_fixture_add(char *user_id);

const Quintet__Store__V1__Photo *photo_fixture_get(char *user_id, char *photo_id);
void photo_fixture_delete(char *user_id, char *photo_id);

/* The ids of ready photos, in parentheses those that are main: "(a) b c". */
const char *photo_fixture_ids(Quintet__Store__V1__Photo *const *photos, size_t n);
const char *photo_fixture_list(char *user_id);

#endif
