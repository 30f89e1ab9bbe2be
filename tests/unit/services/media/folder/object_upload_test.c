#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "services/media/folder/object_upload.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/unit/services/media/folder/folder_fixture.h"

#define KEY "pending/u/p"

/* A disk that is full, from some byte on; the linker puts these before the real ones (CMakeLists.txt). */
static atomic_long room_bytes;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (fd > STDERR_FILENO && len > 64 && atomic_fetch_sub(&room_bytes, (long)len) < (long)len) {
        errno = ENOSPC;
        return -1;
    }
    return __real_write(fd, data, len);
}

static int setup(void **state)
{
    atomic_store(&room_bytes, 1L << 40);
    return folder_fixture_setup(state);
}

struct ended {
    bool yes;
    enum qn_status status;
    char etag[MEDIA_OBJECT_ETAG_MAX + 1];
};

static void on_done(void *context, enum qn_status status, const char *etag)
{
    struct ended *ended = context;
    assert_false(ended->yes);
    ended->yes = true;
    ended->status = status;
    memcpy(ended->etag, etag, strlen(etag) + 1);
}

static struct media_upload *begin(uint64_t size_bytes)
{
    const struct media_upload_options options = {.key = QN_STR(KEY),
                                                 .content_type = QN_STR("image/png"),
                                                 .size_bytes = size_bytes,
                                                 .how = MEDIA_OBJECT_FILE_KEY_FREE};
    struct media_upload *upload = media_upload_new(&folder_fixture, &options);
    assert_non_null(upload);
    return upload;
}

static void finish(struct media_upload *upload, enum qn_status status)
{
    struct ended ended = {.yes = false};
    media_upload_finish(upload, on_done, &ended);
    assert_false(ended.yes); /* never from within the start */
    loop_fixture_run_until(&ended.yes, 20000);
    assert_int_equal(ended.status, status);
}

static enum qn_status look(struct media_object_info *ret_info)
{
    struct qn_error err;
    int fd;
    enum qn_status status = media_object_file_open(&folder_fixture.place, KEY, ret_info, &fd, &err);
    if (status == QN_OK)
        close(fd);
    return status;
}

static void expect_nothing(void)
{
    struct media_object_info info;
    assert_int_equal(look(&info), QN_NOT_FOUND);
}

/* FIPS 180-2, appendix B.3: a million times "a", in pieces of every length. */
static void test_pieces_become_one_object(void **state)
{
    enum { SIZE = 1000000 };
    static char as[SIZE];
    struct media_object_info info;
    struct ended ended = {.yes = false};
    memset(as, 'a', SIZE);
    struct media_upload *upload = begin(SIZE);
    for (size_t sent = 0, piece = 1; sent < SIZE; piece = piece * 2 + 1) {
        size_t len = piece < SIZE - sent ? piece : SIZE - sent;
        assert_true(media_upload_write(upload, qn_str_n(as, len)));
        sent += len;
        qn_loop_turn(*state);
    }
    media_upload_finish(upload, on_done, &ended);
    loop_fixture_run_until(&ended.yes, 20000);
    assert_int_equal(ended.status, QN_OK);
    assert_string_equal(ended.etag, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_int_equal(look(&info), QN_OK);
    assert_int_equal(info.size_bytes, SIZE);
    assert_string_equal(info.etag, ended.etag);
    assert_string_equal(info.content_type, "image/png");
}

static void test_empty(void **state)
{
    (void)state;
    struct media_object_info info;
    finish(begin(0), QN_OK);
    assert_int_equal(look(&info), QN_OK);
    assert_int_equal(info.size_bytes, 0);
}

static void test_too_short(void **state)
{
    (void)state;
    finish(begin(5), QN_INVALID_ARGUMENT); /* nothing at all */
    struct media_upload *upload = begin(5);
    assert_true(media_upload_write(upload, QN_STR("1234")));
    finish(upload, QN_INVALID_ARGUMENT);
    expect_nothing();
}

static void test_too_long(void **state)
{
    (void)state;
    struct media_upload *upload = begin(5);
    assert_true(media_upload_write(upload, QN_STR("1234")));
    assert_false(media_upload_write(upload, QN_STR("56")));
    assert_false(media_upload_write(upload, QN_STR("7")));
    finish(upload, QN_INVALID_ARGUMENT);
    expect_nothing();
}

static void test_a_key_is_written_once(void **state)
{
    (void)state;
    struct media_object_info info;
    for (int i = 0; i < 2; i++) {
        struct media_upload *upload = begin(5 + (uint64_t)i);
        assert_true(media_upload_write(upload, qn_str_n("123456", 5 + (size_t)i)));
        finish(upload, i == 0 ? QN_OK : QN_ALREADY_EXISTS);
    }
    assert_int_equal(look(&info), QN_OK);
    assert_int_equal(info.size_bytes, 5);
}

static bool no_temporaries(struct qn_loop *loop)
{
    qn_loop_wait(loop);
    return folder_fixture_temporaries() == 0;
}

/* At every stage: before a byte, while the first job is on its way, and after it. */
static void test_abandoned(void **state)
{
    media_upload_abandon(begin(5));
    struct media_upload *upload = begin(5);
    assert_true(media_upload_write(upload, QN_STR("123")));
    media_upload_abandon(upload);
    upload = begin(10);
    assert_true(media_upload_write(upload, QN_STR("123")));
    while (folder_fixture_temporaries() == 0)
        qn_loop_turn(*state);
    while (folder_fixture.buffered_bytes > 0)
        qn_loop_turn(*state);
    assert_true(media_upload_write(upload, QN_STR("456")));
    media_upload_abandon(upload);
    while (!no_temporaries(*state)) {
    }
    expect_nothing();
}

/* More than the disk takes in time: refused, not piled up in memory. */
static void test_too_much_waits_for_the_disk(void **state)
{
    (void)state;
    struct media_upload *upload = begin(100);
    folder_fixture.buffered_bytes += MEDIA_OBJECT_UPLOAD_BUFFER_MAX - 50;
    assert_true(media_upload_write(upload, qn_str_n((char[50]){0}, 50)));
    assert_false(media_upload_write(upload, QN_STR("x")));
    folder_fixture.buffered_bytes -= MEDIA_OBJECT_UPLOAD_BUFFER_MAX - 50;
    finish(upload, QN_UNAVAILABLE);
    expect_nothing();
}

static void test_disk_full_at_the_first_byte(void **state)
{
    (void)state;
    static char bytes[1000];
    struct media_upload *upload = begin(sizeof bytes);
    atomic_store(&room_bytes, 0);
    assert_true(media_upload_write(upload, qn_str_n(bytes, sizeof bytes)));
    finish(upload, QN_RESOURCE_EXHAUSTED);
    expect_nothing();
}

static void test_disk_full_halfway(void **state)
{
    static char bytes[1000];
    struct media_upload *upload = begin(2 * sizeof bytes);
    atomic_store(&room_bytes, 1500);
    assert_true(media_upload_write(upload, qn_str_n(bytes, sizeof bytes)));
    while (folder_fixture.buffered_bytes > 0)
        qn_loop_turn(*state);
    assert_int_equal(folder_fixture_temporaries(), 1);
    assert_true(media_upload_write(upload, qn_str_n(bytes, sizeof bytes)));
    while (folder_fixture.buffered_bytes > 0)
        qn_loop_turn(*state);
    assert_false(media_upload_write(upload, QN_STR("x")));
    finish(upload, QN_RESOURCE_EXHAUSTED);
    expect_nothing();
}

/* The store is closed with an upload in hand: it ends, and the tear-down finds nothing of it. */
static void test_closed_in_the_middle(void **state)
{
    (void)state;
    static char bytes[1000];
    static struct ended ended;
    ended = (struct ended){.yes = false};
    struct media_upload *upload = begin(2 * sizeof bytes);
    assert_true(media_upload_write(upload, qn_str_n(bytes, sizeof bytes)));
    media_upload_finish(upload, on_done, &ended);
    folder_fixture_teardown(state);
    assert_true(ended.yes);
    assert_int_not_equal(ended.status, QN_OK);
    folder_fixture_setup(state);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, folder_fixture_teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_pieces_become_one_object),
        ONE(test_empty),
        ONE(test_too_short),
        ONE(test_too_long),
        ONE(test_a_key_is_written_once),
        ONE(test_abandoned),
        ONE(test_too_much_waits_for_the_disk),
        ONE(test_disk_full_at_the_first_byte),
        ONE(test_disk_full_halfway),
        ONE(test_closed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
