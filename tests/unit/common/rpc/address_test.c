#include <stdio.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/rpc/address.h"
#include "tests/harness/test.h"

static struct qn_address good(const char *text)
{
    struct qn_address address;
    struct qn_error err = {0};
    if (qn_address_parse(text, &address, &err) != QN_OK)
        fail_msg("%s: %s", text, err.message);
    return address;
}

static void bad(const char *text)
{
    struct qn_address address;
    struct qn_error err = {0};
    if (qn_address_parse(text, &address, &err) != QN_INVALID_ARGUMENT)
        fail_msg("%s is taken", text);
    assert_true(err.message[0] != '\0');
}

static void test_tcp(void **state)
{
    (void)state;
    struct qn_address address = good("tcp://profile.default.svc:7001");
    assert_int_equal(address.kind, QN_ADDRESS_TCP);
    assert_string_equal(address.host, "profile.default.svc");
    assert_int_equal(address.port, 7001);
    address = good("tls+tcp://[2001:db8::1]:65535");
    assert_int_equal(address.kind, QN_ADDRESS_TLS);
    assert_string_equal(address.host, "2001:db8::1");
    assert_int_equal(address.port, 65535);
    assert_int_equal(good("tcp://0.0.0.0:0").port, 0);
}

static void test_bad_tcp(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "tcp://",      "tcp://host", "tcp://:1",      "tcp://host:",       "tcp://host:x", "tcp://host:65536",
        "tcp://::1:1", "tcp://[]:1", "tcp://host:-1", "tcp://host:1/path", "tcp://a/b:1",
    };
    for (size_t i = 0; i < QN_COUNT(texts); i++)
        bad(texts[i]);
    char text[400];
    snprintf(text, sizeof(text), "tcp://%0300d:1", 0);
    bad(text);
}

static void test_ipc(void **state)
{
    (void)state;
    struct qn_address address = good("ipc:///run/quintet/auth");
    assert_int_equal(address.kind, QN_ADDRESS_FOLDER);
    assert_string_equal(address.path, "/run/quintet/auth");
    address = good("ipc:///run/quintet/auth/12.sock");
    assert_int_equal(address.kind, QN_ADDRESS_SOCKET);
    /* One folder has one name. */
    assert_string_equal(good("ipc:////run//quintet/./auth/").path, "/run/quintet/auth");
    /* Relative to the working directory. */
    char here[512], want[600];
    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(want, sizeof(want), "%s/.quintet/rpc", here);
    assert_string_equal(good("ipc://.quintet/rpc").path, want);
    assert_string_equal(good("ipc://./.quintet/rpc").path, want);
    bad("ipc://");
    bad("ipc:///");
    char text[1200];
    snprintf(text, sizeof(text), "ipc:///%01100d", 0);
    bad(text);
}

static void test_inproc_and_others(void **state)
{
    (void)state;
    struct qn_address address = good("inproc://test");
    assert_int_equal(address.kind, QN_ADDRESS_INPROC);
    assert_string_equal(address.path, "test");
    bad("inproc://");
    bad("");
    bad("http://host:1");
    bad("host:1");
    bad("TCP://host:1");
}

static void test_url(void **state)
{
    (void)state;
    char url[QN_ADDRESS_URL_MAX];
    qn_address_url(QN_ADDRESS_TCP, "192.0.2.1", 7001, url);
    assert_string_equal(url, "tcp://192.0.2.1:7001");
    qn_address_url(QN_ADDRESS_TLS, "::1", 1, url);
    assert_string_equal(url, "tls+tcp://[::1]:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp), cmocka_unit_test(test_bad_tcp),           cmocka_unit_test(test_ipc),
        cmocka_unit_test(test_url), cmocka_unit_test(test_inproc_and_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
