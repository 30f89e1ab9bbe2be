#ifndef QN_TESTS_NETWORK_H
#define QN_TESTS_NETWORK_H

#include <stddef.h>
#include <stdint.h>

/* A network of the test's own, as several machines have it: hosts, each a network namespace with one address
 * and one cable to the router, which is the test process itself, and a name server (dnsmasq) on a host of its
 * own. Nothing of it is seen by the machine or by another test: the test process leaves the machine's
 * network, and gets an /etc/resolv.conf of its own. All of it goes with the process, however that ends.
 *
 * Root makes it as it is; who is not root, in a user namespace. Where neither is allowed the test process
 * ends and says so, as it does whenever something goes wrong in here. One test thread. */

struct network_host;

/* The router's address, in everybody's reach: servers of the test that listen on all addresses, or on it. */
#define NETWORK_ROUTER "10.77.0.1"
/* The pattern of all addresses. */
#define NETWORK_ALL "10.77.0.0/24"

/* First of all in main(): before anything else of the harness, and before there is a second thread. */
void network_begin(void);

/* One more host, up and connected. Lives as long as the process. */
struct network_host *network_host(void);

const char *network_address(const struct network_host *host); /* "10.77.0.3" */
/* Its namespace, for harness_service_options. */
int network_namespace(const struct network_host *host);

/* What a name resolves to from now on: the addresses of these hosts, or, with none of them, nothing. The
 * address in text, for one that is no host. Names end in ".quintet.test". Answers may not be kept (TTL 0). */
void network_name(const char *name, struct network_host *const *hosts, size_t n_hosts);
void network_name_address(const char *name, const char *address);

/* The host of the name server, to be cut off. */
struct network_host *network_name_server(void);

/* A connected socket from one host to a port of another; -1 when nobody listens there. */
int network_dial(const struct network_host *from, const struct network_host *to, uint16_t port);

/* How many connections to this port of its own a host has, dead ones that it does not know of included. */
size_t network_connections(const struct network_host *host, uint16_t port);

/* Faults. */

/* Cuts the host's cable: no packet passes, and nobody is told. */
void network_cut(const struct network_host *host);
/* Mends it. */
void network_heal(const struct network_host *host);

/* From now on who sends something on a TCP connection of the host's is answered with a reset; new ones
 * are begun in vain. Until network_heal(). */
void network_reset(const struct network_host *host);

/* The host's cable is a slow_link from now on; connections live on. */
void network_slow(struct network_host *host, unsigned delay_ms, unsigned loss_permille, uint64_t seed);
/* Packets that were lost on it; 0 when it is not slow. */
uint64_t network_lost(struct network_host *host);
void network_fast(struct network_host *host);

#endif
