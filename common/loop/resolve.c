#include "common/loop/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/loop/private.h"

/* One look-up: 1. a numeric host is its own answer  2. getaddrinfo on a thread  3. what it found is posted to
 * the loop. Cancelled before a thread took it up: it leaves the queue. While getaddrinfo runs it cannot be
 * interrupted, and without a name server it runs for ten seconds: then the look-up is the thread's alone, to
 * be freed when getaddrinfo has returned, and nobody waits for it.
 *
 * The threads are the process's, begin when they are wanted and stay. (libuv's own are joined when the
 * process exits: it waited for getaddrinfo there, though it had nothing left to do.) */

enum { THREADS_MAX = 4 };

const char qn_resolve_kind[] = "resolve";

struct lookup {
    struct qn_node node; /* in the queue; then in the loop's post */
    struct qn_loop *loop;
    struct qn_resolve *resolve; /* the loop's alone */
    enum { QUEUED, RUNNING, ANSWERED, LEFT } state;
    enum qn_status status;
    size_t n_addresses;
    char addresses[QN_RESOLVE_MAX][QN_ADDRESS_TEXT_MAX];
    char host[NI_MAXHOST];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct qn_list queue; /* under the lock, as is all below and each look-up's state */
    size_t n_threads, n_idle;
    bool begun;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* On a thread. */

static void add_address(struct lookup *lookup, const char *address)
{
    for (size_t i = 0; i < lookup->n_addresses; i++) {
        if (strcmp(lookup->addresses[i], address) == 0)
            return; /* glibc gives 127.0.0.1 for each line of /etc/hosts, that of ::1 included */
    }
    if (lookup->n_addresses < QN_RESOLVE_MAX)
        memcpy(lookup->addresses[lookup->n_addresses++], address, strlen(address) + 1);
}

static enum qn_status status_of(int eai)
{
    switch (eai) {
    case 0:
        return QN_OK;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
    case EAI_IDN_ENCODE:
        return QN_NOT_FOUND;
    default:
        return QN_UNAVAILABLE;
    }
}

static void look_up(struct lookup *lookup)
{
    /* All addresses, whether this machine has a route or not: a peer list finds out which answer. */
    static const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_IDN};
    struct addrinfo *found = NULL;
    lookup->status = status_of(getaddrinfo(lookup->host, NULL, &hints, &found));
    for (struct addrinfo *one = found; lookup->status == QN_OK && one; one = one->ai_next) {
        char address[QN_ADDRESS_TEXT_MAX];
        if (getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST) == 0)
            add_address(lookup, address);
    }
    if (found)
        freeaddrinfo(found);
    if (lookup->status == QN_OK && lookup->n_addresses == 0)
        lookup->status = QN_NOT_FOUND;
}

static _Noreturn void *thread_main(void *context)
{
    (void)context;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (qn_list_empty(&pool.queue)) {
            pool.n_idle++;
            pthread_cond_wait(&pool.wake, &pool.lock);
            pool.n_idle--;
        }
        struct lookup *lookup = container_of(qn_list_pop(&pool.queue), struct lookup, node);
        lookup->state = RUNNING;
        pthread_mutex_unlock(&pool.lock);
        look_up(lookup);
        pthread_mutex_lock(&pool.lock);
        if (lookup->state == LEFT) {
            free(lookup);
        } else {
            lookup->state = ANSWERED;
            qn_post(lookup->loop->resolve_post, &lookup->node); /* open as long as one is waited for */
        }
    }
}

/* On the loop. */

/* Requires: the lock is held. */
static void begin_thread(void)
{
    sigset_t before;
    pthread_t thread;
    qn_work_block_signals(&before);
    if (pthread_create(&thread, NULL, thread_main, NULL) == 0) {
        pthread_detach(thread);
        pool.n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* False: there is no thread, and none to be had. */
static bool hand_over(struct lookup *lookup)
{
    pthread_mutex_lock(&pool.lock);
    if (!pool.begun)
        qn_list_init(&pool.queue);
    pool.begun = true;
    if (pool.n_threads < THREADS_MAX && pool.n_idle <= pool.queue.len)
        begin_thread();
    bool any = pool.n_threads > 0;
    if (any) {
        qn_list_push(&pool.queue, &lookup->node);
        pthread_cond_signal(&pool.wake);
    }
    pthread_mutex_unlock(&pool.lock);
    return any;
}

static void finish(struct qn_resolve *resolve, enum qn_status status)
{
    struct qn_loop *loop = resolve->loop;
    if (resolve->cancelled)
        status = QN_CANCELLED;
    if (status != QN_OK)
        resolve->n_addresses = 0;
    resolve->handle = NULL;
    resolve->loop = NULL;
    if (--loop->n_resolving == 0 && loop->resolve_post) {
        qn_post_close(loop->resolve_post, NULL, NULL);
        loop->resolve_post = NULL;
    }
    resolve->done(resolve, status);
}

static void on_posted(void *context, struct qn_node *node)
{
    (void)context;
    struct lookup *lookup = container_of(node, struct lookup, node);
    struct qn_resolve *resolve = lookup->resolve;
    enum qn_status status = lookup->status;
    resolve->n_addresses = lookup->n_addresses;
    memcpy(resolve->addresses, lookup->addresses, sizeof resolve->addresses);
    free(lookup);
    finish(resolve, status);
}

static void on_known(struct qn_later *later)
{
    struct qn_resolve *resolve = container_of(later, struct qn_resolve, later);
    finish(resolve, resolve->known);
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return strlen(host) < QN_ADDRESS_TEXT_MAX &&
           (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1);
}

/* The outcome if it is known without a thread; else QN_OK, and one has it. */
static enum qn_status ask_thread(struct qn_resolve *resolve, const char *host)
{
    static const struct qn_owner owner = {.kind = qn_resolve_kind};
    struct qn_loop *loop = resolve->loop;
    if (*host == '\0' || strlen(host) >= NI_MAXHOST)
        return QN_NOT_FOUND; /* not a name at all */
    if (!loop->resolve_post && qn_post_open_for(loop, &owner, on_posted, NULL, &loop->resolve_post) != QN_OK)
        return QN_UNAVAILABLE;
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return QN_UNAVAILABLE;
    lookup->loop = loop;
    lookup->resolve = resolve;
    memcpy(lookup->host, host, strlen(host) + 1);
    if (!hand_over(lookup)) {
        free(lookup);
        return QN_UNAVAILABLE;
    }
    resolve->handle = lookup;
    return QN_OK;
}

void qn_resolve_start(struct qn_loop *loop, struct qn_resolve *resolve, const char *host,
                      void (*done)(struct qn_resolve *resolve, enum qn_status status))
{
    QN_CHECK(!resolve->loop);
    resolve->handle = NULL;
    resolve->loop = loop;
    resolve->cancelled = false;
    resolve->done = done;
    resolve->n_addresses = 0;
    loop->n_resolving++;

    if (is_numeric(host)) {
        memcpy(resolve->addresses[resolve->n_addresses++], host, strlen(host) + 1);
        resolve->known = QN_OK;
    } else {
        resolve->known = ask_thread(resolve, host);
    }
    if (!resolve->handle)
        qn_later_start(loop, &resolve->later, on_known);
}

void qn_resolve_cancel(struct qn_resolve *resolve)
{
    struct lookup *lookup = resolve->handle;
    if (!resolve->loop || resolve->cancelled)
        return;
    resolve->cancelled = true;
    if (!lookup)
        return; /* its end is on its way */
    pthread_mutex_lock(&pool.lock);
    bool queued = lookup->state == QUEUED, posted = lookup->state == ANSWERED;
    if (queued)
        qn_list_remove(&pool.queue, &lookup->node);
    else if (!posted)
        lookup->state = LEFT; /* the thread's from here */
    pthread_mutex_unlock(&pool.lock);
    if (posted)
        return;
    if (queued)
        free(lookup);
    resolve->handle = NULL;
    qn_later_start(resolve->loop, &resolve->later, on_known);
}
