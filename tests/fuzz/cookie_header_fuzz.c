#include <stdint.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "services/gateway/better_auth/cookie.h"
#include "services/gateway/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A Cookie header as a stranger may send it, and what the gateway lets services see of it: nothing but the
 * cookies that are theirs, in UTF-8, and of what it kept it keeps all. */

enum { HEADER_MAX = 16 * 1024, ROOM = 64 * 1024 };

static bool is_of(struct qn_str pair, const char *name)
{
    return qn_str_starts(pair, qn_str_c(name));
}

static void check_kept(struct qn_str header, bool cache_too, struct qn_arena *arena)
{
    struct qn_str kept = gateway_request_cookies(header, cache_too, arena), rest = kept, pair, again;
    QN_CHECK(kept.ptr && kept.len <= 2 * header.len && qn_utf8_valid_text(kept));
    while (qn_str_next(&rest, ';', &pair)) {
        pair = qn_str_trim(pair);
        QN_CHECK(is_of(pair, "better-auth.") || is_of(pair, "__Secure-better-auth."));
        QN_CHECK(cache_too || (!is_of(pair, "better-auth.session_data=") &&
                               !is_of(pair, "__Secure-better-auth.session_data=")));
    }
    again = gateway_request_cookies(kept, cache_too, arena);
    QN_CHECK(qn_str_eq(kept, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const URLS[] = {"http://localhost:8080", "https://app.example.com", ""};
    struct qn_str header = qn_str_n((const char *)data, size);
    struct qn_arena arena;
    if (size > HEADER_MAX)
        return 0;
    qn_arena_init(&arena, ROOM);
    check_kept(header, false, &arena);
    check_kept(header, true, &arena);
    for (size_t i = 0; i < QN_COUNT(URLS); i++) {
        const struct gateway_settings settings = {.public_url = (char *)URLS[i], .app.env = (char *)""};
        struct qn_str forget = gateway_cookie_forget_cache(&settings, header);
        QN_CHECK(forget.len == 0 || qn_str_find(header, '=') >= 0);
    }
    qn_arena_fini(&arena);
    return 0;
}
