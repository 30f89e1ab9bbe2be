#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/id.h"
#include "tests/harness/second_pass.h"
#include "tests/harness/test.h"
#include "tests/harness/wire.h"
#include "tests/integration/media_fixture.h"

/* What a kill between any two steps leaves (services/media/photo.c numbers them), and that the sweep ends it:
 * no object without a ready row, no ready row without its objects. Where a lock of PostgreSQL's can stop a
 * call at a step it is stopped there and media killed; other states are made by hand, as the kill would leave
 * them; media_fault_test.c stops it at every request to the store. */

static struct media_fixture fixture;

static const char *const often[] = {"QUINTET_MEDIA_SWEEP_EVERY=200ms", NULL};
/* So seldom that no pass but that at the start comes. */
static const char *const seldom[] = {"QUINTET_MEDIA_SWEEP_EVERY=1h", NULL};

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

/* A photo in some state. */
struct photo {
    const char *user, *id, *pending_key, *large_key, *small_key;
};

enum { PENDING_OBJECT = 1, PICTURES = 2 };

static struct photo make(bool row, int objects)
{
    char id[QN_ID_LEN + 1];
    qn_id_new(id);
    struct photo photo = {.user = media_fixture_user(&fixture), .id = harness_text("%s", id)};
    photo.pending_key = media_fixture_pending_key(photo.user, id);
    photo.large_key = harness_text("photos/%s/0123456789abcdef0123456789abcdef.webp", id);
    photo.small_key = harness_text("photos/%s/fedcba9876543210fedcba9876543210.webp", id);
    if (row)
        harness_postgres_do(
            fixture.admin,
            harness_text(
                "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, "
                "is_main, created_at, expires_at) values ('%s', '%s', '%s', 'image/png', 100, false, false, "
                "now(), now() + interval '10 minutes')",
                id, photo.user, photo.pending_key));
    if (objects & PENDING_OBJECT)
        media_fixture_make_object(&fixture, photo.pending_key);
    if (objects & PICTURES) {
        media_fixture_make_object(&fixture, photo.large_key);
        media_fixture_make_object(&fixture, photo.small_key);
    }
    return photo;
}

/* As CompletePhoto does. */
static void make_ready(const struct photo *photo)
{
    harness_postgres_do(
        fixture.admin,
        harness_text("update quintet.photo set ready = true, object_key = '%s', small_key = '%s', "
                     "content_type = 'image/webp', width = 1, height = 1 where id = '%s'",
                     photo->large_key, photo->small_key, photo->id));
}

static long rows_of(const struct photo *photo)
{
    return media_fixture_number(&fixture, "select count(*) from quintet.photo where id = '%s'", photo->id);
}

static double swept(const char *what)
{
    double n =
        harness_service_metric(fixture.media, harness_text("quintet_media_swept_total{what=\"%s\"}", what));
    return n < 0 ? 0 : n;
}

static bool swept_once(struct media_fixture *of)
{
    return harness_service_metric(of->media, "quintet_media_sweeps_total") >= 1;
}

static void test_every_state_that_a_kill_leaves(void **state)
{
    (void)state;
    struct photo never_uploaded = make(true, 0);                  /* after 2 */
    struct photo uploaded = make(true, PENDING_OBJECT);           /* after 4 */
    struct photo written = make(true, PENDING_OBJECT | PICTURES); /* after 8 */
    struct photo ready = make(true, PENDING_OBJECT | PICTURES);   /* after 9 */
    struct photo crossed = make(true, PENDING_OBJECT | PICTURES); /* another completion has left its own */
    struct photo deleted = make(true, PICTURES);                  /* after 11 */
    struct photo of_deleted_user = make(true, PENDING_OBJECT | PICTURES);
    const char *others = harness_text("photos/%s/00000000000000000000000000000000.webp", crossed.id);
    make_ready(&ready);
    make_ready(&crossed);
    media_fixture_make_object(&fixture, others);
    make_ready(&deleted);
    harness_postgres_do(fixture.admin, harness_text("delete from quintet.photo where id = '%s'", deleted.id));
    harness_postgres_do(fixture.admin,
                        harness_text("delete from public.\"user\" where id = '%s'", of_deleted_user.user));
    /* What is not ours stays: nobody has put it into the trash. */
    media_fixture_make_object(&fixture, "elsewhere/x.webp");

    media_fixture_start_media(&fixture, often);
    media_fixture_until(&fixture, media_fixture_trash_is_out, "what was due at once");
    assert_int_equal(media_fixture_objects(&fixture, ready.pending_key), 0);
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(ready.id)), 2);
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(deleted.id)), 0);
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(of_deleted_user.id)), 0);
    assert_int_equal(media_fixture_objects(&fixture, of_deleted_user.pending_key), 0);
    /* Young ones are none of the sweep's business: their owner may be about to call. */
    assert_int_equal(rows_of(&never_uploaded) + rows_of(&uploaded) + rows_of(&written), 3);
    assert_true(media_fixture_has(&fixture, uploaded.pending_key));
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(written.id)), 2);
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(crossed.id)), 3);

    media_fixture_remove_object(&fixture, "elsewhere/x.webp");
    media_fixture_expect_agreement(&fixture);
    assert_int_equal(rows_of(&never_uploaded) + rows_of(&uploaded) + rows_of(&written), 0);
    assert_int_equal(rows_of(&ready) + rows_of(&crossed), 2);
    assert_true(swept("rows") == 3);
}

/* What was under way may bring an object back after it was removed: the second time takes it. */
static void test_what_comes_back(void **state)
{
    (void)state;
    struct photo deleted = make(true, PENDING_OBJECT | PICTURES);
    harness_postgres_do(fixture.admin, harness_text("delete from quintet.photo where id = '%s'", deleted.id));
    media_fixture_start_media(&fixture, often);
    media_fixture_until(&fixture, media_fixture_trash_is_out, "the first time");
    assert_int_equal(media_fixture_objects(&fixture, deleted.pending_key), 0);
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(deleted.id)), 0);
    media_fixture_make_object(&fixture, deleted.pending_key); /* an upload that was slow */
    media_fixture_make_object(&fixture, deleted.large_key);   /* a completion that was */
    media_fixture_expect_agreement(&fixture);
}

/* More than one claim, and more than one listing of one prefix. */
static void test_many(void **state)
{
    (void)state;
    struct photo crowded = make(true, PICTURES);
    for (int i = 0; i < 150; i++)
        media_fixture_make_object(&fixture, harness_text("photos/%s/%032d.webp", crowded.id, i));
    make_ready(&crowded);
    for (int i = 0; i < 150; i++)
        harness_postgres_do(fixture.admin, harness_text("delete from quintet.photo where id = '%s'",
                                                        make(true, PENDING_OBJECT).id));
    media_fixture_start_media(&fixture, often);
    media_fixture_expect_agreement(&fixture);
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(crowded.id)), 2);
}

/* Two processes share what is to be done, and none of it is done by neither. */
static void test_two_that_sweep(void **state)
{
    (void)state;
    media_fixture_start_media(&fixture, often);
    media_fixture_start_another(&fixture, often);
    for (int i = 0; i < 100; i++)
        harness_postgres_do(fixture.admin, harness_text("delete from quintet.photo where id = '%s'",
                                                        make(true, PENDING_OBJECT | PICTURES).id));
    media_fixture_expect_agreement(&fixture);
}

static bool cannot_go_on(struct media_fixture *of)
{
    return harness_service_logged(of->media, "the sweep cannot go on");
}

/* What is to go only profile knows: without it nothing is removed, and all is later. */
static void test_profile_away(void **state)
{
    (void)state;
    struct photo deleted = make(true, PENDING_OBJECT | PICTURES);
    media_fixture_start_media(&fixture, often);
    assert_int_equal(harness_service_stop(fixture.profile), 0);
    harness_postgres_do(fixture.admin, harness_text("delete from quintet.photo where id = '%s'", deleted.id));
    media_fixture_until(&fixture, cannot_go_on, "the sweep has met an absent profile");
    assert_true(media_fixture_has(&fixture, deleted.pending_key));
    media_fixture_start_profile(&fixture);
    media_fixture_expect_agreement(&fixture);
}

/* The database has the last word on how long a completion may come: ten minutes after the URL's end. */
static void test_completing_too_late(void **state)
{
    (void)state;
    media_fixture_start_media(&fixture, seldom);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
    harness_postgres_do(
        fixture.admin,
        harness_text("update quintet.photo set expires_at = now() - interval '11 minutes' where id = '%s'",
                     upload->upload_id));
    media_fixture_complete(&fixture, user, upload->upload_id, QN_NOT_FOUND, "UPLOAD_NOT_FOUND");
    harness_postgres_do(
        fixture.admin,
        harness_text("update quintet.photo set expires_at = now() - interval '9 minutes' where id = '%s'",
                     upload->upload_id));
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    media_fixture_disconnect(&fixture);
}

/* A URL that is used again once its photo is there: what was checked is what is shown, and what came goes. */
static void test_a_url_used_again(void **state)
{
    (void)state;
    media_fixture_start_media(&fixture, often);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
    const char *pending = media_fixture_pending_key(user, upload->upload_id);
    const Quintet__Media__V1__Photo *photo =
        media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    media_fixture_until(&fixture, media_fixture_trash_is_out, "the upload's object is gone");
    assert_false(media_fixture_has(&fixture, pending));
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("", MEDIA_FIXTURE_PICTURE_MIN)), 200);
    const Quintet__Media__V1__Photo *again =
        media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    assert_string_equal(again->url, photo->url);
    assert_int_equal(media_fixture_get(photo->url), 200);
    media_fixture_expect_agreement(&fixture);
    assert_false(media_fixture_has(&fixture, pending));
    assert_int_equal(media_fixture_get(photo->url), 200);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 1);
    media_fixture_disconnect(&fixture);
}

/* Kills. A transaction of the test's own holds a row, so that what media asks of profile waits there. */

static bool somebody_waits(struct media_fixture *of)
{
    return media_fixture_number(of,
                                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and "
                                "usename = 'quintet'") > 0;
}

static bool nobody_waits(struct media_fixture *of)
{
    return !somebody_waits(of);
}

/* What profile asked goes on and may do what it came for (true), or ends without having done anything. */
static void let_go(PGconn *holder, bool done)
{
    if (!done) {
        harness_postgres_do(fixture.admin, "select pg_terminate_backend(pid) from pg_stat_activity where "
                                           "wait_event_type = 'Lock' and usename = 'quintet'");
        media_fixture_until(&fixture, nobody_waits, "the statement that waited has ended");
    }
    harness_postgres_do(holder, "rollback");
    media_fixture_until(&fixture, nobody_waits, "nothing waits for the lock");
    PQfinish(holder);
}

static PGconn *take_hold(const char *sql)
{
    PGconn *holder = harness_postgres_admin(fixture.postgres, NULL);
    harness_postgres_do(holder, "begin");
    harness_postgres_do(holder, sql);
    return holder;
}

/* Begins a call, waits until it stands at the lock, kills media, and lets go of the lock. */
static void kill_at_lock(PGconn *holder, const struct qn_method *method, const void *in, const char *user,
                         bool done)
{
    media_fixture_begin(&fixture, method, in, user, 20000);
    while (!somebody_waits(&fixture))
        if (media_fixture_ended(&fixture))
            fail_msg("%s did not wait", method->name);
    media_fixture_kill_media(&fixture);
    media_fixture_abandon(&fixture);
    let_go(holder, done);
}

static bool photo_is_ready(struct media_fixture *of)
{
    return media_fixture_number(of, "select count(*) from quintet.photo where ready and not exists (select "
                                    "from pg_stat_activity where wait_event_type = 'Lock')") > 0;
}

static void test_killed_while_it_creates(void **state)
{
    (void)state;
    for (int done = 0; done < 2; done++) {
        media_fixture_start_media(&fixture, seldom);
        media_fixture_connect(&fixture);
        const char *user = media_fixture_user(&fixture);
        Quintet__Media__V1__CreateUploadRequest in = QUINTET__MEDIA__V1__CREATE_UPLOAD_REQUEST__INIT;
        in.content_type = (char *)"image/png";
        in.size_bytes = 100;
        PGconn *holder =
            take_hold(harness_text("select 1 from public.\"user\" where id = '%s' for update", user));
        kill_at_lock(holder, &quintet_media_v1_media_service_create_upload, &in, user, done);
        media_fixture_disconnect(&fixture);
        media_fixture_start_media(&fixture, often);
        media_fixture_expect_agreement(&fixture);
        media_fixture_stop_media(&fixture);
    }
}

/* Between the pictures and the row, and between the row and the answer. */
static void test_killed_while_it_completes(void **state)
{
    (void)state;
    harness_postgres_do(fixture.admin, "delete from quintet.photo");
    for (int done = 0; done < 2; done++) {
        media_fixture_start_media(&fixture, seldom);
        media_fixture_connect(&fixture);
        const char *user = media_fixture_user(&fixture);
        const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
        const char *id = harness_text("%s", upload->upload_id);
        Quintet__Media__V1__CompleteUploadRequest in = QUINTET__MEDIA__V1__COMPLETE_UPLOAD_REQUEST__INIT;
        in.upload_id = (char *)id;
        PGconn *holder =
            take_hold(harness_text("select 1 from quintet.photo where id = '%s' for update", id));
        kill_at_lock(holder, &quintet_media_v1_media_service_complete_upload, &in, user, done);
        media_fixture_disconnect(&fixture);
        assert_true(media_fixture_objects(&fixture, media_fixture_public_prefix(id)) > 0);
        if (done)
            media_fixture_until(&fixture, photo_is_ready, "profile has ended what was asked of it");
        media_fixture_start_media(&fixture, often);
        media_fixture_expect_agreement(&fixture);
        assert_int_equal(
            media_fixture_number(&fixture, "select count(*) from quintet.photo where id = '%s'", id), done);
        /* Its owner asks again, and is told what became of it. */
        media_fixture_connect(&fixture);
        media_fixture_complete(&fixture, user, id, done ? QN_OK : QN_NOT_FOUND,
                               done ? NULL : "UPLOAD_NOT_FOUND");
        media_fixture_disconnect(&fixture);
        media_fixture_stop_media(&fixture);
    }
}

static void test_killed_while_it_deletes(void **state)
{
    (void)state;
    for (int done = 0; done < 2; done++) {
        media_fixture_start_media(&fixture, seldom);
        media_fixture_connect(&fixture);
        const char *user = media_fixture_user(&fixture);
        const char *id = harness_text("%s", media_fixture_add(&fixture, user, "image/png", 100)->id);
        Quintet__Media__V1__DeletePhotoRequest in = QUINTET__MEDIA__V1__DELETE_PHOTO_REQUEST__INIT;
        in.photo_id = (char *)id;
        PGconn *holder =
            take_hold(harness_text("select 1 from quintet.photo where id = '%s' for update", id));
        kill_at_lock(holder, &quintet_media_v1_media_service_delete_photo, &in, user, done);
        media_fixture_disconnect(&fixture);
        media_fixture_start_media(&fixture, often);
        media_fixture_expect_agreement(&fixture);
        assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(id)) > 0, !done);
        media_fixture_stop_media(&fixture);
    }
}

/* Media with makers of pictures that never end. */
static const char *start_with_sleepers(void)
{
    const char *program = harness_text("%s/never", harness_folder());
    int fd = open(program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    dprintf(fd, "#!/bin/sh\necho > %s.runs\nexec sleep 1000\n", program);
    close(fd);
    unlink(harness_text("%s.runs", program));
    media_fixture_start_media(
        &fixture,
        (const char *const[]){harness_text("QUINTET_MEDIA_PICTURE_PROGRAM=%s", program), seldom[0], NULL});
    return program;
}

/* Pictures in hand take so much memory and no more: who comes then is told to come again. */
static void test_too_much_in_hand(void **state)
{
    (void)state;
    enum { SIZE = 10485760, FIT = 6 };
    start_with_sleepers();
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture), *other = media_fixture_user(&fixture);
    Quintet__Media__V1__CompleteUploadRequest in[FIT];
    struct media_fixture_call calls[FIT];
    struct qn_str picture = media_fixture_picture("image/png", SIZE);
    for (size_t i = 0; i < FIT; i++) {
        const Quintet__Media__V1__CreateUploadResponse *upload =
            media_fixture_create(&fixture, user, "image/png", SIZE);
        assert_int_equal(media_fixture_put(upload, picture), 200);
        in[i] = (Quintet__Media__V1__CompleteUploadRequest)QUINTET__MEDIA__V1__COMPLETE_UPLOAD_REQUEST__INIT;
        in[i].upload_id = upload->upload_id;
        calls[i] = (struct media_fixture_call){&quintet_media_v1_media_service_complete_upload, &in[i],
                                               QN_UNKNOWN, NULL};
    }
    const Quintet__Media__V1__CreateUploadResponse *one_more =
        media_fixture_create(&fixture, other, "image/png", SIZE);
    assert_int_equal(media_fixture_put(one_more, picture), 200);
    media_fixture_begin_at_once(&fixture, calls, FIT, user);
    while (harness_service_metric(fixture.media, "quintet_media_in_hand_bytes") < FIT * (double)SIZE)
        qn_loop_turn(fixture.loop);
    media_fixture_complete(&fixture, other, one_more->upload_id, QN_RESOURCE_EXHAUSTED, "OVERLOAD");
    media_fixture_kill_media(&fixture);
    media_fixture_end_at_once(&fixture, calls, FIT);
    media_fixture_disconnect(&fixture);
    media_fixture_start_media(&fixture, often);
    media_fixture_expect_agreement(&fixture);
}

/* Killed while the pictures are made. */
static void test_killed_while_pictures_are_made(void **state)
{
    (void)state;
    const char *program = start_with_sleepers();
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
    const char *id = harness_text("%s", upload->upload_id);
    Quintet__Media__V1__CompleteUploadRequest in = QUINTET__MEDIA__V1__COMPLETE_UPLOAD_REQUEST__INIT;
    in.upload_id = (char *)id;
    media_fixture_begin(&fixture, &quintet_media_v1_media_service_complete_upload, &in, user, 20000);
    while (access(harness_text("%s.runs", program), F_OK) != 0)
        if (media_fixture_ended(&fixture))
            fail_msg("it ended without a picture");
    media_fixture_kill_media(&fixture);
    media_fixture_abandon(&fixture);
    media_fixture_disconnect(&fixture);
    assert_true(media_fixture_has(&fixture, media_fixture_pending_key(user, id)));
    /* The same call goes well with the next process; or the sweep ends it, as above. */
    media_fixture_start_media(&fixture, often);
    media_fixture_connect(&fixture);
    media_fixture_complete(&fixture, user, id, QN_OK, NULL);
    media_fixture_disconnect(&fixture);
    media_fixture_expect_agreement(&fixture);
}

/* Of two processes that complete one upload at once both say the same photo. */
static void test_two_that_complete(void **state)
{
    (void)state;
    media_fixture_start_media(&fixture, often);
    media_fixture_start_another(&fixture, often);
    media_fixture_connect(&fixture);
    const char *user = media_fixture_user(&fixture);
    for (int round = 0; round < 10; round++) {
        const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
        Quintet__Media__V1__CompleteUploadRequest in = QUINTET__MEDIA__V1__COMPLETE_UPLOAD_REQUEST__INIT;
        in.upload_id = upload->upload_id;
        struct media_fixture_call calls[4];
        for (size_t i = 0; i < 4; i++)
            calls[i] = (struct media_fixture_call){&quintet_media_v1_media_service_complete_upload, &in,
                                                   QN_UNKNOWN, NULL};
        media_fixture_ask_at_once(&fixture, calls, 4, user);
        const Quintet__Media__V1__CompleteUploadResponse *first = calls[0].out;
        for (size_t i = 0; i < 4; i++) {
            const Quintet__Media__V1__CompleteUploadResponse *out = calls[i].out;
            assert_int_equal(calls[i].status, QN_OK);
            /* The embedded folder of each process has an address of its own. */
            assert_string_equal(strstr(out->photo->url, "/photos/"), strstr(first->photo->url, "/photos/"));
        }
        assert_int_equal(media_fixture_get(first->photo->url), 200);
        media_fixture_delete(&fixture, user, upload->upload_id, QN_OK, NULL);
    }
    media_fixture_expect_agreement(&fixture);
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
    media_fixture_kill_media(&fixture);
    wire_close(&wire);
    assert_false(media_fixture_has(&fixture, media_fixture_pending_key(user, upload->upload_id)));
    const char *id = harness_text("%s", upload->upload_id);
    media_fixture_disconnect(&fixture);

    media_fixture_start_media(&fixture, NULL);
    media_fixture_connect(&fixture);
    assert_int_equal(media_fixture_temporaries(&fixture), 1); /* not an hour old yet */
    media_fixture_complete(&fixture, user, id, QN_FAILED_PRECONDITION, "NOT_UPLOADED");
    media_fixture_disconnect(&fixture);
    media_fixture_stop_media(&fixture);

    make_temporaries_old();
    media_fixture_start_media(&fixture, NULL);
    media_fixture_until(&fixture, no_temporaries, "what the killed process left is gone");
}

static void test_the_pass_at_the_start(void **state)
{
    (void)state;
    struct photo deleted = make(true, PENDING_OBJECT);
    harness_postgres_do(fixture.admin, harness_text("delete from quintet.photo where id = '%s'", deleted.id));
    media_fixture_start_media(&fixture, seldom);
    media_fixture_until(&fixture, swept_once, "the pass at the start");
    assert_false(media_fixture_has(&fixture, deleted.pending_key));
}

int main(void)
{
#define ONE(test) cmocka_unit_test_teardown(test, stop_media)
    const struct CMUnitTest tests[] = {
        ONE(test_every_state_that_a_kill_leaves),
        ONE(test_what_comes_back),
        ONE(test_many),
        ONE(test_two_that_sweep),
        ONE(test_profile_away),
        ONE(test_the_pass_at_the_start),
        ONE(test_completing_too_late),
        ONE(test_a_url_used_again),
        ONE(test_killed_while_it_creates),
        ONE(test_killed_while_it_completes),
        ONE(test_killed_while_it_deletes),
        ONE(test_killed_while_pictures_are_made),
        ONE(test_too_much_in_hand),
        ONE(test_two_that_complete),
        ONE(test_killed_while_it_uploads),
    };
    return harness_second_pass_run(tests, setup, teardown);
}
