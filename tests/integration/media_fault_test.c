#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/core/clock.h"
#include "tests/harness/http_proxy.h"
#include "tests/harness/test.h"
#include "tests/integration/media_fixture.h"

/* An object store that fails, in every way and at every step, and a process that is killed at each of its
 * requests to it: a real bucket behind a proxy. Whatever happens ends with a typed answer, a call that can be
 * made again, and in the end with objects and rows that agree. */

static struct media_fixture fixture;
static struct http_proxy *proxy;
static const char *environment[4];
static const char *user;

enum { CALL_MS = 20000, SHORT_MS = 2000 };

static void set_fault(enum http_proxy_fault fault, const char *method, const char *part, unsigned after,
                      unsigned times)
{
    http_proxy_set(proxy, &(const struct http_proxy_rule){fault, method, part, after, times});
}

static void no_fault(void)
{
    set_fault(HTTP_PROXY_FORWARD, NULL, NULL, 0, 0);
}

static int setup(void **state)
{
    (void)state;
    no_fault();
    media_fixture_start_media(&fixture, environment);
    media_fixture_connect(&fixture);
    user = media_fixture_user(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    no_fault();
    media_fixture_disconnect(&fixture);
    media_fixture_stop_media(&fixture);
    return 0;
}

static const Quintet__Media__V1__CompleteUploadRequest *complete_request(const char *upload_id)
{
    static Quintet__Media__V1__CompleteUploadRequest in;
    in = (Quintet__Media__V1__CompleteUploadRequest)QUINTET__MEDIA__V1__COMPLETE_UPLOAD_REQUEST__INIT;
    in.upload_id = (char *)upload_id;
    return &in;
}

static void begin_complete(const char *upload_id, uint64_t timeout_ms)
{
    media_fixture_begin(&fixture, &quintet_media_v1_media_service_complete_upload,
                        complete_request(upload_id), user, timeout_ms);
}

/* What a completion asks of the store, and what the sweep does then. */
static const struct step {
    const char *method, *part;
} steps[] = {{"GET", "/pending/"}, {"PUT", "/photos/"}};

/* One failure of a kind, and then all is well: nobody notices. */
static void test_a_fault_that_passes(void **state)
{
    (void)state;
    static const enum http_proxy_fault faults[] = {HTTP_PROXY_503, HTTP_PROXY_CUT_ANSWER,
                                                   HTTP_PROXY_CUT_REQUEST, HTTP_PROXY_DROP_ANSWER,
                                                   HTTP_PROXY_SLOW};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        for (size_t k = 0; k < sizeof faults / sizeof faults[0]; k++)
            for (unsigned after = 0; after < 2; after++) {
                const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
                set_fault(faults[k], steps[i].method, steps[i].part, after, 1);
                const Quintet__Media__V1__Photo *photo =
                    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
                assert_int_equal(http_proxy_met(proxy), 1);
                assert_int_equal(media_fixture_get(photo->url), 200);
                media_fixture_delete(&fixture, user, photo->id, QN_OK, NULL);
            }
    no_fault();
    media_fixture_expect_agreement(&fixture);
}

/* A store that fails for longer: a typed answer, the upload stays, and the call goes well afterwards. */
static void test_a_fault_that_stays(void **state)
{
    (void)state;
    static const enum http_proxy_fault faults[] = {HTTP_PROXY_503, HTTP_PROXY_CUT_ANSWER,
                                                   HTTP_PROXY_CUT_REQUEST, HTTP_PROXY_DROP_ANSWER};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        for (size_t k = 0; k < sizeof faults / sizeof faults[0]; k++) {
            const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
            set_fault(faults[k], steps[i].method, steps[i].part, 0, 0);
            media_fixture_complete(&fixture, user, upload->upload_id, QN_UNAVAILABLE, NULL);
            no_fault();
            media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
            media_fixture_delete(&fixture, user, upload->upload_id, QN_OK, NULL);
        }
    media_fixture_expect_agreement(&fixture);
}

/* A store that says nothing: the deadline holds, and meanwhile everything that needs no object works. */
static void test_a_store_that_hangs(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 100);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
        set_fault(HTTP_PROXY_HOLD, steps[i].method, steps[i].part, 0, 0);
        begin_complete(upload->upload_id, SHORT_MS);
        while (http_proxy_met(proxy) == 0)
            assert_false(media_fixture_ended(&fixture));
        assert_string_equal(media_fixture_list(&fixture, user)->photos[0]->url, photo->url);
        media_fixture_set_main(&fixture, user, photo->id, QN_OK, NULL);
        media_fixture_create(&fixture, user, "image/png", 100);
        assert_int_equal(media_fixture_end(&fixture), QN_DEADLINE_EXCEEDED);
        no_fault();
        media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    }
    media_fixture_expect_agreement(&fixture);
}

/* No store at all. What is deleted meanwhile goes once it is back. */
static void test_no_store(void **state)
{
    (void)state;
    const Quintet__Media__V1__Photo *photo = media_fixture_add(&fixture, user, "image/png", 100);
    const Quintet__Media__V1__CreateUploadResponse *upload = media_fixture_upload(&fixture, user);
    media_fixture_until(&fixture, media_fixture_trash_is_out, "nothing is left to do");
    harness_bucket_halt(fixture.bucket);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_UNAVAILABLE, NULL);
    media_fixture_delete(&fixture, user, photo->id, QN_OK, NULL);
    assert_int_equal(media_fixture_list(&fixture, user)->n_photos, 0);
    media_fixture_create(&fixture, user, "image/png", 100);
    harness_bucket_resume(fixture.bucket);
    media_fixture_complete(&fixture, user, upload->upload_id, QN_OK, NULL);
    media_fixture_expect_agreement(&fixture);
    assert_int_equal(media_fixture_objects(&fixture, media_fixture_public_prefix(photo->id)), 0);
}

/* Kills. */

enum outcome { TRY_AGAIN, LEAVE_IT, N_OUTCOMES };

/* Media has been killed while the store had a request of its; what was held goes on. Then either the owner
 * tries again, or nobody does. */
static void after_the_kill(const char *upload_id, enum outcome outcome)
{
    media_fixture_kill_media(&fixture);
    media_fixture_abandon(&fixture);
    media_fixture_disconnect(&fixture);
    no_fault();
    media_fixture_start_media(&fixture, environment);
    media_fixture_connect(&fixture);
    if (outcome == TRY_AGAIN) {
        const Quintet__Media__V1__Photo *photo =
            media_fixture_complete(&fixture, user, upload_id, QN_OK, NULL);
        assert_int_equal(media_fixture_get(photo->url), 200);
        assert_int_equal(media_fixture_get(photo->small_url), 200);
    }
    media_fixture_expect_agreement(&fixture);
    assert_int_equal(
        media_fixture_number(&fixture, "select count(*) from quintet.photo where id = '%s'", upload_id),
        outcome == TRY_AGAIN);
}

/* At each request of a completion: before the store has it, and when the store has done it. */
static void test_killed_at_each_request(void **state)
{
    (void)state;
    static const enum http_proxy_fault holds[] = {HTTP_PROXY_HOLD, HTTP_PROXY_HOLD_ANSWER};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        for (unsigned after = 0; after < 2; after++)
            for (size_t k = 0; k < 2; k++)
                for (int outcome = 0; outcome < N_OUTCOMES; outcome++) {
                    const char *id = harness_text("%s", media_fixture_upload(&fixture, user)->upload_id);
                    set_fault(holds[k], steps[i].method, steps[i].part, after, 1);
                    begin_complete(id, CALL_MS);
                    while (http_proxy_met(proxy) == 0)
                        if (media_fixture_ended(&fixture))
                            fail_msg("%s %s: not asked", steps[i].method, steps[i].part);
                    after_the_kill(id, outcome);
                    harness_postgres_do(fixture.admin, "delete from quintet.photo");
                }
}

static bool proxy_has_met(struct media_fixture *of)
{
    (void)of;
    return http_proxy_met(proxy) > 0;
}

/* At each request of a sweep that follows a deletion. */
static void test_killed_while_it_sweeps(void **state)
{
    (void)state;
    static const enum http_proxy_fault holds[] = {HTTP_PROXY_HOLD, HTTP_PROXY_HOLD_ANSWER};
    static const struct step requests[] = {{"GET", "list-type=2"}, {"DELETE", "/photos/"}};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        for (size_t k = 0; k < 2; k++) {
            const char *id = harness_text("%s", media_fixture_add(&fixture, user, "image/png", 100)->id);
            media_fixture_until(&fixture, media_fixture_trash_is_out, "the upload's object is gone");
            set_fault(holds[k], requests[i].method, requests[i].part, 0, 1);
            media_fixture_delete(&fixture, user, id, QN_OK, NULL);
            media_fixture_until(&fixture, proxy_has_met, "the sweep has come to the request");
            media_fixture_kill_media(&fixture);
            media_fixture_disconnect(&fixture);
            no_fault();
            media_fixture_start_media(&fixture, environment);
            media_fixture_connect(&fixture);
            media_fixture_expect_agreement(&fixture);
        }
}

static int start(void **state)
{
    (void)state;
    media_fixture_start_with_bucket(&fixture);
    proxy = http_proxy_open(harness_bucket_port(fixture.bucket));
    environment[0] = harness_text("S3_ENDPOINT=http://127.0.0.1:%u", http_proxy_port(proxy));
    environment[1] = "QUINTET_MEDIA_SWEEP_EVERY=200ms";
    return 0;
}

static int stop(void **state)
{
    (void)state;
    media_fixture_stop(&fixture);
    http_proxy_close(proxy);
    return 0;
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_a_fault_that_passes),    ONE(test_a_fault_that_stays),
        ONE(test_a_store_that_hangs),     ONE(test_no_store),
        ONE(test_killed_at_each_request), ONE(test_killed_while_it_sweeps),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
