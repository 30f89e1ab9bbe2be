#ifndef GATEWAY_ADDRESS_H
#define GATEWAY_ADDRESS_H

#include "common/http/httpd.h"

/* QUINTET_TRUSTED_PROXIES when it is not set. */
#define GATEWAY_ADDRESS_DEFAULT "loopback"

/* The client's address as Better Auth would write it into a session: from X-Forwarded-For alone, when the
 * peer is a trusted proxy. A single valid address counts; a list only when trusted proxies were named: then
 * the rightmost that is not itself one. IPv6 is written expanded, in lower case and masked to /64;
 * IPv4-mapped IPv6 as IPv4. Empty when nothing can be believed. The text lives in the arena.
 *
 * trusted: comma-separated addresses and CIDR blocks; "loopback" stands for 127.0.0.0/8 and ::1. */
struct qn_str gateway_address_of_client(const struct qn_exchange *exchange, const char *trusted,
                                        struct qn_arena *arena);

/* The same from its parts: the peer's address and the header's value (ptr NULL: none). */
struct qn_str gateway_address_settle(struct qn_str peer, struct qn_str forwarded_for, const char *trusted,
                                     struct qn_arena *arena);

/* Whether the peer is one of the trusted proxies. */
bool gateway_address_is_trusted(struct qn_str peer, const char *trusted);

/* The peer's own address in the same spelling; empty when the peer is a trusted proxy, whose address says
 * nothing of the client, or has none. */
struct qn_str gateway_address_of_stranger(struct qn_str peer, const char *trusted, struct qn_arena *arena);

/* Whether every entry of the list is an address, a CIDR block or "loopback". */
bool gateway_address_list_valid(const char *trusted);

#endif
