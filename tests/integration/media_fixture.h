#ifndef QN_TESTS_MEDIA_FIXTURE_H
#define QN_TESTS_MEDIA_FIXTURE_H

#include "common/rpc/client.h"
#include "media.qn.h"
#include "services/media/folder/object_file.h"
#include "tests/harness/bucket.h"
#include "tests/harness/http.h"
#include "tests/harness/postgres.h"
#include "tests/harness/service.h"

/* quintet-media as gateway and browser see it: the built programs quintet-media, quintet-picture and
 * quintet-profile on a PostgreSQL of their own, asked over nng from the test's loop, and over HTTP by
 * libcurl. Pictures lie in the embedded folder, or in a bucket (harness/bucket.h) when the pass or the test
 * wants that. One a test process. Whatever goes wrong in here fails the test. */

#define MEDIA_FIXTURE_KEY_ID "AKTEST"
#define MEDIA_FIXTURE_SECRET "a secret that the tests know"

struct media_fixture {
    struct harness_postgres *postgres;
    PGconn *admin; /* for looking from outside */
    struct harness_service *profile, *media;
    struct harness_service *another; /* a second process of media, beside it; NULL mostly */
    struct harness_bucket *bucket;   /* NULL: the embedded folder */
    const char *address; /* "127.0.0.1:41873", where browsers go to the folder; of the last start of media */
    const char *folder;  /* of the objects; only without a bucket, like the next */
    struct media_object_place
        place;            /* the same, for looking at objects, and for making what a kill would leave */
    struct qn_loop *loop; /* from connect to disconnect */
    struct qn_client *client;
    struct qn_arena arena;
};

/* PostgreSQL and profile, and the bucket of the pass s3/; ready when it returns. */
void media_fixture_start(struct media_fixture *fixture);
/* The same, with a bucket in any pass. */
void media_fixture_start_with_bucket(struct media_fixture *fixture);
/* Profile again, after the test has stopped or killed it; does not wait. */
void media_fixture_start_profile(struct media_fixture *fixture);
/* quintet-media with 'more' ("NAME=value", ended by NULL; may be NULL); ready when it returns. */
void media_fixture_start_media(struct media_fixture *fixture, const char *const *more);
/* A second one, which shares rows and objects with the first; calls go to either. */
void media_fixture_start_another(struct media_fixture *fixture, const char *const *more);
/* Does nothing when it does not run; otherwise it, and the other, must end with exit code 0. */
void media_fixture_stop_media(struct media_fixture *fixture);
/* SIGKILL to media; returns when it is gone. */
void media_fixture_kill_media(struct media_fixture *fixture);
/* Those that still run must end with exit code 0; then the database goes. */
void media_fixture_stop(struct media_fixture *fixture);

/* A loop and a client of media for one test; the end proves the loop empty. */
void media_fixture_connect(struct media_fixture *fixture);
/* The client alone: a service that drains waits for its peers to do so. */
void media_fixture_hang_up(struct media_fixture *fixture);
void media_fixture_disconnect(struct media_fixture *fixture);

/* A new user's id, in memory that lives as long as the process. */
const char *media_fixture_user(struct media_fixture *fixture);

/* All of a profile but its photo. */
void media_fixture_complete_profile(struct media_fixture *fixture, const char *user);

/* One call in the name of 'user' (NULL: nobody), which must end with this status and reason (NULL: none). The
 * response lives until disconnect; NULL unless QN_OK. */
const void *media_fixture_ask(struct media_fixture *fixture, const struct qn_method *method, const void *in,
                              const char *user, enum qn_status status, const char *reason);

/* Several calls in the name of 'user', all sent before the first is answered; how each ended. */
struct media_fixture_call {
    const struct qn_method *method;
    const void *in;
    enum qn_status status;
    const void *out; /* when QN_OK; lives until disconnect */
};
void media_fixture_ask_at_once(struct media_fixture *fixture, struct media_fixture_call *calls, size_t n,
                               const char *user);
/* The two halves of it. */
void media_fixture_begin_at_once(struct media_fixture *fixture, struct media_fixture_call *calls, size_t n,
                                 const char *user);
void media_fixture_end_at_once(struct media_fixture *fixture, struct media_fixture_call *calls, size_t n);

/* A call whose answer the test does not wait for yet: one at a time. */
void media_fixture_begin(struct media_fixture *fixture, const struct qn_method *method, const void *in,
                         const char *user, uint64_t timeout_ms);
/* Whether it has ended; what the loop has to do meanwhile is done. */
bool media_fixture_ended(struct media_fixture *fixture);
/* Gives it up: whom it was asked of has been killed, and nobody is to be asked in its place. */
void media_fixture_abandon(struct media_fixture *fixture);
/* Waits for its end: the status. */
enum qn_status media_fixture_end(struct media_fixture *fixture);

const Quintet__Media__V1__CreateUploadResponse *
media_fixture_create(struct media_fixture *fixture, const char *user, const char *type, int64_t size_bytes);
const Quintet__Media__V1__Photo *media_fixture_complete(struct media_fixture *fixture, const char *user,
                                                        const char *upload_id, enum qn_status status,
                                                        const char *reason);
const Quintet__Media__V1__ListPhotosResponse *media_fixture_list(struct media_fixture *fixture,
                                                                 const char *user);
void media_fixture_delete(struct media_fixture *fixture, const char *user, const char *photo_id,
                          enum qn_status status, const char *reason);
const Quintet__Media__V1__Photo *media_fixture_set_main(struct media_fixture *fixture, const char *user,
                                                        const char *photo_id, enum qn_status status,
                                                        const char *reason);

/* A picture of this type and exactly this size: "image/png" of MEDIA_FIXTURE_PICTURE_MIN bytes or more is a
 * whole one, of one pixel and a filling; of other types and smaller ones only the front is right ("" for no
 * type at all). In memory that lives as long as the process. */
enum { MEDIA_FIXTURE_PICTURE_MIN = 100 };
struct qn_str media_fixture_picture(const char *type, size_t size_bytes);

/* PUTs a body exactly as an upload says; the HTTP status. */
int media_fixture_put(const Quintet__Media__V1__CreateUploadResponse *upload, struct qn_str body);

/* GETs a URL; the status. */
int media_fixture_get(const char *url);

/* Create, PUT and complete: a ready photo. */
const Quintet__Media__V1__Photo *media_fixture_add(struct media_fixture *fixture, const char *user,
                                                   const char *type, size_t size_bytes);
/* The first two alone: the upload. */
const Quintet__Media__V1__CreateUploadResponse *media_fixture_upload(struct media_fixture *fixture,
                                                                     const char *user);

/* Objects, whatever store they lie in (media_objects.c). */

/* Whether the store has an object of this key; how many whose keys begin with that. */
bool media_fixture_has(struct media_fixture *fixture, const char *key);
size_t media_fixture_objects(struct media_fixture *fixture, const char *prefix);
/* By hand, past quintet-media: a picture of 100 bytes under a key; none. */
void media_fixture_make_object(struct media_fixture *fixture, const char *key);
void media_fixture_remove_object(struct media_fixture *fixture, const char *key);

/* Of an upload; and the prefix of a photo's pictures. */
const char *media_fixture_pending_key(const char *user, const char *photo_id);
const char *media_fixture_public_prefix(const char *photo_id);
/* Of a photo's large picture, out of its row. */
const char *media_fixture_public_key(struct media_fixture *fixture, const char *photo_id);

/* Files in the making, of the embedded folder. */
size_t media_fixture_temporaries(struct media_fixture *fixture);

/* Time, as rows and trash have it: two hours later. What was begun before is settled then. */
void media_fixture_later(struct media_fixture *fixture);
/* Whether nothing waits in the trash that is due now. */
bool media_fixture_trash_is_out(struct media_fixture *fixture);
/* Two hours later, and after the sweep: no upload is pending, the trash is empty, and the objects that there
 * are are exactly those that ready photos name. Requires: media runs, with a sweep that comes soon. */
void media_fixture_expect_agreement(struct media_fixture *fixture);

/* A number out of the database. */
long media_fixture_number(struct media_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits until 'holds' does; after 60 s the test fails with 'what'. */
void media_fixture_until(struct media_fixture *fixture, bool (*holds)(struct media_fixture *fixture),
                         const char *what);

#endif
