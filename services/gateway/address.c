#include "services/gateway/address.h"

#include <arpa/inet.h>
#include <string.h>

/* An address in 16 bytes; IPv4 in its IPv4-mapped form (RFC 4291, 2.5.5.2), so that one comparison serves
 * both. */
struct address {
    uint8_t bytes[16];
};

static const uint8_t MAPPED_PREFIX[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct address *a)
{
    return memcmp(a->bytes, MAPPED_PREFIX, sizeof MAPPED_PREFIX) == 0;
}

static bool parse(struct qn_str text, struct address *ret)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || qn_str_find(text, '\0') >= 0)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &ret->bytes[12]) == 1) {
        memcpy(ret->bytes, MAPPED_PREFIX, sizeof MAPPED_PREFIX);
        return true;
    }
    return inet_pton(AF_INET6, copy, ret->bytes) == 1;
}

static bool within(const struct address *a, const struct address *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, net->bytes, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return rest == 0 || (a->bytes[whole] & mask) == (net->bytes[whole] & mask);
}

/* "10.0.0.0/8" → net and bits of the 16-byte form. */
static bool parse_block(struct qn_str text, struct address *ret_net, unsigned *ret_bits)
{
    ptrdiff_t slash = qn_str_find(text, '/');
    if (!parse(slash < 0 ? text : qn_str_n(text.ptr, (size_t)slash), ret_net))
        return false;
    bool v4 = is_v4(ret_net);
    uint64_t bits = v4 ? 32 : 128;
    if (slash >= 0) {
        struct qn_str tail = qn_str_n(text.ptr + slash + 1, text.len - (size_t)slash - 1);
        uint64_t given;
        if (!qn_str_to_u64(tail, &given) || given > bits)
            return false;
        bits = given;
    }
    *ret_bits = (unsigned)bits + (v4 ? 96 : 0);
    return true;
}

static bool entry_holds(struct qn_str entry, const struct address *a)
{
    struct address net;
    unsigned bits;
    if (qn_str_eq(entry, QN_STR("loopback")))
        return (is_v4(a) && a->bytes[12] == 127) ||
               memcmp(a->bytes, &(const struct address){.bytes[15] = 1}, sizeof *a) == 0;
    return parse_block(entry, &net, &bits) && within(a, &net, bits);
}

static bool trusts(const char *trusted, const struct address *a)
{
    struct qn_str rest = qn_str_c(trusted), entry;
    while (qn_str_next(&rest, ',', &entry)) {
        if (entry_holds(qn_str_trim(entry), a))
            return true;
    }
    return false;
}

bool gateway_address_list_valid(const char *trusted)
{
    struct qn_str rest = qn_str_c(trusted), entry;
    while (qn_str_next(&rest, ',', &entry)) {
        struct address net;
        unsigned bits;
        entry = qn_str_trim(entry);
        if (entry.len && !qn_str_eq(entry, QN_STR("loopback")) && !parse_block(entry, &net, &bits))
            return false;
    }
    return true;
}

/* Better Auth's spelling: IPv4 dotted; IPv6 in eight full groups with the last four zero. */
static struct qn_str spell(const struct address *a, struct qn_arena *arena)
{
    const uint8_t *b = a->bytes;
    char *text = is_v4(a) ? qn_arena_printf(arena, "%u.%u.%u.%u", b[12], b[13], b[14], b[15])
                          : qn_arena_printf(arena, "%02x%02x:%02x%02x:%02x%02x:%02x%02x:0000:0000:0000:0000",
                                            b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
    return qn_str_c(text ? text : "");
}

struct qn_str gateway_address_settle(struct qn_str peer, struct qn_str forwarded_for, const char *trusted,
                                     struct qn_arena *arena)
{
    struct address near, client;
    if (!forwarded_for.ptr || !parse(peer, &near) || !trusts(trusted, &near))
        return QN_STR("");
    if (qn_str_find(forwarded_for, ',') < 0)
        return parse(qn_str_trim(forwarded_for), &client) ? spell(&client, arena) : QN_STR("");
    if (qn_str_eq(qn_str_c(trusted), QN_STR(GATEWAY_ADDRESS_DEFAULT)))
        return QN_STR(""); /* nobody has said which proxies there are: a list proves nothing */
    /* Each proxy appends the peer it saw: walk from the right past those we trust; one that is no address
     * ends the walk. */
    struct qn_str rest = forwarded_for;
    while (rest.len) {
        ptrdiff_t comma = qn_str_rfind(rest, ',');
        struct qn_str last = qn_str_n(rest.ptr + comma + 1, rest.len - (size_t)(comma + 1));
        if (!parse(qn_str_trim(last), &client))
            return QN_STR("");
        if (!trusts(trusted, &client))
            return spell(&client, arena);
        rest.len = comma < 0 ? 0 : (size_t)comma;
    }
    return QN_STR("");
}

bool gateway_address_is_trusted(struct qn_str peer, const char *trusted)
{
    struct address near;
    return parse(peer, &near) && trusts(trusted, &near);
}

struct qn_str gateway_address_of_stranger(struct qn_str peer, const char *trusted, struct qn_arena *arena)
{
    struct address near;
    return parse(peer, &near) && !trusts(trusted, &near) ? spell(&near, arena) : QN_STR("");
}

struct qn_str gateway_address_of_client(const struct qn_exchange *exchange, const char *trusted,
                                        struct qn_arena *arena)
{
    /* Some proxies (HAProxy) add a line of their own below the client's: only together do they tell. */
    return gateway_address_settle(exchange->peer, qn_exchange_header_list(exchange, "X-Forwarded-For"),
                                  trusted, arena);
}
