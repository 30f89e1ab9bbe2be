#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/listen.h"
#include "tests/harness/test.h"

static void test_addresses_are_parsed(void **state)
{
    (void)state;
    struct qn_listen_address address;
    assert_true(qn_listen_parse("127.0.0.1:8080", &address));
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.bytes;
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), 0x7f000001);
    assert_int_equal(ntohs(v4->sin_port), 8080);
    assert_int_equal(address.len, sizeof *v4);

    assert_true(qn_listen_parse("localhost:0", &address));
    assert_int_equal(ntohl(v4->sin_addr.s_addr), 0x7f000001);
    assert_true(qn_listen_parse("0.0.0.0:65535", &address));

    assert_true(qn_listen_parse("[2001:db8::1]:443", &address));
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.bytes;
    assert_int_equal(v6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(v6->sin6_port), 443);
    assert_int_equal(v6->sin6_addr.s6_addr[15], 1);
    assert_int_equal(address.len, sizeof *v6);
}

static void test_what_is_no_address(void **state)
{
    (void)state;
    static const char *const texts[] = {
        NULL,
        "",
        ":",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "example.com:80",
        "127.0.0.1.:80",
        "1.2.3:80",
        "[::1]",
        "[::1:80",
        "::1:80",
        "[::1]80",
        "[]:80",
        "[127.0.0.1]:80",
        "[::1%lo]:80",
        "*:80",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee]:1",
    };
    for (size_t i = 0; i < QN_COUNT(texts); i++) {
        struct qn_listen_address address;
        if (qn_listen_parse(texts[i], &address))
            fail_msg("\"%s\" was taken", texts[i]);
    }
}

static void test_port_0_takes_a_free_one_and_tells_it(void **state)
{
    (void)state;
    int first, second, third;
    char text[QN_LISTEN_TEXT_MAX], other[QN_LISTEN_TEXT_MAX];
    assert_int_equal(qn_listen_open("127.0.0.1:0", &first, NULL), QN_OK);
    assert_int_equal(qn_listen_open("127.0.0.1:0", &second, NULL), QN_OK);
    assert_true(qn_listen_text(first, text));
    assert_true(qn_listen_text(second, other));
    assert_int_equal(strncmp(text, "127.0.0.1:", 10), 0);
    assert_string_not_equal(text, "127.0.0.1:0");
    assert_string_not_equal(text, other);

    struct qn_error err = {0};
    assert_int_equal(qn_listen_open(text, &third, &err), QN_ALREADY_EXISTS);
    assert_non_null(strstr(err.message, text));
    close(first);
    assert_int_equal(qn_listen_open(text, &third, &err), QN_OK); /* at once, in spite of TIME_WAIT */
    close(second);
    close(third);
}

static void test_an_address_of_another_machine(void **state)
{
    (void)state;
    int fd;
    struct qn_error err = {0};
    assert_int_equal(qn_listen_open("192.0.2.1:0", &fd, &err), QN_UNAVAILABLE); /* RFC 5737: of no machine */
    assert_non_null(strstr(err.message, "192.0.2.1:0"));
    assert_int_equal(qn_listen_open("nonsense", &fd, &err), QN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "nonsense"));
}

static void test_other_descriptors_have_no_address(void **state)
{
    (void)state;
    char text[QN_LISTEN_TEXT_MAX];
    int ends[2], pair[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_false(qn_listen_text(ends[0], text));
    assert_false(qn_listen_text(pair[0], text));
    assert_false(qn_listen_text(-1, text));
    close(ends[0]);
    close(ends[1]);
    close(pair[0]);
    close(pair[1]);
}

static void test_peers(void **state)
{
    (void)state;
    char text[QN_PEER_TEXT_MAX];
    struct qn_listen_address address;
    assert_true(qn_listen_parse("192.0.2.7:1", &address));
    qn_listen_peer_text((const struct sockaddr *)&address.bytes, text);
    assert_string_equal(text, "192.0.2.7");
    assert_true(qn_listen_parse("[2001:db8::1]:1", &address));
    qn_listen_peer_text((const struct sockaddr *)&address.bytes, text);
    assert_string_equal(text, "2001:db8::1");
    assert_true(qn_listen_parse("[::ffff:192.0.2.7]:1", &address));
    qn_listen_peer_text((const struct sockaddr *)&address.bytes, text);
    assert_string_equal(text, "192.0.2.7");
    address.bytes.ss_family = AF_UNIX;
    qn_listen_peer_text((const struct sockaddr *)&address.bytes, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_parsed),
        cmocka_unit_test(test_what_is_no_address),
        cmocka_unit_test(test_port_0_takes_a_free_one_and_tells_it),
        cmocka_unit_test(test_an_address_of_another_machine),
        cmocka_unit_test(test_other_descriptors_have_no_address),
        cmocka_unit_test(test_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
