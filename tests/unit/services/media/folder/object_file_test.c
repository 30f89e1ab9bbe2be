#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "services/media/folder/object_file.h"
#include "services/media/folder/object_secret.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"

static struct media_object_place place;
static struct qn_error err;

static int open_place(void **state)
{
    (void)state;
    static int number;
    return media_object_file_place(harness_text("%s/deep/er/%d", harness_folder(), number++), &place, &err) !=
           QN_OK;
}

static int leave_place(void **state)
{
    (void)state;
    media_object_file_leave(&place);
    return 0;
}

static enum qn_status put(const char *key, const char *type, const char *bytes)
{
    char name[MEDIA_OBJECT_FILE_TEMP_MAX];
    struct media_object_info info = {.size_bytes = strlen(bytes), .etag = "e-tag"};
    int fd;
    snprintf(info.content_type, sizeof info.content_type, "%s", type);
    assert_int_equal(media_object_file_create(&place, name, &fd, &err), QN_OK);
    assert_int_equal(media_object_file_append(fd, qn_str_c(bytes), &err), QN_OK);
    enum qn_status status =
        media_object_file_publish(&place, name, fd, key, MEDIA_OBJECT_FILE_KEY_FREE, &info, &err);
    close(fd);
    return status;
}

static size_t count_entries(int folder_fd)
{
    size_t n = 0;
    DIR *folder = fdopendir(openat(folder_fd, ".", O_RDONLY | O_DIRECTORY));
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void expect(const char *key, const char *type, const char *bytes)
{
    struct media_object_info info;
    char read_back[64] = "";
    int fd;
    assert_int_equal(media_object_file_open(&place, key, &info, &fd, &err), QN_OK);
    assert_string_equal(info.content_type, type);
    assert_string_equal(info.etag, "e-tag");
    assert_int_equal(info.size_bytes, strlen(bytes));
    assert_int_equal(pread(fd, read_back, sizeof read_back, MEDIA_OBJECT_FILE_HEAD_BYTES),
                     (ssize_t)strlen(bytes));
    assert_string_equal(read_back, bytes);
    close(fd);
}

static enum qn_status try_open(const char *key)
{
    struct media_object_info info;
    int fd;
    enum qn_status status = media_object_file_open(&place, key, &info, &fd, &err);
    if (status == QN_OK)
        close(fd);
    return status;
}

static void test_there_and_back(void **state)
{
    (void)state;
    int64_t before_ms = qn_clock_wall_ms();
    assert_int_equal(put("pending/u/p", "image/png", "hello"), QN_OK);
    expect("pending/u/p", "image/png", "hello");
    struct media_object_info info;
    int fd;
    assert_int_equal(media_object_file_open(&place, "pending/u/p", &info, &fd, &err), QN_OK);
    close(fd);
    /* The file system's clock may be a tick behind. */
    assert_true(info.touched_ms >= before_ms - 50 && info.touched_ms <= qn_clock_wall_ms() + 50);
    assert_int_equal(count_entries(place.tmp_fd), 0);
    assert_int_equal(put("empty", "image/png", ""), QN_OK);
    expect("empty", "image/png", "");
}

static void test_a_key_is_written_once(void **state)
{
    (void)state;
    assert_int_equal(put("photos/x", "image/png", "first"), QN_OK);
    assert_int_equal(put("photos/x", "image/jpeg", "second"), QN_ALREADY_EXISTS);
    expect("photos/x", "image/png", "first");
    assert_int_equal(count_entries(place.tmp_fd), 0);
}

/* The head knows Cache-Control since a later release: what was written before has none, and is as good. */
static void test_cache_control(void **state)
{
    (void)state;
    struct media_object_info info = {.size_bytes = 0, .content_type = "image/webp", .etag = "e-tag"};
    static const char old[MEDIA_OBJECT_FILE_HEAD_BYTES] =
        "quintet object 1\ncontent-type: image/png\nsize: 0\netag: e-tag\n";
    int fd = openat(place.data_fd, "old", O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, old, sizeof old), sizeof old);
    close(fd);
    snprintf(info.cache_control, sizeof info.cache_control, "stale");
    assert_int_equal(media_object_file_open(&place, "old", &info, &fd, &err), QN_OK);
    close(fd);
    assert_string_equal(info.cache_control, "");

    for (size_t len = 0; len <= MEDIA_OBJECT_CACHE_MAX; len += MEDIA_OBJECT_CACHE_MAX) {
        char name[MEDIA_OBJECT_FILE_TEMP_MAX];
        memset(info.content_type, 't', MEDIA_OBJECT_TYPE_MAX);
        memset(info.etag, 'e', MEDIA_OBJECT_ETAG_MAX);
        memset(info.cache_control, 'c', len);
        struct media_object_info read_back;
        assert_int_equal(media_object_file_create(&place, name, &fd, &err), QN_OK);
        assert_int_equal(
            media_object_file_publish(&place, name, fd, "new", MEDIA_OBJECT_FILE_KEY_ANY, &info, &err),
            QN_OK);
        close(fd);
        assert_int_equal(media_object_file_open(&place, "new", &read_back, &fd, &err), QN_OK);
        close(fd);
        assert_string_equal(read_back.cache_control, info.cache_control);
        assert_string_equal(read_back.etag, info.etag);
    }
    assert_int_equal(count_entries(place.tmp_fd), 0);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(try_open("photos/x"), QN_NOT_FOUND);
    assert_int_equal(put("photos/x", "image/png", "x"), QN_OK);
    assert_int_equal(try_open("photos"), QN_NOT_FOUND);
    assert_int_equal(try_open("photos/x/y"), QN_NOT_FOUND);
    assert_int_equal(media_object_file_delete(&place, "photos/y", &err), QN_OK);
    assert_int_equal(media_object_file_delete(&place, "photos/x/y", &err), QN_OK);
    expect("photos/x", "image/png", "x");
}

/* A kill during an upload leaves what has no key; what was cut or scribbled on is no object. */
static void test_half_an_object_is_none(void **state)
{
    (void)state;
    assert_int_equal(put("photos/cut", "image/png", "0123456789"), QN_OK);
    int fd = openat(place.data_fd, "photos/cut", O_WRONLY);
    assert_int_equal(ftruncate(fd, MEDIA_OBJECT_FILE_HEAD_BYTES + 9), 0);
    assert_int_equal(try_open("photos/cut"), QN_DATA_LOSS);
    assert_int_equal(ftruncate(fd, MEDIA_OBJECT_FILE_HEAD_BYTES - 1), 0);
    assert_int_equal(try_open("photos/cut"), QN_DATA_LOSS);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(try_open("photos/cut"), QN_DATA_LOSS);
    close(fd);

    static const char *const heads[] = {
        "quintet object 2\ncontent-type: a\nsize: 0\netag: e\n",
        "quintet object 1\ncontent-type: a\nsize: x\netag: e\n",
        "quintet object 1\ncontent-type: a\nsize: 0\n",
        "quintet object 1\nsize: 0\ncontent-type: a\netag: e\n",
        "",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char head[MEDIA_OBJECT_FILE_HEAD_BYTES] = {0};
        snprintf(head, sizeof head, "%s", heads[i]);
        fd = openat(place.data_fd, "photos/bad", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, head, sizeof head), sizeof head);
        close(fd);
        if (try_open("photos/bad") != QN_DATA_LOSS)
            fail_msg("head %zu is taken", i);
    }
}

/* Nothing that somebody put into the folder by hand leads out of it. */
static void test_links_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(put("photos/real", "image/png", "x"), QN_OK);
    assert_int_equal(symlinkat("real", place.data_fd, "photos/link"), 0);
    assert_int_not_equal(try_open("photos/link"), QN_OK);
    assert_int_equal(mkfifoat(place.data_fd, "photos/fifo", 0600), 0);
    assert_int_equal(try_open("photos/fifo"), QN_DATA_LOSS);
}

static void test_emptied_folders_go(void **state)
{
    (void)state;
    assert_int_equal(put("pending/u/a", "image/png", "x"), QN_OK);
    assert_int_equal(put("pending/u/b", "image/png", "x"), QN_OK);
    assert_int_equal(media_object_file_delete(&place, "pending/u/a", &err), QN_OK);
    assert_int_equal(faccessat(place.data_fd, "pending/u", F_OK, 0), 0);
    assert_int_equal(media_object_file_delete(&place, "pending/u/b", &err), QN_OK);
    assert_int_not_equal(faccessat(place.data_fd, "pending/u", F_OK, 0), 0);
    assert_int_equal(faccessat(place.data_fd, "pending", F_OK, 0), 0);
    assert_int_equal(put("pending/u/a", "image/png", "y"), QN_OK);
    expect("pending/u/a", "image/png", "y");
}

static void test_listing_is_in_order_and_goes_on(void **state)
{
    (void)state;
    enum { KEYS = 150, PAGE = 64 };
    struct media_object_entry entries[PAGE];
    char after[MEDIA_OBJECT_KEY_MAX + 1] = "", before[MEDIA_OBJECT_KEY_MAX + 1] = "";
    size_t n, total = 0;
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(put(harness_text("pending/u%d/%d", i * 7 % 11, i * 31 % KEYS), "image/png", "x"),
                         QN_OK);
    assert_int_equal(put("photos/other", "image/png", "x"), QN_OK);
    assert_int_equal(symlinkat("x", place.data_fd, "pending/link"), 0);
    do {
        assert_int_equal(media_object_file_list(&place, "pending/", after, entries, PAGE, &n, &err), QN_OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(strcmp(before, entries[i].key) < 0);
            assert_true(qn_str_starts(qn_str_c(entries[i].key), QN_STR("pending/")));
            assert_true(entries[i].touched_ms > 0);
            snprintf(before, sizeof before, "%s", entries[i].key);
        }
        snprintf(after, sizeof after, "%s", before);
        total += n;
    } while (n == PAGE);
    assert_int_equal(total, KEYS);
    assert_int_equal(media_object_file_list(&place, "none/", "", entries, PAGE, &n, &err), QN_OK);
    assert_int_equal(n, 0);
}

static void test_sweep_of_what_was_left_in_the_making(void **state)
{
    (void)state;
    char old[MEDIA_OBJECT_FILE_TEMP_MAX], young[MEDIA_OBJECT_FILE_TEMP_MAX];
    int fd;
    size_t removed;
    assert_int_equal(media_object_file_create(&place, old, &fd, &err), QN_OK);
    const struct timespec long_ago[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(futimens(fd, long_ago), 0);
    close(fd);
    assert_int_equal(media_object_file_create(&place, young, &fd, &err), QN_OK);
    close(fd);
    media_object_file_sweep(&place, 3600000, &removed);
    assert_int_equal(removed, 1);
    assert_int_not_equal(faccessat(place.tmp_fd, old, F_OK, 0), 0);
    assert_int_equal(faccessat(place.tmp_fd, young, F_OK, 0), 0);
    media_object_file_discard(&place, young);
    assert_int_equal(count_entries(place.tmp_fd), 0);
}

static void test_a_file_where_a_folder_must_be(void **state)
{
    (void)state;
    assert_int_equal(put("pending/u", "image/png", "x"), QN_OK);
    assert_int_equal(put("pending/u/p", "image/png", "x"), QN_INTERNAL);
    assert_int_equal(count_entries(place.tmp_fd), 0);
    struct media_object_place other;
    const char *file = harness_text("%s/file", harness_folder());
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    close(fd);
    assert_int_equal(media_object_file_place(file, &other, &err), QN_INTERNAL);
    assert_non_null(strstr(err.message, file));
}

/* The key is made once, for its owner's eyes only, and never made anew over something else. */
static void test_credentials(void **state)
{
    (void)state;
    char id[MEDIA_OBJECT_FOLDER_ID_MAX], secret[MEDIA_OBJECT_FOLDER_SECRET_MAX];
    char id_again[MEDIA_OBJECT_FOLDER_ID_MAX], secret_again[MEDIA_OBJECT_FOLDER_SECRET_MAX];
    const char *folder = harness_text("%s/credentials", harness_folder());
    const char *file = harness_text("%s/credentials", folder);
    struct stat what;
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(media_object_secret_load(folder, id, secret, &err), QN_OK);
    assert_int_equal(strlen(id), 20);
    assert_int_equal(strlen(secret), 43);
    assert_int_equal(stat(file, &what), 0);
    assert_int_equal(what.st_mode & 0777, 0600);
    assert_int_equal(media_object_secret_load(folder, id_again, secret_again, &err), QN_OK);
    assert_string_equal(id, id_again);
    assert_string_equal(secret, secret_again);

    assert_int_equal(truncate(file, 30), 0);
    assert_int_equal(media_object_secret_load(folder, id, secret, &err), QN_DATA_LOSS);
    assert_int_equal(stat(file, &what), 0);
    assert_int_equal(what.st_size, 30);
    assert_int_equal(media_object_secret_load(harness_text("%s/none", harness_folder()), id, secret, &err),
                     QN_INTERNAL);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_place, leave_place)
    const struct CMUnitTest tests[] = {
        ONE(test_there_and_back),
        ONE(test_a_key_is_written_once),
        ONE(test_cache_control),
        ONE(test_what_is_not_there),
        ONE(test_half_an_object_is_none),
        ONE(test_links_are_not_followed),
        ONE(test_emptied_folders_go),
        ONE(test_listing_is_in_order_and_goes_on),
        ONE(test_sweep_of_what_was_left_in_the_making),
        ONE(test_a_file_where_a_folder_must_be),
        ONE(test_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
