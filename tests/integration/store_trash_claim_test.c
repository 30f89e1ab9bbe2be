#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "services/profile/trash_watch.h"
#include "store.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* quintet.photo_trash: who gets its entries handed out, for how long, and what becomes of them; and what an
 * operator sees of it. How they come into it: store_trash_test.c. */

static struct harness_store store;

#define CLAIM  &quintet_store_v1_photo_store_claim_trash
#define FINISH &quintet_store_v1_photo_store_finish_trash
#define FAIL   &quintet_store_v1_photo_store_fail_trash

typedef Quintet__Store__V1__TrashEntry Entry;

enum { LEASE_MS = 60000 };

/* Each test begins with an empty one. */
static int empty(void **state)
{
    (void)state;
    harness_store_do(&store, "delete from quintet.photo_trash");
    return 0;
}

static long left(void)
{
    return harness_store_number(&store, "select count(*) from quintet.photo_trash");
}

/* 'n' entries that have been due for an hour, the last for longest. */
static void fill(int n)
{
    harness_store_do(&store,
                     "insert into quintet.photo_trash (prefix, due_at, not_before)"
                     " select 'photos/' || i || '/', now() - interval '1 hour' - i * interval '1 second',"
                     " now() - interval '1 hour' - i * interval '1 second' from generate_series(1, %d) i",
                     n);
}

static const Quintet__Store__V1__ClaimTrashResponse *claim(int max)
{
    Quintet__Store__V1__ClaimTrashRequest in = QUINTET__STORE__V1__CLAIM_TRASH_REQUEST__INIT;
    in.max = max;
    in.lease_ms = LEASE_MS;
    return harness_store_ask(&store, CLAIM, &in, NULL);
}

/* The one entry that is due. */
static Entry *claim_one(void)
{
    const Quintet__Store__V1__ClaimTrashResponse *out = claim(100);
    assert_int_equal(out->n_entries, 1);
    return out->entries[0];
}

static int finish(Entry *const *entries, size_t n)
{
    Quintet__Store__V1__FinishTrashRequest in = QUINTET__STORE__V1__FINISH_TRASH_REQUEST__INIT;
    in.entries = (Entry **)entries;
    in.n_entries = n;
    const Quintet__Store__V1__FinishTrashResponse *out = harness_store_ask(&store, FINISH, &in, NULL);
    return out->finished;
}

static int give_up(Entry *entry, const char *error)
{
    Quintet__Store__V1__FailTrashRequest in = QUINTET__STORE__V1__FAIL_TRASH_REQUEST__INIT;
    in.entries = &entry;
    in.n_entries = 1;
    in.error = (char *)error;
    const Quintet__Store__V1__FailTrashResponse *out = harness_store_ask(&store, FAIL, &in, NULL);
    return out->failed;
}

/* Time passes for the whole table. */
static void pass(int seconds)
{
    harness_store_do(&store,
                     "update quintet.photo_trash set due_at = due_at - %d * interval '1 second',"
                     " not_before = not_before - %d * interval '1 second',"
                     " again_at = again_at - %d * interval '1 second'",
                     seconds, seconds, seconds);
}

static void test_two_never_get_the_same(void **state)
{
    (void)state;
    enum { ENTRIES = 200, CLAIMS = 60, EACH = 5 };
    fill(ENTRIES);
    struct harness_call *calls[CLAIMS];
    bool seen[ENTRIES + 1] = {false};
    for (int i = 0; i < CLAIMS; i++) {
        Quintet__Store__V1__ClaimTrashRequest in = QUINTET__STORE__V1__CLAIM_TRASH_REQUEST__INIT;
        in.max = EACH;
        in.lease_ms = LEASE_MS;
        calls[i] = harness_store_start(&store, CLAIM, &in, NULL);
    }
    harness_store_wait(&store);
    size_t n = 0;
    for (int i = 0; i < CLAIMS; i++) {
        assert_int_equal(calls[i]->request.status, QN_OK);
        const Quintet__Store__V1__ClaimTrashResponse *out = calls[i]->request.out;
        assert_true(out->n_entries <= EACH);
        for (size_t k = 0; k < out->n_entries; k++, n++) {
            int which = atoi(out->entries[k]->prefix + strlen("photos/"));
            assert_in_range(which, 1, ENTRIES);
            assert_false(seen[which]);
            seen[which] = true;
            assert_int_equal(out->entries[k]->attempts, 1);
        }
    }
    assert_int_equal(n, ENTRIES);
    assert_int_equal(claim(100)->n_entries, 0);
}

/* What has waited longest comes first, and what somebody else is claiming is passed over, not waited for. */
static void test_the_oldest_first(void **state)
{
    (void)state;
    fill(5);
    harness_store_do(&store,
                     "begin; select 1 from quintet.photo_trash where prefix = 'photos/5/' for update");
    const Quintet__Store__V1__ClaimTrashResponse *out = claim(2);
    harness_store_do(&store, "rollback");
    assert_int_equal(out->n_entries, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(strcmp(out->entries[i]->prefix, "photos/4/") == 0 ||
                    strcmp(out->entries[i]->prefix, "photos/3/") == 0);
    assert_string_equal(claim(1)->entries[0]->prefix, "photos/5/");
}

/* Who does not come back loses the lease, and what is said of it afterwards counts for nothing. */
static void test_a_lease_ends(void **state)
{
    (void)state;
    fill(1);
    Entry *first = claim_one();
    int64_t ends_ms = qn_clock_wall_ms() + LEASE_MS;
    assert_in_range(first->leased_until_ms, ends_ms - LEASE_MS / 2, ends_ms + LEASE_MS / 2);
    assert_int_equal(claim(1)->n_entries, 0);
    pass(LEASE_MS / 1000 - 10);
    assert_int_equal(claim(1)->n_entries, 0);
    pass(11);
    Entry *second = claim_one();
    assert_true(second->id == first->id);
    assert_int_equal(second->attempts, 2);
    assert_int_equal(finish(&first, 1), 0);
    assert_int_equal(give_up(first, "too late"), 0);
    assert_int_equal(left(), 1);
    assert_int_equal(finish(&second, 1), 1);
    assert_int_equal(left(), 0);
    assert_int_equal(finish(&second, 1), 0); /* idempotent */
}

/* What was removed may come back, and is looked at once more when it cannot any longer. */
static void test_what_may_come_back_is_seen_to_twice(void **state)
{
    (void)state;
    enum { AGAIN_S = 1200 };
    fill(1);
    harness_store_do(&store, "update quintet.photo_trash set again_at = now() + %d * interval '1 second'",
                     AGAIN_S);
    Entry *entry = claim_one();
    assert_int_equal(finish(&entry, 1), 1);
    assert_int_equal(claim(1)->n_entries, 0);
    pass(AGAIN_S - 60);
    assert_int_equal(claim(1)->n_entries, 0);
    pass(61);
    entry = claim_one();
    assert_int_equal(entry->attempts, 1);
    assert_int_equal(finish(&entry, 1), 1);
    assert_int_equal(left(), 0);

    /* The first time took until then: it was the first nevertheless, for it began before. */
    fill(1);
    harness_store_do(&store, "update quintet.photo_trash set again_at = now() + %d * interval '1 second'",
                     AGAIN_S);
    entry = claim_one();
    pass(AGAIN_S + 1);
    entry->leased_until_ms = harness_store_number(
        &store, "select (extract(epoch from not_before) * 1000)::bigint from quintet.photo_trash");
    assert_int_equal(finish(&entry, 1), 1);
    entry = claim_one();
    assert_int_equal(finish(&entry, 1), 1);
    assert_int_equal(left(), 0);

    /* It was due for so long before anybody asked that once is enough. */
    fill(1);
    harness_store_do(&store, "update quintet.photo_trash set again_at = now() - interval '1 second'");
    entry = claim_one();
    assert_int_equal(finish(&entry, 1), 1);
    assert_int_equal(left(), 0);
}

/* 15 s, 30 s, a minute …, an hour; give or take a tenth. The next time around begins anew. */
static void test_a_failure_waits_longer_each_time(void **state)
{
    (void)state;
    static const long waits_s[] = {15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600};
    fill(1);
    harness_store_do(&store, "update quintet.photo_trash set again_at = now() + interval '1 day'");
    Entry *entry = NULL;
    for (size_t i = 0; i < QN_COUNT(waits_s); i++) {
        entry = claim_one();
        assert_int_equal(entry->attempts, i + 1);
        assert_int_equal(give_up(entry, harness_store_text(&store, "%0400d", 1)), 1);
        assert_int_equal(give_up(entry, "twice"), 0);
        long wait_ms =
            harness_store_number(&store, "select (extract(epoch from not_before - clock_timestamp()) * 1000)"
                                         "::bigint from quintet.photo_trash");
        assert_in_range(wait_ms + 5000, waits_s[i] * 900, waits_s[i] * 1100 + 5000);
        assert_int_equal(
            harness_store_number(&store, "select char_length(last_error) from quintet.photo_trash"), 300);
        assert_int_equal(claim(1)->n_entries, 0);
        harness_store_do(&store, "update quintet.photo_trash set not_before = now() - interval '1 second'");
    }
    entry = claim_one();
    assert_int_equal(finish(&entry, 1), 1);
    pass(24 * 3600 + 1);
    assert_int_equal(harness_store_number(&store,
                                          "select count(*) from quintet.photo_trash where last_error is null"
                                          " and due_at > now() - interval '1 minute'"),
                     1);
    assert_int_equal(claim_one()->attempts, 1);
}

/* Several at once, of which one is no longer the caller's. */
static void test_some_of_them(void **state)
{
    (void)state;
    fill(3);
    const Quintet__Store__V1__ClaimTrashResponse *out = claim(3);
    assert_int_equal(out->n_entries, 3);
    harness_store_do(&store,
                     "update quintet.photo_trash set not_before = not_before + interval '1 millisecond'"
                     " where id = %lld",
                     (long long)out->entries[1]->id);
    assert_int_equal(finish(out->entries, 3), 2);
    assert_int_equal(left(), 1);
    assert_int_equal(harness_store_number(&store, "select count(*) from quintet.photo_trash where id = %lld",
                                          (long long)out->entries[1]->id),
                     1);
}

static void test_what_is_not_valid(void **state)
{
    (void)state;
    Quintet__Store__V1__ClaimTrashRequest claim_in = QUINTET__STORE__V1__CLAIM_TRASH_REQUEST__INIT;
    harness_store_refuse(&store, CLAIM, &claim_in, NULL, QN_INVALID_ARGUMENT, "max lease_ms");
    claim_in.max = 101;
    claim_in.lease_ms = 3600001;
    harness_store_refuse(&store, CLAIM, &claim_in, NULL, QN_INVALID_ARGUMENT, "max lease_ms");
    Quintet__Store__V1__FinishTrashRequest finish_in = QUINTET__STORE__V1__FINISH_TRASH_REQUEST__INIT;
    Quintet__Store__V1__FailTrashRequest fail_in = QUINTET__STORE__V1__FAIL_TRASH_REQUEST__INIT;
    harness_store_refuse(&store, FINISH, &finish_in, NULL, QN_INVALID_ARGUMENT, "entries");
    harness_store_refuse(&store, FAIL, &fail_in, NULL, QN_INVALID_ARGUMENT, "entries");
    Entry entry = QUINTET__STORE__V1__TRASH_ENTRY__INIT, *entries[101];
    for (size_t i = 0; i < QN_COUNT(entries); i++)
        entries[i] = &entry;
    finish_in.entries = fail_in.entries = entries;
    finish_in.n_entries = fail_in.n_entries = QN_COUNT(entries);
    harness_store_refuse(&store, FINISH, &finish_in, NULL, QN_INVALID_ARGUMENT, "entries");
    harness_store_refuse(&store, FAIL, &fail_in, NULL, QN_INVALID_ARGUMENT, "entries");
    entry.leased_until_ms = INT64_MIN;
    finish_in.n_entries = fail_in.n_entries = 1;
    harness_store_refuse(&store, FINISH, &finish_in, NULL, QN_INVALID_ARGUMENT, "entries.leased_until_ms");
    harness_store_refuse(&store, FAIL, &fail_in, NULL, QN_INVALID_ARGUMENT, "entries.leased_until_ms");
    /* No entry says "everything", whoever writes it. */
    static const char *const all[] = {"", "/", "photos/", "pending/"};
    for (size_t i = 0; i < QN_COUNT(all); i++) {
        const char *sql = harness_store_text(
            &store,
            "insert into quintet.photo_trash (prefix, due_at, not_before) values ('%s', now(), now())",
            all[i]);
        PGresult *refused = PQexec(store.admin, sql);
        assert_string_equal(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "23514");
        PQclear(refused);
    }
}

/* What an operator sees of it. */

static double gauge(const char *name)
{
    struct qn_buf all;
    qn_buf_init(&all, 1024 * 1024);
    qn_metric_render(&all);
    const char *line = strstr(all.data, harness_store_text(&store, "\n%s ", name));
    double value = line ? atof(line + 1 + strlen(name)) : -1;
    qn_buf_fini(&all);
    return value;
}

static bool watch_closed;

static void on_watch_closed(struct qn_part *part)
{
    (void)part;
    watch_closed = true;
}

/* The part looks when it opens; the statement's count says when the answer is there. */
static void look(void)
{
    struct profile_database database = {.pool = store.pool};
    struct profile_trash_watch watch = PROFILE_TRASH_WATCH(&database);
    struct qn_error err = {0};
    double before = harness_store_statements("trash_look");
    assert_int_equal(watch.part.open(&watch.part, store.loop, &err), QN_OK);
    while (harness_store_statements("trash_look") == before)
        qn_loop_turn(store.loop);
    watch_closed = false;
    watch.part.close(&watch.part, on_watch_closed);
    while (!watch_closed)
        qn_loop_turn(store.loop);
}

static void test_what_waits_is_counted(void **state)
{
    (void)state;
    look();
    assert_true(gauge("quintet_profile_trash_due") == 0);
    assert_true(gauge("quintet_profile_trash_oldest_seconds") == 0);
    fill(3); /* the oldest for an hour and three seconds */
    harness_store_do(&store,
                     "insert into quintet.photo_trash (prefix, due_at, not_before)"
                     " values ('photos/later/', now() + interval '1 hour', now() + interval '1 hour')");
    claim(2); /* still there until it is finished */
    look();
    assert_true(gauge("quintet_profile_trash_due") == 3);
    assert_in_range((long)gauge("quintet_profile_trash_oldest_seconds"), 3603, 3603 + 60);
    harness_store_do(&store, "insert into quintet.photo_trash (prefix, due_at, not_before)"
                             " select 'photos/' || i || '/', now(), now() from generate_series(1, 10100) i");
    look();
    assert_true(gauge("quintet_profile_trash_due") == 10000);
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_two_never_get_the_same, empty),
        cmocka_unit_test_setup(test_the_oldest_first, empty),
        cmocka_unit_test_setup(test_a_lease_ends, empty),
        cmocka_unit_test_setup(test_what_may_come_back_is_seen_to_twice, empty),
        cmocka_unit_test_setup(test_a_failure_waits_longer_each_time, empty),
        cmocka_unit_test_setup(test_some_of_them, empty),
        cmocka_unit_test_setup(test_what_is_not_valid, empty),
        cmocka_unit_test_setup(test_what_waits_is_counted, empty),
    };
    return HARNESS_STORE_RUN(tests);
}
