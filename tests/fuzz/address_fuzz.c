#include <arpa/inet.h>
#include <stdint.h>

#include "common/core/check.h"
#include "services/gateway/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* X-Forwarded-For as anybody may send it, and the list of proxies as an operator may mistype it. What is
 * settled is an address in Better Auth's spelling, which settled again is itself; a proxy's own address never
 * is. The input is the header, and after a newline the list. */

enum { INPUT_MAX = 4096 };

static const char *const LISTS[] = {"loopback", "10.0.0.0/8, loopback, 2001:db8::/32", "0.0.0.0/0"};

static void settle(struct qn_str header, const char *trusted)
{
    struct qn_arena arena;
    unsigned char bytes[sizeof(struct in6_addr)];
    qn_arena_init(&arena, 64 * 1024);
    struct qn_str got = gateway_address_settle(QN_STR("127.0.0.1"), header, trusted, &arena);
    if (got.len) {
        QN_CHECK(got.len == strlen(got.ptr));
        QN_CHECK(inet_pton(AF_INET, got.ptr, bytes) == 1 || inet_pton(AF_INET6, got.ptr, bytes) == 1);
        struct qn_str again = gateway_address_settle(QN_STR("127.0.0.1"), got, "loopback", &arena);
        QN_CHECK(qn_str_eq(got, again));
    }
    /* Nothing is believed of a peer that is no proxy, or has no address. */
    QN_CHECK(gateway_address_settle(QN_STR("192.0.2.1"), header, "loopback", &arena).len == 0);
    (void)gateway_address_settle(header, QN_STR("192.0.2.1"), trusted, &arena);
    qn_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str rest = qn_str_n((const char *)data, size), header = {0};
    char list[INPUT_MAX + 1];
    if (size > INPUT_MAX || !qn_str_next(&rest, '\n', &header))
        return 0;
    for (size_t i = 0; i < QN_COUNT(LISTS); i++)
        settle(header, LISTS[i]);
    if (rest.len)
        memcpy(list, rest.ptr, rest.len);
    list[rest.len] = '\0';
    (void)gateway_address_list_valid(list);
    settle(header, list);
    return 0;
}
