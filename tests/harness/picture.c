#include "tests/harness/picture.h"

#include <vips/vips.h>

#include "common/core/check.h"
#include "tests/harness/test.h"

#define POSITION "48.858370,2.294481"
#define COMMENT  "taken at home"

#define MUST(call)                                                                                           \
    do {                                                                                                     \
        if ((call) != 0)                                                                                     \
            fail_msg("%s: %s", #call, vips_error_buffer());                                                  \
    } while (0)

void picture_begin(void)
{
    if (VIPS_INIT("picture") != 0)
        fail_msg("libvips does not start: %s", vips_error_buffer());
    vips_concurrency_set(1);
    vips_cache_set_max(0);
}

static void replace(VipsImage **image, VipsImage *by)
{
    g_object_unref(*image);
    *image = by;
}

static VipsImage *quarters(int width, int height)
{
    static const double colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    VipsImage *black = NULL, *image = NULL;
    MUST(vips_black(&black, width, height, "bands", 3, NULL));
    image = vips_image_copy_memory(black);
    g_object_unref(black);
    int left = (width + 1) / 2, above = (height + 1) / 2;
    for (int i = 0; i < 4; i++) {
        int x = i % 2 ? left : 0, y = i / 2 ? above : 0;
        int w = i % 2 ? width - left : left, h = i / 2 ? height - above : above;
        double ink[3] = {colours[i][0], colours[i][1], colours[i][2]};
        if (w > 0 && h > 0)
            MUST(vips_draw_rect(image, ink, 3, x, y, w, h, "fill", TRUE, NULL));
    }
    return image;
}

static VipsImage *noise(int width, int height)
{
    VipsImage *bands[3], *joined = NULL, *image = NULL;
    for (int i = 0; i < 3; i++)
        MUST(vips_gaussnoise(&bands[i], width, height, "mean", 128.0, "sigma", 80.0, "seed", i + 1, NULL));
    MUST(vips_bandjoin(bands, &joined, 3, NULL));
    MUST(vips_cast_uchar(joined, &image, NULL));
    for (int i = 0; i < 3; i++)
        g_object_unref(bands[i]);
    g_object_unref(joined);
    return image;
}

static VipsImage *paint(const struct picture_plan *plan)
{
    static const VipsInterpretation spaces[] = {
        [PICTURE_RGB] = VIPS_INTERPRETATION_sRGB,    [PICTURE_RGBA] = VIPS_INTERPRETATION_sRGB,
        [PICTURE_GREY] = VIPS_INTERPRETATION_B_W,    [PICTURE_CMYK] = VIPS_INTERPRETATION_CMYK,
        [PICTURE_RGB16] = VIPS_INTERPRETATION_RGB16, [PICTURE_RGBA16] = VIPS_INTERPRETATION_RGB16};
    int frames = plan->frames ? plan->frames : 1;
    VipsImage *next = NULL;
    /* One below the other; the quarters are then those of the whole, so that no two frames are alike. */
    VipsImage *image = plan->noise ? noise(plan->width, plan->height * frames)
                                   : quarters(plan->width, plan->height * frames);
    MUST(vips_copy(image, &next, "interpretation", VIPS_INTERPRETATION_sRGB, NULL));
    replace(&image, next);
    if (plan->pixels == PICTURE_CMYK) { /* inks at full strength; without a profile, as many are sent */
        MUST(vips_invert(image, &next, NULL));
        replace(&image, next);
        MUST(vips_bandjoin_const1(image, &next, 0, NULL));
        replace(&image, next);
        MUST(vips_copy(image, &next, "interpretation", VIPS_INTERPRETATION_CMYK, NULL));
    } else {
        MUST(vips_colourspace(image, &next, spaces[plan->pixels], NULL));
    }
    replace(&image, next);
    if (plan->pixels == PICTURE_RGBA) {
        MUST(vips_bandjoin_const1(image, &next, 100, NULL));
        replace(&image, next);
    }
    if (plan->pixels == PICTURE_RGBA16) {
        MUST(vips_bandjoin_const1(image, &next, 100 * 257, NULL));
        replace(&image, next);
    }
    if (plan->profiled) {
        MUST(vips_icc_transform(image, &next, "p3", "input_profile", "srgb", "intent", VIPS_INTENT_RELATIVE,
                                NULL));
        replace(&image, next);
    }
    /* One's own, for what follows changes its metadata. */
    MUST(vips_copy(image, &next, NULL));
    replace(&image, next);
    if (frames > 1) {
        vips_image_set_int(image, VIPS_META_PAGE_HEIGHT, plan->height);
        vips_image_set_int(image, VIPS_META_N_PAGES, frames);
    }
    return image;
}

static void write_secrets(VipsImage *image, const struct picture_plan *plan)
{
    static const char xmp[] = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>" POSITION "</x:xmpmeta>";
    if (plan->orientation) {
        vips_image_set_int(image, VIPS_META_ORIENTATION, plan->orientation);
        vips_image_set_string(image, "exif-ifd0-ImageDescription", COMMENT);
        vips_image_set_string(image, "exif-ifd3-GPSLatitude", "48/1 51/1 30/1");
        vips_image_set_string(image, "exif-ifd3-GPSLongitude", "2/1 17/1 40/1");
    }
    if (plan->secrets)
        vips_image_set_blob_copy(image, VIPS_META_XMP_NAME, xmp, sizeof xmp - 1);
}

void picture_make(const struct picture_plan *plan, struct qn_buf *to)
{
    void *file = NULL;
    size_t len = 0;
    int quality = plan->quality ? plan->quality : 90;
    VipsImage *image = paint(plan);
    write_secrets(image, plan);
    switch (plan->kind) {
    case MEDIA_IMAGE_JPEG:
        MUST(vips_jpegsave_buffer(image, &file, &len, "Q", quality, "interlace", (gboolean)plan->layered,
                                  "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_OFF, NULL));
        break;
    case MEDIA_IMAGE_PNG:
        MUST(vips_pngsave_buffer(image, &file, &len, "compression", 1, "interlace", (gboolean)plan->layered,
                                 NULL));
        break;
    case MEDIA_IMAGE_WEBP:
        MUST(vips_webpsave_buffer(image, &file, &len, "Q", quality, NULL));
        break;
    case MEDIA_IMAGE_AVIF:
    case MEDIA_IMAGE_HEIC:
        MUST(vips_heifsave_buffer(image, &file, &len, "Q", quality, "effort", 0, "compression",
                                  plan->kind == MEDIA_IMAGE_AVIF ? VIPS_FOREIGN_HEIF_COMPRESSION_AV1
                                                                 : VIPS_FOREIGN_HEIF_COMPRESSION_HEVC,
                                  NULL));
        break;
    case MEDIA_IMAGE_NONE:
        fail_msg("a picture of no kind");
    }
    assert_int_equal(qn_buf_write(to, file, len), QN_OK);
    g_free(file);
    g_object_unref(image);
}

bool picture_holds_secrets(struct qn_str file)
{
    static const char *const secrets[] = {POSITION,  COMMENT,       "Exif", "EXIF",
                                          "xmpmeta", "ICC_PROFILE", "ICCP"};
    for (size_t i = 0; i < QN_COUNT(secrets); i++)
        if (memmem(file.ptr, file.len, secrets[i], strlen(secrets[i])))
            return true;
    return false;
}

/* --- PNG by hand --- */

static void put_u32(struct qn_buf *to, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        qn_buf_write_byte(to, (char)(value >> shift));
}

/* PNG (third edition), 5.5 and annex D: the CRC of ISO 3309. */
static uint32_t crc_of(struct qn_str s, uint32_t crc)
{
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (uint8_t)s.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
    }
    return crc;
}

void picture_png_chunk(const char *type, struct qn_str data, struct qn_buf *to)
{
    put_u32(to, (uint32_t)data.len);
    qn_buf_write_c(to, type);
    qn_buf_write_str(to, data);
    put_u32(to, ~crc_of(data, crc_of(qn_str_c(type), ~0U)));
}

/* RFC 1950 and 1951: a zlib stream of stored blocks. */
static void store(struct qn_str rows, struct qn_buf *to)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < rows.len; i++) {
        a = (a + (uint8_t)rows.ptr[i]) % 65521;
        b = (b + a) % 65521;
    }
    qn_buf_write(to, "\x78\x01", 2);
    for (size_t at = 0, n; at < rows.len; at += n) {
        n = rows.len - at < 65535 ? rows.len - at : 65535;
        qn_buf_write_byte(to, at + n == rows.len);
        const uint8_t lengths[] = {n & 0xFF, n >> 8, ~n & 0xFF, (~n >> 8) & 0xFF};
        qn_buf_write(to, lengths, sizeof lengths);
        qn_buf_write(to, rows.ptr + at, n);
    }
    put_u32(to, b << 16 | a);
}

void picture_png(uint32_t width, uint32_t height, int colour, struct qn_str extra, struct qn_str rows,
                 struct qn_buf *to)
{
    struct qn_buf head, stored;
    qn_buf_init(&head, 64);
    qn_buf_init(&stored, rows.len + rows.len / 1000 + 64);
    put_u32(&head, width);
    put_u32(&head, height);
    const char rest[] = {8, (char)colour, 0, 0, 0};
    qn_buf_write(&head, rest, sizeof rest);
    store(rows, &stored);
    qn_buf_write(to, "\x89PNG\r\n\x1A\n", 8);
    picture_png_chunk("IHDR", qn_buf_view(&head), to);
    qn_buf_write_str(to, extra);
    picture_png_chunk("IDAT", qn_buf_view(&stored), to);
    picture_png_chunk("IEND", QN_STR(""), to);
    assert_false(qn_buf_failed(&stored) || qn_buf_failed(to));
    qn_buf_fini(&head);
    qn_buf_fini(&stored);
}

/* --- what became of it --- */

void picture_see(struct qn_str file, struct picture_seen *ret)
{
    VipsImage *lazy = NULL, *image = NULL;
    MUST(vips_webpload_buffer((void *)(uintptr_t)file.ptr, file.len, &lazy, NULL));
    image = vips_image_copy_memory(lazy);
    assert_non_null(image);
    *ret = (struct picture_seen){.width = vips_image_get_width(image),
                                 .height = vips_image_get_height(image),
                                 .bands = vips_image_get_bands(image),
                                 .has_exif = vips_image_get_typeof(image, VIPS_META_EXIF_NAME) != 0,
                                 .has_xmp = vips_image_get_typeof(image, VIPS_META_XMP_NAME) != 0,
                                 .has_icc = vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0};
    for (int i = 0; i < 4; i++) {
        int x = i % 2 ? ret->width - 1 - ret->width / 16 : ret->width / 16;
        int y = i / 2 ? ret->height - 1 - ret->height / 16 : ret->height / 16;
        memcpy(ret->corners[i], VIPS_IMAGE_ADDR(image, x, y), (size_t)ret->bands);
    }
    g_object_unref(image);
    g_object_unref(lazy);
}

/* Colours come back a little off, and those of print inks far: what they are is what they are most. */
static char colour_of(const uint8_t *pixel)
{
    enum { MORE = 30 };
    int red = pixel[0], green = pixel[1], blue = pixel[2];
    if (red > 230 && green > 230 && blue > 230)
        return 'w';
    if (red > green + MORE && red > blue + MORE)
        return 'r';
    if (green > red + MORE && green > blue + MORE)
        return 'g';
    return blue > red + MORE && blue > green + MORE ? 'b' : '?';
}

const char *picture_corners(const struct picture_seen *seen, char to[5])
{
    for (int i = 0; i < 4; i++)
        to[i] = colour_of(seen->corners[i]);
    to[4] = '\0';
    return to;
}

/* LeakSanitizer asks for this by name: the HEVC encoder, which only the tests use, keeps a few kilobytes. A
 * room that has its own (common/rpc) comes first. */
__attribute__((weak)) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}
