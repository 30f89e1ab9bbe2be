#include <string.h>

#include "common/core/buf.h"
#include "services/media/picture/anatomy.h"
#include "tests/harness/test.h"

/* The smallest files that are built as their kind is; no decoder would find a picture in most of them. */
#define JPEG                                                                                                 \
    "\xFF\xD8\xFF\xC0\0\x0B\x08\0\x10\0\x20\1\1\x11\0\xFF\xDA\0\x08\1\1\0\0\x3F\0\x12\xFF\0\x34\xFF\xD0\x56" \
    "\xFF\xD9"
#define PNG_HEAD "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\7\0\0\0\5\x08\0\0\0\0crc."
#define PNG_IDAT "\0\0\0\2IDAT..crc."
#define PNG_IEND "\0\0\0\0IEND\xAE\x42\x60\x82"
#define PNG      PNG_HEAD PNG_IDAT PNG_IEND
#define FTYP                                                                                                 \
    "\0\0\0\x1C"                                                                                             \
    "ftypavif\0\0\0\0avifmif1miaf"
#define META                                                                                                 \
    "\0\0\0\x0C"                                                                                             \
    "meta\0\0\0\0"
#define MDAT                                                                                                 \
    "\0\0\0\x0A"                                                                                             \
    "mdat.."
#define AVIF FTYP META MDAT

/* VP8L: 0x2F, then 33 - 1 and 17 - 1 in 14 bits each. */
#define VP8L "VP8L\5\0\0\0\x2F\x20\0\4\0\0"
#define WEBP "RIFF\x12\0\0\0WEBP" VP8L

static enum media_anatomy of(struct qn_str bytes)
{
    uint64_t pixels;
    /* In a place of its own, so that a read past the end is seen. */
    char *exact = test_malloc(bytes.len);
    memcpy(exact, bytes.ptr, bytes.len);
    struct qn_str view = qn_str_n(exact, bytes.len);
    enum media_anatomy anatomy = media_anatomy_of(view, media_image_sniff(view), &pixels);
    test_free(exact);
    return anatomy;
}

#define OF(bytes)            of(QN_STR(bytes))
#define ASSERT_OF(bytes, is) assert_int_equal(OF(bytes), MEDIA_ANATOMY_##is)

static uint64_t pixels_of(struct qn_str bytes)
{
    uint64_t pixels;
    media_anatomy_of(bytes, media_image_sniff(bytes), &pixels);
    return pixels;
}

static void test_whole(void **state)
{
    (void)state;
    ASSERT_OF(JPEG, WHOLE);
    ASSERT_OF(PNG, WHOLE);
    ASSERT_OF(WEBP, WHOLE);
    ASSERT_OF(AVIF, WHOLE);
    assert_int_equal(pixels_of(QN_STR(JPEG)), 0x10 * 0x20);
    assert_int_equal(pixels_of(QN_STR(PNG)), 7 * 5);
    assert_int_equal(pixels_of(QN_STR(WEBP)), 33 * 17);
    assert_int_equal(pixels_of(QN_STR(AVIF)), 0);
}

static void test_every_cut_is_broken(void **state)
{
    (void)state;
    static const struct qn_str wholes[] = {QN_STR(JPEG), QN_STR(PNG), QN_STR(WEBP), QN_STR(AVIF)};
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++) {
        for (size_t len = 1; len < wholes[i].len; len++) {
            enum media_anatomy anatomy = of(qn_str_n(wholes[i].ptr, len));
            /* Boxes: where the last one is missing nothing tells; where it is cut it looks like something
             * else. */
            bool boxes = i == 3 && len >= sizeof FTYP META - 1;
            if (anatomy != MEDIA_ANATOMY_BROKEN && !boxes)
                fail_msg("number %zu, %zu bytes: %d", i, len, anatomy);
        }
    }
}

static void test_padding_may_follow(void **state)
{
    (void)state;
    ASSERT_OF(JPEG "\0\0\0\0\0", WHOLE);
    ASSERT_OF(JPEG "\xFF\xFF\r\n", WHOLE);
    ASSERT_OF(PNG "\0\0", WHOLE);
    ASSERT_OF(PNG "\n", WHOLE);
    ASSERT_OF(WEBP "\0", WHOLE);
    ASSERT_OF(AVIF "\0\0\0\0\0\0\0\0\0", WHOLE);
}

static void test_nothing_else_may(void **state)
{
    (void)state;
    ASSERT_OF(JPEG "<html>", TRAILING);
    ASSERT_OF(JPEG "\0\0\0PK\3\4", TRAILING);
    ASSERT_OF(JPEG "\xFF\xD8", TRAILING);
    ASSERT_OF(JPEG "\xFF\xD8\xFF\xE0<html>", TRAILING);
    ASSERT_OF(PNG "<svg/>", TRAILING);
    ASSERT_OF(PNG PNG, TRAILING);
    ASSERT_OF(PNG JPEG, TRAILING);
    ASSERT_OF(WEBP "<?php ", TRAILING);
    ASSERT_OF(AVIF "<html><body>", TRAILING);
    ASSERT_OF(AVIF "\0\0\0\0%PDF-1.7", TRAILING);
}

/* What phones put behind a JPEG. */
static void test_more_pictures_and_videos_may(void **state)
{
    (void)state;
    ASSERT_OF(JPEG JPEG, WHOLE);
    ASSERT_OF(JPEG "\0\0\0" JPEG "\0" JPEG "\0\0", WHOLE);
    ASSERT_OF(JPEG JPEG "<html>", TRAILING);
    ASSERT_OF(JPEG FTYP MDAT, WHOLE);
    ASSERT_OF(JPEG JPEG FTYP MDAT, WHOLE);
    ASSERT_OF(JPEG FTYP MDAT "<html>", TRAILING);
    ASSERT_OF(JPEG MDAT, TRAILING); /* a video begins with its type */
}

#define BLOCK_1                                                                                              \
    "\0\0\x01\x0A"                                                                                           \
    "\4\0\0\0"                                                                                               \
    "name"                                                                                                   \
    "data."
#define BLOCK_2                                                                                              \
    "\0\0\x30\x0A"                                                                                           \
    "\4\0\0\0"                                                                                               \
    "more"
/* Each entry: zeros and type, how far in front of the directory, length. */
#define ENTRY_1                                                                                              \
    "\0\0\x01\x0A"                                                                                           \
    "\x1D\0\0\0"                                                                                             \
    "\x11\0\0\0"
#define ENTRY_2                                                                                              \
    "\0\0\x30\x0A"                                                                                           \
    "\x0C\0\0\0"                                                                                             \
    "\x0C\0\0\0"
#define SEFH                                                                                                 \
    "SEFH"                                                                                                   \
    "\x6B\0\0\0"                                                                                             \
    "\2\0\0\0"
#define SEFT                                                                                                 \
    "\x24\0\0\0"                                                                                             \
    "SEFT"

static void test_samsung_may(void **state)
{
    (void)state;
    ASSERT_OF(JPEG BLOCK_1 BLOCK_2 SEFH ENTRY_1 ENTRY_2 SEFT, WHOLE);
    ASSERT_OF(JPEG JPEG BLOCK_1 BLOCK_2 SEFH ENTRY_1 ENTRY_2 SEFT, WHOLE);
    /* Something in front of the first block, or its type another than the directory says. */
    ASSERT_OF(JPEG "<html>" BLOCK_1 BLOCK_2 SEFH ENTRY_1 ENTRY_2 SEFT, TRAILING);
    ASSERT_OF(JPEG BLOCK_1 BLOCK_2 SEFH ENTRY_2 ENTRY_2 SEFT, TRAILING);
    ASSERT_OF(JPEG BLOCK_2 BLOCK_1 SEFH ENTRY_1 ENTRY_2 SEFT, TRAILING);
    ASSERT_OF(JPEG "<html></html>" SEFH ENTRY_1 ENTRY_2 SEFT, TRAILING);
    ASSERT_OF(JPEG SEFH ENTRY_1 ENTRY_2 SEFT, TRAILING);
    ASSERT_OF(JPEG "<html>SEFT", TRAILING);
    ASSERT_OF(JPEG "SEFH\0\0\0\0\0\0\0\0\x0C\0\0\0SEFT", TRAILING);
}

static void test_what_moves(void **state)
{
    (void)state;
    ASSERT_OF(PNG_HEAD "\0\0\0\x08"
                       "acTL\0\0\0\2\0\0\0\0crc." PNG_IDAT PNG_IEND,
              MOVES);
    /* An animation of one frame is a picture. */
    ASSERT_OF(PNG_HEAD "\0\0\0\x08"
                       "acTL\0\0\0\1\0\0\0\0crc." PNG_IDAT PNG_IEND,
              WHOLE);
    ASSERT_OF("RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\2\0\0\0\7\0\0\7\0\0", MOVES);
    ASSERT_OF("RIFF\x2C\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\7\0\0\7\0\0"
              "ANMF\0\0\0\0" VP8L,
              MOVES);
    ASSERT_OF("\0\0\0\x1C"
              "ftypavif\0\0\0\0avifavismiaf" META MDAT,
              MOVES);
    ASSERT_OF("\0\0\0\x1C"
              "ftypmsf1\0\0\0\0heicmif1miaf" META MDAT,
              MOVES);
}

static void test_scans_are_counted(void **state)
{
    (void)state;
    static const char front[] = "\xFF\xD8\xFF\xC2\0\x0B\x08\0\x10\0\x20\1\1\x11\0";
    static const char scan[] = "\xFF\xDA\0\x08\1\1\0\0\x3F\0\x12";
    struct qn_buf file;
    qn_buf_init(&file, 4096);
    qn_buf_write(&file, front, sizeof front - 1);
    for (int i = 0; i < 100; i++)
        qn_buf_write(&file, scan, sizeof scan - 1);
    size_t hundred = file.len;
    qn_buf_write_c(&file, "\xFF\xD9");
    assert_int_equal(of(qn_buf_view(&file)), MEDIA_ANATOMY_WHOLE);
    file.len = hundred;
    qn_buf_write(&file, scan, sizeof scan - 1);
    qn_buf_write_c(&file, "\xFF\xD9");
    assert_int_equal(of(qn_buf_view(&file)), MEDIA_ANATOMY_BROKEN);
    qn_buf_fini(&file);
}

/* Pixels are those that are largest, by whichever header. */
static void test_headers_that_disagree(void **state)
{
    (void)state;
    assert_int_equal(pixels_of(QN_STR("RIFF\x24\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\xFF\xFF\0\xFF\xFF\0" VP8L)),
                     65536ULL * 65536);
    assert_int_equal(pixels_of(QN_STR("RIFF\x24\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\0\0\0\0\0\0" VP8L)), 33 * 17);
    assert_int_equal(pixels_of(QN_STR("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")),
                     0xFFFFFFFFULL * 0xFFFFFFFFULL);
}

static void test_bare_webp(void **state)
{
    (void)state;
    static const struct qn_str dressed[] = {
        QN_STR("RIFF\x1E\0\0\0WEBP" VP8L "EXIF\4\0\0\0gps."),
        QN_STR("RIFF\x1E\0\0\0WEBP" VP8L "XMP \4\0\0\0gps."),
        QN_STR("RIFF\x30\0\0\0WEBPVP8X\x0A\0\0\0\x2C\0\0\0\x20\0\0\x10\0\0" VP8L "EXIF\4\0\0\0gps."),
        QN_STR("RIFF\x30\0\0\0WEBPVP8X\x0A\0\0\0\x20\0\0\0\x20\0\0\x10\0\0"
               "ICCP\4\0\0\0prof" VP8L),
        QN_STR("RIFF\x24\0\0\0WEBPVP8X\x0A\0\0\0\x08\0\0\0\x20\0\0\x10\0\0" VP8L),
        QN_STR("RIFF\x1D\0\0\0WEBP" VP8L "????\3\0\0\0abc"),
        QN_STR(WEBP "<html>"),
    };
    uint32_t width, height;
    assert_true(media_anatomy_is_bare_webp(QN_STR(WEBP), &width, &height));
    assert_int_equal(width, 33);
    assert_int_equal(height, 17);
    for (size_t i = 0; i < sizeof dressed / sizeof dressed[0]; i++) {
        char bytes[128];
        memcpy(bytes, dressed[i].ptr, dressed[i].len);
        assert_false(media_anatomy_is_bare_webp(dressed[i], &width, &height));
        size_t len = media_anatomy_strip_webp(bytes, dressed[i].len);
        assert_str(qn_str_n(bytes, 4), "RIFF");
        assert_true(media_anatomy_is_bare_webp(qn_str_n(bytes, len), &width, &height));
        assert_int_equal(len, sizeof WEBP - 1);
    }
    /* Transparency needs its header, and keeps it. */
    static const struct qn_str clear = QN_STR("RIFF\x40\0\0\0WEBPVP8X\x0A\0\0\0\x38\0\0\0\x20\0\0\x10\0\0"
                                              "ICCP\4\0\0\0prof"
                                              "ALPH\2\0\0\0.." VP8L "EXIF\2\0\0\0..");
    char bytes[128];
    memcpy(bytes, clear.ptr, clear.len);
    bytes[4] = (char)(clear.len - 8);
    size_t len = media_anatomy_strip_webp(bytes, clear.len);
    assert_int_equal(len, 12 + 18 + 10 + 14);
    assert_true(media_anatomy_is_bare_webp(qn_str_n(bytes, len), &width, &height));
    /* What cannot be stripped stays as it is. */
    static const char *const others[] = {"", "RIFF", "not a picture at all"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        strcpy(bytes, others[i]);
        assert_int_equal(media_anatomy_strip_webp(bytes, strlen(bytes)), 0);
        assert_string_equal(bytes, others[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_every_cut_is_broken),
        cmocka_unit_test(test_padding_may_follow),
        cmocka_unit_test(test_nothing_else_may),
        cmocka_unit_test(test_more_pictures_and_videos_may),
        cmocka_unit_test(test_samsung_may),
        cmocka_unit_test(test_what_moves),
        cmocka_unit_test(test_scans_are_counted),
        cmocka_unit_test(test_headers_that_disagree),
        cmocka_unit_test(test_bare_webp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
