/* Runs a fuzz target without a fuzzer: on every file of its corpus, and on some two hundred changes of each
 * that are the same in every run. Linked by qn_fuzz(), which names the corpus; one cmocka test, so that it
 * counts like any other. A target that goes wrong dies (by QN_CHECK or a sanitizer); the input at fault is
 * then named on stderr. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FILE_MAX_BYTES = 1024 * 1024, /* larger than any message; a corpus wants small files */
    TRUNCATIONS_MAX = 64,
    FLIPS_MAX = 64,
    OVERWRITES_MAX = 48,
    INSERTIONS_MAX = 24,
};

/* What the handler of a crash tells; plain writes only. */
static char current_input[512];

static void name_input(void)
{
    static const char intro[] = "\nfuzz: died on ";
    if (write(STDERR_FILENO, intro, sizeof intro - 1) < 0 ||
        write(STDERR_FILENO, current_input, strlen(current_input)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
        _exit(1);
}

static void on_abort(int number)
{
    name_input();
    signal(number, SIG_DFL);
    raise(number);
}

/* Every sanitizer's runtime has this one; it is missing where there is none. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

/* In memory of exactly this size, so that AddressSanitizer sees the first byte read past it. */
static void run_one(const uint8_t *data, size_t size, const char *file, const char *change, size_t number)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    snprintf(current_input, sizeof current_input, "%s, %s %zu", file, change, number);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_changes(const uint8_t *data, size_t size, const char *file)
{
    uint64_t random = 0x9e3779b97f4a7c15u ^ size; /* the same changes in every run */
    uint8_t *work = malloc(size + 1);
    assert_non_null(work);

    size_t step = size / TRUNCATIONS_MAX + 1;
    for (size_t length = 0; length < size; length += step)
        run_one(data, length, file, "cut to bytes:", length);

    for (size_t i = 0; size && i < FLIPS_MAX; i++) {
        size_t bit = next_random(&random) % (size * 8);
        memcpy(work, data, size);
        work[bit / 8] ^= (uint8_t)(1u << bit % 8);
        run_one(work, size, file, "flipped bit:", bit);
    }
    /* Bytes that mean something to parsers: ends, quotes, brackets, varint and UTF-8 borders. */
    static const uint8_t telling[] = {0x00, 0xff, 0x7f, 0x80, '"', '\\', '{',
                                      '}',  '[',  ']',  '%',  '=', ';',  '\n'};
    for (size_t i = 0; size && i < OVERWRITES_MAX; i++) {
        size_t at = next_random(&random) % size;
        memcpy(work, data, size);
        work[at] = telling[i % sizeof telling];
        run_one(work, size, file, "overwritten byte:", at);
    }
    for (size_t i = 0; i < INSERTIONS_MAX; i++) {
        size_t at = next_random(&random) % (size + 1);
        if (at)
            memcpy(work, data, at);
        work[at] = telling[next_random(&random) % sizeof telling];
        if (size > at)
            memcpy(work + at + 1, data + at, size - at);
        run_one(work, size + 1, file, "inserted byte:", at);
    }
    free(work);
}

static uint8_t *read_file(int folder, const char *name, size_t *ret_size)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct stat what;
    if (fd < 0 || fstat(fd, &what) != 0 || what.st_size > FILE_MAX_BYTES)
        fail_msg("%s/%s: cannot be opened, or is over %d bytes", QN_FUZZ_CORPUS, name, FILE_MAX_BYTES);
    uint8_t *data = malloc((size_t)what.st_size + 1);
    assert_non_null(data);
    size_t size = 0;
    ssize_t got;
    while ((got = read(fd, data + size, (size_t)what.st_size - size)) > 0)
        size += (size_t)got;
    assert_int_equal(got, 0);
    close(fd);
    *ret_size = size;
    return data;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir(QN_FUZZ_CORPUS, &entries, is_input, alphasort);
    if (count <= 0)
        fail_msg("no corpus in %s", QN_FUZZ_CORPUS);
    int folder = open(QN_FUZZ_CORPUS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);

    for (int i = 0; i < count; i++) {
        size_t size;
        uint8_t *data = read_file(folder, entries[i]->d_name, &size);
        run_one(data, size, entries[i]->d_name, "as it is:", size);
        run_changes(data, size, entries[i]->d_name);
        free(data);
        free(entries[i]);
    }
    free(entries);
    close(folder);
}

int main(void)
{
    /* cmocka catches SIGSEGV and its like itself while a test runs; an abort it leaves to us. */
    signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(name_input);
    const struct CMUnitTest tests[] = {cmocka_unit_test(replay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
