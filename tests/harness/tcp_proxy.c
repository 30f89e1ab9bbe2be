#include "tests/harness/tcp_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One thread looks at everything under one lock; the test's thread changes a setting under the same lock and
 * rings. A link is a client's socket, the server's, and for each direction a queue of chunks that pass when
 * they are due. */

enum {
    LINKS_MAX = 128,
    CHUNK = 16384,
    QUEUED_MAX = 64, /* chunks; beyond them a direction is not read, as TCP's window would have it */
};

struct chunk {
    uint64_t due_ms;
    size_t from, len;
    char bytes[CHUNK];
};

struct direction {
    struct chunk *queue[QUEUED_MAX]; /* a ring */
    size_t first, n;
    bool ended; /* its source has said its last; told to the sink once the queue is empty */
    bool told;
};

struct link {
    int fds[2];               /* 0: the client's, 1: the server's; -1: never connected */
    struct direction ways[2]; /* [i]: from fds[i] to fds[!i] */
    bool dead;                /* in the black hole: nothing arrives and nothing is passed on */
};

struct tcp_proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    int bell[2]; /* a pipe */
    uint16_t port, to_port;
    int holder; /* bound to the port, never listening: nobody else gets it while there is no listener */
    int listener;
    enum tcp_proxy_mode mode;
    unsigned delay_ms;
    bool end;
    unsigned changes; /* by the test's thread, so that what poll() saw before is not taken for what is */
    struct link *links[LINKS_MAX];
    size_t n_links, accepted;
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "harness/tcp_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The filter runs before TCP sees a packet: what it drops was lost on the way, as far as TCP can tell. False,
 * and errno, when it is not allowed. */
static bool filter_packets(int fd, bool drop)
{
    struct sock_filter nothing_passes[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const struct sock_fprog program = {.len = 1, .filter = nothing_passes};
    int option = drop ? SO_ATTACH_FILTER : SO_DETACH_FILTER;
    return setsockopt(fd, SOL_SOCKET, option, &program, sizeof program) == 0 || errno == ENOENT;
}

static void drop_packets(int fd, bool drop)
{
    if (fd >= 0 && !filter_packets(fd, drop))
        give_up("filter");
}

bool tcp_proxy_can_black_hole(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("socket");
    bool can = filter_packets(fd, true);
    if (!can)
        fprintf(stderr, "not tried: a network that is gone, for which this machine wants root\n");
    close(fd);
    return can;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Bound with SO_REUSEPORT, so that holder and listener may have the same port and no other program may. */
static int bound(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        give_up("bind");
    return fd;
}

static void listen_now(struct tcp_proxy *proxy)
{
    proxy->listener = bound(proxy->port);
    if (listen(proxy->listener, SOMAXCONN) != 0)
        give_up("listen");
}

/* Links. */

static void link_end(struct tcp_proxy *proxy, size_t at, bool reset)
{
    struct link *link = proxy->links[at];
    const struct linger at_once = {.l_onoff = 1};
    for (int i = 0; i < 2; i++) {
        if (link->fds[i] >= 0 && reset)
            setsockopt(link->fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        if (link->fds[i] >= 0)
            close(link->fds[i]);
        for (size_t k = 0; k < link->ways[i].n; k++)
            free(link->ways[i].queue[(link->ways[i].first + k) % QUEUED_MAX]);
    }
    free(link);
    proxy->links[at] = proxy->links[--proxy->n_links];
}

static void link_begin(struct tcp_proxy *proxy)
{
    struct sockaddr_in address = loopback(proxy->to_port);
    int one = 1, client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return;
    struct link *link = calloc(1, sizeof *link);
    if (!link || proxy->n_links == LINKS_MAX)
        give_up("too many connections");
    proxy->accepted++;
    *link = (struct link){.fds = {client, -1}, .dead = proxy->mode == TCP_PROXY_BLACK_HOLE};
    proxy->links[proxy->n_links++] = link;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (link->dead) { /* it was in the listener's queue already, and does not reach the server any more */
        drop_packets(client, true);
        return;
    }
    int server = link->fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Loopback answers at once. Nobody there: the client hears the same, a little later. */
    if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
        link_end(proxy, proxy->n_links - 1, true);
        return;
    }
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(server, F_SETFL, O_NONBLOCK);
}

/* False: the link has to end with RST. */
static bool read_some(struct tcp_proxy *proxy, struct link *link, int side)
{
    struct direction *way = &link->ways[side];
    struct chunk *chunk = malloc(sizeof *chunk);
    if (!chunk)
        give_up("memory");
    ssize_t got = recv(link->fds[side], chunk->bytes, sizeof chunk->bytes, 0);
    if (got > 0) {
        chunk->due_ms = now_ms() + proxy->delay_ms;
        chunk->from = 0;
        chunk->len = (size_t)got;
        way->queue[(way->first + way->n++) % QUEUED_MAX] = chunk;
        return true;
    }
    free(chunk);
    if (got == 0)
        way->ended = true;
    return got >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool write_some(struct link *link, int side)
{
    struct direction *way = &link->ways[side];
    struct chunk *chunk = way->queue[way->first];
    ssize_t sent = send(link->fds[!side], chunk->bytes + chunk->from, chunk->len - chunk->from, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    chunk->from += (size_t)sent;
    if (chunk->from == chunk->len) {
        free(chunk);
        way->first = (way->first + 1) % QUEUED_MAX;
        way->n--;
    }
    return true;
}

static bool is_due(const struct tcp_proxy *proxy, const struct link *link, int side, uint64_t now)
{
    const struct direction *way = &link->ways[side];
    return way->n > 0 && proxy->mode != TCP_PROXY_HOLD && way->queue[way->first]->due_ms <= now;
}

/* What can be done now is done. */
static void link_step(struct tcp_proxy *proxy, size_t at, const short *events)
{
    struct link *link = proxy->links[at];
    uint64_t now = now_ms();
    bool alive = true;
    for (int i = 0; i < 2 && alive; i++) {
        struct direction *way = &link->ways[i];
        if ((events[i] & (POLLIN | POLLHUP | POLLERR)) && !way->ended && way->n < QUEUED_MAX)
            alive = read_some(proxy, link, i);
        while (alive && is_due(proxy, link, i, now)) {
            size_t n = way->n, from = way->queue[way->first]->from;
            alive = write_some(link, i);
            if (alive && way->n == n && way->queue[way->first]->from == from)
                break; /* the socket is full */
        }
        if (alive && way->ended && way->n == 0 && !way->told && proxy->mode != TCP_PROXY_HOLD) {
            shutdown(link->fds[!i], SHUT_WR);
            way->told = true;
        }
    }
    if (!alive || (link->ways[0].told && link->ways[1].told))
        link_end(proxy, at, !alive);
}

/* What to wait for, and how long. */
static int link_wish(const struct tcp_proxy *proxy, const struct link *link, struct pollfd *polls,
                     int timeout)
{
    uint64_t now = now_ms();
    for (int i = 0; i < 2; i++) {
        const struct direction *in = &link->ways[i];
        short wish = !in->ended && in->n < QUEUED_MAX ? POLLIN : 0;
        if (is_due(proxy, link, !i, now))
            wish |= POLLOUT;
        if (link->dead)
            wish = 0;
        /* Without a wish poll() would still report a hang-up, over and over. */
        polls[i] = (struct pollfd){.fd = wish ? link->fds[i] : -1, .events = wish};
        if (in->n > 0 && proxy->mode != TCP_PROXY_HOLD && !link->dead) {
            uint64_t due = in->queue[in->first]->due_ms;
            int left = due > now ? (int)(due - now) : -1; /* due already: POLLOUT rings */
            timeout = left >= 0 && (timeout < 0 || left < timeout) ? left : timeout;
        }
    }
    return timeout;
}

static void *run(void *context)
{
    struct tcp_proxy *proxy = context;
    struct pollfd polls[2 + 2 * LINKS_MAX];
    pthread_mutex_lock(&proxy->lock);
    while (!proxy->end) {
        int timeout = -1;
        unsigned changes = proxy->changes;
        size_t n_links = proxy->n_links;
        polls[0] = (struct pollfd){.fd = proxy->bell[0], .events = POLLIN};
        polls[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
        for (size_t i = 0; i < n_links; i++)
            timeout = link_wish(proxy, proxy->links[i], &polls[2 + 2 * i], timeout);
        pthread_mutex_unlock(&proxy->lock);
        poll(polls, 2 + 2 * n_links, timeout);
        pthread_mutex_lock(&proxy->lock);
        char rung[64];
        if (polls[0].revents && read(proxy->bell[0], rung, sizeof rung) < 0 && errno != EAGAIN)
            give_up("bell");
        if (proxy->changes != changes)
            continue;
        for (size_t i = n_links; i-- > 0;) { /* from the end: link_end() moves the last one into the gap */
            const short events[] = {polls[2 + 2 * i].revents, polls[3 + 2 * i].revents};
            if (!proxy->links[i]->dead)
                link_step(proxy, i, events);
        }
        if (polls[1].revents)
            link_begin(proxy);
    }
    while (proxy->n_links > 0)
        link_end(proxy, 0, true);
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

/* Under the lock. */
static void ring(struct tcp_proxy *proxy)
{
    proxy->changes++;
    if (write(proxy->bell[1], "", 1) < 0 && errno != EAGAIN)
        give_up("bell");
}

struct tcp_proxy *tcp_proxy_open(uint16_t to_port)
{
    struct tcp_proxy *proxy = calloc(1, sizeof *proxy);
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    if (!proxy || pipe2(proxy->bell, O_CLOEXEC | O_NONBLOCK) != 0)
        give_up("open");
    proxy->to_port = to_port;
    proxy->holder = bound(0);
    if (getsockname(proxy->holder, (struct sockaddr *)&address, &len) != 0)
        give_up("getsockname");
    proxy->port = ntohs(address.sin_port);
    listen_now(proxy);
    pthread_mutex_init(&proxy->lock, NULL);
    if (pthread_create(&proxy->thread, NULL, run, proxy) != 0)
        give_up("thread");
    return proxy;
}

uint16_t tcp_proxy_port(const struct tcp_proxy *proxy)
{
    return proxy->port;
}

void tcp_proxy_set(struct tcp_proxy *proxy, enum tcp_proxy_mode mode)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->mode = mode;
    for (size_t i = proxy->n_links; i-- > 0;) {
        struct link *link = proxy->links[i];
        if (mode == TCP_PROXY_BLACK_HOLE) {
            link->dead = true;
            drop_packets(link->fds[0], true);
            drop_packets(link->fds[1], true);
        } else if (link->dead) {
            link_end(proxy, i, true);
        }
    }
    drop_packets(proxy->listener, mode == TCP_PROXY_BLACK_HOLE);
    if (mode == TCP_PROXY_REFUSE && proxy->listener >= 0) {
        close(proxy->listener);
        proxy->listener = -1;
    } else if (mode != TCP_PROXY_REFUSE && proxy->listener < 0) {
        listen_now(proxy);
    }
    ring(proxy);
    pthread_mutex_unlock(&proxy->lock);
}

void tcp_proxy_delay(struct tcp_proxy *proxy, unsigned delay_ms)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->delay_ms = delay_ms;
    pthread_mutex_unlock(&proxy->lock);
}

void tcp_proxy_reset(struct tcp_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    while (proxy->n_links > 0)
        link_end(proxy, 0, true);
    ring(proxy);
    pthread_mutex_unlock(&proxy->lock);
}

size_t tcp_proxy_connected(struct tcp_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    size_t n = proxy->n_links;
    pthread_mutex_unlock(&proxy->lock);
    return n;
}

size_t tcp_proxy_accepted(struct tcp_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    size_t n = proxy->accepted;
    pthread_mutex_unlock(&proxy->lock);
    return n;
}

void tcp_proxy_close(struct tcp_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->end = true;
    ring(proxy);
    pthread_mutex_unlock(&proxy->lock);
    pthread_join(proxy->thread, NULL);
    pthread_mutex_destroy(&proxy->lock);
    close(proxy->bell[0]);
    close(proxy->bell[1]);
    close(proxy->holder);
    if (proxy->listener >= 0)
        close(proxy->listener);
    free(proxy);
}
