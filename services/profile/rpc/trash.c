/* quintet.store.v1.PhotoStore: what empties the object store of what must go, and of uploads that never came
 * to an end. */
#include "services/profile/rpc/trash.h"

#include "services/profile/rpc/ask.h"
#include "services/profile/rpc/check.h"
#include "services/profile/store/photo.h"
#include "services/profile/store/trash.h"
#include "store.qn.h"

enum {
    SWEEP_MAX = 1000,
    ENTRIES_MAX = 100,
    LEASE_MIN_MS = 1000,
    LEASE_MAX_MS = 3600000,
};

static void on_swept(struct profile_ask *ask)
{
    Quintet__Store__V1__SweepPhotosResponse out = QUINTET__STORE__V1__SWEEP_PHOTOS_RESPONSE__INIT;
    out.deleted = pg_result_rows(profile_ask_result(ask, 0));
    qn_call_reply(ask->call, &out);
}

void profile_rpc_sweep_photos(struct qn_call *call)
{
    const Quintet__Store__V1__SweepPhotosRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_time(in->before_ms, "before_ms", &complaints);
    profile_check_number(in->max, 1, SWEEP_MAX, "max", "must be 1 to 1,000", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_photo_sweep(&ask->steps, in->before_ms, in->max);
    ask->answer = on_swept;
    profile_ask_start(ask);
}

static void on_claimed(struct profile_ask *ask)
{
    const PGresult *result = profile_ask_result(ask, 0);
    struct qn_arena *arena = ask->call->arena;
    size_t n = (size_t)pg_result_rows(result);
    Quintet__Store__V1__ClaimTrashResponse out = QUINTET__STORE__V1__CLAIM_TRASH_RESPONSE__INIT;
    Quintet__Store__V1__TrashEntry *messages = qn_arena_array(arena, n + 1, sizeof(*messages));
    out.entries = qn_arena_array(arena, n + 1, sizeof(Quintet__Store__V1__TrashEntry *));
    if (messages == NULL || out.entries == NULL) {
        profile_ask_fail_memory(ask->call);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct store_trash entry;
        if (!store_trash_read(result, (int)i, &entry)) {
            profile_ask_fail_row(ask->call, ask->steps.at[0].statement->name);
            return;
        }
        quintet__store__v1__trash_entry__init(&messages[i]);
        messages[i].id = entry.id;
        messages[i].prefix = (char *)entry.prefix.ptr;
        messages[i].attempts = (int32_t)entry.attempts;
        messages[i].leased_until_ms = entry.leased_until_ms;
        out.entries[i] = &messages[i];
    }
    out.n_entries = n;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_claim_trash(struct qn_call *call)
{
    const Quintet__Store__V1__ClaimTrashRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_number(in->max, 1, ENTRIES_MAX, "max", "must be 1 to 100", &complaints);
    profile_check_number(in->lease_ms, LEASE_MIN_MS, LEASE_MAX_MS, "lease_ms", "must be 1,000 to 3,600,000",
                         &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_trash_claim(&ask->steps, in->max, in->lease_ms);
    ask->answer = on_claimed;
    profile_ask_start(ask);
}

/* The entries as the store takes them; NULL: the call has been answered. */
static struct store_trash *take_entries(struct qn_call *call, Quintet__Store__V1__TrashEntry **messages,
                                        size_t n)
{
    struct profile_complaints complaints = {0};
    if (n == 0 || n > ENTRIES_MAX)
        profile_complain(&complaints, "entries", "must be 1 to 100");
    for (size_t i = 0; i < n && i < ENTRIES_MAX; i++)
        profile_check_time(messages[i]->leased_until_ms, "entries.leased_until_ms", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return NULL;
    struct store_trash *entries = qn_arena_array(call->arena, n, sizeof(*entries));
    if (entries == NULL)
        profile_ask_fail_memory(call);
    for (size_t i = 0; entries && i < n; i++)
        entries[i] =
            (struct store_trash){.id = messages[i]->id, .leased_until_ms = messages[i]->leased_until_ms};
    return entries;
}

static void on_finished(struct profile_ask *ask)
{
    Quintet__Store__V1__FinishTrashResponse out = QUINTET__STORE__V1__FINISH_TRASH_RESPONSE__INIT;
    out.finished = pg_result_rows(profile_ask_result(ask, 0)) + pg_result_rows(profile_ask_result(ask, 1));
    qn_call_reply(ask->call, &out);
}

void profile_rpc_finish_trash(struct qn_call *call)
{
    const Quintet__Store__V1__FinishTrashRequest *in = call->in;
    struct store_trash *entries = take_entries(call, in->entries, in->n_entries);
    if (entries == NULL)
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_trash_finish(&ask->steps, entries, in->n_entries);
    ask->answer = on_finished;
    profile_ask_start(ask);
}

static void on_failed(struct profile_ask *ask)
{
    Quintet__Store__V1__FailTrashResponse out = QUINTET__STORE__V1__FAIL_TRASH_RESPONSE__INIT;
    out.failed = pg_result_rows(profile_ask_result(ask, 0));
    qn_call_reply(ask->call, &out);
}

void profile_rpc_fail_trash(struct qn_call *call)
{
    const Quintet__Store__V1__FailTrashRequest *in = call->in;
    struct store_trash *entries = take_entries(call, in->entries, in->n_entries);
    if (entries == NULL)
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_trash_fail(&ask->steps, entries, in->n_entries, in->error);
    ask->answer = on_failed;
    profile_ask_start(ask);
}
