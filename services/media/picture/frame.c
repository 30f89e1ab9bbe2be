#include "services/media/picture/frame.h"

#include <endian.h>

#include "common/core/check.h"
#include "services/media/picture/anatomy.h"

/* Words of four bytes, each head a run of them. */

static void put(char *to, size_t word, uint32_t value)
{
    value = htole32(value);
    memcpy(to + word * sizeof value, &value, sizeof value);
}

static void put_magic(char *to)
{
    memcpy(to, MEDIA_FRAME_MAGIC, sizeof MEDIA_FRAME_MAGIC - 1);
}

void media_frame_write_hello(char to[MEDIA_FRAME_HELLO_LEN])
{
    put_magic(to);
}

void media_frame_write_ask(const struct media_frame_ask *ask, char to[MEDIA_FRAME_ASK_LEN])
{
    put_magic(to);
    put(to, 1, (uint32_t)ask->kind);
    put(to, 2, ask->length);
}

void media_frame_write_answer(const struct media_frame_answer *answer, char to[MEDIA_FRAME_ANSWER_LEN])
{
    put_magic(to);
    put(to, 1, (uint32_t)answer->outcome);
    put(to, 2, answer->width);
    put(to, 3, answer->height);
    put(to, 4, answer->large_len);
    put(to, 5, answer->small_len);
    put(to, 6, answer->blur_len);
    put(to, 7, answer->peak_kib);
}

static enum qn_status begin(struct qn_str bytes, size_t len, struct qn_reader *ret_reader)
{
    struct qn_str magic;
    *ret_reader = qn_reader_of(bytes);
    if (bytes.len != len)
        return QN_INVALID_ARGUMENT;
    QN_TRY(qn_reader_view(ret_reader, sizeof MEDIA_FRAME_MAGIC - 1, &magic));
    return qn_str_eq(magic, QN_STR(MEDIA_FRAME_MAGIC)) ? QN_OK : QN_INVALID_ARGUMENT;
}

enum qn_status media_frame_read_hello(struct qn_str bytes)
{
    struct qn_reader reader;
    return begin(bytes, MEDIA_FRAME_HELLO_LEN, &reader);
}

enum qn_status media_frame_read_ask(struct qn_str bytes, struct media_frame_ask *ret_ask)
{
    struct qn_reader reader;
    uint32_t kind;
    QN_TRY(begin(bytes, MEDIA_FRAME_ASK_LEN, &reader));
    QN_TRY(qn_reader_u32le(&reader, &kind));
    QN_TRY(qn_reader_u32le(&reader, &ret_ask->length));
    if (kind < MEDIA_IMAGE_JPEG || kind > MEDIA_IMAGE_HEIC)
        return QN_INVALID_ARGUMENT;
    ret_ask->kind = (enum media_image_kind)kind;
    bool fits = ret_ask->length >= 1 && ret_ask->length <= MEDIA_PICTURE_BYTES_MAX;
    return fits ? QN_OK : QN_INVALID_ARGUMENT;
}

static bool within(uint32_t value, uint32_t max)
{
    return value >= 1 && value <= max;
}

enum qn_status media_frame_read_answer(struct qn_str bytes, struct media_frame_answer *ret_answer)
{
    struct qn_reader reader;
    uint32_t outcome;
    struct media_frame_answer *a = ret_answer;
    QN_TRY(begin(bytes, MEDIA_FRAME_ANSWER_LEN, &reader));
    QN_TRY(qn_reader_u32le(&reader, &outcome));
    uint32_t *const words[] = {&a->width,     &a->height,   &a->large_len,
                               &a->small_len, &a->blur_len, &a->peak_kib};
    for (size_t i = 0; i < QN_COUNT(words); i++)
        QN_TRY(qn_reader_u32le(&reader, words[i]));
    if (outcome >= MEDIA_FRAME_OUTCOMES)
        return QN_INVALID_ARGUMENT;
    a->outcome = (enum media_frame_outcome)outcome;
    if (a->outcome != MEDIA_FRAME_DONE) {
        bool nothing = !a->width && !a->height && !a->large_len && !a->small_len && !a->blur_len;
        return nothing ? QN_OK : QN_INVALID_ARGUMENT;
    }
    bool fits = within(a->width, MEDIA_PICTURE_LARGE) && within(a->height, MEDIA_PICTURE_LARGE) &&
                within(a->large_len, MEDIA_FRAME_LARGE_MAX) && within(a->small_len, MEDIA_FRAME_SMALL_MAX) &&
                within(a->blur_len, MEDIA_PICTURE_BLUR_MAX);
    return fits ? QN_OK : QN_INVALID_ARGUMENT;
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* It is put into pages: nothing in it may end an attribute. */
static bool is_blur(struct qn_str blur)
{
    const struct qn_str prefix = QN_STR(MEDIA_FRAME_BLUR_PREFIX);
    if (!qn_str_starts(blur, prefix) || (blur.len - prefix.len) % 4 != 0 || blur.len == prefix.len)
        return false;
    while (qn_str_ends(blur, QN_STR("=")) && blur.len > prefix.len)
        blur.len--;
    for (size_t i = prefix.len; i < blur.len; i++)
        if (!is_base64(blur.ptr[i]))
            return false;
    return true;
}

enum qn_status media_frame_read_body(const struct media_frame_answer *answer, struct qn_str body,
                                     struct qn_str *ret_large, struct qn_str *ret_small,
                                     struct qn_str *ret_blur)
{
    struct qn_reader reader = qn_reader_of(body);
    uint32_t width, height;
    QN_CHECK(answer->outcome == MEDIA_FRAME_DONE && body.len == media_frame_body_len(answer));
    QN_TRY(qn_reader_view(&reader, answer->large_len, ret_large));
    QN_TRY(qn_reader_view(&reader, answer->small_len, ret_small));
    QN_TRY(qn_reader_view(&reader, answer->blur_len, ret_blur));
    if (!media_anatomy_is_bare_webp(*ret_large, &width, &height) || width != answer->width ||
        height != answer->height)
        return QN_INVALID_ARGUMENT;
    if (!media_anatomy_is_bare_webp(*ret_small, &width, &height) || width > MEDIA_PICTURE_SMALL ||
        height > MEDIA_PICTURE_SMALL)
        return QN_INVALID_ARGUMENT;
    return is_blur(*ret_blur) ? QN_OK : QN_INVALID_ARGUMENT;
}
