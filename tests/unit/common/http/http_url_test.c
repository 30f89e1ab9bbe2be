#include <string.h>

#include "common/core/check.h"
#include "common/http/http_client_private.h"
#include "tests/harness/test.h"

static void test_urls_that_are_fine(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *authority;
        unsigned port;
    } fine[] = {
        {"http://127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080", 8080},
        {"http://127.0.0.1:8080/", "127.0.0.1", "127.0.0.1:8080", 8080},
        {"HTTP://gateway", "gateway", "gateway", 80},
        {"http://my-site.example_1.com:80", "my-site.example_1.com", "my-site.example_1.com:80", 80},
        {"http://[::1]:3000", "::1", "[::1]:3000", 3000},
        {"http://[::ffff:127.0.0.1]", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]", 80},
        {"http://localhost:65535", "localhost", "localhost:65535", 65535},
    };
    for (size_t i = 0; i < QN_COUNT(fine); i++) {
        struct qn_http_url url;
        struct qn_error err = {0};
        if (qn_http_url_parse(fine[i].text, &url, &err) != QN_OK)
            fail_msg("%s", err.message);
        assert_string_equal(url.host, fine[i].host);
        assert_string_equal(url.authority, fine[i].authority);
        assert_int_equal(url.port, fine[i].port);
    }
}

static void test_urls_that_are_not(void **state)
{
    (void)state;
    static char long_host[300] = "http://";
    memset(long_host + 7, 'a', sizeof long_host - 8);
    const struct {
        const char *text, *words;
    } bad[] = {
        {NULL, "http://"},
        {"", "http://"},
        {"127.0.0.1:8080", "does not begin with http://"},
        {"ipc:///run/x", "does not begin with http://"},
        {"https://site.example", "https is not spoken here"},
        {"HTTPS://site.example", "https is not spoken here"},
        {"http://", "no host"},
        {"http:///", "no host"},
        {"http://:80", "no host"},
        {"http://a b", "no host"},
        {"http://a\r\nX: y", "no host"},
        {"http://[::1", "no host"},
        {"http://[]:80", "no host"},
        {"http://[::1]80", "no host"},
        {"http://[fe80::1%25eth0]", "no host"},
        {"http://::1:80", "no host"},
        {long_host, "no host"},
        {"http://a:", "port"},
        {"http://a:0", "port"},
        {"http://a:65536", "port"},
        {"http://a:-1", "port"},
        {"http://a:http", "port"},
        {"http://a/b", "the path belongs to the request"},
        {"http://a//", "the path belongs to the request"},
        {"http://a?b", "the path belongs to the request"},
        {"http://a#b", "the path belongs to the request"},
        {"http://me:secret@a", "Authorization"},
    };
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        struct qn_http_url url;
        struct qn_error err = {0};
        assert_int_equal(qn_http_url_parse(bad[i].text, &url, &err), QN_INVALID_ARGUMENT);
        if (!strstr(err.message, bad[i].words))
            fail_msg("\"%s\" does not say \"%s\"", err.message, bad[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls_that_are_fine),
                                       cmocka_unit_test(test_urls_that_are_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
