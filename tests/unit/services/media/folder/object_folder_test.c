#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/folder/object_folder.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"
#include "tests/unit/services/media/folder/folder_fixture.h"

/* The seam (object.h) with the folder behind it. */

struct asked {
    struct media_object_request request;
    enum qn_status status;
    bool done;
};

static struct qn_arena arena;

static int setup(void **state)
{
    qn_arena_init(&arena, 1 << 20);
    return folder_fixture_setup(state);
}

static int teardown(void **state)
{
    int failed = folder_fixture_teardown(state);
    qn_arena_fini(&arena);
    return failed;
}

static void on_done(struct media_object_request *request, enum qn_status status)
{
    struct asked *asked = container_of(request, struct asked, request);
    assert_false(asked->done);
    asked->done = true;
    asked->status = status;
}

static struct asked fresh(void)
{
    return (struct asked){.request = {.arena = &arena, .deadline_ms = qn_clock_now_ms() + 20000}};
}

static void await(struct asked *asked, enum qn_status status)
{
    assert_false(asked->done); /* never from within the start */
    loop_fixture_run_until(&asked->done, 20000);
    assert_int_equal(asked->status, status);
}

static void put(const char *key, const char *bytes)
{
    char name[MEDIA_OBJECT_FILE_TEMP_MAX];
    struct media_object_info info = {.size_bytes = strlen(bytes), .content_type = "image/png", .etag = "e"};
    struct qn_error err;
    int fd;
    assert_int_equal(media_object_file_create(&folder_fixture.place, name, &fd, &err), QN_OK);
    assert_int_equal(media_object_file_append(fd, qn_str_c(bytes), &err), QN_OK);
    assert_int_equal(media_object_file_publish(&folder_fixture.place, name, fd, key,
                                               MEDIA_OBJECT_FILE_KEY_FREE, &info, &err),
                     QN_OK);
    close(fd);
}

static void head(const char *key, enum qn_status status)
{
    struct asked asked = fresh();
    media_object_head(&folder_fixture.store, &asked.request, qn_str_c(key), on_done);
    await(&asked, status);
    if (status == QN_OK)
        assert_string_equal(asked.request.info.content_type, "image/png");
}

static void test_head_and_read(void **state)
{
    (void)state;
    put("a/b", "0123456789");
    head("a/b", QN_OK);
    head("a/c", QN_NOT_FOUND);
    static const struct {
        uint64_t offset;
        size_t length;
        const char *bytes;
    } reads[] = {{0, 4, "0123"},      {8, 100, "89"}, {10, 1, ""},
                 {UINT64_MAX, 1, ""}, {0, 0, ""},     {0, 10, "0123456789"}};
    for (size_t i = 0; i < QN_COUNT(reads); i++) {
        struct asked asked = fresh();
        media_object_read_range(&folder_fixture.store, &asked.request, QN_STR("a/b"), reads[i].offset,
                                reads[i].length, on_done);
        await(&asked, QN_OK);
        assert_str(asked.request.bytes, reads[i].bytes);
        assert_int_equal(asked.request.info.size_bytes, 10);
    }
    struct asked asked = fresh();
    media_object_read_range(&folder_fixture.store, &asked.request, QN_STR("a/c"), 0, 1, on_done);
    await(&asked, QN_NOT_FOUND);
}

static enum qn_status write_object(const char *key, const char *bytes, const char *cache_control)
{
    struct asked asked = fresh();
    const struct media_object_body body = {.bytes = qn_str_c(bytes),
                                           .content_type = QN_STR("image/png"),
                                           .cache_control = qn_str_c(cache_control)};
    media_object_write(&folder_fixture.store, &asked.request, qn_str_c(key), &body, on_done);
    loop_fixture_run_until(&asked.done, 20000);
    return asked.status;
}

static void read_whole(const char *key, size_t max_bytes, enum qn_status status, const char *bytes,
                       const char *cache_control)
{
    struct asked asked = fresh();
    struct qn_buf into;
    qn_buf_init(&into, max_bytes);
    media_object_read_all(&folder_fixture.store, &asked.request, qn_str_c(key), max_bytes, &into, on_done);
    await(&asked, status);
    assert_str(qn_buf_view(&into), bytes);
    if (status == QN_OK) {
        assert_str(asked.request.bytes, bytes);
        assert_string_equal(asked.request.info.content_type, "image/png");
        assert_string_equal(asked.request.info.cache_control, cache_control);
    }
    qn_buf_fini(&into);
}

static void test_write_and_read_all(void **state)
{
    (void)state;
    assert_int_equal(write_object("photos/p/a.webp", "0123456789", "public, max-age=86400, immutable"),
                     QN_OK);
    read_whole("photos/p/a.webp", 10, QN_OK, "0123456789", "public, max-age=86400, immutable");
    read_whole("photos/p/a.webp", 9, QN_OUT_OF_RANGE, "", "");
    read_whole("photos/p/b.webp", 10, QN_NOT_FOUND, "", "");
    /* Whatever was there before. */
    assert_int_equal(write_object("photos/p/a.webp", "other", ""), QN_OK);
    read_whole("photos/p/a.webp", 10, QN_OK, "other", "");
    /* What would be read back as another head is refused, and leaves nothing. */
    assert_int_equal(write_object("photos/p/c.webp", "x", "public\nx: y"), QN_INVALID_ARGUMENT);
    read_whole("photos/p/c.webp", 10, QN_NOT_FOUND, "", "");
    /* A folder is in the way. */
    assert_int_equal(write_object("photos/p", "x", ""), QN_INTERNAL);
    assert_int_equal(write_object("../p", "x", ""), QN_INVALID_ARGUMENT);
}

/* The largest that is allowed, which no single read(2) need return at once. */
static void test_the_largest_object(void **state)
{
    (void)state;
    char *bytes = calloc(1, MEDIA_OBJECT_BYTES_MAX + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < MEDIA_OBJECT_BYTES_MAX; i++)
        bytes[i] = (char)('a' + i % 23);
    assert_int_equal(write_object("photos/large", bytes, ""), QN_OK);
    read_whole("photos/large", MEDIA_OBJECT_BYTES_MAX, QN_OK, bytes, "");
    free(bytes);
}

static void test_delete_list(void **state)
{
    (void)state;
    struct asked asked = fresh();
    put("pending/u/p", "x");
    put("photos/p", "x");
    media_object_list(&folder_fixture.store, &asked.request, QN_STR("pending/"), QN_STR(""), on_done);
    await(&asked, QN_OK);
    assert_int_equal(asked.request.n_entries, 1);
    assert_string_equal(asked.request.entries[0].key, "pending/u/p");
    asked = fresh();
    media_object_list(&folder_fixture.store, &asked.request, QN_STR("pending/"), QN_STR("pending/u/p"),
                      on_done);
    await(&asked, QN_OK);
    assert_int_equal(asked.request.n_entries, 0);

    for (int i = 0; i < 2; i++) {
        asked = fresh();
        media_object_delete(&folder_fixture.store, &asked.request, QN_STR("pending/u/p"), on_done);
        await(&asked, QN_OK);
    }
    head("pending/u/p", QN_NOT_FOUND);
    head("photos/p", QN_OK);
}

static void test_unsafe_keys_go_no_further(void **state)
{
    (void)state;
    struct media_object_store *store = &folder_fixture.store;
    struct asked asked = fresh();
    head("../x", QN_INVALID_ARGUMENT);
    media_object_read_range(store, &asked.request, QN_STR("/x"), 0, 1, on_done);
    await(&asked, QN_INVALID_ARGUMENT);
    asked = fresh();
    media_object_delete(store, &asked.request, QN_STR(""), on_done);
    await(&asked, QN_INVALID_ARGUMENT);
    asked = fresh();
    media_object_list(store, &asked.request, QN_STR("pending"), QN_STR(""), on_done);
    await(&asked, QN_INVALID_ARGUMENT);
    asked = fresh();
    media_object_list(store, &asked.request, QN_STR(""), QN_STR(""), on_done);
    await(&asked, QN_INVALID_ARGUMENT);
}

static void test_limits(void **state)
{
    (void)state;
    put("a", "x");
    struct asked asked = fresh();
    asked.request.deadline_ms = 1; /* long past */
    media_object_head(&folder_fixture.store, &asked.request, QN_STR("a"), on_done);
    await(&asked, QN_DEADLINE_EXCEEDED);

    struct qn_arena small;
    qn_arena_init(&small, 64);
    asked = fresh();
    asked.request.arena = &small;
    media_object_list(&folder_fixture.store, &asked.request, QN_STR("a/"), QN_STR(""), on_done);
    await(&asked, QN_RESOURCE_EXHAUSTED);
    qn_arena_fini(&small);
}

static void test_urls(void **state)
{
    (void)state;
    struct qn_buf url;
    const struct media_object_put put_of = {.key = QN_STR("pending/u/p"),
                                            .content_type = QN_STR("image/png"),
                                            .size_bytes = 10,
                                            .expires_s = 600};
    struct media_object_put_headers headers;
    struct media_object_source source;
    qn_buf_init(&url, 8192);
    /* Before it is known where browsers find it there is no URL to give. */
    assert_int_equal(media_object_presign_put(&folder_fixture.store, &put_of, 0, &url, &headers),
                     QN_UNAVAILABLE);
    media_object_folder_set_origin(&folder_fixture, "http://pictures.example.com:80/");
    assert_int_equal(media_object_presign_put(&folder_fixture.store, &put_of, 1795407356000, &url, &headers),
                     QN_OK);
    assert_true(
        qn_str_starts(qn_buf_view(&url), QN_STR("http://pictures.example.com/quintet/pending/u/p?X-Amz-"
                                                "Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKTEST%2F"
                                                "20261123%2Fauto%2Fs3%2Faws4_request&")));
    qn_buf_clear(&url);
    assert_int_equal(headers.n_headers, 2);
    assert_string_equal(headers.headers[0].name, "content-type");
    assert_string_equal(headers.headers[0].value, "image/png");
    assert_string_equal(headers.headers[1].name, "if-none-match"); /* so the URL works once */
    assert_string_equal(headers.headers[1].value, "*");
    static const uint8_t hash[32] = {0x2c, 0xf2, 0x4d, 0xba};
    struct media_object_put hashed = put_of;
    hashed.sha256 = qn_str_n((const char *)hash, sizeof hash);
    assert_int_equal(media_object_presign_put(&folder_fixture.store, &hashed, 1795407356000, &url, &headers),
                     QN_OK);
    assert_int_equal(headers.n_headers, 3);
    assert_string_equal(headers.headers[2].name, "x-amz-checksum-sha256");
    assert_string_equal(headers.headers[2].value, "LPJNugAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_non_null(strstr(url.data, "&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-"
                                     "match%3Bx-amz-checksum-sha256&"));
    qn_buf_clear(&url);
    assert_int_equal(media_object_read_url(&folder_fixture.store, QN_STR("photos/p"), 0, &url), QN_OK);
    assert_str(qn_buf_view(&url), "http://pictures.example.com/photos/p");
    const struct media_object_put unsafe = {
        .key = QN_STR("../p"), .content_type = QN_STR("image/png"), .size_bytes = 10, .expires_s = 600};
    assert_int_equal(media_object_presign_put(&folder_fixture.store, &unsafe, 0, &url, &headers),
                     QN_INVALID_ARGUMENT);
    qn_buf_fini(&url);

    assert_int_equal(media_object_source(&folder_fixture.store, &source), QN_OK);
    assert_string_equal(source.hostname, "pictures.example.com");
    assert_string_equal(source.port, "");
    media_object_folder_set_origin(&folder_fixture, "http://[::1]:8081");
    assert_int_equal(media_object_source(&folder_fixture.store, &source), QN_OK);
    assert_string_equal(source.scheme, "http");
    assert_string_equal(source.hostname, "[::1]");
    assert_string_equal(source.port, "8081");
    assert_string_equal(source.pathname, "/photos/**");
}

static bool part_closed;

static void on_part_closed(struct qn_part *part)
{
    (void)part;
    part_closed = true;
}

/* What is still asked when the store is closed gets its answer first. */
static void test_closing_answers_everybody(void **state)
{
    (void)state;
    enum { MANY = 50 };
    static struct asked asked[MANY];
    put("a", "x");
    for (size_t i = 0; i < MANY; i++) {
        asked[i] = fresh();
        media_object_head(&folder_fixture.store, &asked[i].request, QN_STR("a"), on_done);
    }
    part_closed = false;
    folder_fixture.part.close(&folder_fixture.part, on_part_closed);
    loop_fixture_run_until(&part_closed, 20000);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(asked[i].done);
        assert_true(asked[i].status == QN_OK || asked[i].status == QN_UNAVAILABLE);
    }
    loop_fixture_end();
    folder_fixture_setup(state);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_head_and_read), ONE(test_write_and_read_all),        ONE(test_the_largest_object),
        ONE(test_delete_list),   ONE(test_unsafe_keys_go_no_further), ONE(test_limits),
        ONE(test_urls),          ONE(test_closing_answers_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
