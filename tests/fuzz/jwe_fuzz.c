#include <stdint.h>

#include "common/core/check.h"
#include "services/auth/jwe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An encrypted cookie as anybody may show it; some of the corpus are recorded ones, under one of these
 * secrets. Then the input as a text that we encrypt: it comes back the same, and with a bit changed it does
 * not come back as another. */

enum { TOKEN_MAX = 64 * 1024 };

static void check_there_and_back(struct auth_jwe_ring *ring, struct qn_arena *arena, struct qn_str text)
{
    struct qn_buf token;
    struct qn_str read;
    qn_buf_init(&token, 4 * TOKEN_MAX);
    QN_CHECK(auth_jwe_write(ring, text, &token) == QN_OK);
    QN_CHECK(auth_jwe_read(ring, qn_buf_view(&token), arena, &read) && qn_str_eq(read, text));
    /* Where, the text says. */
    size_t at = text.len ? (uint8_t)text.ptr[0] * (size_t)131 % token.len : 0;
    token.data[at] ^= 0x20;
    QN_CHECK(!auth_jwe_read(ring, qn_buf_view(&token), arena, &read) || qn_str_eq(read, text));
    qn_buf_fini(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct qn_str secrets[] = {{"another-secret-of-more-than-32-characters", 41},
                                            {"rX7vQ2kLm9Tz4Wc8Bn1Hy6Pd3Sf5Ga0Je", 33}};
    static struct auth_jwe_ring ring;
    if (ring.n_keys == 0)
        QN_CHECK(auth_jwe_open(&ring, secrets, QN_COUNT(secrets)) == QN_OK);
    if (size > TOKEN_MAX)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size), read;
    struct qn_arena arena;
    qn_arena_init(&arena, 16 * 1024 * 1024);
    if (auth_jwe_read(&ring, text, &arena, &read))
        QN_CHECK(read.len < text.len);
    check_there_and_back(&ring, &arena, text);
    qn_arena_fini(&arena);
    return 0;
}
