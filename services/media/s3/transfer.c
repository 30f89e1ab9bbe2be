#include "services/media/s3/transfer.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/poll.h"
#include "common/loop/timer.h"

/* How libcurl and the loop meet ("libcurl-multi", "The multi_socket API"):
 *
 *   on_socket_wanted   libcurl → a qn_poll per socket, kept by curl_multi_assign()
 *   on_timer_wanted    libcurl → one qn_timer; never answered in place, for it may be asked from inside of
 *                      curl_multi_socket_action()
 *   on_socket, on_timer   the loop → curl_multi_socket_action(), then collect()
 *
 * 'done' is called from collect() alone (and from a qn_later when a transfer could not even begin), so never
 * inside of libcurl's callbacks: there it may start and cancel others, its own carrier's too. */

/* Kept-alive connections go after so long, so that a server's new addresses come into use. */
enum { CONNECTION_LIFE_S = 300 };

/* libcurl's timeouts are counted by a clock of its own. */
enum { CLOCKS_DIFFER_MS = 5 };

struct media_s3_carrier {
    struct qn_loop *loop;
    struct media_s3_carrier_options options;
    CURLM *multi;
    struct qn_timer timer;
    size_t n_transfers, n_polls;
};

/* Why we gave an answer up ourselves. */
enum { CUT_NOT, CUT_TOO_LARGE, CUT_ENOUGH, CUT_HEAD };

struct socket_watch {
    struct media_s3_carrier *carrier;
    curl_socket_t fd;
    struct qn_poll *poll;
};

static void finish(struct media_s3_transfer *transfer, enum media_s3_result result, const char *why);

/* libcurl ↔ the loop. */

static enum media_s3_result result_of(CURLcode code, const struct media_s3_transfer *transfer)
{
    if (transfer->cut != CUT_NOT)
        return transfer->cut == CUT_TOO_LARGE ? MEDIA_S3_TOO_LARGE
               : transfer->cut == CUT_ENOUGH  ? MEDIA_S3_ANSWERED
                                              : MEDIA_S3_BROKEN;
    switch (code) {
    case CURLE_OK:
        return MEDIA_S3_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return MEDIA_S3_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return MEDIA_S3_UNTRUSTED;
    case CURLE_OPERATION_TIMEDOUT:
        if (!media_s3_transfer_connected(transfer))
            return MEDIA_S3_UNREACHABLE;
        return qn_clock_left_ms(transfer->deadline_ms) <= CLOCKS_DIFFER_MS ? MEDIA_S3_LATE : MEDIA_S3_BROKEN;
    case CURLE_OUT_OF_MEMORY:
        return MEDIA_S3_NO_MEMORY;
    default:
        return MEDIA_S3_BROKEN;
    }
}

static void read_info(struct media_s3_transfer *transfer)
{
    curl_off_t length = -1, touched = -1, retry_after = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->code);
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(transfer->easy, CURLINFO_FILETIME_T, &touched);
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    transfer->content_length = length;
    transfer->touched_s = touched;
    transfer->retry_after_s = retry_after > 0 && retry_after < UINT32_MAX ? (uint32_t)retry_after : 0;
}

static void collect(struct media_s3_carrier *carrier)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(carrier->multi, &left))) {
        struct media_s3_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        read_info(transfer);
        enum media_s3_result result = result_of(code, transfer);
        const char *why = transfer->cut != CUT_NOT ? "more than it may be" : curl_easy_strerror(code);
        finish(transfer, result, result == MEDIA_S3_ANSWERED ? NULL : why);
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
            return -1; /* libcurl ends the transfer */
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

/* One transfer. */

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
    struct media_s3_transfer *transfer = context;
    long code = 0;
    size_t len = size * n;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    bool refused = code / 100 != 2;
    if (!refused && transfer->into && qn_buf_write(transfer->into, data, len) == QN_OK)
        return len;
    if (refused || !transfer->into) {
        struct qn_buf *to = &transfer->refusal;
        size_t room = MEDIA_S3_REFUSAL_BYTES_MAX - to->len;
        qn_buf_write(to, data, len < room ? len : room);
        if (len <= room)
            return len;
    }
    /* What was refused is known by its code and the first of its words: that will do. */
    transfer->cut = refused ? CUT_ENOUGH : CUT_TOO_LARGE;
    return CURL_WRITEFUNC_ERROR;
}

static void keep(char to[MEDIA_S3_VALUE_MAX + 1], struct qn_str value)
{
    to[0] = '\0';
    if (value.len > MEDIA_S3_VALUE_MAX)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < ' ' || value.ptr[i] > '~')
            return;
    }
    memcpy(to, value.ptr, value.len);
    to[value.len] = '\0';
}

static void forget_head(struct media_s3_transfer *transfer)
{
    transfer->etag[0] = transfer->content_type[0] = transfer->content_range[0] = '\0';
}

/* A line of an answer's head: also of a "100 Continue" before it, and of trailers after it. */
static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    struct media_s3_transfer *transfer = context;
    struct qn_str name, text = qn_str_n(line, size * n);
    transfer->head_bytes += text.len;
    if (transfer->head_bytes > MEDIA_S3_HEAD_BYTES_MAX) {
        transfer->cut = CUT_HEAD;
        return 0;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (qn_str_starts(text, QN_STR("HTTP/")))
        forget_head(transfer);
    else if (qn_str_next(&text, ':', &name)) {
        if (qn_str_eq_nocase(name, QN_STR("etag")))
            keep(transfer->etag, qn_str_trim(text));
        else if (qn_str_eq_nocase(name, QN_STR("content-type")))
            keep(transfer->content_type, qn_str_trim(text));
        else if (qn_str_eq_nocase(name, QN_STR("content-range")))
            keep(transfer->content_range, qn_str_trim(text));
    }
    return size * n;
}

/* False: no memory. */
static bool set_headers(struct media_s3_transfer *transfer)
{
    /* No waiting for a "100 Continue", and nothing that we did not say. */
    static const char *const none[] = {"Expect:", "Accept:"};
    struct curl_slist *list = NULL, *longer;
    for (size_t i = 0; i < QN_COUNT(none); i++) {
        if (!(longer = curl_slist_append(list, none[i])))
            break;
        list = longer;
    }
    for (size_t i = 0; longer && i < MEDIA_S3_HEADERS_MAX && transfer->headers[i]; i++) {
        if ((longer = curl_slist_append(list, transfer->headers[i])))
            list = longer;
    }
    transfer->header_list = list;
    if (longer && transfer->address) {
        transfer->resolve_list = longer = curl_slist_append(NULL, transfer->address);
        curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, transfer->resolve_list);
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list);
    return longer != NULL;
}

static void set_manners(CURL *easy, const struct media_s3_carrier_options *options, uint64_t left_ms)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* what is signed is for one host */
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "quintet-media/" QN_VERSION);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file[0] != '\0') {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 0 ? left_ms : 1)); /* 0 would be for ever */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_ms);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L); /* bytes a second */
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((options->stall_ms + 999) / 1000));
    curl_easy_setopt(easy, CURLOPT_FILETIME, 1L);
}

static bool set_up(struct media_s3_transfer *transfer)
{
    CURL *easy = transfer->easy = curl_easy_init();
    if (!easy)
        return false;
    set_manners(easy, &transfer->carrier->options, qn_clock_left_ms(transfer->deadline_ms));
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    if (transfer->body.ptr) {
        /* From where it lies, as often as it must be sent again on another connection. */
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.ptr);
    } else if (strcmp(transfer->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
    return set_headers(transfer) && curl_easy_setopt(easy, CURLOPT_URL, transfer->url) == CURLE_OK &&
           curl_multi_add_handle(transfer->carrier->multi, easy) == CURLM_OK;
}

/* Lets go of everything but the answer. */
static void let_go(struct media_s3_transfer *transfer)
{
    if (transfer->easy) {
        curl_multi_remove_handle(transfer->carrier->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->header_list);
    curl_slist_free_all(transfer->resolve_list);
    transfer->easy = transfer->header_list = transfer->resolve_list = NULL;
    transfer->carrier->n_transfers--;
    transfer->carrier = NULL;
}

static void finish(struct media_s3_transfer *transfer, enum media_s3_result result, const char *why)
{
    transfer->result = result;
    transfer->why = why;
    let_go(transfer);
    transfer->done(transfer);
}

static void on_not_begun(struct qn_later *later)
{
    struct media_s3_transfer *transfer = container_of(later, struct media_s3_transfer, later);
    finish(transfer, MEDIA_S3_NO_MEMORY, "out of memory");
}

void media_s3_transfer_start(struct media_s3_carrier *carrier, struct media_s3_transfer *transfer,
                             void (*done)(struct media_s3_transfer *transfer))
{
    QN_CHECK(transfer->carrier == NULL);
    transfer->carrier = carrier;
    transfer->done = done;
    transfer->code = 0;
    forget_head(transfer);
    transfer->head_bytes = 0;
    transfer->cut = CUT_NOT;
    qn_buf_fini(&transfer->refusal);
    qn_buf_init(&transfer->refusal, MEDIA_S3_REFUSAL_BYTES_MAX);
    carrier->n_transfers++;
    if (!set_up(transfer))
        qn_later_start(carrier->loop, &transfer->later, on_not_begun);
}

void media_s3_transfer_cancel(struct media_s3_transfer *transfer)
{
    if (!transfer->carrier)
        return;
    qn_later_cancel(transfer->carrier->loop, &transfer->later);
    let_go(transfer);
}

bool media_s3_transfer_connected(const struct media_s3_transfer *transfer)
{
    curl_off_t ready_us = 0;
    if (transfer->easy)
        curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return ready_us > 0;
}

void media_s3_transfer_fini(struct media_s3_transfer *transfer)
{
    QN_CHECK(transfer->carrier == NULL);
    qn_buf_fini(&transfer->refusal);
}
