#ifndef QN_TESTS_PICTURE_H
#define QN_TESTS_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/buf.h"
#include "services/media/picture/image.h"

/* Pictures for tests, made by libvips or by hand, and a look at what became of them. Fails the test when
 * something cannot be made. One thread. */

/* Before any other. */
void picture_begin(void);

/* Four quarters: red and green above, blue and white below. Zeroed: eight bits, colours, no metadata. */
struct picture_plan {
    enum media_image_kind kind;
    int width, height;
    enum { PICTURE_RGB, PICTURE_RGBA, PICTURE_GREY, PICTURE_CMYK, PICTURE_RGB16, PICTURE_RGBA16 } pixels;
    int orientation; /* 1 to 8, written into EXIF together with a position; 0: no EXIF */
    bool secrets;    /* XMP with a position, a comment: what picture_holds_secrets() finds */
    bool profiled;   /* its colours are those of Display P3, and its profile says so */
    bool layered;    /* progressive, interlaced */
    bool noise;      /* instead of quarters: what compresses worst */
    int quality;     /* 0: 90 */
    int frames;      /* of a WebP; 0: one */
};

/* Appends the file; the buffer must have room. */
void picture_make(const struct picture_plan *plan, struct qn_buf *to);

/* Whether any of what 'orientation' and 'secrets' write can be found in a file, as its bytes. */
bool picture_holds_secrets(struct qn_str file);

/* A PNG as its parts: 'colour' is IHDR's colour type, of eight bits; 'extra' comes before IDAT as it is (made
 * by picture_png_chunk()); the rows are given raw, each with its filter byte, and are stored uncompressed. */
void picture_png(uint32_t width, uint32_t height, int colour, struct qn_str extra, struct qn_str rows,
                 struct qn_buf *to);
void picture_png_chunk(const char *type, struct qn_str data, struct qn_buf *to);

/* A WebP file, decoded. */
struct picture_seen {
    int width, height, bands;
    uint8_t corners[4]
                   [4]; /* the pixels a sixteenth in from the corners: above left, right, below left, right */
    bool has_exif, has_xmp, has_icc;
};
void picture_see(struct qn_str file, struct picture_seen *ret);

/* "r", "g", "b", "w" or "?" for each corner, in that order: "rgbw". */
const char *picture_corners(const struct picture_seen *seen, char to[5]);

#endif
