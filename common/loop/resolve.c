#include "common/loop/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/loop/private.h"

/* One look-up: 1. a numeric host is its own answer  2. getaddrinfo on a thread of libuv's pool  3. the
 * addresses are written out. Cancelled before a thread took it up: done comes in the next turn. While
 * getaddrinfo runs it cannot be interrupted: done comes when it returns, and the embedding object must wait
 * for it. */

struct lookup {
    uv_getaddrinfo_t uv;
    struct qn_loop *loop;
    struct qn_resolve *resolve;
    bool cancelled;
    enum qn_status status; /* for an answer without a look-up */
};

static void finish(struct lookup *lookup, enum qn_status status)
{
    struct qn_resolve *resolve = lookup->resolve;
    resolve->handle = NULL;
    if (lookup->cancelled)
        status = QN_CANCELLED;
    if (status != QN_OK)
        resolve->n_addresses = 0;
    lookup->loop->n_resolving--;
    free(lookup);
    resolve->done(resolve, status);
}

static void add_address(struct qn_resolve *resolve, const char *address)
{
    for (size_t i = 0; i < resolve->n_addresses; i++) {
        if (strcmp(resolve->addresses[i], address) == 0)
            return; /* glibc gives 127.0.0.1 for each line of /etc/hosts, that of ::1 included */
    }
    if (resolve->n_addresses < QN_RESOLVE_MAX)
        memcpy(resolve->addresses[resolve->n_addresses++], address, strlen(address) + 1);
}

static void on_answer(uv_getaddrinfo_t *request, int uv_status, struct addrinfo *found)
{
    struct lookup *lookup = container_of(request, struct lookup, uv);
    enum qn_status status = qn_loop_status(uv_status);
    for (struct addrinfo *one = found; status == QN_OK && one; one = one->ai_next) {
        char address[QN_ADDRESS_TEXT_MAX];
        if (getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST) == 0)
            add_address(lookup->resolve, address);
    }
    uv_freeaddrinfo(found);
    if (status == QN_OK && lookup->resolve->n_addresses == 0)
        status = QN_NOT_FOUND;
    if (status != QN_OK && status != QN_NOT_FOUND && status != QN_CANCELLED)
        status = QN_UNAVAILABLE;
    finish(lookup, status);
}

static void on_known(struct qn_later *later)
{
    struct qn_resolve *resolve = container_of(later, struct qn_resolve, later);
    struct lookup *lookup = resolve->handle;
    finish(lookup, lookup->status);
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return strlen(host) < QN_ADDRESS_TEXT_MAX &&
           (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1);
}

void qn_resolve_start(struct qn_loop *loop, struct qn_resolve *resolve, const char *host,
                      void (*done)(struct qn_resolve *resolve, enum qn_status status))
{
    QN_CHECK(!resolve->handle);
    struct lookup *lookup = calloc(1, sizeof *lookup);
    QN_CHECK(lookup); /* 'done' could not be told otherwise; a few hundred bytes */
    lookup->loop = loop;
    lookup->resolve = resolve;
    resolve->handle = lookup;
    resolve->done = done;
    resolve->n_addresses = 0;
    loop->n_resolving++;

    if (is_numeric(host)) {
        add_address(resolve, host);
        qn_later_start(loop, &resolve->later, on_known);
        return;
    }
    /* All addresses, whether this machine has a route or not: a peer list finds out which answer. */
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int uv_status =
        *host ? uv_getaddrinfo(&loop->uv, &lookup->uv, on_answer, host, NULL, &hints) : UV_EAI_NONAME;
    if (uv_status != 0) {
        /* Not a name at all (too long, not to be encoded), or no memory for the request. */
        lookup->status = uv_status == UV_ENOMEM ? QN_UNAVAILABLE : QN_NOT_FOUND;
        qn_later_start(loop, &resolve->later, on_known);
    }
}

void qn_resolve_cancel(struct qn_resolve *resolve)
{
    struct lookup *lookup = resolve->handle;
    if (!lookup || lookup->cancelled)
        return;
    lookup->cancelled = true;
    if (!qn_node_linked(&resolve->later.node))
        uv_cancel((uv_req_t *)&lookup->uv); /* UV_EBUSY: running; its answer will be thrown away */
}
