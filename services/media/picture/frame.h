#ifndef MEDIA_PICTURE_FRAME_H
#define MEDIA_PICTURE_FRAME_H

#include "services/media/picture/pool.h"

/* What pool and worker say to each other over a stream socket: heads of fixed size, numbers little-endian,
 * then bytes.
 *
 *   worker → pool  hello:   magic                                                         once, at its start
 *   pool → worker  ask:     magic, kind, length                                           and the picture
 *   worker → pool  answer:  magic, outcome, width, height, lengths of large, small, blur, peak memory
 *                                                                                         and the three
 *
 * Both sides read as if the other were hostile; the pool's has reason to. Everything on its side is bounded
 * before anything is allocated, and what comes through is looked at: two bare WebP files of the sizes that
 * were told, and a data URL of the characters that such a thing has. */

enum {
    MEDIA_FRAME_HELLO_LEN = 4,
    MEDIA_FRAME_ASK_LEN = 12,
    MEDIA_FRAME_ANSWER_LEN = 32,
    /* Of the WebP files. Noise at the largest size and our quality makes 1.6 MB and 60 KB. */
    MEDIA_FRAME_LARGE_MAX = 4194304,
    MEDIA_FRAME_SMALL_MAX = 524288,
};

/* The last digit is the version: a worker of another release is none of ours. */
#define MEDIA_FRAME_MAGIC "QPW1"

/* What a blur begins with. */
#define MEDIA_FRAME_BLUR_PREFIX "data:image/webp;base64,"

enum media_frame_outcome {
    MEDIA_FRAME_DONE,
    MEDIA_FRAME_NOT_A_PICTURE,
    MEDIA_FRAME_TOO_MANY_PIXELS,
    MEDIA_FRAME_ANIMATED,
    MEDIA_FRAME_OUTCOMES /* how many */
};

struct media_frame_ask {
    enum media_image_kind kind;
    uint32_t length; /* 1 to MEDIA_PICTURE_BYTES_MAX */
};

struct media_frame_answer {
    enum media_frame_outcome outcome;
    uint32_t width, height; /* 0 unless DONE, as all that follow but the last; then 1 to LARGE */
    uint32_t large_len, small_len, blur_len; /* then at least 1, and at most what fits */
    uint32_t peak_kib;                       /* of the worker, by its own account; for a metric */
};

void media_frame_write_hello(char to[MEDIA_FRAME_HELLO_LEN]);
void media_frame_write_ask(const struct media_frame_ask *ask, char to[MEDIA_FRAME_ASK_LEN]);
void media_frame_write_answer(const struct media_frame_answer *answer, char to[MEDIA_FRAME_ANSWER_LEN]);

/* Of exactly that many bytes. QN_INVALID_ARGUMENT: not what the other side sends. */
QN_MUST_USE enum qn_status media_frame_read_hello(struct qn_str bytes);
QN_MUST_USE enum qn_status media_frame_read_ask(struct qn_str bytes, struct media_frame_ask *ret_ask);
QN_MUST_USE enum qn_status media_frame_read_answer(struct qn_str bytes,
                                                   struct media_frame_answer *ret_answer);

/* How many bytes follow the head. */
static inline size_t media_frame_body_len(const struct media_frame_answer *answer)
{
    return (size_t)answer->large_len + answer->small_len + answer->blur_len;
}

/* Whether the bytes that followed are what the head says (see above). Requires: DONE, and as many bytes as
 * media_frame_body_len(). 'ret_large' and its like are views into 'body'. QN_INVALID_ARGUMENT: no. */
QN_MUST_USE enum qn_status media_frame_read_body(const struct media_frame_answer *answer, struct qn_str body,
                                                 struct qn_str *ret_large, struct qn_str *ret_small,
                                                 struct qn_str *ret_blur);

#endif
