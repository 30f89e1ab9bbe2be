#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/id.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/integration/media_fixture.h"

/* What a kill between any two steps leaves (services/media/photo.c numbers them), and that the sweep ends it:
 * no object without a ready row, no row without an object. Each state is made by hand, as the kill would
 * leave it. */

static struct media_fixture fixture;

/* The shortest life of an upload that can be set; the sweep then comes every second, and touches nothing
 * younger than three. */
static const char *const short_lived[] = {"QUINTET_MEDIA_UPLOAD_VALID=1s", NULL};

static int setup(void **state)
{
    (void)state;
    media_fixture_start(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    media_fixture_stop(&fixture);
    return 0;
}

static int stop_media(void **state)
{
    (void)state;
    media_fixture_stop_media(&fixture);
    return 0;
}

enum row { NO_ROW, PENDING_ROW, READY_ROW };

/* A photo in some state. */
struct photo {
    const char *user, *id, *pending_key, *public_key;
};

static void put_object(const char *key)
{
    char name[MEDIA_OBJECT_FILE_TEMP_MAX];
    struct media_object_info info = {.size_bytes = 100, .content_type = "image/png", .etag = "made by hand"};
    struct qn_error err;
    int fd;
    assert_int_equal(media_object_file_create(&fixture.place, name, &fd, &err), QN_OK);
    assert_int_equal(media_object_file_append(fd, media_fixture_picture("image/png", 100), &err), QN_OK);
    assert_int_equal(
        media_object_file_publish(&fixture.place, name, fd, key, MEDIA_OBJECT_FILE_KEY_FREE, &info, &err),
        QN_OK);
    close(fd);
}

static struct photo make(enum row row, bool pending_object, bool public_object)
{
    char id[QN_ID_LEN + 1];
    struct qn_error err;
    qn_id_new(id);
    struct photo photo = {.user = media_fixture_user(&fixture), .id = harness_text("%s", id)};
    photo.pending_key = media_fixture_pending_key(photo.user, id);
    photo.public_key = media_fixture_public_key(id);
    if (row != NO_ROW)
        harness_postgres_do(
            fixture.admin,
            harness_text(
                "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, "
                "is_main, created_at, expires_at) values ('%s', '%s', '%s', 'image/png', 100, %s, %s, "
                "now() - interval '1 hour', now() - interval '50 minutes')",
                id, photo.user, photo.public_key, row == READY_ROW ? "true" : "false",
                row == READY_ROW ? "true" : "false"));
    if (pending_object)
        put_object(photo.pending_key);
    if (public_object && pending_object)
        assert_int_equal(media_object_file_copy(&fixture.place, photo.pending_key, photo.public_key, &err),
                         QN_OK);
    else if (public_object)
        put_object(photo.public_key);
    return photo;
}

static void expect(const struct photo *photo, bool row, bool pending_object, bool public_object)
{
    assert_int_equal(
        media_fixture_number(&fixture, "select count(*) from quintet.photo where id = '%s'", photo->id), row);
    assert_int_equal(media_fixture_has(&fixture, photo->pending_key), pending_object);
    assert_int_equal(media_fixture_has(&fixture, photo->public_key), public_object);
}

static double swept(const char *row)
{
    double n =
        harness_service_metric(fixture.media, harness_text("quintet_media_swept_total{row=\"%s\"}", row));
    return n < 0 ? 0 : n;
}

static bool six_swept(struct media_fixture *of)
{
    (void)of;
    return swept("gone") + swept("pending") + swept("ready") >= 6;
}

static bool swept_once(struct media_fixture *of)
{
    return harness_service_metric(of->media, "quintet_media_sweeps_total") >= 1;
}

static void test_every_state_that_a_kill_leaves(void **state)
{
    (void)state;
    struct photo before_complete = make(PENDING_ROW, true, false); /* after 4 */
    struct photo before_ready = make(PENDING_ROW, true, true);     /* after 7 */
    struct photo done = make(READY_ROW, true, true);               /* after 8, and after 11 */
    struct photo after_row = make(NO_ROW, true, true);             /* after 12 */
    struct photo after_public = make(NO_ROW, true, false);         /* after 13, and within a refusal */
    struct photo left_by_user = make(NO_ROW, true, true);
    struct photo settled = make(READY_ROW, false, true);           /* long since complete */
    struct photo never_uploaded = make(PENDING_ROW, false, false); /* after 2 */
    /* What is not ours stays: somebody's own file, and a name that only looks like one of ours. */
    put_object("pending/somebody-elses");
    put_object("pending/dTE/not-an-id");

    media_fixture_start_media(&fixture, short_lived);
    media_fixture_until(&fixture, six_swept, "six unfinished photos swept");
    expect(&before_complete, false, false, false);
    expect(&before_ready, false, false, false);
    expect(&done, true, false, true);
    expect(&after_row, false, false, false);
    expect(&after_public, false, false, false);
    expect(&left_by_user, false, false, false);
    expect(&settled, true, false, true);
    expect(&never_uploaded, true, false, false);
    assert_true(swept("pending") == 2 && swept("ready") == 1 && swept("gone") == 3);
    assert_true(media_fixture_has(&fixture, "pending/somebody-elses"));
    assert_true(media_fixture_has(&fixture, "pending/dTE/not-an-id"));
    assert_int_equal(
        media_fixture_get(harness_text("http://%s/%s", fixture.address, before_ready.public_key)), 404);
    assert_int_equal(media_fixture_get(harness_text("http://%s/%s", fixture.address, done.public_key)), 200);
}

/* Young ones are none of the sweep's business: their owner may be about to call. */
static void test_what_is_young_stays(void **state)
{
    (void)state;
    struct photo uploaded = make(PENDING_ROW, true, false);
    struct photo mark = make(NO_ROW, true, true);
    media_fixture_start_media(&fixture, (const char *const[]){"QUINTET_MEDIA_UPLOAD_VALID=1h", NULL});
    media_fixture_until(&fixture, swept_once, "the pass at the start");
    expect(&uploaded, true, true, false);
    expect(&mark, false, true, true);
}

/* More than one listing holds: every one is looked at, in one pass. */
static bool all_swept(struct media_fixture *of)
{
    (void)of;
    return swept("gone") >= 150;
}

static void test_many(void **state)
{
    (void)state;
    struct photo photos[150];
    for (size_t i = 0; i < 150; i++)
        photos[i] = make(NO_ROW, true, i % 2);
    media_fixture_start_media(&fixture, short_lived);
    media_fixture_until(&fixture, all_swept, "150 orphans swept");
    for (size_t i = 0; i < 150; i++)
        expect(&photos[i], false, false, false);
}

static bool one_gone(struct media_fixture *of)
{
    (void)of;
    return swept("gone") >= 1;
}

static bool gave_up(struct media_fixture *of)
{
    return harness_service_logged(of->media, "unfinished upload not swept");
}

/* Whether a row is there only profile can say: without it nothing is removed, and all is later. */
static void test_profile_away(void **state)
{
    (void)state;
    struct photo orphan = make(NO_ROW, true, true);
    media_fixture_start_media(&fixture, short_lived);
    assert_int_equal(harness_service_stop(fixture.profile), 0);
    media_fixture_until(&fixture, gave_up, "the sweep has met an absent profile");
    expect(&orphan, false, true, true);
    media_fixture_start_profile(&fixture);
    media_fixture_until(&fixture, one_gone, "swept once profile is back");
    expect(&orphan, false, false, false);
}

/* The database has the last word on how long a completion may come: not the object's age, nor the client. */
static void test_completing_too_late(void **state)
{
    (void)state;
    media_fixture_start_media(&fixture, NULL);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", 100);
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", 100)), 200);
    harness_postgres_do(
        fixture.admin,
        harness_text("update quintet.photo set created_at = now() - interval '21 minutes' where id = '%s'",
                     upload->upload_id));
    media_fixture_complete(&fixture, user, upload->upload_id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
    harness_postgres_do(
        fixture.admin,
        harness_text("update quintet.photo set created_at = now() - interval '19 minutes' where id = '%s'",
                     upload->upload_id));
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    media_fixture_disconnect(&fixture);
}

static const char *awaited_key;

static bool awaited_is_gone(struct media_fixture *of)
{
    return !media_fixture_has(of, awaited_key);
}

/* An upload by the book under the shortest lifetime: what is swept of it is the note, never the photo. */
static void test_the_sweep_and_a_photo_that_stays(void **state)
{
    (void)state;
    media_fixture_start_media(&fixture, short_lived);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 1000);
    awaited_key = media_fixture_pending_key(user, photo->id);
    assert_true(media_fixture_has(&fixture, awaited_key));
    media_fixture_until(&fixture, awaited_is_gone, "the pending object of a ready photo swept");
    assert_int_equal(media_fixture_get(photo->url), 200);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 1);
    media_fixture_disconnect(&fixture);
}

static bool one_temporary(struct media_fixture *of)
{
    return media_fixture_temporaries(of) == 1;
}

static bool no_temporaries(struct media_fixture *of)
{
    return media_fixture_temporaries(of) == 0;
}

static void make_temporaries_old(void)
{
    const struct timespec long_ago[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    DIR *folder = fdopendir(openat(fixture.place.tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        if (entry->d_name[0] != '.')
            assert_int_equal(utimensat(fixture.place.tmp_fd, entry->d_name, long_ago, 0), 0);
    closedir(folder);
}

/* Killed halfway through an upload: no object, and the file in the making goes once it is surely nobody's. */
static void test_killed_while_it_uploads(void **state)
{
    (void)state;
    struct wire wire = {0};
    enum { SIZE = 300000 };
    media_fixture_start_media(&fixture, NULL);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(&fixture, user, "image/png", SIZE);
    wire_open(&wire, fixture.loop, fixture.address);
    wire_send_c(&wire, harness_text("PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: "
                                    "image/png\r\nIf-None-Match: *\r\nContent-Length: %d\r\n\r\n",
                                    strchr(upload->url + 7, '/'), fixture.address, SIZE));
    wire_send(&wire, media_fixture_picture("image/png", SIZE / 2));
    media_fixture_until(&fixture, one_temporary, "half of it is on the disk");
    harness_service_signal(fixture.media, SIGKILL);
    assert_int_equal(harness_service_wait(fixture.media), -SIGKILL);
    wire_close(&wire);
    assert_false(media_fixture_has(&fixture, media_fixture_pending_key(user, upload->upload_id)));
    const char *id = harness_text("%s", upload->upload_id);
    media_fixture_disconnect(&fixture);

    media_fixture_start_media(&fixture, NULL);
    media_fixture_connect(&fixture);
    assert_int_equal(media_fixture_temporaries(&fixture), 1); /* not an hour old yet */
    media_fixture_complete(&fixture, user, id, QN_FAILED_PRECONDITION, "NOT_UPLOADED");
    media_fixture_disconnect(&fixture);
    assert_int_equal(harness_service_stop(fixture.media), 0);

    make_temporaries_old();
    media_fixture_start_media(&fixture, NULL);
    media_fixture_until(&fixture, no_temporaries, "what the killed process left is gone");
}

int main(void)
{
#define ONE(test) cmocka_unit_test_teardown(test, stop_media)
    /* In this order: the first counts what is swept, and what the last leaves would be swept by others. */
    const struct CMUnitTest tests[] = {
        ONE(test_every_state_that_a_kill_leaves),
        ONE(test_many),
        ONE(test_profile_away),
        ONE(test_completing_too_late),
        ONE(test_the_sweep_and_a_photo_that_stays),
        ONE(test_killed_while_it_uploads),
        ONE(test_what_is_young_stays),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
