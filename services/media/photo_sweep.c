/* One pass: list, and for each object that is old enough
 *   1. take the photo's turn   2. look at the object again: it may have been touched since it was listed
 *   3. ask for the row. Ready: 6. Pending: 4. Gone: 5. Profile away: the pass ends, the next tries again
 *   4. delete the row   5. delete the public object
 *   6. delete the pending object: last, so that a kill before it leaves the note for the next pass. */
#include "services/media/photo_sweep.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/metric.h"

enum {
    LIST_ARENA_MAX = 64 * 1024,
    ITEM_ARENA_MAX = 256 * 1024,
    STEP_TIMEOUT_MS = 10000, /* for all steps of one object */
};

static struct qn_metric metric_swept = {
    .name = "quintet_media_swept_total",
    .help = "Pending objects that the sweep has ended, by the state of their row.",
    .kind = QN_COUNTER,
    .labels = {"row"}};

static struct qn_metric metric_passes = {.name = "quintet_media_sweeps_total",
                                         .help = "Passes of the sweep that came to their end.",
                                         .kind = QN_COUNTER};

static void on_timer(struct qn_timer *timer);
static void next_item(struct media_sweep *s);
static void list_more(struct media_sweep *s);

static void really_closed(struct qn_later *later)
{
    struct media_sweep *s = container_of(later, struct media_sweep, close_later);
    s->closed(&s->part);
}

static void end_pass(struct media_sweep *s)
{
    if (s->ended > 0)
        qn_log(NULL, QN_INFO, "unfinished uploads swept", QN_F_INT("objects", s->ended));
    qn_metric_add(qn_metric_series(&metric_passes, NULL, NULL, NULL), 1);
    qn_arena_fini(&s->list_arena);
    s->busy = false;
    if (s->closing)
        qn_later_start(s->loop, &s->close_later, really_closed);
    else
        qn_timer_start(s->loop, &s->timer, (uint64_t)s->service->settings->upload_valid_ms, on_timer);
}

/* The object in hand is done with, one way or the other. */
static void end_item(struct media_sweep *s)
{
    media_turn_give(&s->service->turns, &s->turn);
    qn_arena_fini(&s->arena);
    next_item(s);
}

static void end_item_failed(struct media_sweep *s, const char *at, enum qn_status status)
{
    if (!s->closing)
        qn_log(&s->ctx.log, QN_WARN, "unfinished upload not swept; the next pass tries again",
               QN_F_C("at", at), QN_F_STATUS("status", status), QN_F_C("key", s->key));
    end_item(s);
}

static void on_pending_gone(struct media_object_request *object, enum qn_status status)
{
    struct media_sweep *s = container_of(object, struct media_sweep, object);
    if (status != QN_OK) {
        end_item_failed(s, "pending object", status);
        return;
    }
    s->ended++;
    qn_metric_add(qn_metric_series(&metric_swept, s->outcome, NULL, NULL), 1);
    end_item(s);
}

static void delete_pending(struct media_sweep *s)
{
    media_object_delete(s->service->store, &s->object, qn_str_c(s->key), on_pending_gone);
}

static void on_public_gone(struct media_object_request *object, enum qn_status status)
{
    struct media_sweep *s = container_of(object, struct media_sweep, object);
    if (status == QN_OK)
        delete_pending(s);
    else
        end_item_failed(s, "public object", status);
}

static void delete_public(struct media_sweep *s)
{
    char public_key[MEDIA_OBJECT_KEY_MAX + 1];
    media_photo_key_public(qn_str_c(s->photo_id), public_key);
    media_object_delete(s->service->store, &s->object, qn_str_c(public_key), on_public_gone);
}

static void on_row_gone(struct qn_request *request)
{
    struct media_sweep *s = container_of(request, struct media_sweep, request);
    s->asking = false;
    if (request->status == QN_OK || request->status == QN_NOT_FOUND)
        delete_public(s);
    else
        end_item_failed(s, "row", request->status);
}

static void on_row(struct qn_request *request)
{
    struct media_sweep *s = container_of(request, struct media_sweep, request);
    s->asking = false;
    const Quintet__Store__V1__GetPhotoResponse *answer = request->out;
    if (s->closing) {
        end_item(s);
    } else if (request->status == QN_NOT_FOUND || (request->status == QN_OK && !answer->photo)) {
        s->outcome = "gone";
        delete_public(s);
    } else if (request->status != QN_OK) {
        s->looked_at = MEDIA_PHOTO_SWEEP_MAX; /* whoever cannot say this one cannot say the next */
        s->cursor[0] = '\0';
        end_item_failed(s, "row", request->status);
    } else if (answer->photo->ready) {
        s->outcome = "ready";
        delete_pending(s);
    } else {
        s->outcome = "pending";
        const struct media_upstream upstream = {s->service, &s->ctx, &s->arena};
        s->asking = true;
        media_upstream_delete(&upstream, &s->request, s->user_id, s->photo_id, on_row_gone);
    }
}

static bool is_old(const struct media_sweep *s, int64_t touched_ms)
{
    return qn_clock_wall_ms() - touched_ms > media_photo_span_ms(s->service, MEDIA_PHOTO_SWEPT_AFTER_HALVES);
}

static void on_looked(struct media_object_request *object, enum qn_status status)
{
    struct media_sweep *s = container_of(object, struct media_sweep, object);
    if (s->closing || status == QN_NOT_FOUND || (status == QN_OK && !is_old(s, object->info.touched_ms))) {
        end_item(s);
        return;
    }
    /* One that is there but no whole object is as good a note as any. */
    if (status != QN_OK && status != QN_DATA_LOSS) {
        end_item_failed(s, "look", status);
        return;
    }
    const struct media_upstream upstream = {s->service, &s->ctx, &s->arena};
    s->asking = true;
    media_upstream_get(&upstream, &s->request, s->user_id, s->photo_id, on_row);
}

static void on_turn(struct media_turn *turn)
{
    struct media_sweep *s = container_of(turn, struct media_sweep, turn);
    media_object_head(s->service->store, &s->object, qn_str_c(s->key), on_looked);
}

static void begin_item(struct media_sweep *s)
{
    qn_arena_init(&s->arena, ITEM_ARENA_MAX);
    qn_id_request(s->request_id);
    s->ctx = (struct qn_context){.deadline_ms = qn_clock_now_ms() + STEP_TIMEOUT_MS,
                                 .request_id = qn_str_c(s->request_id)};
    s->ctx.log = (struct qn_log){.fields = {QN_F_STR("request", s->ctx.request_id)}, .n_fields = 1};
    s->object = (struct media_object_request){.arena = &s->arena, .deadline_ms = s->ctx.deadline_ms};
    media_turn_take(&s->service->turns, &s->turn, qn_str_c(s->photo_id), on_turn);
}

/* The next of the listing that is old enough; or the next listing; or the end. */
static void next_item(struct media_sweep *s)
{
    while (!s->closing && s->looked_at < MEDIA_PHOTO_SWEEP_MAX && s->next < s->list.n_entries) {
        const struct media_object_entry *entry = &s->list.entries[s->next++];
        s->looked_at++;
        memcpy(s->cursor, entry->key, sizeof s->cursor);
        memcpy(s->key, entry->key, sizeof s->key);
        if (is_old(s, entry->touched_ms) &&
            media_photo_key_read_pending(qn_str_c(s->key), s->user_id, s->photo_id)) {
            begin_item(s);
            return;
        }
    }
    if (s->closing || s->looked_at >= MEDIA_PHOTO_SWEEP_MAX) {
        end_pass(s);
    } else if (s->list.n_entries < MEDIA_OBJECT_LIST_MAX) {
        s->cursor[0] = '\0';
        end_pass(s);
    } else {
        list_more(s);
    }
}

static void on_listed(struct media_object_request *list, enum qn_status status)
{
    struct media_sweep *s = container_of(list, struct media_sweep, list);
    if (status == QN_OK) {
        s->next = 0;
        next_item(s);
        return;
    }
    qn_log(NULL, QN_WARN, "unfinished uploads cannot be listed; the next pass tries again",
           QN_F_STATUS("status", status));
    end_pass(s);
}

static void list_more(struct media_sweep *s)
{
    qn_arena_fini(&s->list_arena);
    s->list = (struct media_object_request){.arena = &s->list_arena,
                                            .deadline_ms = qn_clock_now_ms() + STEP_TIMEOUT_MS};
    media_object_list(s->service->store, &s->list, QN_STR(MEDIA_PHOTO_PENDING_PREFIX), qn_str_c(s->cursor),
                      on_listed);
}

static void on_timer(struct qn_timer *timer)
{
    struct media_sweep *s = container_of(timer, struct media_sweep, timer);
    s->busy = true;
    s->looked_at = s->ended = 0;
    list_more(s);
}

enum qn_status media_sweep_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct media_sweep *s = container_of(part, struct media_sweep, part);
    (void)err;
    s->loop = loop;
    media_turns_init(&s->service->turns, loop);
    qn_arena_init(&s->list_arena, LIST_ARENA_MAX);
    qn_timer_start(loop, &s->timer, 0, on_timer);
    return QN_OK;
}

void media_sweep_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct media_sweep *s = container_of(part, struct media_sweep, part);
    s->closing = true;
    s->closed = done;
    qn_timer_cancel(s->loop, &s->timer);
    if (!s->busy)
        qn_later_start(s->loop, &s->close_later, really_closed);
    /* Otherwise the step in hand ends first: a question to profile at once, one to the disk when it answers.
     */
    else if (s->asking)
        qn_request_cancel(&s->request);
}
