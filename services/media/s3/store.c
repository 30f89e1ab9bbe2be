#include "services/media/s3/store.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/s3/operation.h"
#include "services/media/s3/url.h"

enum {
    PROBE_FIRST_MS = 1000, /* after a trouble was seen; then twice as long each time */
    PROBE_WAIT_MAX_MS = 30000,
    PROBE_DEADLINE_MS = 10000,
    PROBE_ARENA_MAX = 64 * 1024,
};

static struct media_s3_store *store_of(struct media_object_store *store)
{
    return container_of(store, struct media_s3_store, store);
}

/* The seam. */

static enum qn_status presign_put(struct media_object_store *store, const struct media_object_put *put,
                                  int64_t now_ms, struct qn_buf *to,
                                  struct media_object_put_headers *ret_headers)
{
    return media_s3_url_put(&store_of(store)->bucket, put, now_ms, to, ret_headers);
}

static enum qn_status read_url(struct media_object_store *store, struct qn_str key, int64_t now_ms,
                               struct qn_buf *to)
{
    return media_s3_url_read(&store_of(store)->bucket, key, now_ms, to);
}

static enum qn_status source(struct media_object_store *store, struct media_object_source *ret_source)
{
    media_s3_url_source(&store_of(store)->bucket, ret_source);
    return QN_OK;
}

static void start(struct media_object_store *store, struct media_object_request *request)
{
    media_s3_operation_start(&store_of(store)->client, store, request);
}

static struct qn_loop *loop_of(struct media_object_store *store)
{
    return store_of(store)->client.loop;
}

static const struct media_object_ops ops = {
    .presign_put = presign_put, .read_url = read_url, .source = source, .start = start, .loop = loop_of};

/* Whether the bucket is there: asked at the start, and while the last that was heard of it was no good. */

static void on_probed(struct media_s3_call *call, enum qn_status status)
{
    struct media_s3_store *self = container_of(call, struct media_s3_store, probe);
    (void)status; /* the client has heard it */
    media_s3_call_fini(call);
    qn_buf_fini(&self->probe_body);
    qn_arena_fini(&self->probe_arena);
}

static void on_probe_timer(struct qn_timer *timer)
{
    struct media_s3_store *self = container_of(timer, struct media_s3_store, probe_timer);
    self->probe = (struct media_s3_call){.verb = "probe",
                                         .arena = &self->probe_arena,
                                         .into = &self->probe_body,
                                         .deadline_ms = qn_clock_now_ms() + PROBE_DEADLINE_MS};
    media_s3_operation_ask_list(&self->probe.question, QN_STR(MEDIA_OBJECT_PUBLIC_PREFIX), QN_STR(""), "1");
    media_s3_call_start(&self->client, &self->probe, on_probed);
}

static void on_heard(struct media_s3_client *client)
{
    struct media_s3_store *self = container_of(client, struct media_s3_store, client);
    if (client->good && !self->was_good)
        qn_log(NULL, QN_INFO, self->said_good ? "the bucket answers again" : "the bucket answers",
               QN_F_STR("bucket", self->bucket.name), QN_F_C("host", self->bucket.host));
    self->said_good = self->said_good || client->good;
    self->was_good = client->good;
    if (client->good) {
        self->probe_wait_ms = PROBE_FIRST_MS;
        qn_timer_cancel(client->loop, &self->probe_timer);
    } else if (!qn_timer_active(&self->probe_timer) && !self->probe.client) {
        qn_timer_start(client->loop, &self->probe_timer, self->probe_wait_ms, on_probe_timer);
        self->probe_wait_ms = 2 * self->probe_wait_ms < PROBE_WAIT_MAX_MS ? 2 * self->probe_wait_ms
                                                                          : (uint64_t)PROBE_WAIT_MAX_MS;
    }
}

/* The part. */

enum qn_status media_s3_store_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct media_s3_store *self = container_of(part, struct media_s3_store, part);
    bool configured = media_settings_bucket(self->settings, &self->bucket);
    QN_CHECK(configured);
    self->client.heard = on_heard;
    self->was_good = self->said_good = false;
    QN_TRY(media_s3_client_open(&self->client, loop, &self->bucket, self->settings, err));
    self->store.ops = &ops;
    self->probe_wait_ms = PROBE_FIRST_MS;
    qn_arena_init(&self->probe_arena, PROBE_ARENA_MAX);
    qn_buf_init(&self->probe_body, MEDIA_S3_ANSWER_LIST_BYTES_MAX);
    qn_timer_start(loop, &self->probe_timer, 0, on_probe_timer);
    qn_log(NULL, QN_INFO, "pictures lie in a bucket", QN_F_STR("bucket", self->bucket.name),
           QN_F_C("endpoint", self->bucket.host),
           QN_F_C("read_from", self->bucket.public_origin[0] ? self->bucket.public_origin : "signed URLs"),
           QN_F_C("uploads", self->bucket.write_once ? "once" : "may overwrite"));
    return QN_OK;
}

bool media_s3_store_ready(struct qn_part *part, struct qn_buf *detail)
{
    const struct media_s3_store *self = container_of(part, struct media_s3_store, part);
    const struct media_s3_client *client = &self->client;
    uint64_t since_s = client->changed_ms ? (qn_clock_now_ms() - client->changed_ms) / 1000 : 0;
    qn_buf_printf(detail, "bucket %.*s", QN_STR_ARG(self->bucket.name));
    if (client->changed_ms == 0)
        qn_buf_write_c(detail, ": not heard of yet");
    else if (!client->good)
        qn_buf_printf(detail, " is in trouble, for %llu s: %s", (unsigned long long)since_s, client->trouble);
    return client->ever_good;
}

static void on_closed(struct media_s3_line *line)
{
    struct media_s3_store *self = container_of(line, struct media_s3_store, client.line);
    self->store.ops = NULL;
    self->closed(&self->part);
}

void media_s3_store_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct media_s3_store *self = container_of(part, struct media_s3_store, part);
    self->closed = done;
    qn_timer_cancel(self->client.loop, &self->probe_timer);
    media_s3_client_close(&self->client, on_closed);
}
