#ifndef QN_TESTS_TCP_PROXY_H
#define QN_TESTS_TCP_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A TCP proxy on loopback that makes a network's faults, in a thread of its own: for a service in front of a
 * real server (PostgreSQL, with PQcancel()'s connections going through it as well).
 *
 * Calls are made on one thread; whatever goes wrong in here ends the test process.
 */
struct tcp_proxy;

enum tcp_proxy_mode {
    TCP_PROXY_FORWARD,
    /* A short outage: connections are accepted, but no byte passes; all of them pass later, as TCP would send
     * them again. */
    TCP_PROXY_HOLD,
    /* A network that is gone: every packet that arrives here, from either side, is dropped by the kernel (a
     * socket filter) and so never acknowledged, a connection attempt's first one too. Whatever is connected
     * is dead for good. When the mode changes it is reset on both sides, which is what their next packet
     * would be answered with after a failover or by a forgetful NAT. */
    TCP_PROXY_BLACK_HOLE,
    /* No listener: a connection attempt is refused. What is connected stays and is forwarded. */
    TCP_PROXY_REFUSE,
};

/* Whether this user may make a TCP_PROXY_BLACK_HOLE: some kernels let only root filter a socket's packets.
 * Says so where not; a test that wants one then skips. */
bool tcp_proxy_can_black_hole(void);

/* On a free port, forwarding to 127.0.0.1:to_port. */
struct tcp_proxy *tcp_proxy_open(uint16_t to_port);
/* Stays the same, whatever the mode. */
uint16_t tcp_proxy_port(const struct tcp_proxy *proxy);

/* In force when it returns. */
void tcp_proxy_set(struct tcp_proxy *proxy, enum tcp_proxy_mode mode);
/* Every byte read from now on passes that much later, in each direction; 0: at once. */
void tcp_proxy_delay(struct tcp_proxy *proxy, unsigned delay_ms);
/* Ends all that is connected with RST on both sides. New ones are taken as the mode has it. */
void tcp_proxy_reset(struct tcp_proxy *proxy);

/* How many are connected now, and how many ever were. */
size_t tcp_proxy_connected(struct tcp_proxy *proxy);
size_t tcp_proxy_accepted(struct tcp_proxy *proxy);

/* Ends everything; frees it. */
void tcp_proxy_close(struct tcp_proxy *proxy);

#endif
