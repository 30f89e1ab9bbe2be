#include <string.h>

#include "services/media/picture/image.h"
#include "tests/harness/test.h"

#define SNIFF(bytes) media_image_sniff(QN_STR(bytes))

#define PNG "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0"
#define AVIF                                                                                                 \
    "\0\0\0\x1C"                                                                                             \
    "ftypavif\0\0\0\0avifmif1miaf"
#define AVIF_LATE                                                                                            \
    "\0\0\0\x1C"                                                                                             \
    "ftypmif1\0\0\0\0mif1miafavif"
#define HEIC                                                                                                 \
    "\0\0\0\x18"                                                                                             \
    "ftypheic\0\0\0\0heicmif1"

static void test_kinds_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(SNIFF("\xFF\xD8\xFF\xE0\0\x10JFIF\0"), MEDIA_IMAGE_JPEG);
    assert_int_equal(SNIFF("\xFF\xD8\xFF\xE1\x12\x34"
                           "Exif"),
                     MEDIA_IMAGE_JPEG);
    assert_int_equal(SNIFF("\xFF\xD8\xFF\xDB\0\x43"), MEDIA_IMAGE_JPEG);
    assert_int_equal(SNIFF(PNG), MEDIA_IMAGE_PNG);
    assert_int_equal(SNIFF("RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0"), MEDIA_IMAGE_WEBP);
    assert_int_equal(SNIFF("RIFF\x24\0\0\0WEBPVP8L\x18\0\0\0"), MEDIA_IMAGE_WEBP);
    assert_int_equal(SNIFF("RIFF\x24\0\0\0WEBPVP8X\x0A\0\0\0"), MEDIA_IMAGE_WEBP);
    assert_int_equal(SNIFF(AVIF), MEDIA_IMAGE_AVIF);
    assert_int_equal(SNIFF(AVIF_LATE), MEDIA_IMAGE_AVIF);
    assert_int_equal(SNIFF(HEIC), MEDIA_IMAGE_HEIC);
    assert_int_equal(SNIFF("\0\0\0\x18"
                           "ftypmif1\0\0\0\0mif1heix"),
                     MEDIA_IMAGE_HEIC);
}

static void test_others_are_none(void **state)
{
    (void)state;
    static const struct qn_str others[] = {
        QN_STR(""),
        QN_STR("GIF89a\1\0\1\0\0\0\0"),
        QN_STR("BM\x3A\0\0\0\0\0\0\0"),
        QN_STR("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        QN_STR("<!DOCTYPE html><script>alert(1)</script>"),
        QN_STR("%PDF-1.7\n"),
        QN_STR("PK\3\4\x14\0\0\0\x08\0\0\0\0\0\0\0"),
        /* a sound, not a picture, in the same container */
        QN_STR("RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"),
        QN_STR("RIFF\x24\0\0\0WEBPICCP\x10\0\0\0"),
        /* start of image, then a marker that cannot follow it */
        QN_STR("\xFF\xD8\xFF\xFF"),
        QN_STR("\xFF\xD8\xFF\xD9"),
        QN_STR("\xFF\xD8\xFF\x00"),
        QN_STR("\xFF\xD8\xE0\xFF"),
        /* PNG's signature without its first chunk; one that was sent as text */
        QN_STR("\x89PNG\r\n\x1A\n\0\0\0\x0DIDAT"),
        QN_STR("\x89PNG\n\x1A\n\0\0\0\x0DIHDR\0\0"),
        /* "avif" where the minor version stands, and after the end of the box */
        QN_STR("\0\0\0\x14"
               "ftypmif1avifmif1"),
        QN_STR("\0\0\0\x10"
               "ftypmif1\0\0\0\0avifavif"),
        /* boxes whose size cannot be */
        QN_STR("\0\0\0\x08"
               "ftypavif\0\0\0\0avif"),
        QN_STR("\0\0\0\x1B"
               "ftypavif\0\0\0\0avifmif1mia"),
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (media_image_sniff(others[i]) != MEDIA_IMAGE_NONE)
            fail_msg("number %zu is taken for %s", i, media_image_type(media_image_sniff(others[i])));
    }
}

/* Every front that is cut short of what tells a picture is none, and reads nothing past its end. */
static void test_short_fronts(void **state)
{
    (void)state;
    static const struct {
        struct qn_str whole;
        size_t enough;
    } fronts[] = {
        {QN_STR("\xFF\xD8\xFF\xE0\0\x10JFIF\0"), 4},
        {QN_STR(PNG), 16},
        {QN_STR("RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0"), 16},
        {QN_STR(AVIF), 16},
        {QN_STR(AVIF_LATE), 28},
    };
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
        for (size_t len = 0; len <= fronts[i].whole.len; len++) {
            char *exact = len ? test_malloc(len) : NULL;
            if (len)
                memcpy(exact, fronts[i].whole.ptr, len);
            bool is_one = media_image_sniff(qn_str_n(exact, len)) != MEDIA_IMAGE_NONE;
            if (is_one != (len >= fronts[i].enough))
                fail_msg("front %zu of %zu bytes: %d", i, len, is_one);
            if (exact)
                test_free(exact);
        }
    }
}

static void test_types_are_exact(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP,
                                                  MEDIA_IMAGE_AVIF, MEDIA_IMAGE_HEIC};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(media_image_kind_of_type(qn_str_c(media_image_type(kinds[i]))), kinds[i]);
    static const char *const others[] = {"",           "image/jpg", "image/JPEG", "image/jpeg; q=1",
                                         " image/png", "image/gif", "image/heif", "image/svg+xml"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(media_image_kind_of_type(qn_str_c(others[i])), MEDIA_IMAGE_NONE);
    assert_null(media_image_type(MEDIA_IMAGE_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_are_told_apart),
        cmocka_unit_test(test_others_are_none),
        cmocka_unit_test(test_short_fronts),
        cmocka_unit_test(test_types_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
