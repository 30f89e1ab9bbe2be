/* What lies in the store, seen past quintet-media: the embedded folder and the bucket's both keep an object
 * in a file whose path is its key. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/photo_key.h"
#include "services/media/sigv4.h"
#include "tests/harness/test.h"
#include "tests/integration/media_fixture.h"

enum { OBJECTS_MAX = 4096, WALK_FDS = 16, BY_HAND_EXPIRES_S = 60, STUCK_MS = 3000, ROUNDS_MAX = 20 };

/* One walk. */
static struct {
    const char *root, *suffix;
    char *keys[OBJECTS_MAX];
    size_t n;
} found;

static int on_file(const char *path, const struct stat *what, int flag, struct FTW *at)
{
    (void)at;
    struct qn_str key = qn_str_c(path);
    if (flag != FTW_F || !S_ISREG(what->st_mode) || !qn_str_ends(key, qn_str_c(found.suffix)))
        return 0;
    assert_true(found.n < OBJECTS_MAX);
    size_t root_len = strlen(found.root) + 1;
    found.keys[found.n++] = strndup(path + root_len, key.len - root_len - strlen(found.suffix));
    return 0;
}

static void forget(void)
{
    while (found.n > 0)
        free(found.keys[--found.n]);
}

/* Fills 'found'. Folders come and go meanwhile. */
static void walk(struct media_fixture *fixture)
{
    forget();
    found.root =
        fixture->bucket ? harness_bucket_folder(fixture->bucket) : harness_text("%s/data", fixture->folder);
    found.suffix = fixture->bucket ? HARNESS_BUCKET_SUFFIX : "";
    if (nftw(found.root, on_file, WALK_FDS, FTW_PHYS) != 0 && errno != ENOENT)
        fail_msg("%s: %s", found.root, strerror(errno));
}

size_t media_fixture_objects(struct media_fixture *fixture, const char *prefix)
{
    size_t n = 0;
    walk(fixture);
    for (size_t i = 0; i < found.n; i++)
        n += strncmp(found.keys[i], prefix, strlen(prefix)) == 0;
    forget();
    return n;
}

bool media_fixture_has(struct media_fixture *fixture, const char *key)
{
    bool has = false;
    walk(fixture);
    for (size_t i = 0; i < found.n; i++)
        has = has || strcmp(found.keys[i], key) == 0;
    forget();
    return has;
}

/* A request to the bucket, signed in its URL. */
static void ask_bucket(struct media_fixture *fixture, const char *method, const char *key, struct qn_str body)
{
    const struct media_sigv4_key with = {.access_key_id = QN_STR(HARNESS_BUCKET_KEY_ID),
                                         .secret = QN_STR(HARNESS_BUCKET_SECRET),
                                         .region = QN_STR(HARNESS_BUCKET_REGION),
                                         .service = QN_STR("s3")};
    const char *host = harness_text("127.0.0.1:%u", harness_bucket_port(fixture->bucket));
    const struct media_sigv4_request request = {
        .method = qn_str_c(method),
        .host = qn_str_c(host),
        .path = qn_str_c(harness_text("/" HARNESS_BUCKET_NAME "/%s", key))};
    struct qn_buf target;
    qn_buf_init(&target, 8192);
    assert_int_equal(media_sigv4_presign(&with, &request, qn_clock_wall_ms(), BY_HAND_EXPIRES_S, &target),
                     QN_OK);
    struct harness_http_reply reply = harness_http(
        &(const struct harness_http_request){.method = method,
                                             .url = harness_text("http://%s%s", host, target.data),
                                             .headers = {"Content-Type: image/png"},
                                             .body = body});
    if (reply.status < 200 || reply.status > 299)
        fail_msg("%s %s: %d %s", method, key, reply.status, reply.body);
    harness_http_free(&reply);
    qn_buf_fini(&target);
}

void media_fixture_make_object(struct media_fixture *fixture, const char *key)
{
    char name[MEDIA_OBJECT_FILE_TEMP_MAX];
    struct media_object_info info = {
        .size_bytes = MEDIA_FIXTURE_PICTURE_MIN, .content_type = "image/png", .etag = "made by hand"};
    struct qn_str picture = media_fixture_picture("image/png", MEDIA_FIXTURE_PICTURE_MIN);
    struct qn_error err;
    int fd;
    if (fixture->bucket) {
        ask_bucket(fixture, "PUT", key, picture);
        return;
    }
    assert_int_equal(media_object_file_create(&fixture->place, name, &fd, &err), QN_OK);
    assert_int_equal(media_object_file_append(fd, picture, &err), QN_OK);
    assert_int_equal(
        media_object_file_publish(&fixture->place, name, fd, key, MEDIA_OBJECT_FILE_KEY_ANY, &info, &err),
        QN_OK);
    close(fd);
}

void media_fixture_remove_object(struct media_fixture *fixture, const char *key)
{
    struct qn_error err;
    if (fixture->bucket)
        ask_bucket(fixture, "DELETE", key, (struct qn_str){0});
    else
        assert_int_equal(media_object_file_delete(&fixture->place, key, &err), QN_OK);
}

const char *media_fixture_pending_key(const char *user, const char *photo_id)
{
    char key[MEDIA_OBJECT_KEY_MAX + 1];
    media_photo_key_pending(qn_str_c(user), qn_str_c(photo_id), key);
    return harness_text("%s", key);
}

const char *media_fixture_public_prefix(const char *photo_id)
{
    char prefix[MEDIA_OBJECT_KEY_MAX + 1];
    media_photo_key_prefix(qn_str_c(photo_id), prefix);
    return harness_text("%s", prefix);
}

const char *media_fixture_public_key(struct media_fixture *fixture, const char *photo_id)
{
    PGresult *row =
        PQexec(fixture->admin,
               harness_text("select object_key from quintet.photo where id = '%s' and ready", photo_id));
    assert_int_equal(PQntuples(row), 1);
    const char *key = harness_text("%s", PQgetvalue(row, 0, 0));
    PQclear(row);
    return key;
}

size_t media_fixture_temporaries(struct media_fixture *fixture)
{
    size_t n = 0;
    DIR *folder = fdopendir(openat(fixture->place.tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

/* Time. */

void media_fixture_later(struct media_fixture *fixture)
{
    harness_postgres_do(fixture->admin,
                        "update quintet.photo set created_at = created_at - interval '2 hours',"
                        " expires_at = expires_at - interval '2 hours';"
                        "update quintet.photo_trash set due_at = due_at - interval '2 hours',"
                        " not_before = not_before - interval '2 hours',"
                        " again_at = again_at - interval '2 hours'");
}

bool media_fixture_trash_is_out(struct media_fixture *fixture)
{
    return media_fixture_number(fixture, "select count(*) from quintet.photo_trash where not_before <= now()"
                                         " or attempts > 0") == 0;
}

static bool is_settled(struct media_fixture *fixture)
{
    return media_fixture_number(fixture, "select (select count(*) from quintet.photo_trash)"
                                         " + (select count(*) from quintet.photo where not ready)") == 0;
}

static uint64_t since_ms; /* the last time that it got on */
static long left;

/* Or has not got on for a while: what has failed is tried again after a pause, which is over two hours later.
 */
static bool is_settled_or_stuck(struct media_fixture *fixture)
{
    long now_left = media_fixture_number(fixture, "select count(*) from quintet.photo_trash");
    if (now_left != left)
        since_ms = qn_clock_now_ms();
    left = now_left;
    return is_settled(fixture) || qn_clock_now_ms() - since_ms > STUCK_MS;
}

void media_fixture_expect_agreement(struct media_fixture *fixture)
{
    for (int rounds = 0; rounds == 0 || (!is_settled(fixture) && rounds < ROUNDS_MAX); rounds++) {
        media_fixture_later(fixture);
        left = -1;
        media_fixture_until(fixture, is_settled_or_stuck, "the sweep has ended what was left");
    }
    if (!is_settled(fixture))
        fail_msg("the sweep leaves something in the trash, or pending");
    walk(fixture);
    size_t named = 0;
    PGresult *rows =
        PQexec(fixture->admin, "select object_key from quintet.photo union all"
                               " select small_key from quintet.photo where small_key is not null");
    assert_int_equal(PQresultStatus(rows), PGRES_TUPLES_OK);
    for (size_t i = 0; i < found.n; i++) {
        bool is_named = false;
        for (int k = 0; k < PQntuples(rows); k++)
            is_named = is_named || strcmp(PQgetvalue(rows, k, 0), found.keys[i]) == 0;
        if (!is_named)
            fail_msg("no row names the object %s", found.keys[i]);
    }
    for (int k = 0; k < PQntuples(rows); k++) {
        bool is_there = false;
        for (size_t i = 0; i < found.n; i++)
            is_there = is_there || strcmp(PQgetvalue(rows, k, 0), found.keys[i]) == 0;
        if (!is_there)
            fail_msg("a row names %s, and there is no such object", PQgetvalue(rows, k, 0));
        named++;
    }
    assert_true(named >= found.n);
    PQclear(rows);
    forget();
}
