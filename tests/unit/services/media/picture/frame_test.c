#include "common/core/check.h"
#include "services/media/picture/frame.h"
#include "tests/harness/test.h"

/* 33 times 17. */
#define WEBP "RIFF\x12\0\0\0WEBPVP8L\5\0\0\0\x2F\x20\0\4\0\0"
#define BLUR MEDIA_FRAME_BLUR_PREFIX "UklGRg=="

enum { WEBP_LEN = sizeof WEBP - 1, BLUR_LEN = sizeof BLUR - 1 };

static const struct media_frame_answer done = {.outcome = MEDIA_FRAME_DONE,
                                               .width = 33,
                                               .height = 17,
                                               .large_len = WEBP_LEN,
                                               .small_len = WEBP_LEN,
                                               .blur_len = BLUR_LEN,
                                               .peak_kib = 70000};

static enum qn_status read_again(const struct media_frame_answer *answer, struct media_frame_answer *ret)
{
    char head[MEDIA_FRAME_ANSWER_LEN];
    media_frame_write_answer(answer, head);
    return media_frame_read_answer(qn_str_n(head, sizeof head), ret);
}

static void test_there_and_back(void **state)
{
    (void)state;
    char hello[MEDIA_FRAME_HELLO_LEN], head[MEDIA_FRAME_ASK_LEN];
    struct media_frame_ask ask = {.kind = MEDIA_IMAGE_AVIF, .length = 1234567}, ask_read;
    struct media_frame_answer answer;
    media_frame_write_hello(hello);
    assert_int_equal(media_frame_read_hello(qn_str_n(hello, sizeof hello)), QN_OK);
    media_frame_write_ask(&ask, head);
    assert_int_equal(media_frame_read_ask(qn_str_n(head, sizeof head), &ask_read), QN_OK);
    assert_int_equal(ask_read.kind, ask.kind);
    assert_int_equal(ask_read.length, ask.length);
    assert_int_equal(read_again(&done, &answer), QN_OK);
    assert_memory_equal(&answer, &done, sizeof done);
    assert_int_equal(media_frame_body_len(&answer), 2 * WEBP_LEN + BLUR_LEN);
    for (int outcome = MEDIA_FRAME_NOT_A_PICTURE; outcome < MEDIA_FRAME_OUTCOMES; outcome++) {
        const struct media_frame_answer refusal = {.outcome = (enum media_frame_outcome)outcome};
        assert_int_equal(read_again(&refusal, &answer), QN_OK);
        assert_int_equal(answer.outcome, outcome);
        assert_int_equal(media_frame_body_len(&answer), 0);
    }
}

static void test_heads_of_no_worker(void **state)
{
    (void)state;
    struct media_frame_answer answer, bad;
    char head[MEDIA_FRAME_ANSWER_LEN];
#define REFUSED(member, value)                                                                               \
    do {                                                                                                     \
        bad = done;                                                                                          \
        bad.member = (value);                                                                                \
        assert_int_equal(read_again(&bad, &answer), QN_INVALID_ARGUMENT);                                    \
    } while (0)
    REFUSED(outcome, MEDIA_FRAME_OUTCOMES);
    REFUSED(outcome, MEDIA_FRAME_ANIMATED); /* with a picture all the same */
    REFUSED(width, 0);
    REFUSED(width, MEDIA_PICTURE_LARGE + 1);
    REFUSED(height, 0);
    REFUSED(height, UINT32_MAX);
    REFUSED(large_len, 0);
    REFUSED(large_len, MEDIA_FRAME_LARGE_MAX + 1);
    REFUSED(small_len, 0);
    REFUSED(small_len, MEDIA_FRAME_SMALL_MAX + 1);
    REFUSED(blur_len, 0);
    REFUSED(blur_len, MEDIA_PICTURE_BLUR_MAX + 1);
#undef REFUSED
    media_frame_write_answer(&done, head);
    assert_int_equal(media_frame_read_answer(qn_str_n(head, sizeof head - 1), &answer), QN_INVALID_ARGUMENT);
    head[3] = '0';
    assert_int_equal(media_frame_read_answer(qn_str_n(head, sizeof head), &answer), QN_INVALID_ARGUMENT);
    assert_int_equal(media_frame_read_hello(QN_STR("QPW0")), QN_INVALID_ARGUMENT);
    assert_int_equal(media_frame_read_hello(QN_STR("")), QN_INVALID_ARGUMENT);
}

static void test_asks_of_no_pool(void **state)
{
    (void)state;
    static const struct media_frame_ask bad[] = {
        {.kind = MEDIA_IMAGE_NONE, .length = 1},
        {.kind = MEDIA_IMAGE_HEIC + 1, .length = 1},
        {.kind = MEDIA_IMAGE_PNG, .length = 0},
        {.kind = MEDIA_IMAGE_PNG, .length = MEDIA_PICTURE_BYTES_MAX + 1},
    };
    char head[MEDIA_FRAME_ASK_LEN];
    struct media_frame_ask ask;
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        media_frame_write_ask(&bad[i], head);
        assert_int_equal(media_frame_read_ask(qn_str_n(head, sizeof head), &ask), QN_INVALID_ARGUMENT);
    }
}

static enum qn_status body(const char *large, size_t large_len, const char *blur, uint32_t width)
{
    struct media_frame_answer answer = done;
    struct qn_buf bytes;
    struct qn_str views[3];
    answer.width = width;
    answer.large_len = (uint32_t)large_len;
    answer.blur_len = (uint32_t)strlen(blur);
    qn_buf_init(&bytes, 4096);
    qn_buf_write(&bytes, large, large_len);
    qn_buf_write(&bytes, WEBP, WEBP_LEN);
    qn_buf_write_c(&bytes, blur);
    enum qn_status status =
        media_frame_read_body(&answer, qn_buf_view(&bytes), &views[0], &views[1], &views[2]);
    if (status == QN_OK)
        assert_str(views[2], blur);
    qn_buf_fini(&bytes);
    return status;
}

static void test_bodies(void **state)
{
    (void)state;
    assert_int_equal(body(WEBP, WEBP_LEN, BLUR, 33), QN_OK);
    assert_int_equal(body(WEBP, WEBP_LEN, BLUR, 32), QN_INVALID_ARGUMENT);
    assert_int_equal(body("<html></html>", 13, BLUR, 33), QN_INVALID_ARGUMENT);
    static const char located[] = "RIFF\x1E\0\0\0WEBPVP8L\5\0\0\0\x2F\x20\0\4\0\0EXIF\4\0\0\0gps.";
    assert_int_equal(body(located, sizeof located - 1, BLUR, 33), QN_INVALID_ARGUMENT);
    static const char *const blurs[] = {
        "data:image/webp;base64,",     "data:image/webp;base64,=",       "data:image/webp;base64,AB\"C",
        "data:image/webp;base64,ABC",  "data:image/svg+xml;base64,AAAA", "javascript:alert(1)//data",
        "data:image/webp;base64,A=AA",
    };
    for (size_t i = 0; i < QN_COUNT(blurs); i++)
        assert_int_equal(body(WEBP, WEBP_LEN, blurs[i], 33), QN_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_heads_of_no_worker),
        cmocka_unit_test(test_asks_of_no_pool),
        cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
