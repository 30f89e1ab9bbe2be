#include <signal.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "profile.qn.h"
#include "store.qn.h"
#include "tests/harness/second_pass.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* What callers are told when it is not their fault: each trouble by its own status and reason, when to come
 * again, and never a word of the database's. */

static struct harness_store store;

#define MINE         &quintet_profile_v1_profile_service_get_my_profile
#define UPDATE       &quintet_profile_v1_profile_service_update_profile
#define GET_CHECKED  &quintet_store_v1_session_store_get_session_with_profile
#define GET          &quintet_store_v1_session_store_get_session
#define DELETE_PHOTO &quintet_store_v1_photo_store_delete_photo

static struct harness_call *start_mine(const char *user)
{
    Quintet__Profile__V1__GetMyProfileRequest in = QUINTET__PROFILE__V1__GET_MY_PROFILE_REQUEST__INIT;
    return harness_store_start(&store, MINE, &in, user);
}

static struct harness_call *start_check(void)
{
    Quintet__Store__V1__GetSessionWithProfileRequest in =
        QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_REQUEST__INIT;
    in.token = harness_store_id(&store);
    return harness_store_start(&store, GET_CHECKED, &in, NULL);
}

static struct harness_call *start_get(void)
{
    Quintet__Store__V1__GetSessionRequest in = QUINTET__STORE__V1__GET_SESSION_REQUEST__INIT;
    in.token = harness_store_id(&store);
    return harness_store_start(&store, GET, &in, NULL);
}

/* A write that waits for the user's row. */
static struct harness_call *start_delete(char *user)
{
    Quintet__Store__V1__DeletePhotoRequest in = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    in.user_id = user;
    in.photo_id = (char *)"none";
    return harness_store_start(&store, DELETE_PHOTO, &in, NULL);
}

static void assert_failed(const struct harness_call *call, enum qn_status status, const char *reason,
                          bool retry)
{
    const struct qn_request *request = &call->request;
    if (request->status != status)
        fail_msg("%s instead of %s", qn_status_name(request->status), qn_status_name(status));
    assert_str(request->reason, reason);
    assert_int_equal(request->retry_after_ms > 0, retry);
    char *message = harness_store_text(&store, "%.*s", QN_STR_ARG(request->message));
    assert_true(message[0] != '\0');
    static const char *const theirs[] = {"relation", "profile\"", "ERROR",   "127.0.0.1",
                                         "column",   "FATAL",     "quintet."};
    for (size_t i = 0; i < QN_COUNT(theirs); i++)
        assert_null(strstr(message, theirs[i]));
}

/* Three writes wait for a lock and hold their connections; two more of the kind are told that there is none
 * for them (the one that is left to other kinds is lent to them for a moment at most). Reads go on, by the
 * connection that is theirs. The three are served as soon as the lock is gone. */
static void test_no_room_for_another_write(void **state)
{
    (void)state;
    enum { WRITES = 3, MORE = 2 };
    char *user = harness_store_user(&store, NULL);
    struct harness_call *waiting[WRITES], *more[MORE];
    harness_store_do(&store, "begin");
    harness_store_do(&store, "select 1 from \"user\" where id = '%s' for update", user);
    for (int i = 0; i < WRITES; i++)
        waiting[i] = start_delete(user);
    harness_store_wait_until(&store, "select count(*) from pg_locks where not granted", WRITES);
    for (int i = 0; i < MORE; i++)
        more[i] = start_delete(user);
    struct harness_call *read = start_check();
    harness_store_wait_for(&store, read);
    assert_int_equal(read->request.status, QN_OK);
    for (int i = 0; i < MORE; i++)
        assert_false(more[i]->answered);
    for (int i = 0; i < MORE; i++) {
        harness_store_wait_for(&store, more[i]);
        assert_failed(more[i], QN_RESOURCE_EXHAUSTED, "POOL_FULL", true);
    }
    for (int i = 0; i < WRITES; i++)
        assert_false(waiting[i]->answered);
    harness_store_do(&store, "commit");
    harness_store_wait(&store);
    for (int i = 0; i < WRITES; i++)
        assert_failed(waiting[i], QN_NOT_FOUND, "PHOTO_NOT_FOUND", false);
}

/* A migration has the photos to itself. What reads them waits, and is told after a second; sessions, which
 * have nothing to do with them, are found all the while. */
static void test_a_locked_table(void **state)
{
    (void)state;
    enum { CHECKS = 8, GETS = 20 };
    struct harness_call *checks[CHECKS];
    harness_store_do(&store, "begin");
    harness_store_do(&store, "lock table quintet.photo in access exclusive mode");
    for (int i = 0; i < CHECKS; i++)
        checks[i] = start_check();
    harness_store_wait_until(&store, "select (count(*) > 0)::int from pg_locks where not granted", 1);
    for (int i = 0; i < GETS; i++) {
        struct harness_call *get = start_get();
        harness_store_wait_for(&store, get);
        assert_int_equal(get->request.status, QN_OK);
    }
    for (int i = 0; i < CHECKS; i++) {
        harness_store_wait_for(&store, checks[i]);
        assert_failed(checks[i], QN_ABORTED, "LOCKED", true);
    }
    harness_store_do(&store, "commit");
    struct harness_call *after = start_check();
    harness_store_wait(&store);
    assert_int_equal(after->request.status, QN_OK);
}

/* A release that is ahead of its migration. */
static void test_another_schema_than_expected(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    harness_store_do(&store, "alter table quintet.profile rename to another");
    struct harness_call *call = start_mine(user);
    harness_store_wait(&store);
    assert_failed(call, QN_INTERNAL, "SCHEMA", false);
    call = start_check();
    harness_store_wait(&store);
    assert_failed(call, QN_INTERNAL, "SCHEMA", false);
    harness_store_do(&store, "alter table quintet.another rename to profile");
    harness_store_refuse(
        &store, MINE,
        &(Quintet__Profile__V1__GetMyProfileRequest)QUINTET__PROFILE__V1__GET_MY_PROFILE_REQUEST__INIT, user,
        QN_NOT_FOUND, "PROFILE_NOT_FOUND");
}

/* A row that no statement of ours could have written: told as ours to mend, not shown by halves. */
static void test_a_row_that_cannot_be_read(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    harness_store_do(&store,
                     "alter table quintet.profile drop constraint profile_birth_date_check;"
                     "insert into quintet.profile (user_id, birth_date, created_at, updated_at)"
                     " values ('%s', 'infinity', now(), now())",
                     user);
    struct harness_call *call = start_mine(user);
    harness_store_wait(&store);
    assert_failed(call, QN_INTERNAL, "", false);
}

/* PostgreSQL goes away and comes back. A read waits as long as the pool lets it and is then told that nothing
 * was done; a call that comes later is served, by whatever connection has come up by then. */
static void test_postgres_goes_and_comes_back(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    harness_postgres_halt(store.postgres, SIGQUIT);
    struct harness_call *read = start_mine(user), *write = start_delete(user), *batch[10];
    for (size_t i = 0; i < QN_COUNT(batch); i++)
        batch[i] = start_check();
    harness_store_wait(&store);
    assert_failed(read, QN_UNAVAILABLE, "CANNOT_CONNECT", true);
    for (size_t i = 0; i < QN_COUNT(batch); i++)
        assert_failed(batch[i], QN_UNAVAILABLE, "CANNOT_CONNECT", true);
    if (write->request.status !=
        QN_UNKNOWN) /* the connection may not have been seen to be dead when it was sent */
        assert_failed(write, QN_UNAVAILABLE, "CANNOT_CONNECT", true);
    harness_postgres_resume(store.postgres);
    struct harness_call *call;
    do {
        call = start_mine(user);
        harness_store_wait(&store);
    } while (call->request.status == QN_UNAVAILABLE);
    assert_failed(call, QN_NOT_FOUND, "PROFILE_NOT_FOUND", false);
}

/* On its way out the process says that another may be asked. Last: the pool does not come back. */
static void test_after_the_pool_has_been_drained(void **state)
{
    (void)state;
    char *user = harness_store_user(&store, NULL);
    harness_store_drain_pool(&store);
    struct harness_call *read = start_mine(user), *write = start_delete(user);
    harness_store_wait(&store);
    assert_int_equal(read->request.status, QN_UNAVAILABLE);
    assert_int_equal(write->request.status, QN_UNAVAILABLE);
    assert_true(read->request.not_executed);
    assert_true(write->request.not_executed);
}

static int open_store(void **state)
{
    (void)state;
    harness_store_open_with(&store, HARNESS_OURS, "&pool_timeout=3");
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    harness_store_close(&store);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_room_for_another_write),
        cmocka_unit_test(test_a_locked_table),
        cmocka_unit_test(test_another_schema_than_expected),
        cmocka_unit_test(test_a_row_that_cannot_be_read),
        cmocka_unit_test(test_postgres_goes_and_comes_back),
        cmocka_unit_test(test_after_the_pool_has_been_drained),
    };
    return harness_second_pass_run(tests, open_store, close_store);
}
