#include "common/core/check.h"
#include "services/media/folder/object_range.h"
#include "services/media/photo_key.h"
#include "services/media/picture/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a stranger's bytes reach in services/media besides signatures: the front of an upload, and the small
 * texts of keys and headers. */

static void check_picture(struct qn_str front)
{
    enum media_image_kind kind = media_image_sniff(front);
    const char *type = media_image_type(kind);
    QN_CHECK((type == NULL) == (kind == MEDIA_IMAGE_NONE));
    if (kind == MEDIA_IMAGE_NONE)
        return;
    QN_CHECK(media_image_kind_of_type(qn_str_c(type)) == kind);
    /* One front is one kind: none of the others begins like it, whatever follows. But HEIC becomes AVIF by a
     * brand further on. */
    QN_CHECK(front.len >= 4);
    struct qn_str cut = front;
    while (cut.len > 0 && media_image_sniff(cut) == kind)
        cut.len--;
    enum media_image_kind before = media_image_sniff(cut);
    QN_CHECK(before == MEDIA_IMAGE_NONE || (before == MEDIA_IMAGE_HEIC && kind == MEDIA_IMAGE_AVIF));
}

static void check_key(struct qn_str key)
{
    char user[MEDIA_PHOTO_USER_ID_MAX + 1], photo[QN_ID_LEN + 1], again[MEDIA_OBJECT_KEY_MAX + 1];
    if (!media_photo_key_read_pending(key, user, photo))
        return;
    QN_CHECK(media_object_key_is_safe(key));
    media_photo_key_pending(qn_str_c(user), qn_str_c(photo), again);
    QN_CHECK(qn_str_eq(key, qn_str_c(again)));
}

static void check_range(struct qn_str header, uint64_t size_bytes)
{
    uint64_t offset, length;
    if (media_object_range_read(header, size_bytes, &offset, &length) == MEDIA_OBJECT_RANGE_PART)
        QN_CHECK(length >= 1 && offset < size_bytes && length <= size_bytes - offset);
    media_object_etag_matches(header, QN_STR("etag"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str text = qn_str_n((const char *)data, size);
    check_picture(text);
    check_key(text);
    check_range(text, 0);
    check_range(text, size);
    check_range(text, UINT64_MAX);
    return 0;
}
