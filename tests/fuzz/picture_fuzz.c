#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "services/media/picture/anatomy.h"
#include "services/media/picture/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A stranger's file as the worker takes it apart before any library sees it, and a worker's answer as the
 * service takes it apart, whoever the worker has become. */

static void check_file(struct qn_str file)
{
    uint64_t pixels;
    uint32_t width, height;
    enum media_image_kind kind = media_image_sniff(file);
    enum media_anatomy anatomy = media_anatomy_of(file, kind, &pixels);
    QN_CHECK(kind != MEDIA_IMAGE_NONE || anatomy == MEDIA_ANATOMY_BROKEN);
    bool bare = media_anatomy_is_bare_webp(file, &width, &height);
    QN_CHECK(!bare || (kind == MEDIA_IMAGE_WEBP && anatomy == MEDIA_ANATOMY_WHOLE && width && height));
    /* Padding makes no difference to one that is whole. */
    char *padded = malloc(file.len + 8);
    QN_CHECK(padded != NULL);
    if (file.len)
        memcpy(padded, file.ptr, file.len);
    memset(padded + file.len, 0, 8);
    if (anatomy == MEDIA_ANATOMY_WHOLE && kind != MEDIA_IMAGE_AVIF && kind != MEDIA_IMAGE_HEIC)
        QN_CHECK(media_anatomy_of(qn_str_n(padded, file.len + 8), kind, &pixels) == MEDIA_ANATOMY_WHOLE);
    size_t len = media_anatomy_strip_webp(padded, file.len);
    QN_CHECK(len <= file.len &&
             (len == 0 || media_anatomy_is_bare_webp(qn_str_n(padded, len), &width, &height)));
    QN_CHECK(len != 0 || !bare);
    QN_CHECK(len == 0 || media_anatomy_strip_webp(padded, len) == len);
    QN_CHECK(len != 0 || file.len == 0 || memcmp(padded, file.ptr, file.len) == 0);
    free(padded);
}

static void check_answer(struct qn_str bytes)
{
    struct media_frame_answer answer;
    char head[MEDIA_FRAME_ANSWER_LEN];
    struct qn_str large, small, blur;
    if (bytes.len < MEDIA_FRAME_ANSWER_LEN ||
        media_frame_read_answer(qn_str_n(bytes.ptr, MEDIA_FRAME_ANSWER_LEN), &answer) != QN_OK)
        return;
    media_frame_write_answer(&answer, head);
    QN_CHECK(memcmp(head, bytes.ptr, sizeof head) == 0);
    size_t len = media_frame_body_len(&answer);
    QN_CHECK(len <= MEDIA_FRAME_LARGE_MAX + MEDIA_FRAME_SMALL_MAX + MEDIA_PICTURE_BLUR_MAX);
    if (answer.outcome != MEDIA_FRAME_DONE || len > bytes.len - MEDIA_FRAME_ANSWER_LEN)
        return;
    if (media_frame_read_body(&answer, qn_str_n(bytes.ptr + MEDIA_FRAME_ANSWER_LEN, len), &large, &small,
                              &blur) == QN_OK)
        QN_CHECK(large.len + small.len + blur.len == len && !memchr(blur.ptr, '"', blur.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str bytes = qn_str_n((const char *)data, size);
    struct media_frame_ask ask;
    check_file(bytes);
    check_answer(bytes);
    if (size >= MEDIA_FRAME_ASK_LEN &&
        media_frame_read_ask(qn_str_n(bytes.ptr, MEDIA_FRAME_ASK_LEN), &ask) == QN_OK)
        QN_CHECK(media_image_type(ask.kind) != NULL);
    return 0;
}
