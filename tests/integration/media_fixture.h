#ifndef QN_TESTS_MEDIA_FIXTURE_H
#define QN_TESTS_MEDIA_FIXTURE_H

#include "common/rpc/client.h"
#include "media.qn.h"
#include "services/media/folder/object_file.h"
#include "tests/harness/http.h"
#include "tests/harness/postgres.h"
#include "tests/harness/service.h"

/* quintet-media as gateway and browser see it: the built programs quintet-media and quintet-profile on a
 * PostgreSQL of their own, asked over nng from the test's loop, and over HTTP by libcurl. One a test process.
 * Whatever goes wrong in here fails the test. */

#define MEDIA_FIXTURE_KEY_ID "AKTEST"
#define MEDIA_FIXTURE_SECRET "a secret that the tests know"

struct media_fixture {
    struct harness_postgres *postgres;
    PGconn *admin; /* for looking from outside */
    struct harness_service *profile, *media;
    const char *address; /* "127.0.0.1:41873", where browsers go; of the last start of media */
    const char *folder;  /* of the objects */
    struct media_object_place
        place;            /* the same, for looking at objects, and for making what a kill would leave */
    struct qn_loop *loop; /* from connect to disconnect */
    struct qn_client *client;
    struct qn_arena arena;
};

/* PostgreSQL and profile; ready when it returns. */
void media_fixture_start(struct media_fixture *fixture);
/* Profile again, after the test has stopped or killed it; does not wait. */
void media_fixture_start_profile(struct media_fixture *fixture);
/* quintet-media with 'more' ("NAME=value", ended by NULL; may be NULL); ready when it returns. */
void media_fixture_start_media(struct media_fixture *fixture, const char *const *more);
/* Does nothing when it does not run; otherwise it must end with exit code 0. */
void media_fixture_stop_media(struct media_fixture *fixture);
/* Those that still run must end with exit code 0; then the database goes. */
void media_fixture_stop(struct media_fixture *fixture);

/* A loop and a client of media for one test; the end proves the loop empty. */
void media_fixture_connect(struct media_fixture *fixture);
/* The client alone: a service that drains waits for its peers to do so. */
void media_fixture_hang_up(struct media_fixture *fixture);
void media_fixture_disconnect(struct media_fixture *fixture);

/* A new user's id, in memory that lives as long as the process. */
const char *media_fixture_user(struct media_fixture *fixture);

/* One call in the name of 'user' (NULL: nobody), which must end with this status and reason (NULL: none). The
 * response lives until disconnect; NULL unless QN_OK. */
const void *media_fixture_ask(struct media_fixture *fixture, const struct qn_method *method, const void *in,
                              const char *user, enum qn_status status, const char *reason);

/* Several calls in the name of 'user', all sent before the first is answered; how each ended. */
struct media_fixture_call {
    const struct qn_method *method;
    const void *in;
    enum qn_status status;
};
void media_fixture_ask_at_once(struct media_fixture *fixture, struct media_fixture_call *calls, size_t n,
                               const char *user);

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

/* Bytes that begin as a picture of this type does ("" for no type at all), in memory that lives as long as
 * the process. */
struct qn_str media_fixture_picture(const char *type, size_t size_bytes);

/* PUTs a body exactly as an upload says; the HTTP status. */
int media_fixture_put(const Quintet__Media__V1__CreateUploadResponse *upload, struct qn_str body);

/* GETs a URL; the status. */
int media_fixture_get(const char *url);

/* Create, PUT and complete: a ready photo. */
const Quintet__Media__V1__Photo *media_fixture_add(struct media_fixture *fixture, const char *user,
                                                   const char *type, size_t size_bytes);

/* Whether the store has an object of this key; and keys of an upload. */
bool media_fixture_has(struct media_fixture *fixture, const char *key);
const char *media_fixture_pending_key(const char *user, const char *photo_id);
const char *media_fixture_public_key(const char *photo_id);

/* Files in the making. */
size_t media_fixture_temporaries(struct media_fixture *fixture);

/* A number out of the database. */
long media_fixture_number(struct media_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits until 'holds' does; after 60 s the test fails with 'what'. */
void media_fixture_until(struct media_fixture *fixture, bool (*holds)(struct media_fixture *fixture),
                         const char *what);

#endif
