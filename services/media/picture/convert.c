#include "services/media/picture/convert.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <vips/vips.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/media/picture/anatomy.h"

/* The way of a picture here:
 *
 *   1. its structure: whole, one frame, nothing behind, so many pixels                     anatomy.c
 *   2. its head, by the one loader of its kind: pixels and frames once more, as that one sees them
 *   3. decoded row by row, shrunk to the large size, turned upright           nothing of full size is kept
 *   4. colours to sRGB by its own profile, eight bits, alpha only if it is used
 *   5. the large one, from it the small one, from that the blurred one; WebP, without metadata
 *
 * libvips is lazy: errors of decoding show at 3, where pixels are asked for. */

enum {
    /* At 80 a photo of the large size has 150 to 400 KB, and side by side with its original nothing to see.
     * The small one is looked at at a hundred pixels a side on a crowded page. */
    LARGE_QUALITY = 80,
    SMALL_QUALITY = 75,
    /* libwebp's own middle is 4, which takes half as long again for files a thirtieth smaller. */
    EFFORT = 2,
    /* Shrinking in steps of two while a JPEG is decoded is fast and a little sharp; the last step of two is
     * left to the better filter, as libvips does. */
    LAST_SHRINK = 2,
};

/* Where modules lie is found out from the environment and the program's path, and all there are would be
 * loaded: ImageMagick, a PDF reader and more. With a home that is none, libvips finds none, and we load the
 * one that we want. Where libvips has HEIF built in there is no such file and no need of it. */
static void load_heif(void)
{
    void *module = dlopen(MEDIA_VIPS_LIBDIR "/vips-heif.so", RTLD_NOW | RTLD_LOCAL);
    const char *(*init)(void *module) = NULL;
    if (!module)
        return;
    *(void **)&init = dlsym(module, "g_module_check_init");
    if (init)
        init(NULL); /* registers the loaders; the argument is for modules that want to stay, as this one does
                     */
}

bool media_convert_init(void)
{
    static const char *const loaders[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp",
                                          "VipsForeignLoadHeif"};
    setenv("VIPSHOME", "/nonexistent", 1);
    setenv("VIPS_DISC_THRESHOLD", "1000g",
           1); /* never into a file: none can be made, and here memory is bounded */
    setenv("VIPS_WARNING", "off",
           1); /* any value: broken pictures are no news, and stderr is the service's */
    if (vips_init("quintet-picture") != 0)
        return false;
    load_heif();
    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (size_t i = 0; i < QN_COUNT(loaders); i++)
        vips_operation_block_set(loaders[i], FALSE);
    vips_concurrency_set(1); /* one picture a process; as many processes as cores */
    vips_cache_set_max(0);
    return true;
}

/* --- 2: the head --- */

static int load(struct qn_str bytes, enum media_image_kind kind, int shrink, VipsImage **ret)
{
    void *ptr = (void *)(uintptr_t)bytes.ptr; /* libvips has no const here, and writes nothing */
#define OPTIONS "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR
    switch (kind) {
    case MEDIA_IMAGE_JPEG:
        return vips_jpegload_buffer(ptr, bytes.len, ret, OPTIONS, "shrink", shrink, NULL);
    case MEDIA_IMAGE_PNG:
        return vips_pngload_buffer(ptr, bytes.len, ret, OPTIONS, NULL);
    case MEDIA_IMAGE_WEBP:
        return vips_webpload_buffer(ptr, bytes.len, ret, OPTIONS, NULL);
    case MEDIA_IMAGE_AVIF:
    case MEDIA_IMAGE_HEIC:
        return vips_heifload_buffer(ptr, bytes.len, ret, OPTIONS, NULL);
    case MEDIA_IMAGE_NONE:
        break;
    }
#undef OPTIONS
    return -1;
}

static int longest_of(VipsImage *image)
{
    int width = vips_image_get_width(image), height = vips_image_get_height(image);
    return width > height ? width : height;
}

static enum media_frame_outcome look(VipsImage *image)
{
    int64_t pixels = (int64_t)vips_image_get_width(image) * vips_image_get_height(image);
    if (pixels > MEDIA_PICTURE_PIXELS_MAX)
        return MEDIA_FRAME_TOO_MANY_PIXELS;
    if (vips_image_get_n_pages(image) > 1)
        return MEDIA_FRAME_ANIMATED;
    return MEDIA_FRAME_DONE;
}

/* --- 3 and 4: the pixels --- */

static void replace(VipsImage **image, VipsImage *by)
{
    g_object_unref(*image);
    *image = by;
}

/* Shrinks, turns, and holds the outcome in memory. Never enlarges. */
static bool fit(VipsImage *from, int longest, VipsImage **ret)
{
    VipsImage *lazy = NULL;
    if (vips_thumbnail_image(from, &lazy, longest, "height", longest, "size", VIPS_SIZE_DOWN, NULL) != 0)
        return false;
    *ret = vips_image_copy_memory(lazy);
    g_object_unref(lazy);
    return *ret != NULL;
}

/* To sRGB of eight bits. 'profiled': the numbers are still those of the embedded profile. One that the colour
 * engine does not take is no reason to refuse a picture: then it is shown as if it had none. */
static bool to_srgb(VipsImage **image, bool profiled)
{
    VipsImage *next = NULL;
    if (profiled && vips_image_get_typeof(*image, VIPS_META_ICC_NAME)) {
        VipsImage *lazy = NULL;
        if (vips_icc_transform(*image, &lazy, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE,
                               "depth", 8, NULL) == 0) {
            next = vips_image_copy_memory(lazy);
            g_object_unref(lazy);
        }
        if (next)
            replace(image, next);
        vips_error_clear();
    }
    next = NULL;
    if (vips_colourspace(*image, &next, VIPS_INTERPRETATION_sRGB, NULL) != 0)
        return false;
    replace(image, next);
    next = NULL;
    if (vips_cast_uchar(*image, &next, NULL) != 0)
        return false;
    replace(image, next);
    return true;
}

/* Most PNGs from phones and screens carry an alpha channel in which nothing is transparent. */
static bool drop_idle_alpha(VipsImage **image)
{
    enum { ALPHA = 3 };
    VipsImage *alpha = NULL, *colours = NULL;
    double least = 0;
    if (vips_image_get_bands(*image) <= ALPHA)
        return true;
    if (vips_extract_band(*image, &alpha, ALPHA, NULL) != 0)
        return false;
    int failed = vips_min(alpha, &least, NULL);
    g_object_unref(alpha);
    if (failed || least < 255)
        return !failed;
    if (vips_extract_band(*image, &colours, 0, "n", ALPHA, NULL) != 0)
        return false;
    replace(image, colours);
    return true;
}

/* --- 5: the files --- */

/* What "strip" leaves behind differs from one release of libvips to the next (8.14's WebP has an EXIF block
 * with the size in it all the same), so we look to it ourselves. */
static bool save(VipsImage *image, int quality, int effort, void **ret, size_t *ret_len)
{
    if (vips_webpsave_buffer(image, ret, ret_len, "Q", quality, "effort", effort, "strip", TRUE, NULL) != 0)
        return false;
    *ret_len = media_anatomy_strip_webp(*ret, *ret_len);
    return *ret_len > 0;
}

/* As many pixels and as much quality as fit; the last, one pixel, always does. */
static bool blur(VipsImage *from, char ret[MEDIA_PICTURE_BLUR_MAX + 1])
{
    static const struct {
        int longest, quality;
    } tries[] = {{24, 50}, {20, 40}, {16, 40}, {12, 30}, {8, 30}, {4, 10}, {1, 1}};
    enum {
        PREFIX = sizeof MEDIA_FRAME_BLUR_PREFIX - 1,
        FILE_MAX = (MEDIA_PICTURE_BLUR_MAX - PREFIX) / 4 * 3
    };
    for (size_t i = 0; i < QN_COUNT(tries); i++) {
        VipsImage *tiny = NULL;
        void *file = NULL;
        size_t len = 0;
        if (!fit(from, tries[i].longest, &tiny))
            return false;
        bool saved = save(tiny, tries[i].quality, 6, &file, &len);
        g_object_unref(tiny);
        if (saved && len <= FILE_MAX) {
            memcpy(ret, MEDIA_FRAME_BLUR_PREFIX, PREFIX);
            qn_base64_encode(ret + PREFIX, file, len);
            g_free(file);
            return true;
        }
        g_free(file);
        if (!saved)
            return false;
    }
    return false;
}

static bool make_files(VipsImage *image, struct media_convert *ret)
{
    VipsImage *small = NULL;
    ret->width = (uint32_t)vips_image_get_width(image);
    ret->height = (uint32_t)vips_image_get_height(image);
    if (!save(image, LARGE_QUALITY, EFFORT, &ret->large, &ret->large_len) ||
        !fit(image, MEDIA_PICTURE_SMALL, &small))
        return false;
    bool done = save(small, SMALL_QUALITY, EFFORT, &ret->small, &ret->small_len) && blur(small, ret->blur);
    g_object_unref(small);
    return done;
}

static enum media_frame_outcome convert(VipsImage *from, struct media_convert *ret)
{
    VipsImage *image = NULL;
    /* A picture for print is brought to sRGB by libvips at the very start, by its profile or a usual one. */
    bool profiled = vips_image_get_interpretation(from) != VIPS_INTERPRETATION_CMYK;
    if (!fit(from, MEDIA_PICTURE_LARGE, &image))
        return MEDIA_FRAME_NOT_A_PICTURE;
    bool done = to_srgb(&image, profiled) && drop_idle_alpha(&image) && make_files(image, ret);
    g_object_unref(image);
    return done ? MEDIA_FRAME_DONE : MEDIA_FRAME_NOT_A_PICTURE;
}

static enum media_frame_outcome run(struct qn_str bytes, enum media_image_kind kind,
                                    struct media_convert *ret)
{
    VipsImage *image = NULL;
    uint64_t pixels;
    enum media_anatomy anatomy = media_anatomy_of(bytes, kind, &pixels);
    if (anatomy != MEDIA_ANATOMY_WHOLE)
        return anatomy == MEDIA_ANATOMY_MOVES ? MEDIA_FRAME_ANIMATED : MEDIA_FRAME_NOT_A_PICTURE;
    if (pixels > MEDIA_PICTURE_PIXELS_MAX)
        return MEDIA_FRAME_TOO_MANY_PIXELS;
    if (load(bytes, kind, 1, &image) != 0)
        return MEDIA_FRAME_NOT_A_PICTURE;
    enum media_frame_outcome outcome = look(image);
    int shrink = 1;
    while (shrink < 8 && longest_of(image) >= MEDIA_PICTURE_LARGE * LAST_SHRINK * 2 * shrink)
        shrink *= 2;
    if (outcome == MEDIA_FRAME_DONE && kind == MEDIA_IMAGE_JPEG && shrink > 1) {
        g_object_unref(image);
        image = NULL;
        if (load(bytes, kind, shrink, &image) != 0)
            return MEDIA_FRAME_NOT_A_PICTURE;
    }
    if (outcome == MEDIA_FRAME_DONE)
        outcome = convert(image, ret);
    g_object_unref(image);
    return outcome;
}

enum media_frame_outcome media_convert_run(struct qn_str bytes, enum media_image_kind kind,
                                           struct media_convert *ret)
{
    *ret = (struct media_convert){0};
    enum media_frame_outcome outcome = run(bytes, kind, ret);
    if (outcome != MEDIA_FRAME_DONE)
        media_convert_fini(ret);
    vips_error_clear(); /* it grows otherwise; and who sent the picture is told one word */
    return outcome;
}

void media_convert_fini(struct media_convert *convert)
{
    g_free(convert->large);
    g_free(convert->small);
    *convert = (struct media_convert){0};
}
