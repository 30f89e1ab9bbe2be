#include "common/rpc/discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/resolve.h"
#include "common/loop/timer.h"
#include "common/loop/watch.h"
#include "common/rpc/folder.h"

/* How often a name is resolved anew: rarely, and more often while some peer cannot be reached. The first look
 * after a loss waits a little, so that a crowd of lost peers asks once. */
enum { RESOLVE_EVERY_MS = 3000, RESOLVE_AGAIN_MS = 1000, RESOLVE_SOON_MS = 100 };

/* inotify tells of changes; we look anyway now and then. A folder that is not there yet is tried for. */
enum { SCAN_EVERY_MS = 5000, FOLDER_RETRY_MS = 200 };

struct qn_discover {
    struct qn_loop *loop;
    const struct qn_log *log;
    struct qn_address address;
    void (*found)(void *context, const struct qn_discover_url *urls, size_t n_urls);
    void *context;
    struct qn_timer timer;
    struct qn_log_limit trouble;

    struct qn_folder folder;
    struct qn_watch *watch;

    struct qn_resolve resolve;
    bool resolving;
    uint64_t resolved_ms; /* when it was last tried */

    struct qn_later later; /* the end of a close */
    void (*closed)(void *context);
    void *closed_context;
};

static void on_timer(struct qn_timer *timer);

static void look_again_in(struct qn_discover *discover, uint64_t ms)
{
    qn_timer_start(discover->loop, &discover->timer, ms, on_timer);
}

/* Folders. */

static size_t scan(struct qn_discover *discover)
{
    struct qn_folder_socket sockets[QN_FOLDER_PEERS_MAX];
    struct qn_discover_url urls[QN_FOLDER_PEERS_MAX];
    size_t n = qn_folder_list(&discover->folder, sockets);
    for (size_t i = 0; i < n; i++)
        snprintf(urls[i].text, sizeof(urls[i].text), "ipc://%.*s", QN_FOLDER_SOCKET_MAX, sockets[i].path);
    discover->found(discover->context, urls, n);
    return n;
}

static void on_folder_changed(void *context)
{
    struct qn_discover *discover = context;
    /* Empty: perhaps the folder itself is gone, and will be made again: then it wants another watch. */
    if (scan(discover) == 0)
        look_again_in(discover, FOLDER_RETRY_MS);
}

static void watch_folder(struct qn_discover *discover)
{
    if (discover->watch != NULL) {
        qn_watch_close(discover->watch);
        discover->watch = NULL;
    }
    /* Before the scan, so that nothing is missed in between. */
    if (qn_watch_open(discover->loop, discover->folder.path, on_folder_changed, discover, &discover->watch) !=
        QN_OK)
        discover->watch = NULL;
    look_again_in(discover, scan(discover) > 0 ? SCAN_EVERY_MS : FOLDER_RETRY_MS);
}

/* Names. */

static void on_resolved(struct qn_resolve *resolve, enum qn_status status)
{
    struct qn_discover *discover = container_of(resolve, struct qn_discover, resolve);
    discover->resolving = false;
    if (discover->closed != NULL) {
        void (*closed)(void *context) = discover->closed;
        void *context = discover->closed_context;
        free(discover);
        closed(context);
        return;
    }
    uint64_t held_back;
    if (status == QN_OK) {
        struct qn_discover_url urls[QN_RESOLVE_MAX];
        for (size_t i = 0; i < resolve->n_addresses; i++)
            qn_address_url(discover->address.kind, resolve->addresses[i], discover->address.port,
                           urls[i].text);
        discover->found(discover->context, urls, resolve->n_addresses);
    } else if (qn_log_due(&discover->trouble, 10000, &held_back)) {
        qn_log(discover->log, QN_WARN, "cannot resolve the name of a peer",
               QN_F_C("host", discover->address.host), QN_F_STATUS("status", status));
    }
    look_again_in(discover, RESOLVE_EVERY_MS);
}

static void start_resolving(struct qn_discover *discover)
{
    if (discover->resolving)
        return;
    discover->resolving = true;
    discover->resolved_ms = qn_clock_now_ms();
    discover->resolve = (struct qn_resolve){0};
    qn_resolve_start(discover->loop, &discover->resolve, discover->address.host, on_resolved);
}

/* One peer, always the same. */
static void tell_only_one(struct qn_discover *discover)
{
    struct qn_discover_url url;
    snprintf(url.text, sizeof(url.text), "%s://%.*s",
             discover->address.kind == QN_ADDRESS_INPROC ? "inproc" : "ipc", QN_FOLDER_SOCKET_MAX,
             discover->address.path);
    discover->found(discover->context, &url, 1);
}

static void on_timer(struct qn_timer *timer)
{
    struct qn_discover *discover = container_of(timer, struct qn_discover, timer);
    switch (discover->address.kind) {
    case QN_ADDRESS_TCP:
    case QN_ADDRESS_TLS:
        start_resolving(discover);
        break;
    case QN_ADDRESS_FOLDER:
        watch_folder(discover);
        break;
    case QN_ADDRESS_SOCKET:
    case QN_ADDRESS_INPROC:
        tell_only_one(discover);
        break;
    }
}

enum qn_status
qn_discover_open(struct qn_loop *loop, const struct qn_address *address, const struct qn_log *log,
                 void (*found)(void *context, const struct qn_discover_url *urls, size_t n_urls),
                 void *context, struct qn_discover **ret_discover)
{
    struct qn_discover *discover = calloc(1, sizeof(*discover));
    if (discover == NULL)
        return QN_RESOURCE_EXHAUSTED;
    discover->loop = loop;
    discover->log = log;
    discover->address = *address;
    discover->found = found;
    discover->context = context;
    if (address->kind == QN_ADDRESS_FOLDER)
        qn_folder_at(address->path, &discover->folder);
    look_again_in(discover, 0);
    *ret_discover = discover;
    return QN_OK;
}

void qn_discover_suspect(struct qn_discover *discover, const char *url)
{
    switch (discover->address.kind) {
    case QN_ADDRESS_TCP:
    case QN_ADDRESS_TLS:
        if (!discover->resolving && qn_clock_now_ms() - discover->resolved_ms >= RESOLVE_AGAIN_MS)
            look_again_in(discover, RESOLVE_SOON_MS);
        break;
    case QN_ADDRESS_FOLDER:
        if (qn_folder_remove_stale(url + strlen("ipc://")))
            qn_log(discover->log, QN_INFO, "removed the socket of a dead process", QN_F_C("peer", url));
        look_again_in(discover, 0);
        break;
    case QN_ADDRESS_SOCKET:
    case QN_ADDRESS_INPROC:
        break;
    }
}

static void on_close(struct qn_later *later)
{
    struct qn_discover *discover = container_of(later, struct qn_discover, later);
    void (*closed)(void *context) = discover->closed;
    void *context = discover->closed_context;
    free(discover);
    closed(context);
}

void qn_discover_close(struct qn_discover *discover, void (*closed)(void *context), void *context)
{
    QN_CHECK(discover->closed == NULL && closed != NULL);
    discover->closed = closed;
    discover->closed_context = context;
    qn_timer_cancel(discover->loop, &discover->timer);
    if (discover->watch != NULL)
        qn_watch_close(discover->watch);
    if (discover->resolving)
        qn_resolve_cancel(&discover->resolve);
    else
        qn_later_start(discover->loop, &discover->later, on_close);
}
