#ifndef MEDIA_UPSTREAM_H
#define MEDIA_UPSTREAM_H

#include "common/rpc/client.h"
#include "services/media/service.h"
#include "store.pb-c.h"

/* Questions to profile's PhotoStore (proto/store.proto has what each answers). Each starts 'request' under
 * 'ctx' and in 'arena', which must outlive 'done'; 'done' runs once, on the loop, never from within the
 * start; with QN_OK request->out is the response of that method. */

struct media_upstream {
    struct media_service *service;
    const struct qn_context *ctx;
    struct qn_arena *arena;
};

typedef void media_upstream_cb(struct qn_request *request);

void media_upstream_create(const struct media_upstream *from, struct qn_request *request,
                           const Quintet__Store__V1__CreatePhotoRequest *in, media_upstream_cb *done);
void media_upstream_get(const struct media_upstream *from, struct qn_request *request, const char *user_id,
                        const char *photo_id, media_upstream_cb *done);
void media_upstream_complete(const struct media_upstream *from, struct qn_request *request,
                             const Quintet__Store__V1__CompletePhotoRequest *in, media_upstream_cb *done);
void media_upstream_list(const struct media_upstream *from, struct qn_request *request, const char *user_id,
                         media_upstream_cb *done);
/* The main photo of each of these users whose profile is complete. */
void media_upstream_list_main(const struct media_upstream *from, struct qn_request *request,
                              char *const *user_ids, size_t n, media_upstream_cb *done);
void media_upstream_delete(const struct media_upstream *from, struct qn_request *request, const char *user_id,
                           const char *photo_id, media_upstream_cb *done);
void media_upstream_set_main(const struct media_upstream *from, struct qn_request *request,
                             const char *user_id, const char *photo_id, media_upstream_cb *done);
void media_upstream_reorder(const struct media_upstream *from, struct qn_request *request,
                            const char *user_id, char *const *photo_ids, size_t n, media_upstream_cb *done);

/* Of the sweep. */
void media_upstream_sweep(const struct media_upstream *from, struct qn_request *request, int64_t before_ms,
                          int32_t max, media_upstream_cb *done);
void media_upstream_claim(const struct media_upstream *from, struct qn_request *request, int32_t max,
                          int64_t lease_ms, media_upstream_cb *done);
void media_upstream_finish(const struct media_upstream *from, struct qn_request *request,
                           Quintet__Store__V1__TrashEntry *const *entries, size_t n, media_upstream_cb *done);
void media_upstream_fail(const struct media_upstream *from, struct qn_request *request,
                         Quintet__Store__V1__TrashEntry *const *entries, size_t n, const char *error,
                         media_upstream_cb *done);

#endif
