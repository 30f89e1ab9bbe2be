/* What becomes of pictures, good and hostile, in the hands of real workers. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "services/media/picture/frame.h"
#include "tests/harness/test.h"
#include "tests/integration/picture_fixture.h"

enum { FILE_MAX = 33554432 };

static struct qn_buf file;

static int begin(void **state)
{
    (void)state;
    qn_buf_init(&file, FILE_MAX);
    picture_fixture_begin(1, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    picture_fixture_end();
    qn_buf_fini(&file);
    return 0;
}

static struct qn_str make(struct picture_plan plan)
{
    qn_buf_clear(&file);
    picture_make(&plan, &file);
    return qn_buf_view(&file);
}

/* Whatever came in, what goes out is of this shape. */
static void check_shape(const struct media_picture *picture, struct picture_seen *ret)
{
    struct picture_seen small;
    struct qn_str large = qn_buf_view(&picture->large), blur = qn_str_c(picture->blur);
    picture_see(large, ret);
    picture_see(qn_buf_view(&picture->small), &small);
    assert_int_equal(ret->width, picture->width);
    assert_int_equal(ret->height, picture->height);
    assert_true(ret->width <= MEDIA_PICTURE_LARGE && ret->height <= MEDIA_PICTURE_LARGE);
    assert_true(small.width <= MEDIA_PICTURE_SMALL && small.height <= MEDIA_PICTURE_SMALL);
    assert_true(small.width <= ret->width && small.height <= ret->height);
    assert_false(ret->has_exif || ret->has_xmp || ret->has_icc);
    assert_false(small.has_exif || small.has_xmp || small.has_icc);
    assert_false(picture_holds_secrets(large));
    assert_false(picture_holds_secrets(qn_buf_view(&picture->small)));
    assert_true(qn_str_starts(blur, QN_STR(MEDIA_FRAME_BLUR_PREFIX)));
    assert_true(blur.len <= MEDIA_PICTURE_BLUR_MAX);
}

/* The corners that are seen, and the size. */
static void check(struct qn_str bytes, int width, int height, const char *corners)
{
    struct media_picture picture;
    struct picture_seen seen;
    char is[5];
    picture_fixture_done(bytes, &picture);
    check_shape(&picture, &seen);
    assert_int_equal(seen.width, width);
    assert_int_equal(seen.height, height);
    assert_string_equal(picture_corners(&seen, is), corners);
    media_picture_fini(&picture);
}

/* The same where colours tell nothing. */
static void check_size(struct qn_str bytes, int width, int height)
{
    struct media_picture picture;
    struct picture_seen seen;
    picture_fixture_done(bytes, &picture);
    check_shape(&picture, &seen);
    assert_int_equal(seen.width, width);
    assert_int_equal(seen.height, height);
    media_picture_fini(&picture);
}

static void test_every_kind(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP,
                                                  MEDIA_IMAGE_AVIF, MEDIA_IMAGE_HEIC};
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        struct qn_str bytes = make((struct picture_plan){.kind = kinds[i], .width = 640, .height = 480});
        assert_int_equal(media_image_sniff(bytes), kinds[i]);
        check(bytes, 640, 480, "rgbw");
    }
}

static void test_sizes(void **state)
{
    (void)state;
    /* Never enlarged; the longest side as it should be; no side below one pixel. */
    check(make((struct picture_plan){.kind = MEDIA_IMAGE_PNG, .width = 200, .height = 100}), 200, 100,
          "rgbw");
    check(make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 2400, .height = 1200}), 1600, 800,
          "rgbw");
    check(make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 1800, .height = 7200}), 400, 1600,
          "rgbw");
    check(make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 6400, .height = 6400}), 1600, 1600,
          "rgbw");
    check(make((struct picture_plan){.kind = MEDIA_IMAGE_PNG, .width = 1, .height = 1}), 1, 1, "rrrr");
    check_size(make((struct picture_plan){.kind = MEDIA_IMAGE_PNG, .width = 1, .height = 50000}), 1, 1600);
}

/* Exif 2.3, 4.6.4: where the first row and the first column of what is stored are to be seen. */
static void test_every_orientation_comes_upright_and_forgets_where(void **state)
{
    (void)state;
    static const char *const upright[] = {NULL,   "rgbw", "grwb", "wbgr", "bwrg",
                                          "rbgw", "brwg", "wgbr", "gwrb"};
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_WEBP};
    for (size_t kind = 0; kind < QN_COUNT(kinds); kind++) {
        for (int orientation = 1; orientation <= 8; orientation++) {
            struct qn_str bytes = make((struct picture_plan){.kind = kinds[kind],
                                                             .width = 320,
                                                             .height = 240,
                                                             .orientation = orientation,
                                                             .secrets = true});

            assert_true(picture_holds_secrets(bytes));
            bool lies = orientation >= 5;
            check(bytes, lies ? 240 : 320, lies ? 320 : 240, upright[orientation]);
        }
    }
}

static void test_colours(void **state)
{
    (void)state;
    static const enum media_image_kind jpeg = MEDIA_IMAGE_JPEG, png = MEDIA_IMAGE_PNG;
    check(make((struct picture_plan){.kind = jpeg, .width = 320, .height = 240, .layered = true}), 320, 240,
          "rgbw");
    check(make((struct picture_plan){.kind = png, .width = 320, .height = 240, .layered = true}), 320, 240,
          "rgbw");
    check(make((struct picture_plan){.kind = png, .width = 320, .height = 240, .pixels = PICTURE_RGB16}), 320,
          240, "rgbw");
    check(make((struct picture_plan){.kind = jpeg, .width = 2400, .height = 1800, .pixels = PICTURE_CMYK}),
          1600, 1200, "rgbw");

    /* Grey: red, green and blue are three of it, and white stays white. */
    static const enum media_image_kind grey[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG};
    for (size_t i = 0; i < QN_COUNT(grey); i++) {
        struct media_picture picture;
        struct picture_seen seen;
        picture_fixture_done(
            make((struct picture_plan){.kind = grey[i], .width = 320, .height = 240, .pixels = PICTURE_GREY}),
            &picture);
        check_shape(&picture, &seen);
        for (int corner = 0; corner < 4; corner++)
            assert_in_range(seen.corners[corner][0], seen.corners[corner][1] - 6u,
                            seen.corners[corner][1] + 6u);
        assert_true(seen.corners[3][0] > 245 && seen.corners[2][0] < 150);
        media_picture_fini(&picture);
    }
}

/* The red of sRGB has the numbers 234, 51, 35 in Display P3: taken for sRGB's they would be a duller one. */
static void test_a_profile_is_applied_and_dropped(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP,
                                                  MEDIA_IMAGE_HEIC};
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        struct media_picture picture;
        struct picture_seen seen;
        picture_fixture_done(
            make((struct picture_plan){.kind = kinds[i], .width = 320, .height = 240, .profiled = true}),
            &picture);
        check_shape(&picture, &seen);
        assert_in_range(seen.corners[0][0], 246, 255);
        assert_in_range(seen.corners[0][1], 0, 20);
        media_picture_fini(&picture);
    }
}

static void test_transparency_stays(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP};
    struct media_picture picture;
    struct picture_seen seen;
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        picture_fixture_done(make((struct picture_plan){
                                 .kind = kinds[i], .width = 1920, .height = 960, .pixels = PICTURE_RGBA}),
                             &picture);
        check_shape(&picture, &seen);
        assert_int_equal(seen.bands, 4);
        assert_in_range(seen.corners[0][3], 90, 110);
        media_picture_fini(&picture);
    }
    /* Of sixteen bits. */
    picture_fixture_done(make((struct picture_plan){
                             .kind = MEDIA_IMAGE_PNG, .width = 320, .height = 240, .pixels = PICTURE_RGBA16}),
                         &picture);
    check_shape(&picture, &seen);
    assert_int_equal(seen.bands, 4);
    assert_in_range(seen.corners[0][3], 90, 110);
    media_picture_fini(&picture);

    /* A palette, one of whose two colours cannot be seen: PNG, 11.2.2 and 11.3.2.1. */
    struct qn_buf extra;
    static const char rows[] = "\0\0\0\1\1"
                               "\0\0\0\1\1";
    qn_buf_init(&extra, 64);
    picture_png_chunk("PLTE", QN_STR("\xFF\0\0\0\xFF\0"), &extra);
    picture_png_chunk("tRNS", QN_STR("\0"), &extra);
    qn_buf_clear(&file);
    picture_png(4, 2, 3, qn_buf_view(&extra), qn_str_n(rows, 10), &file);
    picture_fixture_done(qn_buf_view(&file), &picture);
    check_shape(&picture, &seen);
    assert_int_equal(seen.bands, 4);
    assert_int_equal(seen.corners[0][3], 0);
    assert_int_equal(seen.corners[1][3], 255);
    media_picture_fini(&picture);
    qn_buf_fini(&extra);
}

/* The worst that a blurred one can be made of. */
static void test_noise_has_a_placeholder_too(void **state)
{
    (void)state;
    struct media_picture picture;
    struct picture_seen seen;
    picture_fixture_done(
        make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 2000, .height = 2000, .noise = true}),
        &picture);
    check_shape(&picture, &seen);
    assert_true(picture.large.len < MEDIA_FRAME_LARGE_MAX && picture.small.len < MEDIA_FRAME_SMALL_MAX);
    media_picture_fini(&picture);
}

static void test_cut_short(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP,
                                                  MEDIA_IMAGE_AVIF, MEDIA_IMAGE_HEIC};
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        struct qn_str bytes =
            make((struct picture_plan){.kind = kinds[i], .width = 320, .height = 240, .noise = true});
        const size_t lengths[] = {32, bytes.len / 4, bytes.len / 2, bytes.len * 9 / 10, bytes.len - 1};
        for (size_t j = 0; j < QN_COUNT(lengths); j++)
            picture_fixture_refused(qn_str_n(bytes.ptr, lengths[j]), MEDIA_PICTURE_NOT_A_PICTURE);
    }
    /* A JPEG that ends midway, with an end put on. */
    struct qn_str bytes =
        make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 320, .height = 240, .noise = true});
    struct media_picture_job job;
    file.len = bytes.len / 2;
    qn_buf_write(&file, "\xFF\xD9", 2);
    enum qn_status status = picture_fixture_run(&job, qn_buf_view(&file), MEDIA_IMAGE_JPEG, 10000);
    assert_true(status == QN_OK || status == QN_FAILED_PRECONDITION);
    media_picture_fini(&job.picture);
}

/* Files in which a few bytes are not what they were, anywhere: whatever a decoder makes of them, the next
 * picture is made. */
static void test_damaged(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP,
                                                  MEDIA_IMAGE_AVIF, MEDIA_IMAGE_HEIC};
    enum { TRIES = 24, BYTES = 4 };
    uint32_t seed = 20261128; /* the same files every time: Numerical Recipes' generator */
    size_t n_made = 0;
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        make((struct picture_plan){
            .kind = kinds[i], .width = 48, .height = 48, .noise = true, .orientation = 6});
        for (int try = 0; try < TRIES; try++) {
            struct {
                size_t at;
                char was;
            } changes[BYTES];
            for (int j = 0; j < BYTES; j++) {
                seed = seed * 1664525 + 1013904223;
                changes[j].at = 12 + (seed >> 8) % (file.len - 12); /* behind what tells the kind */
                changes[j].was = file.data[changes[j].at];
                file.data[changes[j].at] = (char)(seed >> 3);
            }
            struct media_picture_job job;
            enum qn_status status = picture_fixture_run(&job, qn_buf_view(&file), kinds[i], 60000);
            assert_true(status == QN_OK || status == QN_FAILED_PRECONDITION);
            n_made += status == QN_OK;
            media_picture_fini(&job.picture);
            for (int j = BYTES; j-- > 0;)
                file.data[changes[j].at] = changes[j].was;
        }
        check_size(qn_buf_view(&file), 48, 48);
    }
    assert_true(n_made < QN_COUNT(kinds) * TRIES);
}

static char *find(struct qn_str needle)
{
    char *at = memmem(file.data, file.len, needle.ptr, needle.len);
    assert_non_null(at);
    return at;
}

static void put_u32(char *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, sizeof value);
}

static void test_bombs(void **state)
{
    (void)state;
    /* PNG: 50,000 times 50,000, of which a few rows are there. */
    static char rows[200000];
    qn_buf_clear(&file);
    picture_png(50000, 50000, 0, QN_STR(""), qn_str_n(rows, sizeof rows), &file);
    picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_TOO_MANY_PIXELS);

    /* One row more than there may be, and one less, which then is missing. */
    qn_buf_clear(&file);
    picture_png(10000, 5001, 0, QN_STR(""), qn_str_n(rows, sizeof rows), &file);
    picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_TOO_MANY_PIXELS);
    qn_buf_clear(&file);
    picture_png(10000, 5000, 0, QN_STR(""), qn_str_n(rows, sizeof rows), &file);
    picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_NOT_A_PICTURE);

    /* JPEG: the size in its frame header. ITU T.81, B.2.2: marker, length, precision, height, width. */
    make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 64, .height = 64});
    memcpy(find(QN_STR("\xFF\xC0")) + 5, "\xFF\xDC\xFF\xDC", 4);
    picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_TOO_MANY_PIXELS);

    /* WebP: the size in the head of its lossless frame: a whole picture otherwise. */
    static const char webp[] = "RIFF\x1A\0\0\0WEBPVP8L\x0D\0\0\0\x2F\xFE\xBF\xFF\x0F\0\0\0\0\0\0\0\0\0";
    picture_fixture_refused(qn_str_n(webp, 34), MEDIA_PICTURE_TOO_MANY_PIXELS);

    /* AVIF and HEIC: the property that tells a picture's size. ISO/IEC 23008-12, 6.5.3. */
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_AVIF, MEDIA_IMAGE_HEIC};
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        make((struct picture_plan){.kind = kinds[i], .width = 64, .height = 64});
        char *ispe = find(QN_STR("ispe"));
        put_u32(ispe + 8, 9000);
        put_u32(ispe + 12, 9000);
        picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_TOO_MANY_PIXELS);
        /* And one that tells of less than is there. */
        put_u32(ispe + 8, 8);
        put_u32(ispe + 12, 8);
        struct media_picture_job job;
        enum qn_status status = picture_fixture_run(&job, qn_buf_view(&file), MEDIA_IMAGE_NONE, 10000);
        assert_true(status == QN_OK || status == QN_FAILED_PRECONDITION);
        media_picture_fini(&job.picture);
    }
}

static void test_scans_without_end(void **state)
{
    (void)state;
    /* A progressive JPEG that goes over its coefficients again and again. */
    struct qn_str bytes =
        make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 640, .height = 480, .layered = true});
    char *last = NULL;
    for (size_t i = 0; i + 1 < bytes.len; i++)
        if ((uint8_t)file.data[i] == 0xFF && (uint8_t)file.data[i + 1] == 0xDA)
            last = file.data + i;
    assert_non_null(last);
    size_t from = (size_t)(last - file.data), len = file.len - 2 - from;
    char *scan = test_malloc(len);
    memcpy(scan, last, len);
    file.len -= 2;
    for (int i = 0; i < 200; i++)
        qn_buf_write(&file, scan, len);
    qn_buf_write(&file, "\xFF\xD9", 2);
    test_free(scan);
    picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_NOT_A_PICTURE);
}

static void test_what_is_no_picture(void **state)
{
    (void)state;
    static const struct qn_str others[] = {
        QN_STR("GIF89a\1\0\1\0\x80\0\0\0\0\0\xFF\xFF\xFF,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;"),
        QN_STR("<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"),
        QN_STR("<!DOCTYPE html><script>alert(1)</script>"),
        QN_STR("PK\3\4\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        QN_STR("%PDF-1.7\n1 0 obj"),
        QN_STR("P6 4 4 255\n"),
    };
    struct media_picture_job job;
    for (size_t i = 0; i < QN_COUNT(others); i++) {
        picture_fixture_refused(others[i], MEDIA_PICTURE_NOT_A_PICTURE);
        /* And when somebody upstream was wrong about them. */
        for (int kind = MEDIA_IMAGE_JPEG; kind <= MEDIA_IMAGE_HEIC; kind++) {
            assert_int_equal(picture_fixture_run(&job, others[i], (enum media_image_kind)kind, 10000),
                             QN_FAILED_PRECONDITION);
            assert_string_equal(job.reason, MEDIA_PICTURE_NOT_A_PICTURE);
        }
    }
    picture_fixture_refused(QN_STR(""), MEDIA_PICTURE_NOT_A_PICTURE);
    static char too_long[MEDIA_PICTURE_BYTES_MAX + 1] = "\xFF\xD8\xFF\xE0";
    picture_fixture_refused(qn_str_n(too_long, sizeof too_long), MEDIA_PICTURE_NOT_A_PICTURE);
    /* A good one whose kind is mistaken. */
    struct qn_str jpeg = make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 64, .height = 64});
    assert_int_equal(picture_fixture_run(&job, jpeg, MEDIA_IMAGE_PNG, 10000), QN_FAILED_PRECONDITION);
}

static void test_more_than_a_picture(void **state)
{
    (void)state;
    static const enum media_image_kind kinds[] = {MEDIA_IMAGE_JPEG, MEDIA_IMAGE_PNG, MEDIA_IMAGE_WEBP,
                                                  MEDIA_IMAGE_AVIF, MEDIA_IMAGE_HEIC};
    static const struct qn_str tails[] = {
        QN_STR("<html><script>alert(1)</script></html>"),
        QN_STR("<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"),
        QN_STR("PK\3\4\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        QN_STR("\n*/alert(1)//"),
        QN_STR("GIF89a\1\0\1\0\0\0\0"),
        QN_STR("\0\0\0\0%PDF-1.7\n"),
    };
    for (size_t i = 0; i < QN_COUNT(kinds); i++) {
        make((struct picture_plan){.kind = kinds[i], .width = 64, .height = 64});
        size_t whole = file.len;
        for (size_t j = 0; j < QN_COUNT(tails); j++) {
            file.len = whole;
            qn_buf_write_str(&file, tails[j]);
            picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_NOT_A_PICTURE);
        }
        file.len = whole;
        qn_buf_write(&file, "\0\0\0\0\0\0\0\0\0\0", 10);
        check(qn_buf_view(&file), 64, 64, "rgbw");
    }
}

static void test_what_moves(void **state)
{
    (void)state;
    picture_fixture_refused(
        make((struct picture_plan){.kind = MEDIA_IMAGE_WEBP, .width = 64, .height = 64, .frames = 3}),
        MEDIA_PICTURE_ANIMATED);

    struct qn_buf extra;
    static const char rows[8] = {0, 1, 0, 1};
    qn_buf_init(&extra, 64);
    picture_png_chunk("acTL", QN_STR("\0\0\0\2\0\0\0\0"), &extra);
    qn_buf_clear(&file);
    picture_png(1, 4, 0, qn_buf_view(&extra), qn_str_n(rows, sizeof rows), &file);
    picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_ANIMATED);
    qn_buf_fini(&extra);

    make((struct picture_plan){.kind = MEDIA_IMAGE_AVIF, .width = 64, .height = 64});
    memcpy(file.data + 16, "avis", 4); /* the first of the compatible brands; the major one says AVIF still */
    picture_fixture_refused(qn_buf_view(&file), MEDIA_PICTURE_ANIMATED);
}

/* The largest that are taken, of the kinds that cost most memory, within what a worker may have. */
static void test_the_largest_fit(void **state)
{
    (void)state;
    check(
        make((struct picture_plan){.kind = MEDIA_IMAGE_JPEG, .width = 7000, .height = 7000, .layered = true}),
        1600, 1600, "rgbw");
    check(make((struct picture_plan){.kind = MEDIA_IMAGE_PNG,
                                     .width = 7000,
                                     .height = 7000,
                                     .pixels = PICTURE_RGB16,
                                     .layered = true}),
          1600, 1600, "rgbw");
    double peak = picture_fixture_peak_bytes();
    print_message("the largest worker had %.0f MB\n", peak / 1e6);
    assert_true(peak < 1024.0 * 1024 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind, begin, end),
        cmocka_unit_test_setup_teardown(test_sizes, begin, end),
        cmocka_unit_test_setup_teardown(test_every_orientation_comes_upright_and_forgets_where, begin, end),
        cmocka_unit_test_setup_teardown(test_colours, begin, end),
        cmocka_unit_test_setup_teardown(test_a_profile_is_applied_and_dropped, begin, end),
        cmocka_unit_test_setup_teardown(test_transparency_stays, begin, end),
        cmocka_unit_test_setup_teardown(test_noise_has_a_placeholder_too, begin, end),
        cmocka_unit_test_setup_teardown(test_cut_short, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged, begin, end),
        cmocka_unit_test_setup_teardown(test_bombs, begin, end),
        cmocka_unit_test_setup_teardown(test_scans_without_end, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_picture, begin, end),
        cmocka_unit_test_setup_teardown(test_more_than_a_picture, begin, end),
        cmocka_unit_test_setup_teardown(test_what_moves, begin, end),
        cmocka_unit_test_setup_teardown(test_the_largest_fit, begin, end),
    };
    picture_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
