#include "services/gateway/address.h"
#include "tests/harness/test.h"

/* What is settled for a peer and a header, under a list of trusted proxies. */
static void expect(const char *peer, const char *forwarded_for, const char *trusted, const char *address)
{
    struct qn_arena arena;
    qn_arena_init(&arena, 4096);
    struct qn_str header = forwarded_for ? qn_str_c(forwarded_for) : (struct qn_str){0};
    struct qn_str got = gateway_address_settle(qn_str_c(peer), header, trusted, &arena);
    assert_int_equal(got.len, strlen(address));
    assert_memory_equal(got.ptr, address, got.len);
    qn_arena_fini(&arena);
}

static void test_single_address(void **state)
{
    (void)state;
    expect("127.0.0.1", "203.0.113.7", "loopback", "203.0.113.7");
    expect("127.0.0.1", "  203.0.113.7 ", "loopback", "203.0.113.7");
    expect("::1", "203.0.113.7", "loopback", "203.0.113.7");
    expect("127.0.0.1", NULL, "loopback", "");
    expect("127.0.0.1", "", "loopback", "");
}

/* Better Auth writes IPv6 expanded and masked to /64, and IPv4-mapped IPv6 as IPv4: sessions of both programs
 * stand in one table. */
static void test_ipv6_is_spelled_as_better_auth_does(void **state)
{
    (void)state;
    expect("127.0.0.1", "2001:db8:1:2:3:4:5:6", "loopback", "2001:0db8:0001:0002:0000:0000:0000:0000");
    expect("127.0.0.1", "2001:DB8::1", "loopback", "2001:0db8:0000:0000:0000:0000:0000:0000");
    expect("127.0.0.1", "::ffff:203.0.113.9", "loopback", "203.0.113.9");
}

static void test_nothing_is_believed_of_a_stranger(void **state)
{
    (void)state;
    expect("203.0.113.1", "198.51.100.1", "loopback", "");
    expect("10.0.0.1", "198.51.100.1", "loopback", "");
    expect("10.0.0.1", "198.51.100.1", "10.0.0.0/8", "198.51.100.1");
    expect("11.0.0.1", "198.51.100.1", "10.0.0.0/8", "");
    expect("not an address", "198.51.100.1", "loopback", "");
}

/* A client may send any list it likes: by default a list proves nothing, and with named proxies only what the
 * last of them added does. */
static void test_lists(void **state)
{
    (void)state;
    expect("127.0.0.1", "198.51.100.1, 203.0.113.7", "loopback", "");
    expect("10.0.0.1", "198.51.100.1, 203.0.113.7", "10.0.0.0/8", "203.0.113.7");
    expect("10.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3", "loopback, 10.0.0.0/8", "203.0.113.7");
    expect("10.0.0.1", "10.0.0.9, 10.1.2.3", "10.0.0.0/8", "");
    expect("10.0.0.1", "198.51.100.1, junk, 10.1.2.3", "10.0.0.0/8", "");
    expect("10.0.0.1", "198.51.100.1,", "10.0.0.0/8", "");
}

/* For counting: who speaks to us directly has the address we see; who comes through a proxy has not. */
static void expect_stranger(const char *peer, const char *trusted, const char *address)
{
    struct qn_arena arena;
    qn_arena_init(&arena, 4096);
    struct qn_str got = gateway_address_of_stranger(qn_str_c(peer), trusted, &arena);
    assert_int_equal(got.len, strlen(address));
    assert_memory_equal(got.ptr, address, got.len);
    qn_arena_fini(&arena);
}

static void test_strangers_and_proxies(void **state)
{
    (void)state;
    expect_stranger("203.0.113.1", "loopback", "203.0.113.1");
    expect_stranger("2001:db8:1:2:3::4", "loopback", "2001:0db8:0001:0002:0000:0000:0000:0000");
    expect_stranger("127.0.0.1", "loopback", "");
    expect_stranger("127.0.0.1", "10.0.0.0/8", "127.0.0.1");
    expect_stranger("10.1.2.3", "10.0.0.0/8", "");
    expect_stranger("", "loopback", "");
    assert_true(gateway_address_is_trusted(QN_STR("::1"), "loopback"));
    assert_true(gateway_address_is_trusted(QN_STR("::ffff:10.1.2.3"), "loopback,10.0.0.0/8"));
    assert_false(gateway_address_is_trusted(QN_STR("203.0.113.1"), "loopback"));
    assert_false(gateway_address_is_trusted(QN_STR(""), "loopback"));
}

static void test_junk(void **state)
{
    (void)state;
    expect("127.0.0.1", "unknown", "loopback", "");
    expect("127.0.0.1", "203.0.113.7:1234", "loopback", "");
    expect("127.0.0.1", "203.0.113.256", "loopback", "");
    expect("127.0.0.1", "203.0.113.7 x", "loopback", "");
    struct qn_arena arena;
    qn_arena_init(&arena, 4096);
    static const char nul[] = "203.0.113.7\0x"; /* inet_pton() would stop there */
    assert_int_equal(
        gateway_address_settle(QN_STR("::1"), qn_str_n(nul, sizeof nul - 1), "loopback", &arena).len, 0);
    qn_arena_fini(&arena);
}

static void test_blocks_by_bits(void **state)
{
    (void)state;
    expect("172.16.5.4", "198.51.100.1", "172.16.0.0/12", "198.51.100.1");
    expect("172.31.255.255", "198.51.100.1", "172.16.0.0/12", "198.51.100.1");
    expect("172.32.0.0", "198.51.100.1", "172.16.0.0/12", "");
    expect("fd00:1::5", "198.51.100.1", "fd00::/8", "198.51.100.1");
    expect("fe00:1::5", "198.51.100.1", "fd00::/8", "");
    expect("1.2.3.4", "198.51.100.1", "0.0.0.0/0", "198.51.100.1");
}

static void test_list_of_proxies(void **state)
{
    (void)state;
    assert_true(gateway_address_list_valid("loopback"));
    assert_true(gateway_address_list_valid("10.0.0.0/8, ::1, fd00::/8,loopback"));
    assert_true(gateway_address_list_valid(""));
    assert_false(gateway_address_list_valid("10.0.0.0/33"));
    assert_false(gateway_address_list_valid("10.0.0/8"));
    assert_false(gateway_address_list_valid("localhost"));
    assert_false(gateway_address_list_valid("::1/129"));
    assert_false(gateway_address_list_valid("10.0.0.0/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_address),
        cmocka_unit_test(test_ipv6_is_spelled_as_better_auth_does),
        cmocka_unit_test(test_nothing_is_believed_of_a_stranger),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_strangers_and_proxies),
        cmocka_unit_test(test_junk),
        cmocka_unit_test(test_blocks_by_bits),
        cmocka_unit_test(test_list_of_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
