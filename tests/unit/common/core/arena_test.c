#include <stdint.h>
#include <string.h>

#include "common/core/arena.h"
#include "common/core/check.h"
#include "tests/harness/test.h"

static void test_memory_is_aligned_and_apart(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 1024 * 1024);
    static const size_t sizes[] = {1, 3, 8, 17, 100, 1000, 1008, 5000, 63000, 65536, 100000, 1};
    char *blocks[QN_COUNT(sizes)];
    for (size_t i = 0; i < QN_COUNT(sizes); i++) {
        blocks[i] = qn_arena_alloc(&arena, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < QN_COUNT(sizes); i++) {
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(blocks[i][at], (char)i);
    }
    qn_arena_fini(&arena);
}

/* A large block is put behind the newest chunk: what is left of that one is still used. */
static void test_many_small_blocks_around_large_ones(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 64 * 1024 * 1024);
    for (int i = 0; i < 10000; i++) {
        uint32_t *small = qn_arena_alloc(&arena, sizeof *small);
        assert_non_null(small);
        *small = (uint32_t)i;
        if (i % 100 == 0)
            assert_non_null(qn_arena_zalloc(&arena, 70000));
    }
    assert_int_equal(arena.used_bytes, 10000 * 16 + 100 * 70000);
    qn_arena_fini(&arena);
}

/* Chunks that went from one arena to the next: never to two at once, and cleared where that is asked for. */
static void test_kept_chunks_belong_to_one_arena(void **state)
{
    (void)state;
    enum { ARENAS = 600, ROUNDS = 3, BYTES = 900, MORE_BYTES = 1800 }; /* more than are kept */
    static struct qn_arena arenas[ARENAS];
    static unsigned char *small[ARENAS], *large[ARENAS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ARENAS; i++) {
            qn_arena_init(&arenas[i], 1024 * 1024);
            small[i] = qn_arena_zalloc(&arenas[i], BYTES);
            large[i] = qn_arena_zalloc(&arenas[i], MORE_BYTES);
            assert_non_null(small[i]);
            assert_non_null(large[i]);
            for (size_t at = 0; at < BYTES; at++)
                assert_int_equal(small[i][at], 0);
            memset(small[i], i % 251 + 1, BYTES);
            memset(large[i], i % 241 + 1, MORE_BYTES);
        }
        for (int i = 0; i < ARENAS; i++) {
            assert_int_equal(small[i][0], i % 251 + 1);
            assert_int_equal(small[i][BYTES - 1], i % 251 + 1);
            assert_int_equal(large[i][0], i % 241 + 1);
            assert_int_equal(large[i][MORE_BYTES - 1], i % 241 + 1);
            qn_arena_fini(&arenas[i]);
        }
    }
}

static void test_the_ceiling_holds(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 100);
    assert_non_null(qn_arena_alloc(&arena, 90)); /* 96, rounded */
    assert_int_equal(arena.used_bytes, 96);
    assert_null(qn_arena_alloc(&arena, 5));
    assert_null(qn_arena_alloc(&arena, 0)); /* nothing takes 16 bytes, too */
    assert_int_equal(arena.used_bytes, 96);
    qn_arena_fini(&arena);
    assert_non_null(qn_arena_alloc(&arena, 90)); /* anew under the same ceiling */
    assert_null(qn_arena_alloc(&arena, 90));
    qn_arena_fini(&arena);
}

static void test_sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, SIZE_MAX);
    assert_null(qn_arena_alloc(&arena, SIZE_MAX));
    assert_null(qn_arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(qn_arena_array(&arena, SIZE_MAX / 2 + 2, 2)); /* the product is 2 */
    assert_null(qn_arena_copy(&arena, "", SIZE_MAX));
    assert_int_equal(arena.used_bytes, 0);
    qn_arena_fini(&arena);
}

static void test_cleared_memory_is_clear(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 100000);
    memset(qn_arena_alloc(&arena, 900), 0xff, 900);
    qn_arena_fini(&arena); /* so that the next chunk may be the same memory */
    const char *cleared = qn_arena_zalloc(&arena, 900);
    for (int i = 0; i < 900; i++)
        assert_int_equal(cleared[i], 0);
    const uint32_t *numbers = qn_arena_array(&arena, 100, sizeof *numbers);
    for (int i = 0; i < 100; i++)
        assert_int_equal(numbers[i], 0);
    qn_arena_fini(&arena);
}

static void test_copies_end_in_a_nul(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 1000);
    char *copy = qn_arena_copy(&arena, "a\0b", 3);
    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(qn_arena_copy(&arena, NULL, 0), "");
    assert_string_equal(qn_arena_strdup(&arena, "text"), "text");

    struct qn_str view = qn_arena_str(&arena, QN_STR("view"));
    assert_int_equal(view.len, 4);
    assert_string_equal(view.ptr, "view");
    assert_string_equal(qn_arena_printf(&arena, "%d-%s", 5, "five"), "5-five");
    qn_arena_fini(&arena);

    qn_arena_init(&arena, 16);
    assert_null(qn_arena_printf(&arena, "%020d", 5));
    view = qn_arena_str(&arena, QN_STR("more than sixteen bytes"));
    assert_null(view.ptr);
    assert_int_equal(view.len, 0);
    qn_arena_fini(&arena);
}

static void test_fini_is_safe_on_a_zeroed_arena(void **state)
{
    (void)state;
    struct qn_arena arena = {0};
    qn_arena_fini(&arena);
    qn_arena_fini(&arena);
    assert_null(qn_arena_alloc(&arena, 1)); /* its ceiling is zero */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_aligned_and_apart),
        cmocka_unit_test(test_many_small_blocks_around_large_ones),
        cmocka_unit_test(test_kept_chunks_belong_to_one_arena),
        cmocka_unit_test(test_the_ceiling_holds),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
        cmocka_unit_test(test_cleared_memory_is_clear),
        cmocka_unit_test(test_copies_end_in_a_nul),
        cmocka_unit_test(test_fini_is_safe_on_a_zeroed_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
