#include "services/profile/rpc/batch.h"

#include "common/core/clock.h"
#include "common/core/metric.h"

/* A look-up: 1. joins a statement that waits with its key, or adds the key to the message's own  2. which
 * starts when the message has been gone through  3. and waits, is sent, answered  4. each key's row is found
 * and goes to all who asked for it.
 * No memory at 2, or a failure at 3: the answer of all. */

struct waiter {
    struct waiter *next;
    struct qn_call *call;
};

struct profile_batch {
    struct pg_query query;
    struct store_steps steps;
    const struct profile_batch_kind *kind;
    bool gathering; /* the message is still gone through; then it has been started */
    size_t n_lookups;
    size_t n;
    struct asked { /* the first by the call in whose arena all this lives: that one is answered last */
        struct qn_str key;
        uint64_t hash;
        struct qn_call *call; /* whose key it is */
        struct waiter *others;
    } asked[PROFILE_BATCH_MAX];
};
_Static_assert(sizeof(struct profile_batch) <= 4096, "what qn_call_new() always has");

static const double lookups_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
static struct qn_metric per_statement_metric = {
    .name = "quintet_profile_lookups_per_statement",
    .help = "Look-ups that a statement answered, those that joined it included.",
    .kind = QN_HISTOGRAM,
    .labels = {"statement"},
    .bounds = lookups_bounds,
    .n_bounds = QN_COUNT(lookups_bounds),
};
static struct qn_metric joined_metric = {
    .name = "quintet_profile_lookups_joined_total",
    .help = "Look-ups whose key a statement that had not been sent asked for already.",
    .kind = QN_COUNTER,
    .labels = {"statement"},
};

static void count(const struct profile_batch *batch)
{
    const char *statement = batch->steps.at[0].statement->name;
    qn_metric_observe(qn_metric_series(&per_statement_metric, statement, NULL, NULL),
                      (double)batch->n_lookups);
    if (batch->n_lookups > batch->n)
        qn_metric_add(qn_metric_series(&joined_metric, statement, NULL, NULL),
                      (double)(batch->n_lookups - batch->n));
}

/* Who is under way. */

static struct profile_batch_place *place_of(const struct profile_batch_kind *kind, uint64_t hash)
{
    return &kind->flights->places[hash % PROFILE_BATCH_PLACES];
}

/* Not sent, and with nearly the time that the newcomer has: it ends when its own is over, whoever joined it,
 * so that those who came first hear in time what was in the way. */
static bool may_be_joined(const struct profile_batch *batch, uint64_t deadline_ms)
{
    if (batch->gathering)
        return true;
    return pg_query_waits(&batch->query) &&
           qn_clock_left_ms(batch->query.deadline_ms) * 4 >= qn_clock_left_ms(deadline_ms) * 3;
}

/* The key in a statement that this call may join; NULL when it is in none. */
static struct asked *find_asked(const struct profile_batch_place *place, struct qn_str key, uint64_t hash,
                                uint64_t deadline_ms)
{
    if (place->batch == NULL)
        return NULL;
    struct asked *asked = &place->batch->asked[place->number];
    bool same = asked->hash == hash && qn_str_eq(asked->key, key);
    return same && may_be_joined(place->batch, deadline_ms) ? asked : NULL;
}

static void leave_places(struct profile_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct profile_batch_place *place = place_of(batch->kind, batch->asked[i].hash);
        if (place->batch == batch && place->number == i)
            place->batch = NULL;
    }
}

/* Rows by key, open addressing. Rows have the keys of calls, so there are at most PROFILE_BATCH_MAX different
 * ones and half of the places stay free. */
enum { PLACES = 2 * PROFILE_BATCH_MAX };

struct rows {
    const PGresult *result;
    int key_column;
    int at[PLACES]; /* row + 1; 0: free */
};

/* The place of the row with this key, or the free place where it would be. */
static int *find_place(struct rows *rows, struct qn_str key, uint64_t hash)
{
    size_t i = hash % PLACES;
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
        struct qn_str key = pg_result_str(result, row, key_column);
        int *place = find_place(rows, key, qn_str_hash(key));
        if (*place ==
            0) { /* a second row of one key can only come from a table that has lost its unique index */
            *place = row + 1;
            n++;
        }
    }
}

/* The end. A call that was answered is gone, and with it the key it gave and its place in the list. */

static void answer_all(struct profile_batch *batch)
{
    const struct profile_batch_kind *kind = batch->kind;
    const PGresult *result = batch->steps.at[0].result;
    struct rows rows;
    rows_init(&rows, result, kind->key_column);
    for (size_t i = batch->n; i-- > 0;) {
        int row = *find_place(&rows, batch->asked[i].key, batch->asked[i].hash) - 1;
        for (struct waiter *waiter = batch->asked[i].others, *next; waiter; waiter = next) {
            next = waiter->next;
            kind->answer(waiter->call, result, row);
        }
        kind->answer(batch->asked[i].call, result, row);
    }
}

static void fail_all(struct profile_batch *batch, const struct qn_fault *fault)
{
    for (size_t i = batch->n; i-- > 0;) {
        for (struct waiter *waiter = batch->asked[i].others, *next; waiter; waiter = next) {
            next = waiter->next;
            qn_call_fail(waiter->call, fault);
        }
        qn_call_fail(batch->asked[i].call, fault);
    }
}

static void on_done(struct pg_query *query)
{
    struct profile_batch *batch = container_of(query, struct profile_batch, query);
    leave_places(batch);
    if (query->status != QN_OK) {
        struct qn_fault fault = profile_ask_fault(query, batch->asked[0].call->arena);
        fail_all(batch, &fault);
        return;
    }
    count(batch);
    answer_all(batch);
}

/* The beginning. */

static struct profile_batch *begin(const struct profile_batch_kind *kind, struct qn_call *call)
{
    struct profile_batch *batch = qn_call_new(call, struct profile_batch);
    batch->kind = kind;
    batch->gathering = true;
    return batch;
}

static void start(struct profile_batch *batch)
{
    struct qn_call *first = batch->asked[0].call;
    struct qn_str keys[PROFILE_BATCH_MAX];
    for (size_t i = 0; i < batch->n; i++)
        keys[i] = batch->asked[i].key;
    batch->gathering = false;
    store_steps_init(&batch->steps, first->arena);
    batch->kind->ask(&batch->steps, keys, batch->n);
    if (profile_ask_query(&batch->query, &batch->steps, batch->query.deadline_ms, &first->ctx.log, on_done))
        return;
    leave_places(batch);
    fail_all(batch, &profile_ask_no_memory);
}

/* One more look-up is answered by this statement. */
static void add(struct profile_batch *batch, const struct qn_call *call)
{
    batch->n_lookups++;
    if (batch->gathering && call->ctx.deadline_ms > batch->query.deadline_ms)
        batch->query.deadline_ms = call->ctx.deadline_ms;
}

static void join(struct profile_batch *batch, struct asked *asked, struct qn_call *call)
{
    struct waiter *waiter = qn_call_new(call, struct waiter);
    *waiter = (struct waiter){.call = call, .next = asked->others};
    asked->others = waiter;
    add(batch, call);
}

void profile_batch_run(const struct profile_batch_kind *kind, struct qn_call **calls, size_t n_calls)
{
    struct profile_batch *batch = NULL;
    for (size_t i = 0; i < n_calls; i++) {
        struct qn_str key = kind->key(calls[i]->in);
        uint64_t hash = qn_str_hash(key);
        struct profile_batch_place *place = place_of(kind, hash);
        struct asked *asked = find_asked(place, key, hash, calls[i]->ctx.deadline_ms);
        if (asked) {
            join(place->batch, asked, calls[i]);
            continue;
        }
        if (batch == NULL)
            batch = begin(kind, calls[i]);
        *place = (struct profile_batch_place){batch, batch->n};
        batch->asked[batch->n++] = (struct asked){.key = key, .hash = hash, .call = calls[i]};
        add(batch, calls[i]);
        if (batch->n == PROFILE_BATCH_MAX) {
            start(batch);
            batch = NULL;
        }
    }
    if (batch)
        start(batch);
}
