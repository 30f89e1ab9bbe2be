#include "services/media/picture/anatomy.h"

#include "common/core/check.h"
#include "services/media/picture/anatomy_private.h"

bool media_anatomy_is_padding(struct qn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.ptr[i];
        if (byte != 0 && byte != 0xFF && byte != '\n' && byte != '\r' && byte != ' ')
            return false;
    }
    return true;
}

static enum media_anatomy end_at(struct qn_str bytes, size_t end)
{
    return media_anatomy_is_padding(qn_str_n(bytes.ptr + end, bytes.len - end)) ? MEDIA_ANATOMY_WHOLE
                                                                                : MEDIA_ANATOMY_TRAILING;
}

/* PNG (third edition), 5.3: chunks of length, type, data and CRC, from IHDR to IEND. 11.3.6.1: acTL, before
 * the first IDAT, tells the number of frames. */
static enum media_anatomy of_png(struct qn_str bytes, uint64_t *ret_pixels)
{
    enum { SIGNATURE = 8, AROUND = 12 /* length, type, CRC */, SIZE = 16 };
    if (bytes.len < SIZE + 8)
        return MEDIA_ANATOMY_BROKEN;
    *ret_pixels = (uint64_t)media_anatomy_u32be(bytes.ptr + SIZE) * media_anatomy_u32be(bytes.ptr + SIZE + 4);
    bool moves = false, drawn = false;
    for (size_t at = SIGNATURE; bytes.len >= AROUND && at <= bytes.len - AROUND;) {
        size_t length = media_anatomy_u32be(bytes.ptr + at);
        struct qn_str type = qn_str_n(bytes.ptr + at + 4, 4);
        if (length > bytes.len - at - AROUND)
            return MEDIA_ANATOMY_BROKEN;
        const char *data = bytes.ptr + at + 8;
        at += AROUND + length;
        if (qn_str_eq(type, QN_STR("acTL")) && length >= 4)
            moves = moves || media_anatomy_u32be(data) != 1;
        else if (qn_str_eq(type, QN_STR("IDAT")))
            drawn = true;
        else if (qn_str_eq(type, QN_STR("IEND")))
            return !drawn ? MEDIA_ANATOMY_BROKEN : moves ? MEDIA_ANATOMY_MOVES : end_at(bytes, at);
    }
    return MEDIA_ANATOMY_BROKEN;
}

/* RFC 9649. What media_anatomy_is_bare_webp() asks beyond whether the file is whole. */
struct webp {
    bool moves, bare, transparent; /* the last: an ALPH is there */
    size_t n_frames;               /* VP8 or VP8L */
    uint32_t width, height;        /* of the first frame */
    uint64_t canvas;               /* pixels, by the extended header */
};

/* 2.5: RFC 6386, 9.1: three bytes of tag, three that are always the same, then two sizes of 14 bits. 2.6: the
 * WebP lossless bitstream: 0x2F, then two sizes less one of 14 bits. */
static void read_frame(struct webp *webp, struct qn_str type, struct qn_str data)
{
    if (webp->n_frames++ > 0)
        return;
    if (qn_str_eq(type, QN_STR("VP8 ")) && data.len >= 10) {
        webp->width = media_anatomy_u32le(data.ptr + 6) & 0x3FFF;
        webp->height = media_anatomy_u32le(data.ptr + 6) >> 16 & 0x3FFF;
    } else if (qn_str_eq(type, QN_STR("VP8L")) && data.len >= 5 && data.ptr[0] == 0x2F) {
        webp->width = (media_anatomy_u32le(data.ptr + 1) & 0x3FFF) + 1;
        webp->height = (media_anatomy_u32le(data.ptr + 1) >> 14 & 0x3FFF) + 1;
    }
}

/* 2.7: reserved, reserved, profile, alpha, EXIF, XMP, animation, reserved; then two sizes less one of 24
 * bits. */
static void read_extended(struct webp *webp, struct qn_str data)
{
    enum { ALPHA = 0x10, ANIMATION = 0x02 };
    if (data.len < 10) {
        webp->bare = false;
        return;
    }
    uint8_t flags = (uint8_t)data.ptr[0];
    webp->moves = webp->moves || (flags & ANIMATION);
    webp->bare = webp->bare && !(flags & ~ALPHA);
    webp->canvas = ((media_anatomy_u32le(data.ptr + 4) & 0xFFFFFF) + 1) *
                   (uint64_t)((media_anatomy_u32le(data.ptr + 6) >> 8) + 1);
}

static enum media_anatomy read_webp(struct qn_str bytes, struct webp *ret)
{
    enum { HEAD = 8, FORM = 12 };
    *ret = (struct webp){.bare = true};
    size_t size = media_anatomy_u32le(bytes.ptr + 4); /* sniffed: there are at least 16 bytes */
    if (size > bytes.len - HEAD || size < FORM - HEAD)
        return MEDIA_ANATOMY_BROKEN;
    size_t end = HEAD + size;
    for (size_t at = FORM; at < end;) {
        if (end - at < HEAD)
            return MEDIA_ANATOMY_BROKEN;
        struct qn_str type = qn_str_n(bytes.ptr + at, 4);
        size_t length = media_anatomy_u32le(bytes.ptr + at + 4);
        if (length > end - at - HEAD)
            return MEDIA_ANATOMY_BROKEN;
        struct qn_str data = qn_str_n(bytes.ptr + at + HEAD, length);
        if (qn_str_eq(type, QN_STR("VP8X")) && at == FORM)
            read_extended(ret, data);
        else if (qn_str_eq(type, QN_STR("VP8 ")) || qn_str_eq(type, QN_STR("VP8L")))
            read_frame(ret, type, data);
        else if (qn_str_eq(type, QN_STR("ANIM")) || qn_str_eq(type, QN_STR("ANMF")))
            ret->moves = true;
        else if (qn_str_eq(type, QN_STR("ALPH")))
            ret->transparent = true;
        else
            ret->bare = false;
        /* 2.3: a chunk of odd length is followed by a zero; some writers forget the last one. */
        at += HEAD + length + (length % 2 && at + HEAD + length < end ? 1 : 0);
    }
    if (ret->moves)
        return MEDIA_ANATOMY_MOVES;
    return ret->n_frames != 1 ? MEDIA_ANATOMY_BROKEN : end_at(bytes, end);
}

static enum media_anatomy of_webp(struct qn_str bytes, uint64_t *ret_pixels)
{
    struct webp webp;
    enum media_anatomy anatomy = read_webp(bytes, &webp);
    uint64_t frame = (uint64_t)webp.width * webp.height;
    *ret_pixels = frame > webp.canvas ? frame : webp.canvas;
    return anatomy;
}

bool media_anatomy_is_bare_webp(struct qn_str bytes, uint32_t *ret_width, uint32_t *ret_height)
{
    struct webp webp;
    if (media_image_sniff(bytes) != MEDIA_IMAGE_WEBP || read_webp(bytes, &webp) != MEDIA_ANATOMY_WHOLE)
        return false;
    if (!webp.bare || webp.width == 0 || webp.height == 0 ||
        media_anatomy_u32le(bytes.ptr + 4) != bytes.len - 8)
        return false;
    *ret_width = webp.width;
    *ret_height = webp.height;
    return true;
}

static void put_u32le(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (8 * i));
}

size_t media_anatomy_strip_webp(char *bytes, size_t len)
{
    enum { HEAD = 8, FORM = 12, ALPHA = 0x10 };
    struct qn_str all = qn_str_n(bytes, len);
    struct webp webp;
    if (media_image_sniff(all) != MEDIA_IMAGE_WEBP || read_webp(all, &webp) == MEDIA_ANATOMY_BROKEN ||
        webp.moves || webp.n_frames != 1 || webp.width == 0 || webp.height == 0)
        return 0;
    /* Transparency without an extended header to announce it is nobody's, and goes. */
    bool clear = webp.transparent && webp.canvas > 0;
    size_t end = HEAD + media_anatomy_u32le(bytes + 4), to = FORM;
    for (size_t at = FORM, next; at < end; at = next) {
        struct qn_str type = qn_str_n(bytes + at, 4);
        size_t length = media_anatomy_u32le(bytes + at + 4);
        next = at + HEAD + length + (length % 2 && at + HEAD + length < end ? 1 : 0);
        bool extended = at == FORM && qn_str_eq(type, QN_STR("VP8X"));
        bool frame = qn_str_eq(type, QN_STR("VP8 ")) || qn_str_eq(type, QN_STR("VP8L"));
        if (!frame && !(clear && (extended || qn_str_eq(type, QN_STR("ALPH")))))
            continue;
        memmove(bytes + to, bytes + at, next - at);
        if (extended)
            bytes[to + HEAD] = ALPHA;
        to += next - at;
    }
    put_u32le(bytes + 4, (uint32_t)(to - HEAD));
    return to;
}

/* ISO/IEC 14496-12, 4.2: size, type, content; size 1: a size of 64 bits follows the type; size 0: to the end
 * of the file. A type is four printable letters. */
bool media_anatomy_box(struct qn_str bytes, size_t at, struct qn_str *ret_type, size_t *ret_end)
{
    if (bytes.len - at < 8)
        return false;
    uint64_t size = media_anatomy_u32be(bytes.ptr + at), head = 8;
    *ret_type = qn_str_n(bytes.ptr + at + 4, 4);
    for (size_t i = 0; i < 4; i++)
        if (ret_type->ptr[i] < ' ' || ret_type->ptr[i] > '~')
            return false;
    if (size == 1) {
        head = 16;
        if (bytes.len - at < head)
            return false;
        size = (uint64_t)media_anatomy_u32be(bytes.ptr + at + 8) << 32 |
               media_anatomy_u32be(bytes.ptr + at + 12);
    } else if (size == 0 &&
               qn_str_eq(*ret_type, QN_STR("mdat"))) { /* in others it would be anything's tail */
        size = bytes.len - at;
    }
    if (size < head || size > bytes.len - at)
        return false;
    *ret_end = at + (size_t)size;
    return true;
}

/* ISO/IEC 23008-12, 7: brands of sequences. */
static bool names_sequence(struct qn_str brands)
{
    static const struct qn_str moving[] = {QN_STR("avis"), QN_STR("msf1"), QN_STR("hevc"), QN_STR("hevx")};
    for (size_t at = 8; at + 4 <= brands.len; at += at == 8 ? 8 : 4) { /* over the minor version */
        for (size_t i = 0; i < QN_COUNT(moving); i++)
            if (qn_str_eq(qn_str_n(brands.ptr + at, 4), moving[i]))
                return true;
    }
    return false;
}

/* Boxes to the end of the file: ftyp, in meta what the items are, in mdat their bytes. */
static enum media_anatomy of_heif(struct qn_str bytes)
{
    bool has_meta = false, moves = false;
    size_t end;
    struct qn_str type;
    for (size_t at = 0; at < bytes.len; at = end) {
        if (!media_anatomy_box(bytes, at, &type, &end)) {
            if (moves)
                return MEDIA_ANATOMY_MOVES;
            /* Where a box is cut short or something else begins cannot be told apart. */
            return has_meta && at > 0 ? end_at(bytes, at) : MEDIA_ANATOMY_BROKEN;
        }
        if (at == 0)
            moves = names_sequence(qn_str_n(bytes.ptr, end));
        has_meta = has_meta || qn_str_eq(type, QN_STR("meta"));
    }
    return moves ? MEDIA_ANATOMY_MOVES : has_meta ? MEDIA_ANATOMY_WHOLE : MEDIA_ANATOMY_BROKEN;
}

enum media_anatomy media_anatomy_of(struct qn_str bytes, enum media_image_kind kind, uint64_t *ret_pixels)
{
    *ret_pixels = 0;
    if (kind == MEDIA_IMAGE_NONE || media_image_sniff(bytes) != kind)
        return MEDIA_ANATOMY_BROKEN;
    switch (kind) {
    case MEDIA_IMAGE_JPEG:
        return media_anatomy_of_jpeg(bytes, ret_pixels);
    case MEDIA_IMAGE_PNG:
        return of_png(bytes, ret_pixels);
    case MEDIA_IMAGE_WEBP:
        return of_webp(bytes, ret_pixels);
    case MEDIA_IMAGE_AVIF:
    case MEDIA_IMAGE_HEIC:
        return of_heif(bytes);
    case MEDIA_IMAGE_NONE:
        break;
    }
    return MEDIA_ANATOMY_BROKEN;
}
