#ifndef MEDIA_PICTURE_ANATOMY_PRIVATE_H
#define MEDIA_PICTURE_ANATOMY_PRIVATE_H

#include "services/media/picture/anatomy.h"

/* Between anatomy.c and anatomy_jpeg.c. */

static inline uint32_t media_anatomy_u16be(const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint32_t)b[0] << 8 | b[1];
}

static inline uint32_t media_anatomy_u32be(const char *at)
{
    return media_anatomy_u16be(at) << 16 | media_anatomy_u16be(at + 2);
}

static inline uint32_t media_anatomy_u32le(const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/* Nothing but zeros, 0xFF, line ends and blanks; also when there is nothing. */
bool media_anatomy_is_padding(struct qn_str s);

/* The box that begins at 'at' (at most bytes.len): its type, and where it ends. False when there is none. */
bool media_anatomy_box(struct qn_str bytes, size_t at, struct qn_str *ret_type, size_t *ret_end);

/* Requires: sniffed as JPEG. */
enum media_anatomy media_anatomy_of_jpeg(struct qn_str bytes, uint64_t *ret_pixels);

#endif
