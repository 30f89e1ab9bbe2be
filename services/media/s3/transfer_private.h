#ifndef MEDIA_S3_TRANSFER_PRIVATE_H
#define MEDIA_S3_TRANSFER_PRIVATE_H

#include "common/loop/timer.h"
#include "services/media/s3/transfer.h"

/* What carrier.c and transfer.c share; nobody else includes it. */

struct media_s3_carrier {
    struct qn_loop *loop;
    struct media_s3_carrier_options options;
    void *multi; /* CURLM */
    struct qn_timer timer;
    size_t n_transfers, n_polls;
};

/* libcurl is through with it; 'code' is a CURLcode. Calls 'done'. */
void media_s3_transfer_ended(struct media_s3_transfer *transfer, int code);

#endif
