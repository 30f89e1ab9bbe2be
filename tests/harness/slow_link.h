#ifndef QN_TESTS_SLOW_LINK_H
#define QN_TESTS_SLOW_LINK_H

#include <stdint.h>

/* A cable that is long and bad: two TUN devices, one in each of two network namespaces, and a thread that
 * carries packets from either to the other, late, and loses some. (The kernel's own way is netem, which not
 * every kernel has.) Packets keep their order. Whatever goes wrong in here ends the test process. */
struct slow_link;

struct slow_link_options {
    int namespaces[2];      /* descriptors */
    const char *devices[2]; /* names of the devices to make there; they are down, and have no routes */
    unsigned delay_ms;      /* of each packet, either way */
    unsigned loss_permille;
    uint64_t seed; /* which packets are lost: of the same ones, in the same order, the same */
};

struct slow_link *slow_link_open(const struct slow_link_options *options);

/* Packets so far, of both directions. */
struct slow_link_count {
    uint64_t carried, lost;
};
struct slow_link_count slow_link_count(struct slow_link *link);

/* The devices go with it, and what is under way. */
void slow_link_close(struct slow_link *link);

#endif
