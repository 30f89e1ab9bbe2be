#ifndef MEDIA_PICTURE_CONVERT_H
#define MEDIA_PICTURE_CONVERT_H

#include "services/media/picture/frame.h"

/* From the bytes of a stranger's picture to the two that are shown and the blurred one: what quintet-picture
 * does. The only files that know libvips. One thread. */

/* Once, before anything else of this header, and before the process is shut in: libvips and its module for
 * HEIF are loaded from files, at no other time. False: libvips does not start. */
bool media_convert_init(void);

struct media_convert {
    void *large, *small; /* WebP files, g_free()d by media_convert_fini() */
    size_t large_len, small_len;
    char blur[MEDIA_PICTURE_BLUR_MAX + 1];
    uint32_t width, height; /* of the large one */
};

/* 'ret' is filled with DONE, and zeroed otherwise. */
enum media_frame_outcome media_convert_run(struct qn_str bytes, enum media_image_kind kind,
                                           struct media_convert *ret);
void media_convert_fini(struct media_convert *convert);

#endif
