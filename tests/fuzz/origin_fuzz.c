#include <stdint.h>

#include "common/core/check.h"
#include "services/gateway/better_auth/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Origins and callback URLs as anybody may send them: the input is a URL, and after a newline the entries
 * that are trusted. An origin that was read reads as itself, and nothing becomes trusted by what stands
 * behind it. */

enum { INPUT_MAX = 4096 };

static bool trusts(struct qn_str site, struct qn_str host, struct qn_str entries, struct qn_str url)
{
    const struct gateway_origin_trust trust = {site, host, entries};
    return gateway_origin_trusted(&trust, url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str entries = qn_str_n((const char *)data, size), url = {0};
    struct gateway_origin origin, again;
    if (size > INPUT_MAX || !qn_str_next(&entries, '\n', &url))
        return 0;

    bool web = gateway_origin_read(url, &origin);
    if (web) {
        struct qn_str text = qn_str_n(origin.text, origin.len);
        QN_CHECK(origin.len <= GATEWAY_ORIGIN_MAX && strlen(origin.text) == origin.len);
        QN_CHECK(origin.host_at < origin.len && qn_str_find(text, '@') < 0 && qn_str_find(text, '\\') < 0);
        QN_CHECK(gateway_origin_read(text, &again) && qn_str_eq(text, qn_str_n(again.text, again.len)));
        QN_CHECK(again.host_at == origin.host_at);
        QN_CHECK(trusts(text, QN_STR(""), QN_STR(""), text) &&
                 trusts(QN_STR("http://other"), QN_STR(""), text, text));
        QN_CHECK(trusts(QN_STR(""), qn_str_n(text.ptr + origin.host_at, text.len - origin.host_at),
                        QN_STR(""), text));
    }
    /* Only an origin of its own can make a URL the site's. */
    if (trusts(QN_STR("http://localhost:8080"), QN_STR(""), QN_STR(""), url))
        QN_CHECK(web && qn_str_eq(qn_str_n(origin.text, origin.len), QN_STR("http://localhost:8080")));
    (void)trusts(url, url, entries, url);
    (void)trusts(QN_STR(""), entries, entries, url);

    if (gateway_origin_is_path(url))
        QN_CHECK(url.ptr[0] == '/' && !web && qn_str_find(url, '\\') < 0 && qn_str_find(url, '\0') < 0);
    QN_CHECK(gateway_origin_glob(QN_STR("*"), url) &&
             gateway_origin_glob(QN_STR("*?*"), url) == (url.len > 0));
    (void)gateway_origin_glob(entries, url);
    return 0;
}
