/* One pass: 1. at its hour: rows that were never completed are deleted   2. entries of the trash are claimed
 *           3. for each, several at a time: its objects are deleted   4. those that went well are finished,
 * the others failed   5. as many as could be claimed: 2 again.
 *
 * An entry is a key, or a prefix under which everything goes. The key of an upload comes up twice: when its
 * photo has become ready, or has gone; and once all is settled (photo.h). With the second time a ready
 * photo's own prefix is looked through, for what another completion has left there: its row names what stays.
 *
 * A kill at any point leaves the entry, and its lease ends. Everything here may be done twice. */
#include "services/media/photo_sweep.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/metric.h"

enum {
    LIST_ARENA_MAX = 64 * 1024,
    ITEM_ARENA_MAX = 64 * 1024,
    CLAIM_ARENA_MAX = 256 * 1024, /* keys of up to 512 bytes, and as much again around them */
    STEP_TIMEOUT_MS = 10000,
    CLAIM_TIMEOUT_MS = 60000, /* for all of a claim; half of the lease, so that nobody is in it twice */
    LEASE_MS = 2 * CLAIM_TIMEOUT_MS,
    SOON_MS = 50, /* what a burst of deletions leaves is claimed together */
};

static struct qn_metric metric_swept = {
    .name = "quintet_media_swept_total",
    .help = "Rows of uploads that nobody completed, entries of the trash, and objects deleted.",
    .kind = QN_COUNTER,
    .labels = {"what"}};

static struct qn_metric metric_failed = {.name = "quintet_media_sweep_failures_total",
                                         .help = "Entries of the trash whose objects could not be deleted.",
                                         .kind = QN_COUNTER};

static struct qn_metric metric_passes = {.name = "quintet_media_sweeps_total",
                                         .help = "Passes of the sweep that came to their end.",
                                         .kind = QN_COUNTER};

static void claim(struct media_sweep *s);
static void next_entry(struct media_sweep_item *item);
static void list_more(struct media_sweep_item *item);

static void count(const char *what, size_t n)
{
    qn_metric_add(qn_metric_series(&metric_swept, what, NULL, NULL), (double)n);
}

/* The pass. */

static void really_closed(struct qn_later *later)
{
    struct media_sweep *s = container_of(later, struct media_sweep, close_later);
    s->closed(&s->part);
}

static void on_timer(struct qn_timer *timer);

static void end_pass(struct media_sweep *s)
{
    qn_metric_add(qn_metric_series(&metric_passes, NULL, NULL, NULL), 1);
    qn_arena_fini(&s->arena);
    qn_arena_fini(&s->claim_arena);
    s->busy = false;
    if (s->closing)
        qn_later_start(s->loop, &s->close_later, really_closed);
    else
        qn_timer_start(s->loop, &s->timer, s->again ? SOON_MS : qn_clock_left_ms(s->rows_due_ms), on_timer);
    s->again = false;
}

/* What is asked next is asked under a new id and in an empty arena. */
static struct media_upstream begin_question(struct media_sweep *s)
{
    qn_arena_fini(&s->arena);
    qn_arena_init(&s->arena, CLAIM_ARENA_MAX);
    qn_id_request(s->request_id);
    s->ctx = (struct qn_context){.deadline_ms = qn_clock_now_ms() + STEP_TIMEOUT_MS,
                                 .request_id = qn_str_c(s->request_id)};
    s->ctx.log = (struct qn_log){.fields = {QN_F_STR("request", s->ctx.request_id)}, .n_fields = 1};
    s->asking = true;
    return (struct media_upstream){s->service, &s->ctx, &s->arena};
}

/* False: the pass has ended, because profile does not answer or the process is about to end. */
static bool answered(struct media_sweep *s, const char *what)
{
    s->asking = false;
    if (s->request.status == QN_OK && !s->closing)
        return true;
    /* Cancelled: the process drains. */
    if (!s->closing && s->request.status != QN_CANCELLED)
        qn_log(&s->ctx.log, QN_WARN, "the sweep cannot go on; the next pass tries again", QN_F_C("at", what),
               QN_F_STATUS("status", s->request.status), QN_F_STR("message", s->request.message));
    end_pass(s);
    return false;
}

static void settle(struct media_sweep *s)
{
    if (s->n_entries == MEDIA_SWEEP_CLAIM_MAX && s->n_bad == 0)
        claim(s);
    else
        end_pass(s);
}

static void on_failed(struct qn_request *request)
{
    struct media_sweep *s = container_of(request, struct media_sweep, request);
    if (answered(s, "fail"))
        settle(s);
}

static void fail_bad(struct media_sweep *s)
{
    if (s->n_bad == 0) {
        settle(s);
        return;
    }
    char error[64];
    snprintf(error, sizeof error, "the object store: %s", qn_status_name(s->bad_status));
    qn_metric_add(qn_metric_series(&metric_failed, NULL, NULL, NULL), (double)s->n_bad);
    const struct media_upstream upstream = begin_question(s);
    qn_log(&s->ctx.log, QN_WARN, "objects could not be removed; they are kept in mind",
           QN_F_INT("entries", (int64_t)s->n_bad), QN_F_STATUS("status", s->bad_status),
           QN_F_C("first", s->bad[0]->prefix));
    media_upstream_fail(&upstream, &s->request, s->bad, s->n_bad, error, on_failed);
}

static void on_finished(struct qn_request *request)
{
    struct media_sweep *s = container_of(request, struct media_sweep, request);
    if (!answered(s, "finish"))
        return;
    count("entries", s->n_done);
    fail_bad(s);
}

static void end_claim(struct media_sweep *s)
{
    if (s->closing) {
        end_pass(s);
    } else if (s->n_done == 0) {
        fail_bad(s);
    } else {
        const struct media_upstream upstream = begin_question(s);
        media_upstream_finish(&upstream, &s->request, s->done, s->n_done, on_finished);
    }
}

static void on_claimed(struct qn_request *request)
{
    struct media_sweep *s = container_of(request, struct media_sweep, request);
    if (!answered(s, "claim"))
        return;
    const Quintet__Store__V1__ClaimTrashResponse *answer = request->out;
    s->entries = answer->entries;
    s->n_entries = answer->n_entries < MEDIA_SWEEP_CLAIM_MAX ? answer->n_entries : MEDIA_SWEEP_CLAIM_MAX;
    s->next = s->n_done = s->n_bad = 0;
    if (s->n_entries == 0) {
        end_pass(s);
        return;
    }
    s->claim_arena = s->arena; /* the entries stay until they are finished */
    qn_arena_init(&s->arena, CLAIM_ARENA_MAX);
    s->in_hand = MEDIA_SWEEP_AT_ONCE;
    for (size_t i = 0; i < MEDIA_SWEEP_AT_ONCE; i++)
        next_entry(&s->items[i]);
}

static void claim(struct media_sweep *s)
{
    qn_arena_fini(&s->claim_arena);
    const struct media_upstream upstream = begin_question(s);
    s->claim_ends_ms = qn_clock_now_ms() + CLAIM_TIMEOUT_MS;
    media_upstream_claim(&upstream, &s->request, MEDIA_SWEEP_CLAIM_MAX, LEASE_MS, on_claimed);
}

/* One entry. */

static void end_entry(struct media_sweep_item *item, enum qn_status status)
{
    struct media_sweep *s = item->sweep;
    if (status == QN_INVALID_ARGUMENT)
        status = QN_OK; /* no key of ours: nothing of that name can be there */
    if (status == QN_OK)
        s->done[s->n_done++] = item->entry;
    else if (s->n_bad++ == 0)
        s->bad_status = status;
    if (status != QN_OK)
        s->bad[s->n_bad - 1] = item->entry;
    item->entry = NULL;
    qn_arena_fini(&item->arena);
    qn_arena_fini(&item->list_arena);
    next_entry(item);
}

static uint64_t step_deadline(const struct media_sweep *s)
{
    uint64_t step_ms = qn_clock_now_ms() + STEP_TIMEOUT_MS;
    return step_ms < s->claim_ends_ms ? step_ms : s->claim_ends_ms;
}

static void delete_object(struct media_sweep_item *item, const char *key, media_object_cb *done)
{
    item->object =
        (struct media_object_request){.arena = &item->arena, .deadline_ms = step_deadline(item->sweep)};
    media_object_delete(item->sweep->service->store, &item->object, qn_str_c(key), done);
}

static void on_listed_gone(struct media_object_request *object, enum qn_status status);

/* The next of the listing that goes; or the next listing; or the end. */
static void next_listed(struct media_sweep_item *item)
{
    while (item->next < item->list.n_entries) {
        const char *key = item->list.entries[item->next++].key;
        snprintf(item->cursor, sizeof item->cursor, "%s", key);
        if (item->kept &&
            (strcmp(key, item->kept->object_key) == 0 || strcmp(key, item->kept->small_key) == 0))
            continue;
        delete_object(item, key, on_listed_gone);
        return;
    }
    if (item->list.n_entries < MEDIA_OBJECT_LIST_MAX)
        end_entry(item, QN_OK);
    else
        list_more(item);
}

static void on_listed_gone(struct media_object_request *object, enum qn_status status)
{
    struct media_sweep_item *item = container_of(object, struct media_sweep_item, object);
    if (status != QN_OK || item->sweep->closing) {
        end_entry(item, status == QN_OK ? QN_CANCELLED : status);
        return;
    }
    count("objects", 1);
    next_listed(item);
}

static void on_listed(struct media_object_request *list, enum qn_status status)
{
    struct media_sweep_item *item = container_of(list, struct media_sweep_item, list);
    item->next = 0;
    if (status == QN_OK)
        next_listed(item);
    else
        end_entry(item, status);
}

static void list_more(struct media_sweep_item *item)
{
    qn_arena_fini(&item->list_arena);
    qn_arena_init(&item->list_arena, LIST_ARENA_MAX);
    item->list =
        (struct media_object_request){.arena = &item->list_arena, .deadline_ms = step_deadline(item->sweep)};
    media_object_list(item->sweep->service->store, &item->list, qn_str_c(item->prefix),
                      qn_str_c(item->cursor), on_listed);
}

static void on_row(struct qn_request *request)
{
    struct media_sweep_item *item = container_of(request, struct media_sweep_item, request);
    const Quintet__Store__V1__GetPhotoResponse *answer = request->out;
    item->asking = false;
    if (request->status == QN_NOT_FOUND) {
        end_entry(item, QN_OK);
    } else if (request->status != QN_OK) {
        end_entry(item, request->status);
    } else if (answer->photo && answer->photo->ready &&
               qn_clock_wall_ms() - answer->photo->upload_expires_at_ms >=
                   MEDIA_PHOTO_SETTLED_MS - MEDIA_PHOTO_CLOCKS_MS) {
        item->kept = answer->photo;
        media_photo_key_prefix(qn_str_c(item->photo_id), item->prefix);
        list_more(item);
    } else {
        end_entry(item, QN_OK);
    }
}

static void on_key_gone(struct media_object_request *object, enum qn_status status)
{
    struct media_sweep_item *item = container_of(object, struct media_sweep_item, object);
    struct media_sweep *s = item->sweep;
    if (status == QN_OK)
        count("objects", 1);
    if (status != QN_OK || s->closing ||
        !media_photo_key_read_pending(qn_str_c(item->entry->prefix), item->user_id, item->photo_id)) {
        end_entry(item, status == QN_OK && s->closing ? QN_CANCELLED : status);
        return;
    }
    item->ctx = (struct qn_context){
        .deadline_ms = step_deadline(s), .request_id = s->ctx.request_id, .log = s->ctx.log};
    const struct media_upstream upstream = {s->service, &item->ctx, &item->arena};
    item->asking = true;
    media_upstream_get(&upstream, &item->request, item->user_id, item->photo_id, on_row);
}

/* The next of what was claimed; the last one to find nothing more ends the claim. */
static void next_entry(struct media_sweep_item *item)
{
    struct media_sweep *s = item->sweep;
    if (s->closing || s->next == s->n_entries) {
        if (--s->in_hand == 0)
            end_claim(s);
        return;
    }
    item->entry = s->entries[s->next++];
    item->kept = NULL;
    item->cursor[0] = '\0';
    qn_arena_init(&item->arena, ITEM_ARENA_MAX);
    qn_arena_init(&item->list_arena, LIST_ARENA_MAX);
    if (!qn_str_ends(qn_str_c(item->entry->prefix), QN_STR("/"))) {
        delete_object(item, item->entry->prefix, on_key_gone);
        return;
    }
    snprintf(item->prefix, sizeof item->prefix, "%s", item->entry->prefix);
    list_more(item);
}

/* The part. */

static void on_rows_swept(struct qn_request *request)
{
    struct media_sweep *s = container_of(request, struct media_sweep, request);
    if (!answered(s, "rows"))
        return;
    const Quintet__Store__V1__SweepPhotosResponse *answer = request->out;
    if (answer->deleted > 0) {
        count("rows", (size_t)answer->deleted);
        qn_log(&s->ctx.log, QN_INFO, "uploads that nobody completed have gone",
               QN_F_INT("uploads", answer->deleted));
    }
    claim(s);
}

static void on_timer(struct qn_timer *timer)
{
    struct media_sweep *s = container_of(timer, struct media_sweep, timer);
    s->busy = true;
    s->soon = false;
    if (qn_clock_left_ms(s->rows_due_ms) > 0) {
        claim(s);
        return;
    }
    s->rows_due_ms = qn_clock_now_ms() + (uint64_t)s->service->settings->sweep_every_ms;
    const struct media_upstream upstream = begin_question(s);
    media_upstream_sweep(&upstream, &s->request, qn_clock_wall_ms() - MEDIA_PHOTO_KEPT_MS,
                         MEDIA_SWEEP_ROWS_MAX, on_rows_swept);
}

void media_sweep_soon(struct media_service *service)
{
    struct media_sweep *s = service->sweep;
    if (!s || s->closing)
        return;
    if (s->busy) {
        s->again = true;
    } else if (!s->soon && qn_clock_left_ms(s->rows_due_ms) > SOON_MS) {
        s->soon = true; /* and stays so soon, however often it is said */
        qn_timer_start(s->loop, &s->timer, SOON_MS, on_timer);
    }
}

enum qn_status media_sweep_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct media_sweep *s = container_of(part, struct media_sweep, part);
    (void)err;
    s->loop = loop;
    media_turns_init(&s->service->turns, loop);
    qn_arena_init(&s->arena, CLAIM_ARENA_MAX);
    qn_arena_init(&s->claim_arena, CLAIM_ARENA_MAX);
    for (size_t i = 0; i < MEDIA_SWEEP_AT_ONCE; i++)
        s->items[i].sweep = s;
    s->service->sweep = s;
    qn_timer_start(loop, &s->timer, 0, on_timer);
    return QN_OK;
}

void media_sweep_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct media_sweep *s = container_of(part, struct media_sweep, part);
    s->closing = true;
    s->closed = done;
    qn_timer_cancel(s->loop, &s->timer);
    if (!s->busy) {
        qn_later_start(s->loop, &s->close_later, really_closed);
        return;
    }
    /* Otherwise the steps in hand end first: questions to profile at once, those to the store when it
     * answers.
     */
    if (s->asking)
        qn_request_cancel(&s->request);
    for (size_t i = 0; i < MEDIA_SWEEP_AT_ONCE; i++) {
        if (s->items[i].asking)
            qn_request_cancel(&s->items[i].request);
    }
}
