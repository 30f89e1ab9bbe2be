#ifndef MEDIA_S3_STORE_H
#define MEDIA_S3_STORE_H

#include "services/media/object.h"
#include "services/media/s3/call.h"

/* The seam on a bucket of R2, or of any S3. A part of the service.
 *
 * Ready: once the bucket has answered, which is asked at the start (a listing of one key) and, while it does
 * not, again every half a minute at the latest; so a deployment with a wrong key, bucket or clock stops
 * before it replaces one that works. Later troubles are only remarked on: without a bucket the service still
 * lists, deletes and orders photos, and other replicas would be no better off. */
struct media_s3_store {
    struct qn_part part;
    const struct media_settings *settings;

    struct media_object_store store; /* the seam; from open to close */

    struct media_bucket bucket; /* private from here */
    struct media_s3_client client;
    bool was_good, said_good; /* for the log */
    struct qn_timer probe_timer;
    uint64_t probe_wait_ms;
    struct media_s3_call probe;
    struct qn_arena probe_arena;
    struct qn_buf probe_body;
    void (*closed)(struct qn_part *part);
};

#define MEDIA_S3_STORE(settings_)                                                                            \
    {                                                                                                        \
        .part = {.name = "objects",                                                                          \
                 .open = media_s3_store_open,                                                                \
                 .ready = media_s3_store_ready,                                                              \
                 .close = media_s3_store_close},                                                             \
        .settings = (settings_)                                                                              \
    }

/* Requires: settings that name a bucket. */
enum qn_status media_s3_store_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool media_s3_store_ready(struct qn_part *part, struct qn_buf *detail);
/* What is in hand ends with QN_UNAVAILABLE. */
void media_s3_store_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
