#include "services/profile/store/trash.h"

#include <inttypes.h>

/* Within one transaction now() stands still; to the millisecond, as leases are compared. */
#define NOW "date_trunc('milliseconds', now())"

/* The array is made first, and few: so the planner goes by the primary key. */
static const struct pg_statement claim = {
    .name = "trash_claim",
    .sql = "update quintet.photo_trash set not_before = " NOW " + $2::bigint * interval '1 millisecond',"
           " attempts = attempts + 1, again_at = case when again_at > now() then again_at end"
           " where id = any(array(select id from quintet.photo_trash where not_before <= now()"
           " order by not_before limit $1::int for update skip locked))"
           " returning id, prefix, attempts, not_before",
};

/* $1: ids, $2: the leases' ends, as arrays. */
#define LEASED                                                                                               \
    " from unnest($1::bigint[], $2::timestamptz[]) as mine (id, leased_until)"                               \
    " where photo_trash.id = mine.id and photo_trash.not_before = mine.leased_until"

static const struct pg_statement again = {
    .name = "trash_again",
    .sql = "update quintet.photo_trash set not_before = again_at, due_at = again_at, attempts = 0, "
           "last_error = null" LEASED " and again_at is not null returning photo_trash.id",
};

static const struct pg_statement finish = {
    .name = "trash_finish",
    .sql =
        "delete from quintet.photo_trash using unnest($1::bigint[], $2::timestamptz[]) as mine (id, "
        "leased_until)"
        " where photo_trash.id = mine.id and photo_trash.not_before = mine.leased_until and again_at is null"
        " returning photo_trash.id",
};

/* 2^8 times 15 s is more than an hour. */
static const struct pg_statement fail = {
    .name = "trash_fail",
    .sql = "update quintet.photo_trash set last_error = left($3, 300), not_before = " NOW
           " + date_trunc('milliseconds', least(interval '1 hour', interval '15 seconds' * 2 ^ "
           "(least(attempts, 9) - 1))"
           " * (0.9 + 0.2 * random()))" LEASED " returning photo_trash.id",
};

static const struct pg_statement look = {
    .name = "trash_look",
    .sql = "select count(*), coalesce((extract(epoch from now() - min(due_at)) * 1000)::bigint, 0)"
           " from (select due_at from quintet.photo_trash where due_at <= now() order by due_at limit 10000) "
           "due",
    .plain_select = true,
};
_Static_assert(STORE_TRASH_COUNTED_MAX == 10000, "the limit of trash_look");

bool store_trash_read(const PGresult *result, int row, struct store_trash *ret_entry)
{
    struct store_row r = store_row_of(result, row);
    ret_entry->id = store_row_i64(&r);
    ret_entry->prefix = store_row_str(&r);
    ret_entry->attempts = store_row_i64(&r);
    ret_entry->leased_until_ms = store_row_time(&r);
    return !r.bad;
}

void store_trash_claim(struct store_steps *steps, int max, int64_t lease_ms)
{
    store_steps_add(steps, &claim);
    store_steps_i64(steps, max);
    store_steps_i64(steps, lease_ms);
}

/* Ids, and the ends of their leases. */
static void add_leased(struct store_steps *steps, const struct store_trash *entries, size_t n)
{
    struct qn_str *ids = qn_arena_array(steps->arena, n, sizeof(*ids));
    struct qn_str *ends = qn_arena_array(steps->arena, n, sizeof(*ends));
    bool made = ids != NULL && ends != NULL;
    for (size_t i = 0; made && i < n; i++) {
        const char *id = qn_arena_printf(steps->arena, "%" PRId64, entries[i].id);
        char *end = qn_arena_alloc(steps->arena, QN_TIME_TEXT_LEN + 1);
        made = id != NULL && end != NULL;
        if (!made)
            break;
        qn_time_format(entries[i].leased_until_ms, end);
        ids[i] = qn_str_c(id);
        ends[i] = qn_str_n(end, QN_TIME_TEXT_LEN);
    }
    steps->failed |= !made;
    store_steps_array(steps, ids, made ? n : 0);
    store_steps_array(steps, ends, made ? n : 0);
}

void store_trash_finish(struct store_steps *steps, const struct store_trash *entries, size_t n)
{
    store_steps_add(steps, &again);
    add_leased(steps, entries, n);
    store_steps_add(steps, &finish);
    add_leased(steps, entries, n);
}

void store_trash_fail(struct store_steps *steps, const struct store_trash *entries, size_t n,
                      const char *error)
{
    store_steps_add(steps, &fail);
    add_leased(steps, entries, n);
    store_steps_c(steps, error);
}

void store_trash_look(struct store_steps *steps)
{
    store_steps_add(steps, &look);
}

bool store_trash_read_state(const PGresult *result, struct store_trash_state *ret_state)
{
    if (pg_result_rows(result) != 1)
        return false;
    struct store_row r = store_row_of(result, 0);
    ret_state->due = store_row_i64(&r);
    ret_state->oldest_ms = store_row_i64(&r);
    return !r.bad;
}
