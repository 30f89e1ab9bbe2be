#ifndef MEDIA_IMAGE_H
#define MEDIA_IMAGE_H

#include "common/core/str.h"

/* The pictures this service takes, and how their first bytes tell them apart. Only sniffing: nothing here
 * decodes a picture, so nothing here says that it is whole or harmless. */

enum media_image_kind {
    MEDIA_IMAGE_NONE, /* none of these */
    MEDIA_IMAGE_JPEG,
    MEDIA_IMAGE_PNG,
    MEDIA_IMAGE_WEBP,
    MEDIA_IMAGE_AVIF,
    MEDIA_IMAGE_HEIC, /* what phones write */
};

/* How many bytes of the front media_image_sniff() can make use of. JPEG, PNG and WebP need 12 to 24; the
 * brands of AVIF and HEIC are a list of four bytes each, 4 to 10 long in what encoders write. */
enum { MEDIA_IMAGE_SNIFF_BYTES = 256 };

/* The longest of the content types, with its NUL: "image/jpeg". */
enum { MEDIA_IMAGE_TYPE_MAX = 11 };

/* What the picture is that begins with 'front'. Fewer bytes than MEDIA_IMAGE_SNIFF_BYTES are taken for all
 * there are. */
enum media_image_kind media_image_sniff(struct qn_str front);

/* "image/jpeg" and its like, exactly as written here: no parameters, no capitals, not "image/jpg". */
enum media_image_kind media_image_kind_of_type(struct qn_str content_type);

/* NULL for MEDIA_IMAGE_NONE; static. */
const char *media_image_type(enum media_image_kind kind);

#endif
