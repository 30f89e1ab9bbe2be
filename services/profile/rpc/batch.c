#include "services/profile/rpc/batch.h"

struct batch {
    struct pg_query query;
    struct store_steps steps;
    const struct profile_batch_kind *kind;
    size_t n;
    struct qn_call *calls[PROFILE_BATCH_MAX]; /* the batch lives in the first one's arena */
    struct qn_str keys[PROFILE_BATCH_MAX];
};
_Static_assert(sizeof(struct batch) <= 4096, "what qn_call_new() always has");

/* Rows by key, open addressing. Rows have the keys of calls, so there are at most PROFILE_BATCH_MAX different
 * ones and half of the places stay free. */
enum { PLACES = 2 * PROFILE_BATCH_MAX };

struct rows {
    const PGresult *result;
    int key_column;
    int at[PLACES]; /* row + 1; 0: free */
};

/* The place of the row with this key, or the free place where it would be. */
static int *find_place(struct rows *rows, struct qn_str key)
{
    size_t i = qn_str_hash(key) % PLACES;
    while (rows->at[i] != 0 &&
           !qn_str_eq(pg_result_str(rows->result, rows->at[i] - 1, rows->key_column), key))
        i = (i + 1) % PLACES;
    return &rows->at[i];
}

static void rows_init(struct rows *rows, const PGresult *result, int key_column)
{
    *rows = (struct rows){.result = result, .key_column = key_column};
    int n = 0;
    for (int row = 0; row < pg_result_rows(result) && n < PROFILE_BATCH_MAX; row++) {
        int *place = find_place(rows, pg_result_str(result, row, key_column));
        if (*place ==
            0) { /* a second row of one key can only come from a table that has lost its unique index */
            *place = row + 1;
            n++;
        }
    }
}

/* The first call comes last: its end is the batch's. */
static void on_done(struct pg_query *query)
{
    struct batch *batch = container_of(query, struct batch, query);
    if (query->status != QN_OK) {
        struct qn_fault fault = profile_ask_fault(query, batch->calls[0]->arena);
        for (size_t i = batch->n; i-- > 0;)
            qn_call_fail(batch->calls[i], &fault);
        return;
    }
    const struct profile_batch_kind *kind = batch->kind;
    struct rows rows;
    rows_init(&rows, batch->steps.at[0].result, kind->key_column);
    for (size_t i = batch->n; i-- > 0;)
        kind->answer(batch->calls[i], rows.result, *find_place(&rows, batch->keys[i]) - 1);
}

static void run_one(const struct profile_batch_kind *kind, struct qn_call **calls, size_t n)
{
    struct batch *batch = qn_call_new(calls[0], struct batch);
    batch->kind = kind;
    batch->n = n;
    uint64_t deadline_ms = 0;
    for (size_t i = 0; i < n; i++) {
        batch->calls[i] = calls[i];
        batch->keys[i] = kind->key(calls[i]->in);
        if (calls[i]->ctx.deadline_ms > deadline_ms)
            deadline_ms = calls[i]->ctx.deadline_ms;
    }
    store_steps_init(&batch->steps, calls[0]->arena);
    kind->ask(&batch->steps, batch->keys, n);
    if (!profile_ask_query(&batch->query, &batch->steps, deadline_ms, &calls[0]->ctx.log, on_done))
        for (size_t i = n; i-- > 0;)
            profile_ask_fail_memory(batch->calls[i]);
}

void profile_batch_run(const struct profile_batch_kind *kind, struct qn_call **calls, size_t n_calls)
{
    while (n_calls > 0) {
        size_t n = n_calls < PROFILE_BATCH_MAX ? n_calls : PROFILE_BATCH_MAX;
        run_one(kind, calls, n);
        calls += n;
        n_calls -= n;
    }
}
