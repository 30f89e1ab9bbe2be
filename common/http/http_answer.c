#include <string.h>

#include "common/core/check.h"
#include "common/http/http_client_private.h"
#include "common/http/private.h" /* qn_head_token */

/* One answer: 1. the head, its headers noted as spans  2. checked, and copied into the arena as one piece
 * 3. the body, into its place in the arena when the length is known, else gathered  4. whole. Interim answers
 * (1xx) are heads to be forgotten.
 *
 * http-parser finds the pieces. As distributions build it (HTTP_PARSER_STRICT=0) it lets pass what another
 * reader would take differently: any four letters for "HTTP", any byte after a CR, any two bytes after a
 * chunk, blanks in names, control characters at the beginning of a value, folded lines; so those are checked
 * here, and so are the lengths (RFC 9112 section 11.1, response splitting). */

/* Servers send one or two (100, 103). */
enum { INTERIM_MAX = 8 };

/* A connection keeps so much for the next answer without a length. */
enum { GATHERED_KEPT_BYTES = 64 * 1024 };

static struct qn_http_answer *answer_of(http_parser *parser)
{
    return container_of(parser, struct qn_http_answer, parser);
}

/* For a callback of the parser: it stops. */
static int broken(struct qn_http_answer *answer, enum qn_status status, const char *message)
{
    answer->step = QN_HTTP_BROKEN;
    answer->keep = false;
    answer->status = status;
    answer->message = message;
    return -1;
}

static int no_memory(struct qn_http_answer *answer)
{
    return broken(answer, QN_RESOURCE_EXHAUSTED, "the answer does not fit into its arena");
}

/* Line ends. */

/* Every CR is followed by LF, every LF comes after CR, and a chunk is followed by both. */
static bool check_line_ends(struct qn_http_answer *answer, const char *end)
{
    const char *at = answer->unchecked;
    answer->unchecked = end;
    if (at == end)
        return true;
    if (answer->after_chunk && *at != '\r')
        return false;
    answer->after_chunk = false;
    if (answer->after_cr) {
        if (*at++ != '\n')
            return false;
        answer->after_cr = false;
    }
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *cr = memchr(at, '\r', (size_t)((lf ? lf : end) - at));
        if (!lf) {
            answer->after_cr = cr != NULL;
            return !cr || cr + 1 == end;
        }
        if (!cr || cr + 1 != lf)
            return false;
        at = lf + 1;
    }
    return true;
}

static int bad_line_end(struct qn_http_answer *answer)
{
    return broken(answer, QN_INTERNAL, "the answer's lines do not end in CR LF");
}

/* The head. */

static void note_end(struct qn_http_answer *answer, const char *end)
{
    answer->head_end = (size_t)(end - answer->head);
}

static int on_status(http_parser *parser, const char *at, size_t len)
{
    note_end(answer_of(parser), at + len);
    return 0;
}

static int trailer(struct qn_http_answer *answer, size_t len)
{
    answer->trailer_bytes += len;
    return answer->trailer_bytes <= answer->head_max_bytes
               ? 0
               : broken(answer, QN_RESOURCE_EXHAUSTED, "the answer's trailers are too large");
}

static int on_name(http_parser *parser, const char *at, size_t len)
{
    struct qn_http_answer *answer = answer_of(parser);
    if (answer->in_trailer)
        return trailer(answer, len);
    if (answer->in_value || answer->n_spans == 0) {
        if (answer->n_spans == QN_HTTP_HEADERS_MAX)
            return broken(answer, QN_RESOURCE_EXHAUSTED, "the answer has too many headers");
        answer->spans[answer->n_spans++] = (struct qn_http_span){.name_at = (uint32_t)(at - answer->head)};
        answer->in_value = false;
    }
    answer->spans[answer->n_spans - 1].name_len += (uint32_t)len;
    note_end(answer, at + len);
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct qn_http_answer *answer = answer_of(parser);
    if (answer->in_trailer)
        return trailer(answer, len);
    struct qn_http_span *span = &answer->spans[answer->n_spans - 1];
    uint32_t offset = (uint32_t)(at - answer->head);
    if (!answer->in_value) {
        answer->in_value = true;
        /* An empty value is told at the beginning of the next line. */
        size_t between = span->name_at + span->name_len;
        const char *lf = memchr(answer->head + between, '\n', offset - between);
        if (lf && (len > 0 || lf + 1 != at))
            return broken(answer, QN_INTERNAL, "the answer has a folded header");
        if (len == 0)
            offset = (uint32_t)between + 1;
        span->value_at = offset;
    } else if (offset != span->value_at + span->value_len) {
        return broken(answer, QN_INTERNAL, "the answer has a folded header");
    }
    span->value_len += (uint32_t)len;
    note_end(answer, answer->head + offset + len);
    return 0;
}

static struct qn_str name_of(const struct qn_http_answer *answer, const struct qn_http_span *span)
{
    return qn_str_n(answer->head + span->name_at, span->name_len);
}

static struct qn_str value_of(const struct qn_http_answer *answer, const struct qn_http_span *span)
{
    return qn_str_trim(qn_str_n(answer->head + span->value_at, span->value_len));
}

/* Of a value, http-parser lets its first byte be anything. */
static bool begins_with_control(struct qn_str value)
{
    return value.len > 0 && ((unsigned char)value.ptr[0] < ' ' || value.ptr[0] == 0x7f);
}

static bool is_number(struct qn_str text)
{
    uint64_t number;
    return text.len > 0 && text.ptr[0] != '-' && qn_str_to_u64(text, &number);
}

/* What the head says of the body must have one meaning. */
static int check_head(struct qn_http_answer *answer)
{
    const struct http_parser *parser = &answer->parser;
    if (memcmp(answer->head, "HTTP/1.", sizeof "HTTP/1." - 1) != 0)
        return broken(answer, QN_INTERNAL, "the answer is not HTTP/1");
    if (answer->head_end > answer->head_max_bytes)
        return broken(answer, QN_RESOURCE_EXHAUSTED, "the answer's head is too large");
    if (parser->status_code < 100)
        return broken(answer, QN_INTERNAL, "the answer has no status code");
    if (parser->status_code == 101)
        return broken(answer, QN_INTERNAL, "the server switched protocols unasked");
    unsigned lengths = 0, codings = 0;
    for (size_t i = 0; i < answer->n_spans; i++) {
        struct qn_str name = name_of(answer, &answer->spans[i]), value = value_of(answer, &answer->spans[i]);
        if (!qn_head_token(name))
            return broken(answer, QN_INTERNAL, "the answer has a header without a proper name");
        if (begins_with_control(value))
            return broken(answer, QN_INTERNAL, "the answer has a control character in a header");
        if (name.len == sizeof "Content-Length" - 1 && qn_str_eq_nocase(name, QN_STR("Content-Length"))) {
            lengths++;
            if (!is_number(value))
                return broken(answer, QN_INTERNAL, "the answer's Content-Length is no number");
        } else if (name.len == sizeof "Transfer-Encoding" - 1 &&
                   qn_str_eq_nocase(name, QN_STR("Transfer-Encoding"))) {
            codings++;
            /* No other was asked for (RFC 9112 section 7.4). */
            if (!qn_str_eq_nocase(value, QN_STR("chunked")))
                return broken(answer, QN_INTERNAL, "the answer's Transfer-Encoding is not just chunked");
        }
    }
    if (lengths + codings > 1)
        return broken(answer, QN_INTERNAL, "the answer's length is given twice");
    /* RFC 9112 section 6.1: then the framing is faulty. */
    if (codings > 0 && parser->http_minor == 0)
        return broken(answer, QN_INTERNAL, "the answer has chunks in HTTP/1.0");
    return 0;
}

static int keep_head(struct qn_http_answer *answer)
{
    char *copy = qn_arena_alloc(answer->arena, answer->head_end);
    answer->headers = qn_arena_alloc(answer->arena, answer->n_spans * sizeof *answer->headers);
    if (!copy || !answer->headers)
        return no_memory(answer);
    memcpy(copy, answer->head, answer->head_end);
    answer->head = copy;
    for (size_t i = 0; i < answer->n_spans; i++) {
        answer->headers[i].name = name_of(answer, &answer->spans[i]);
        answer->headers[i].value = value_of(answer, &answer->spans[i]);
    }
    answer->n_headers = answer->n_spans;
    answer->code = answer->parser.status_code;
    return 0;
}

static int make_room(struct qn_http_answer *answer)
{
    if (!(answer->parser.flags & F_CONTENTLENGTH))
        return 0;
    if (answer->parser.content_length > answer->body_max_bytes)
        return broken(answer, QN_RESOURCE_EXHAUSTED, "the answer's body is too large");
    answer->room_bytes = (size_t)answer->parser.content_length;
    answer->room = qn_arena_alloc(answer->arena, answer->room_bytes);
    return answer->room ? 0 : no_memory(answer);
}

enum { HAS_BODY = 0, HAS_NO_BODY = 1 }; /* to http-parser */

static int on_head(http_parser *parser)
{
    struct qn_http_answer *answer = answer_of(parser);
    if (check_head(answer) != 0)
        return -1;
    if (parser->status_code < 200)
        return HAS_NO_BODY;
    if (keep_head(answer) != 0)
        return -1;
    answer->step = QN_HTTP_BODY;
    answer->in_trailer = true;
    if (answer->head_only || parser->status_code == 204 || parser->status_code == 304)
        return HAS_NO_BODY;
    return make_room(answer) == 0 ? HAS_BODY : -1;
}

/* The body. */

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct qn_http_answer *answer = answer_of(parser);
    if (!check_line_ends(answer, at))
        return bad_line_end(answer);
    answer->unchecked = at + len;
    if (!answer->room) {
        answer->after_chunk = (parser->flags & F_CHUNKED) != 0 && parser->content_length == 0;
        if (qn_buf_write(&answer->gathered, at, len) != QN_OK)
            return broken(answer, QN_RESOURCE_EXHAUSTED, "the answer's body is too large");
        return 0;
    }
    QN_CHECK(len <= answer->room_bytes - answer->body.len);
    char *to = answer->room + answer->body.len;
    if (to != at) /* not read into its place */
        memcpy(to, at, len);
    answer->body = qn_str_n(answer->room, answer->body.len + len);
    return 0;
}

static int on_whole(http_parser *parser)
{
    struct qn_http_answer *answer = answer_of(parser);
    http_parser_pause(parser, 1); /* so that bytes after it are not taken for another */
    if (parser->status_code < 200) {
        answer->interim_over = true;
        return 0;
    }
    if (answer->gathered.len > 0) {
        answer->body = qn_arena_str(answer->arena, qn_buf_view(&answer->gathered));
        if (!answer->body.ptr)
            return no_memory(answer);
    }
    answer->step = QN_HTTP_WHOLE;
    answer->keep = http_should_keep_alive(parser);
    return 0;
}

static const http_parser_settings settings = {
    .on_status = on_status,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_whole,
};

/* Feeding. */

static void begin_head(struct qn_http_answer *answer)
{
    http_parser_init(&answer->parser, HTTP_RESPONSE);
    answer->interim_over = false;
    answer->head_end = 0;
    answer->in_value = false;
    answer->n_spans = 0;
}

void qn_http_answer_init(struct qn_http_answer *answer, size_t head_max_bytes, size_t body_max_bytes)
{
    *answer = (struct qn_http_answer){
        .step = QN_HTTP_WHOLE, .head_max_bytes = head_max_bytes, .body_max_bytes = body_max_bytes};
    /* A head is held until a piece brings its end, and that piece may bring body too. */
    qn_buf_init(&answer->held, head_max_bytes + QN_HTTP_READ_BYTES);
    qn_buf_init(&answer->gathered, body_max_bytes);
}

void qn_http_answer_fini(struct qn_http_answer *answer)
{
    qn_buf_fini(&answer->held);
    qn_buf_fini(&answer->gathered);
}

void qn_http_answer_begin(struct qn_http_answer *answer, struct qn_arena *arena, bool head_only)
{
    begin_head(answer);
    answer->step = QN_HTTP_HEAD;
    answer->begun = answer->keep = false;
    answer->status = QN_OK;
    answer->message = NULL;
    answer->code = 0;
    answer->headers = NULL;
    answer->n_headers = 0;
    answer->body = QN_STR("");
    answer->arena = arena;
    answer->head_only = head_only;
    answer->n_interim = 0;
    answer->in_trailer = false;
    answer->trailer_bytes = 0;
    answer->after_cr = answer->after_chunk = false;
    answer->room = NULL;
    answer->room_bytes = 0;
    qn_buf_clear(&answer->held);
    qn_buf_clear(&answer->gathered);
    if (answer->gathered.capacity > GATHERED_KEPT_BYTES)
        qn_buf_fini(&answer->gathered);
}

static void tell_parser_error(struct qn_http_answer *answer, enum http_errno error)
{
    if (error == HPE_HEADER_OVERFLOW) /* trailers, or what stands behind a chunk's size */
        broken(answer, QN_RESOURCE_EXHAUSTED, "the answer's head is too large");
    else if (!answer->head_end && !answer->n_interim)
        broken(answer, QN_INTERNAL, "the answer is not HTTP/1");
    else
        broken(answer, QN_INTERNAL, http_errno_description(error));
}

static size_t feed_parser(struct qn_http_answer *answer, const char *at, size_t len)
{
    answer->unchecked = at;
    size_t used = http_parser_execute(&answer->parser, &settings, at, len);
    enum http_errno error = HTTP_PARSER_ERRNO(&answer->parser);
    if (answer->step == QN_HTTP_BROKEN)
        return used;
    if (error != HPE_OK && error != HPE_PAUSED)
        tell_parser_error(answer, error);
    else if (!check_line_ends(answer, at + used))
        bad_line_end(answer);
    else if (answer->step == QN_HTTP_HEAD && answer->head_end > answer->head_max_bytes)
        broken(answer, QN_RESOURCE_EXHAUSTED, "the answer's head is too large");
    else if (answer->interim_over && ++answer->n_interim > INTERIM_MAX)
        broken(answer, QN_INTERNAL, "the server sends one interim answer after the other");
    return used;
}

/* Keeps the head so far until the next piece. */
static void hold(struct qn_http_answer *answer, const char *end)
{
    size_t len = (size_t)(end - answer->head);
    if (answer->held.len > 0) {
        memmove(answer->held.data, answer->head, len); /* an interim answer went before it */
        answer->held.len = len;
    } else if (qn_buf_write(&answer->held, answer->head, len) != QN_OK) {
        no_memory(answer);
    }
}

size_t qn_http_answer_feed(struct qn_http_answer *answer, struct qn_str bytes)
{
    QN_CHECK(answer->step < QN_HTTP_WHOLE && bytes.len > 0);
    answer->begun = true;
    if (answer->step == QN_HTTP_HEAD && answer->held.len > 0) {
        size_t before = answer->held.len;
        if (qn_buf_write_str(&answer->held, bytes) != QN_OK) {
            no_memory(answer);
            return 0;
        }
        answer->head = answer->held.data;
        bytes.ptr = answer->held.data + before;
    } else if (answer->step == QN_HTTP_HEAD) {
        answer->head = bytes.ptr;
    }
    size_t used = 0;
    while (used < bytes.len && answer->step < QN_HTTP_WHOLE) {
        used += feed_parser(answer, bytes.ptr + used, bytes.len - used);
        if (answer->interim_over && answer->step < QN_HTTP_WHOLE) {
            begin_head(answer);
            answer->head = bytes.ptr + used;
        }
    }
    if (answer->step == QN_HTTP_HEAD)
        hold(answer, bytes.ptr + bytes.len);
    else if (answer->held.capacity > 0)
        qn_buf_fini(&answer->held);
    return used;
}

bool qn_http_answer_end(struct qn_http_answer *answer)
{
    if (answer->step == QN_HTTP_BODY)
        http_parser_execute(&answer->parser, &settings, NULL, 0);
    return answer->step == QN_HTTP_WHOLE;
}

char *qn_http_answer_room(const struct qn_http_answer *answer, size_t min, size_t *ret_bytes)
{
    if (answer->step != QN_HTTP_BODY || !answer->room)
        return NULL;
    *ret_bytes = answer->room_bytes - answer->body.len;
    return *ret_bytes >= min ? answer->room + answer->body.len : NULL;
}
