#include "tests/harness/slow_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "tests/harness/daemon.h"

enum {
    PACKET_MAX = 2048, /* a TUN device's MTU is 1,500 */
    /* Under way at once; more are lost. 50 ms of them at 80,000 a second. */
    QUEUE_MAX = 4096,
};

struct packet {
    uint64_t due_us;
    size_t len;
    int to; /* descriptor */
    char bytes[PACKET_MAX];
};

struct slow_link {
    struct slow_link_options options;
    int tuns[2], stop; /* descriptors */
    pthread_t thread;
    uint64_t random;
    struct packet *queue; /* a ring: all are equally late, so the first is due first */
    size_t first, n;
    atomic_uint_fast64_t carried, lost;
};

/* A TUN device belongs to the namespace in which its file was opened. */
static int open_tun(int namespace, const char *name)
{
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(namespace, CLONE_NEWNET) != 0)
        harness_daemon_fail(NULL, "slow_link: cannot enter a namespace: %s", strerror(errno));
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
        harness_daemon_fail(NULL, "slow_link: no TUN device (/dev/net/tun): %s", strerror(errno));
    if (setns(own, CLONE_NEWNET) != 0)
        harness_daemon_fail(NULL, "slow_link: cannot come back: %s", strerror(errno));
    close(own);
    return fd;
}

/* splitmix64 */
static uint64_t next_random(struct slow_link *link)
{
    uint64_t z = link->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* False: nothing is there. */
static bool take(struct slow_link *link, int from, int to)
{
    struct packet packet = {.to = to};
    ssize_t len = read(from, packet.bytes, sizeof packet.bytes);
    if (len <= 0)
        return false;
    if (next_random(link) % 1000 < link->options.loss_permille || link->n == QUEUE_MAX) {
        atomic_fetch_add(&link->lost, 1);
        return true;
    }
    packet.len = (size_t)len;
    packet.due_us = qn_clock_now_us() + link->options.delay_ms * UINT64_C(1000);
    link->queue[(link->first + link->n++) % QUEUE_MAX] = packet;
    return true;
}

/* Hands over what is due; returns for how long nothing will be, -1: until something comes. */
static int hand_over(struct slow_link *link)
{
    uint64_t now_us = qn_clock_now_us();
    while (link->n > 0) {
        struct packet *packet = &link->queue[link->first];
        if (packet->due_us > now_us)
            return (int)((packet->due_us - now_us + 999) / 1000);
        /* A device that is not up refuses it: lost, as on any cable. */
        bool carried = write(packet->to, packet->bytes, packet->len) == (ssize_t)packet->len;
        atomic_fetch_add(carried ? &link->carried : &link->lost, 1);
        link->first = (link->first + 1) % QUEUE_MAX;
        link->n--;
    }
    return -1;
}

static void *carry(void *context)
{
    struct slow_link *link = context;
    struct pollfd fds[] = {{link->tuns[0], POLLIN, 0}, {link->tuns[1], POLLIN, 0}, {link->stop, POLLIN, 0}};
    while (!(fds[2].revents & POLLIN)) {
        for (int i = 0; i < 2; i++)
            while (take(link, link->tuns[i], link->tuns[1 - i])) {
            }
        poll(fds, 3, hand_over(link));
    }
    return NULL;
}

struct slow_link *slow_link_open(const struct slow_link_options *options)
{
    struct slow_link *link = calloc(1, sizeof *link);
    if (link == NULL || (link->queue = calloc(QUEUE_MAX, sizeof *link->queue)) == NULL)
        harness_daemon_fail(NULL, "slow_link: no memory");
    link->options = *options;
    link->random = options->seed;
    for (int i = 0; i < 2; i++)
        link->tuns[i] = open_tun(options->namespaces[i], options->devices[i]);
    link->stop = eventfd(0, EFD_CLOEXEC);
    if (link->stop < 0 || pthread_create(&link->thread, NULL, carry, link) != 0)
        harness_daemon_fail(NULL, "slow_link: no thread");
    return link;
}

struct slow_link_count slow_link_count(struct slow_link *link)
{
    return (struct slow_link_count){atomic_load(&link->carried), atomic_load(&link->lost)};
}

void slow_link_close(struct slow_link *link)
{
    eventfd_write(link->stop, 1);
    pthread_join(link->thread, NULL);
    for (int i = 0; i < 2; i++)
        close(link->tuns[i]);
    close(link->stop);
    free(link->queue);
    free(link);
}
