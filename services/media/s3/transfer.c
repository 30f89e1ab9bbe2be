#include <curl/curl.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/media/s3/transfer_private.h"

/* Kept-alive connections go after so long, so that a server's new addresses come into use. */
enum { CONNECTION_LIFE_S = 300 };

/* libcurl's timeouts are counted by a clock of its own. */
enum { CLOCKS_DIFFER_MS = 5 };

/* Why we gave an answer up ourselves. */
enum { CUT_NOT, CUT_TOO_LARGE, CUT_ENOUGH, CUT_HEAD };

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
    transfer->head_ended = transfer->framed = false;
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
    else if (text.len == 0)
        transfer->head_ended = true;
    else if (!transfer->head_ended && qn_str_next(&text, ':', &name)) {
        if (qn_str_eq_nocase(name, QN_STR("content-length")) ||
            qn_str_eq_nocase(name, QN_STR("transfer-encoding")))
            transfer->framed = true;
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

/* What came of it. */

/* libcurl takes a head that the connection's end cuts off for a whole one, and a body without a length for
 * all there is. Of a success we want to know. */
static bool is_whole(const struct media_s3_transfer *transfer)
{
    bool bodiless = transfer->code == 204 || strcmp(transfer->method, "HEAD") == 0;
    return transfer->head_ended && (transfer->code / 100 != 2 || bodiless || transfer->framed);
}

static enum media_s3_result result_of(CURLcode code, const struct media_s3_transfer *transfer)
{
    if (transfer->cut != CUT_NOT)
        return transfer->cut == CUT_TOO_LARGE ? MEDIA_S3_TOO_LARGE
               : transfer->cut == CUT_ENOUGH  ? MEDIA_S3_ANSWERED
                                              : MEDIA_S3_BROKEN;
    switch (code) {
    case CURLE_OK:
        return is_whole(transfer) ? MEDIA_S3_ANSWERED : MEDIA_S3_BROKEN;
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
    default: /* CURLE_OUT_OF_MEMORY too, which is what libcurl says of an endless line in a head */
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

void media_s3_transfer_ended(struct media_s3_transfer *transfer, int code)
{
    read_info(transfer);
    enum media_s3_result result = result_of((CURLcode)code, transfer);
    const char *why = transfer->cut != CUT_NOT ? "more than it may be"
                      : code == CURLE_OK       ? "half an answer"
                                               : curl_easy_strerror((CURLcode)code);
    finish(transfer, result, result == MEDIA_S3_ANSWERED ? NULL : why);
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
