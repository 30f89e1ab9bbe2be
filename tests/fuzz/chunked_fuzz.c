#include "common/core/buf.h"
#include "common/core/check.h"
#include "services/media/folder/object_chunked.h"
#include "services/media/folder/object_digest.h"
#include "services/media/folder/object_when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A body in aws-chunked as a stranger sends it, whole and byte by byte: both ways give the same object, the
 * same end and the same trailer. And the small texts of the headers around it. */

static void read_in_pieces(struct qn_str body, size_t piece_max, struct media_chunked *chunked,
                           struct qn_buf *object)
{
    *chunked = (struct media_chunked){.state = MEDIA_CHUNKED_SIZE};
    qn_buf_init(object, 1 << 20);
    while (body.len > 0) {
        size_t len = body.len < piece_max ? body.len : piece_max;
        struct qn_str piece = qn_str_n(body.ptr, len), bytes;
        while (media_chunked_next(chunked, &piece, &bytes)) {
            QN_CHECK(bytes.len > 0 && bytes.len <= len);
            qn_buf_write_str(object, bytes);
        }
        QN_CHECK(piece.len == 0 || chunked->state == MEDIA_CHUNKED_BROKEN);
        body = qn_str_n(body.ptr + len, body.len - len);
    }
}

static void check_headers(struct qn_str text)
{
    struct media_digest_claim claim = {.has_payload = false};
    for (enum media_digest_kind kind = 0; kind < MEDIA_DIGEST_KINDS; kind++)
        QN_CHECK(media_digest_expect(&claim, kind, text) == claim.given[kind]);
    char again[MEDIA_HTTP_DATE_LEN + 1];
    int64_t ms, ms_again;
    if (media_http_date_parse(text, &ms)) {
        media_http_date_format(ms, again);
        QN_CHECK(media_http_date_parse(qn_str_c(again), &ms_again) && ms == ms_again);
        QN_CHECK(memcmp(again + 5, text.ptr + 5, MEDIA_HTTP_DATE_LEN - 5) ==
                 0); /* the day's name is theirs */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str body = qn_str_n((const char *)data, size);
    struct media_chunked whole, pieces;
    struct qn_buf object, again;
    read_in_pieces(body, size + 1, &whole, &object);
    read_in_pieces(body, 1, &pieces, &again);
    QN_CHECK(whole.state == pieces.state && object.len <= size);
    if (whole.state != MEDIA_CHUNKED_BROKEN)
        QN_CHECK(qn_str_eq(qn_buf_view(&object), qn_buf_view(&again)) &&
                 qn_str_eq(qn_str_c(whole.trailer), qn_str_c(pieces.trailer)));
    qn_buf_fini(&object);
    qn_buf_fini(&again);
    check_headers(body);
    return 0;
}
