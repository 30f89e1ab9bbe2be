#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "services/media/sigv4.h"
#include "tests/harness/http.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"

/* The embedded store on a disk of its own that is full: a small tmpfs, mounted where nobody but this process
 * and its children sees it. What does not fit is refused and leaves nothing; what is there stays as it was.
 */

#define KEY_ID "AKTEST"
#define SECRET "secret"

enum { DISK_BYTES = 1 << 20, OBJECT_BYTES = 100000, INODES = 24 };

static bool allowed;
static const char *disk;
static struct harness_service *media;
static char bytes[OBJECT_BYTES];

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        print_message("cannot write %s\n", path);
    close(fd);
}

/* Mounts of our own, also for those who may mount nowhere else. False: not allowed here. */
static bool leave_for_own_mounts(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();
    if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return false;
    if (uid != 0) {
        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/uid_map", harness_text("%u %u 1", uid, uid));
        write_file("/proc/self/gid_map", harness_text("%u %u 1", gid, gid));
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void start(const char *options)
{
    if (!allowed)
        skip();
    static int number;
    disk = harness_text("%s/disk%d", harness_folder(), number++);
    assert_int_equal(mkdir(disk, 0700), 0);
    assert_int_equal(mount("disk", disk, "tmpfs", 0, options), 0);
    const char *const environment[] = {
        harness_text("QUINTET_MEDIA_FOLDER=%s", disk),
        "QUINTET_MEDIA_ACCESS_KEY_ID=" KEY_ID,
        "QUINTET_MEDIA_SECRET_ACCESS_KEY=" SECRET,
        harness_text("QUINTET_RPC_LISTEN=ipc://%s/media", harness_folder()),
        harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", harness_folder()),
        NULL,
    };
    media = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-media", .environment = environment, .http = true});
}

static int stop(void **state)
{
    (void)state;
    if (!allowed)
        return 0;
    assert_int_equal(harness_service_stop(media), 0);
    assert_int_equal(umount(disk), 0);
    return 0;
}

/* One presigned request for a key; its status. */
static int ask(const char *method, const char *key, struct qn_str body, const char *says)
{
    static const struct media_sigv4_key by = {.access_key_id = QN_STR(KEY_ID),
                                              .secret = QN_STR(SECRET),
                                              .region = QN_STR("auto"),
                                              .service = QN_STR("s3")};
    const char *host = harness_text("127.0.0.1:%u", harness_service_http_port(media));
    const struct media_sigv4_request request = {.method = qn_str_c(method),
                                                .host = qn_str_c(host),
                                                .path = qn_str_c(harness_text("/quintet/%s", key))};
    struct qn_buf target;
    qn_buf_init(&target, 4096);
    assert_int_equal(media_sigv4_presign(&by, &request, qn_clock_wall_ms(), 60, &target), QN_OK);
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){
        .method = method,
        .url = harness_text("http://%s%.*s", host, QN_STR_ARG(qn_buf_view(&target))),
        .headers = {"Content-Type: image/png"},
        .body = body});
    qn_buf_fini(&target);
    int status = reply.status;
    if (says && !strstr(reply.body, says))
        fail_msg("%s %s: %d %s", method, key, status, reply.body);
    if (strcmp(method, "GET") == 0 && status == 200) {
        assert_int_equal(reply.body_len, OBJECT_BYTES);
        assert_memory_equal(reply.body, bytes, OBJECT_BYTES);
    }
    harness_http_free(&reply);
    return status;
}

static int put(const char *key, const char *says)
{
    return ask("PUT", key, qn_str_n(bytes, sizeof bytes), says);
}

static int get(const char *key)
{
    return ask("GET", key, (struct qn_str){0}, NULL);
}

static size_t count(const char *folder)
{
    size_t n = 0;
    DIR *of = opendir(harness_text("%s/%s", disk, folder));
    for (struct dirent *entry = of ? readdir(of) : NULL; entry; entry = readdir(of))
        n += entry->d_name[0] != '.';
    if (of)
        closedir(of);
    return n;
}

static void test_no_room_for_bytes(void **state)
{
    (void)state;
    start(harness_text("size=%d", DISK_BYTES));
    int n = 0;
    while (n < 100 && put(harness_text("photos/p%d/a", n), NULL) == 200)
        n++;
    assert_in_range(n, 5, DISK_BYTES / OBJECT_BYTES);
    assert_int_equal(put("photos/one-more/a", "<Code>InsufficientStorage</Code>"), 507);
    assert_int_equal(count("tmp"), 0);
    assert_int_equal(count("data/photos"), n);
    assert_int_equal(get("photos/one-more/a"), 404);
    /* What cannot be replaced stays. */
    assert_int_equal(put("photos/p0/a", "<Code>InsufficientStorage</Code>"), 507);
    for (int i = 0; i < n; i++)
        assert_int_equal(get(harness_text("photos/p%d/a", i)), 200);
    /* And with room again it goes on. */
    assert_int_equal(ask("DELETE", "photos/p1/a", (struct qn_str){0}, NULL), 204);
    assert_int_equal(get("photos/p1/a"), 404);
    assert_int_equal(put("photos/one-more/a", NULL), 200);
    assert_int_equal(get("photos/one-more/a"), 200);
}

/* Bytes enough, but no more files or folders. */
static void test_no_room_for_names(void **state)
{
    (void)state;
    start(harness_text("size=64m,nr_inodes=%d", INODES));
    int n = 0;
    while (n < 100 && put(harness_text("photos/p%d/a", n), NULL) == 200)
        n++;
    assert_in_range(n, 5, INODES / 2);
    assert_int_equal(put("photos/deep/er/and/deeper/a", "<Code>InsufficientStorage</Code>"), 507);
    assert_int_equal(count("tmp"), 0);
    assert_int_equal(count("data/photos"), n); /* nor folders that were made for it */
    for (int i = 0; i < n; i++)
        assert_int_equal(get(harness_text("photos/p%d/a", i)), 200);
}

int main(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + (i >> 8));
    allowed = leave_for_own_mounts();
    if (!allowed)
        print_message("no mounts of one's own here: nothing to fill\n");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_no_room_for_bytes, stop),
        cmocka_unit_test_teardown(test_no_room_for_names, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
