#include "services/auth/scrypt.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "common/core/log.h"

/* Hashes of each library before one is chosen; the best of them counts, for the first pay for what is cold,
 * and those that run beside others for what they share. */
enum { TRIALS = 4 };

/* What OpenSSL may take for one hash; its own default is a few bytes too small for these costs. */
enum { MEMORY_MAX = 64 << 20 };

enum { HUGE_PAGE = 2 << 20 };

/* Of each library; written by any thread. Of two that end at the same moment the slower may be what is kept:
 * there are more trials. */
static _Atomic unsigned n_trials[AUTH_SCRYPT_LIBRARIES];
static _Atomic uint64_t best_us[AUTH_SCRYPT_LIBRARIES];

/* OpenSSL's allocator (CRYPTO_set_mem_functions(3)). */
static void *allocate(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    if (bytes < HUGE_PAGE)
        return malloc(bytes);
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *block = whole >= bytes ? aligned_alloc(HUGE_PAGE, whole) : NULL;
    if (block != NULL)
        madvise(block, whole, MADV_HUGEPAGE); /* a wish */
    return block;
}

static void *reallocate(void *block, size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(block, bytes);
}

static void release(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

void auth_scrypt_init(void)
{
    (void)!CRYPTO_set_mem_functions(allocate, reallocate, release);
}

enum qn_status auth_scrypt_by(enum auth_scrypt_library library, struct qn_str password, struct qn_str salt,
                              uint8_t to[AUTH_SCRYPT_KEY_BYTES])
{
    const uint8_t *salt_bytes = (const uint8_t *)salt.ptr;
    const char *text = password.ptr != NULL ? password.ptr : "";
    bool done;
    if (library == AUTH_SCRYPT_SODIUM)
        done = crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)text, password.len, salt_bytes,
                                                     salt.len, AUTH_SCRYPT_N, AUTH_SCRYPT_R, AUTH_SCRYPT_P,
                                                     to, AUTH_SCRYPT_KEY_BYTES) == 0;
    else
        done = EVP_PBE_scrypt(text, password.len, salt_bytes, salt.len, AUTH_SCRYPT_N, AUTH_SCRYPT_R,
                              AUTH_SCRYPT_P, MEMORY_MAX, to, AUTH_SCRYPT_KEY_BYTES) == 1;
    return done ? QN_OK : QN_RESOURCE_EXHAUSTED;
}

enum auth_scrypt_library auth_scrypt_choice(void)
{
    for (int library = 0; library < AUTH_SCRYPT_LIBRARIES; library++)
        if (atomic_load(&n_trials[library]) < TRIALS)
            return (enum auth_scrypt_library)library;
    return atomic_load(&best_us[AUTH_SCRYPT_OPENSSL]) < atomic_load(&best_us[AUTH_SCRYPT_SODIUM])
               ? AUTH_SCRYPT_OPENSSL
               : AUTH_SCRYPT_SODIUM;
}

static void tell_choice(void)
{
    qn_log(NULL, QN_INFO, "library for password hashes chosen",
           QN_F_C("library", auth_scrypt_choice() == AUTH_SCRYPT_SODIUM ? "libsodium" : "openssl"),
           QN_F_INT("libsodium_us", atomic_load(&best_us[AUTH_SCRYPT_SODIUM])),
           QN_F_INT("openssl_us", atomic_load(&best_us[AUTH_SCRYPT_OPENSSL])));
}

void auth_scrypt_took(enum auth_scrypt_library library, uint64_t cpu_us)
{
    if (atomic_load(&n_trials[library]) >= TRIALS)
        return;
    uint64_t best = atomic_load(&best_us[library]);
    if (best == 0 || cpu_us < best)
        atomic_store(&best_us[library], cpu_us);
    if (atomic_fetch_add(&n_trials[library], 1) + 1 == TRIALS && library == AUTH_SCRYPT_LIBRARIES - 1)
        tell_choice();
}

static uint64_t thread_cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail for one's own thread */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

enum qn_status auth_scrypt(struct qn_str password, struct qn_str salt, uint8_t to[AUTH_SCRYPT_KEY_BYTES])
{
    enum auth_scrypt_library library = auth_scrypt_choice();
    uint64_t begin_us = thread_cpu_us();
    QN_TRY(auth_scrypt_by(library, password, salt, to));
    auth_scrypt_took(library, thread_cpu_us() - begin_us + 1);
    return QN_OK;
}
