#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/loop/poll.h"
#include "services/media/s3/transfer_private.h"

/* How libcurl and the loop meet ("libcurl-multi", "The multi_socket API"):
 *
 *   on_socket_wanted   libcurl → a qn_poll per socket, kept by curl_multi_assign()
 *   on_timer_wanted    libcurl → one qn_timer; never answered in place, for it may be asked from inside of
 *                      curl_multi_socket_action()
 *   on_socket, on_timer   the loop → curl_multi_socket_action(), then collect()
 *
 * 'done' is called from collect() alone (and from a qn_later when a transfer could not even begin), so never
 * inside of libcurl's callbacks: there it may start and cancel others, its own carrier's too. */

struct socket_watch {
    struct media_s3_carrier *carrier;
    curl_socket_t fd;
    struct qn_poll *poll;
};

/* libcurl → the loop, and back. */

static void collect(struct media_s3_carrier *carrier)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(carrier->multi, &left))) {
        struct media_s3_transfer *transfer = NULL;
        CURLcode code = message->data.result; /* the message goes with the transfer */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        media_s3_transfer_ended(transfer, (int)code);
    }
}

static void act(struct media_s3_carrier *carrier, curl_socket_t fd, int events)
{
    int running;
    /* It fails for a socket or a handle that is not its own: a bug of ours. */
    QN_CHECK(curl_multi_socket_action(carrier->multi, fd, events, &running) == CURLM_OK);
    collect(carrier);
}

static void on_socket(void *context, int events)
{
    struct socket_watch *watch = context;
    act(watch->carrier, watch->fd,
        (events & QN_READABLE ? CURL_CSELECT_IN : 0) | (events & QN_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static void end_watch(struct socket_watch *watch)
{
    qn_poll_close(watch->poll);
    watch->carrier->n_polls--;
    free(watch);
}

static struct socket_watch *begin_watch(struct media_s3_carrier *carrier, curl_socket_t fd)
{
    struct socket_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->carrier = carrier;
    watch->fd = fd;
    if (qn_poll_open(carrier->loop, fd, on_socket, watch, &watch->poll) != QN_OK) {
        free(watch);
        return NULL;
    }
    carrier->n_polls++;
    return watch;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    struct media_s3_carrier *carrier = context;
    struct socket_watch *watch = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            curl_multi_assign(carrier->multi, fd, NULL);
            end_watch(watch);
        }
        return 0;
    }
    if (!watch) {
        watch = begin_watch(carrier, fd);
        if (!watch)
            return 0; /* no memory: it stands still, and ends as such. An error would end all of them */
        curl_multi_assign(carrier->multi, fd, watch);
    }
    qn_poll_want(watch->poll,
                 (what & CURL_POLL_IN ? QN_READABLE : 0) | (what & CURL_POLL_OUT ? QN_WRITABLE : 0));
    return 0;
}

static void on_timer(struct qn_timer *timer)
{
    struct media_s3_carrier *carrier = container_of(timer, struct media_s3_carrier, timer);
    act(carrier, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_wanted(CURLM *multi, long after_ms, void *context)
{
    struct media_s3_carrier *carrier = context;
    (void)multi;
    if (after_ms < 0)
        qn_timer_cancel(carrier->loop, &carrier->timer);
    else
        qn_timer_start(carrier->loop, &carrier->timer, (uint64_t)after_ms, on_timer);
    return 0;
}

enum qn_status media_s3_carrier_open(struct qn_loop *loop, const struct media_s3_carrier_options *options,
                                     struct media_s3_carrier **ret_carrier, struct qn_error *err)
{
    if (options->ca_file[0] != '\0' && access(options->ca_file, R_OK) != 0)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "S3_CA_FILE %s cannot be read", options->ca_file);
    struct media_s3_carrier *carrier = calloc(1, sizeof *carrier);
    if (!carrier)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(carrier);
        return qn_error_set(err, QN_INTERNAL, "libcurl does not start");
    }
    carrier->loop = loop;
    carrier->options = *options;
    carrier->multi = curl_multi_init();
    if (!carrier->multi) {
        curl_global_cleanup();
        free(carrier);
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    }
    curl_multi_setopt(carrier->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(carrier->multi, CURLMOPT_SOCKETDATA, carrier);
    curl_multi_setopt(carrier->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(carrier->multi, CURLMOPT_TIMERDATA, carrier);
    curl_multi_setopt(carrier->multi, CURLMOPT_MAXCONNECTS, (long)options->connections_max);
    *ret_carrier = carrier;
    return QN_OK;
}

void media_s3_carrier_close(struct media_s3_carrier *carrier)
{
    QN_CHECK(carrier->n_transfers == 0);
    curl_multi_cleanup(carrier->multi);
    qn_timer_cancel(carrier->loop, &carrier->timer);
    QN_CHECK(carrier->n_polls == 0);
    curl_global_cleanup();
    free(carrier);
}
