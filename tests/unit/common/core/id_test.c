#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/id.h"
#include "tests/harness/test.h"

static void test_ids_have_the_shape_of_better_auths(void **state)
{
    (void)state;
    char a[QN_ID_LEN + 1], b[QN_ID_LEN + 1];
    qn_id_new(a);
    qn_id_new(b);
    assert_int_equal(strlen(a), 32);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 32);
    assert_string_not_equal(a, b);
}

/* Without rejection the first eight letters would come a quarter more often than the others: 5 in 256
 * against 4. */
static void test_letters_are_uniform(void **state)
{
    (void)state;
    enum { IDS = 20000, LETTERS = 62 };
    size_t counts[128] = {0};
    for (int i = 0; i < IDS; i++) {
        char id[QN_ID_LEN + 1];
        qn_id_new(id);
        for (int at = 0; at < QN_ID_LEN; at++)
            counts[(unsigned char)id[at]]++;
    }
    /* 10,323 expected of each, standard deviation 101; ten of those would be chance once in 10^22. The bias
     * without rejection is twenty. */
    const double expected = (double)IDS * QN_ID_LEN / LETTERS;
    int seen = 0;
    for (int c = 0; c < 128; c++) {
        if (!isalnum(c)) {
            assert_int_equal(counts[c], 0);
            continue;
        }
        seen++;
        assert_true((double)counts[c] > expected - 1010 && (double)counts[c] < expected + 1010);
    }
    assert_int_equal(seen, LETTERS);
}

static void test_request_ids_are_hex(void **state)
{
    (void)state;
    char a[QN_REQUEST_ID_LEN + 1], b[QN_REQUEST_ID_LEN + 1];
    qn_id_request(a);
    qn_id_request(b);
    assert_int_equal(strlen(a), 16);
    assert_int_equal(strspn(a, "0123456789abcdef"), 16);
    assert_string_not_equal(a, b);
}

/* More than one system call gives; in two threads at once, each with randomness of its own. */
enum { MANY = 500 };

static void *make_request_ids(void *to)
{
    for (int i = 0; i < MANY; i++)
        qn_id_request(((char(*)[QN_REQUEST_ID_LEN + 1]) to)[i]);
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, QN_REQUEST_ID_LEN + 1);
}

static void test_no_request_id_comes_twice(void **state)
{
    (void)state;
    static char ids[2 * MANY][QN_REQUEST_ID_LEN + 1];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, make_request_ids, ids), 0);
    make_request_ids(ids + MANY);
    assert_int_equal(pthread_join(thread, NULL), 0);
    qsort(ids, 2 * MANY, sizeof ids[0], compare_ids);
    for (int i = 0; i < 2 * MANY; i++) {
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 16);
        if (i > 0)
            assert_string_not_equal(ids[i - 1], ids[i]);
    }
}

static void test_random_bytes_fill_exactly(void **state)
{
    (void)state;
    /* Larger than the 256 bytes that getrandom gives in one piece whatever happens. */
    static unsigned char bytes[100002];
    memset(bytes, 0, sizeof bytes);
    qn_random_bytes(bytes + 1, sizeof bytes - 2);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[sizeof bytes - 1], 0);
    size_t zeros = 0;
    for (size_t i = 1; i < sizeof bytes - 1; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 1000); /* 391 expected */
    qn_random_bytes(bytes, 0);
    assert_int_equal(bytes[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_have_the_shape_of_better_auths),
        cmocka_unit_test(test_letters_are_uniform),
        cmocka_unit_test(test_request_ids_are_hex),
        cmocka_unit_test(test_no_request_id_comes_twice),
        cmocka_unit_test(test_random_bytes_fill_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
