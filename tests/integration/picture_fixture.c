#include "tests/integration/picture_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

static struct media_picture_settings settings;
static struct media_picture_pool pool;
static struct qn_loop *loop;
static char script_path[64];

struct qn_loop *picture_fixture_loop(void)
{
    return loop;
}

struct media_picture_pool *picture_fixture_begin(int workers, const char *program)
{
    struct qn_error err = {0};
    loop = loop_fixture_begin();
    settings = (struct media_picture_settings){
        .workers = workers,
        .program = (char *)(uintptr_t)(program ? program : QN_BUILD_DIR "/bin/quintet-picture")};
    pool = (struct media_picture_pool)MEDIA_PICTURE_POOL(&settings);
    if (pool.part.open(&pool.part, loop, &err) != QN_OK)
        fail_msg("the pool does not open: %s", err.message);
    return &pool;
}

static bool closed;

static void on_closed(struct qn_part *part)
{
    assert_ptr_equal(part, &pool.part);
    closed = true;
}

void picture_fixture_end(void)
{
    closed = false;
    pool.part.close(&pool.part, on_closed);
    assert_false(closed);
    loop_fixture_run_until(&closed, 10000);
    loop_fixture_end();
    /* Neither a process nor what one leaves until it is waited for. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    if (script_path[0])
        unlink(script_path);
    script_path[0] = '\0';
    qn_metric_reset();
}

const char *picture_fixture_script(const char *lines)
{
    if (script_path[0])
        unlink(script_path);
    strcpy(script_path, "/tmp/quintet-worker-XXXXXX");
    int fd = mkstemp(script_path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "#!/bin/sh\nPATH=/usr/bin:/bin\n%s\n", lines) > 0);
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    return script_path;
}

struct run {
    struct media_picture_job *job;
    enum qn_status status;
    bool done;
};
static struct run running;

static void on_done(struct media_picture_job *job, enum qn_status status)
{
    assert_ptr_equal(job, running.job);
    assert_false(running.done);
    running.status = status;
    running.done = true;
}

enum qn_status picture_fixture_run(struct media_picture_job *job, struct qn_str bytes,
                                   enum media_image_kind kind, uint64_t within_ms)
{
    running = (struct run){.job = job};
    *job = (struct media_picture_job){.bytes = bytes,
                                      .kind = kind != MEDIA_IMAGE_NONE ? kind : media_image_sniff(bytes),
                                      .deadline_ms = qn_clock_now_ms() + within_ms};
    media_picture_start(&pool, job, on_done);
    assert_false(running.done);
    loop_fixture_run_until(&running.done, within_ms + 30000);
    return running.status;
}

void picture_fixture_refused(struct qn_str bytes, const char *reason)
{
    struct media_picture_job job;
    enum qn_status status = picture_fixture_run(&job, bytes, MEDIA_IMAGE_NONE, PICTURE_FIXTURE_WITHIN_MS);
    if (status != QN_FAILED_PRECONDITION)
        fail_msg("%s, and not %s", qn_status_name(status), reason);
    assert_string_equal(job.reason, reason);
    assert_null(job.picture.large.data);
}

void picture_fixture_done(struct qn_str bytes, struct media_picture *ret)
{
    struct media_picture_job job;
    enum qn_status status = picture_fixture_run(&job, bytes, MEDIA_IMAGE_NONE, PICTURE_FIXTURE_WITHIN_MS);
    if (status != QN_OK)
        fail_msg("%s %s", qn_status_name(status), job.reason ? job.reason : "");
    *ret = job.picture;
}

double picture_fixture_peak_bytes(void)
{
    struct qn_buf text;
    qn_buf_init(&text, 262144);
    qn_metric_render(&text);
    const char *line = strstr(qn_buf_view(&text).ptr, "\nquintet_media_picture_worker_peak_bytes ");
    assert_non_null(line);
    double peak = strtod(strchr(line, ' '), NULL);
    qn_buf_fini(&text);
    return peak;
}
