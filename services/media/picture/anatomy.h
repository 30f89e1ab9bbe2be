#ifndef MEDIA_PICTURE_ANATOMY_H
#define MEDIA_PICTURE_ANATOMY_H

#include "services/media/picture/image.h"

/* How a file of one of our kinds is put together, read from its own structure without decoding a pixel:
 * where the picture ends, what comes behind, whether it moves. A decoder stops at the picture's end and does
 * not care; a file that is a picture to one program and a page or an archive to another (a polyglot) lives of
 * just that.
 *
 * Nothing that was sent is ever handed on: what others see was drawn anew from the pixels. So this is no wall
 * but plain speaking: whoever sends something else behind a picture is told so. What hides within the
 * structure (a comment, a chunk of text) is not looked for.
 *
 * Any thread; reads every byte at most a few times. */

enum media_anatomy {
    MEDIA_ANATOMY_WHOLE,    /* complete, and nothing behind it but what cameras put there */
    MEDIA_ANATOMY_BROKEN,   /* cut short, or not built as its kind is */
    MEDIA_ANATOMY_TRAILING, /* something else comes behind the picture's end */
    MEDIA_ANATOMY_MOVES,    /* more than one frame, by its own account */
};

/* Requires: kind is that of media_image_sniff() for these bytes; other bytes are BROKEN.
 *
 * 'ret_pixels': width times height as the file declares them, the largest if it does so several times; 0 when
 * that cannot be told here: AVIF and HEIC, whose items only their library takes apart.
 *
 * What may come behind a picture's end: padding (zeros, 0xFF, line ends, blanks). Behind a JPEG's, which
 * phones make use of, also
 * - another JPEG: CIPA DC-007's Multi-Picture Format (depth, gain maps)
 * - an ISO base media file: the video of a motion photo
 * - Samsung's trailer, on nearly every photo of its phones: blocks, and a directory that accounts for each */
enum media_anatomy media_anatomy_of(struct qn_str bytes, enum media_image_kind kind, uint64_t *ret_pixels);

/* Whether this is a WebP file with nothing in it but one picture of this size: frame, alpha, header. No EXIF,
 * no XMP, no colour profile, no animation, no unknown chunk, nothing behind. */
bool media_anatomy_is_bare_webp(struct qn_str bytes, uint32_t *ret_width, uint32_t *ret_height);

/* Makes it so, in place: leaves out every chunk but the frame's and its transparency's, and the extended
 * header too where there is no transparency. The new length; 0: it is no WebP file with one frame, and the
 * bytes are as before. */
size_t media_anatomy_strip_webp(char *bytes, size_t len);

#endif
