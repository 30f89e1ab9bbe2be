#include "services/media/picture/image.h"

#include "common/core/buf.h"
#include "common/core/check.h"

static const char *const type_names[] = {
    [MEDIA_IMAGE_NONE] = NULL,         [MEDIA_IMAGE_JPEG] = "image/jpeg", [MEDIA_IMAGE_PNG] = "image/png",
    [MEDIA_IMAGE_WEBP] = "image/webp", [MEDIA_IMAGE_AVIF] = "image/avif", [MEDIA_IMAGE_HEIC] = "image/heic",
};

const char *media_image_type(enum media_image_kind kind)
{
    return type_names[kind];
}

enum media_image_kind media_image_kind_of_type(struct qn_str content_type)
{
    for (size_t i = MEDIA_IMAGE_JPEG; i < QN_COUNT(type_names); i++) {
        if (qn_str_eq(content_type, qn_str_c(type_names[i])))
            return (enum media_image_kind)i;
    }
    return MEDIA_IMAGE_NONE;
}

/* ITU T.81, B.1.1: the start of image marker, then the 0xFF of the first segment's marker, and a marker that
 * can stand there: not a stuffed zero, not a fill byte, not another start, not a restart and not the end. */
static bool is_jpeg(struct qn_str front)
{
    if (!qn_str_starts(front, QN_STR("\xFF\xD8\xFF")) || front.len < 4)
        return false;
    uint8_t marker = (uint8_t)front.ptr[3];
    return marker >= 0xC0 && marker != 0xFF && !(marker >= 0xD0 && marker <= 0xD9);
}

/* PNG (third edition), 5.2 and 11.2.2: the signature, then a header chunk of 13 bytes. */
static bool is_png(struct qn_str front)
{
    return qn_str_starts(front, QN_STR("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"));
}

/* RFC 9649, 2.3 to 2.7: a RIFF container of form WEBP that begins with one of three chunks. */
static bool is_webp(struct qn_str front)
{
    if (front.len < 16 || !qn_str_starts(front, QN_STR("RIFF")))
        return false;
    struct qn_str form_and_chunk = qn_str_n(front.ptr + 8, 8);
    return qn_str_eq(form_and_chunk, QN_STR("WEBPVP8 ")) || qn_str_eq(form_and_chunk, QN_STR("WEBPVP8L")) ||
           qn_str_eq(form_and_chunk, QN_STR("WEBPVP8X"));
}

/* ISO/IEC 14496-12, 4.3: the file type box: size, "ftyp", major brand, minor version, compatible brands to
 * the end of the box. AVIF 1.1, 4 and ISO/IEC 23008-12, 10.2: a still picture names "avif", "heic" or "heix"
 * (HEVC with more than eight bits) among its compatible brands, and usually as the major one. Files that name
 * both are none that an encoder writes; they count as AVIF. */
static enum media_image_kind kind_of_brands(struct qn_str front)
{
    if (front.len < 16 || !qn_str_eq(qn_str_n(front.ptr + 4, 4), QN_STR("ftyp")))
        return MEDIA_IMAGE_NONE;
    const uint8_t *bytes = (const uint8_t *)front.ptr;
    uint32_t box = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    if (box < 16 || box % 4 != 0)
        return MEDIA_IMAGE_NONE;
    enum media_image_kind kind = MEDIA_IMAGE_NONE;
    size_t end = box < front.len ? box : front.len;
    for (size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) { /* over the minor version */
        struct qn_str brand = qn_str_n(front.ptr + at, 4);
        if (qn_str_eq(brand, QN_STR("avif")))
            return MEDIA_IMAGE_AVIF;
        if (qn_str_eq(brand, QN_STR("heic")) || qn_str_eq(brand, QN_STR("heix")))
            kind = MEDIA_IMAGE_HEIC;
    }
    return kind;
}

enum media_image_kind media_image_sniff(struct qn_str front)
{
    if (is_jpeg(front))
        return MEDIA_IMAGE_JPEG;
    if (is_png(front))
        return MEDIA_IMAGE_PNG;
    if (is_webp(front))
        return MEDIA_IMAGE_WEBP;
    return kind_of_brands(front);
}
