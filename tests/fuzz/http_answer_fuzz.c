#include <stdint.h>
#include <string.h>

#include "common/core/check.h"
#include "common/http/http_client_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a server may send: the first byte says whether HEAD was asked and how the rest is cut into pieces.
 * Whole, in pieces, and read into its place, it is the same answer, or none; and what follows an answer is
 * read as the next, on what the one before left behind. */

enum { INPUT_MAX = 8192, HEAD_MAX = 512, BODY_MAX = 1024, ARENA_MAX = 64 * 1024, ANSWERS_MAX = 4 };

struct reading {
    struct qn_http_answer answer;
    struct qn_arena arena;
    struct qn_str rest;
    size_t piece;  /* 0: all at once */
    bool in_place; /* bodies of known length are read into their place */
};

static void open_reading(struct reading *reading, struct qn_str bytes, size_t piece, bool in_place)
{
    *reading = (struct reading){.rest = bytes, .piece = piece, .in_place = in_place};
    qn_arena_init(&reading->arena, ARENA_MAX);
    qn_http_answer_init(&reading->answer, HEAD_MAX, BODY_MAX);
}

static void close_reading(struct reading *reading)
{
    qn_http_answer_fini(&reading->answer);
    qn_arena_fini(&reading->arena);
}

/* In memory of its own, so that a view that is left on it is seen. */
static size_t feed_copy(struct qn_http_answer *answer, struct qn_str bytes)
{
    struct qn_arena own;
    qn_arena_init(&own, INPUT_MAX + 1);
    char *copy = qn_arena_copy(&own, bytes.ptr, bytes.len);
    QN_CHECK(copy);
    size_t used = qn_http_answer_feed(answer, qn_str_n(copy, bytes.len));
    memset(copy, '?', bytes.len);
    qn_arena_fini(&own);
    return used;
}

static void read_one(struct reading *reading, bool head_only)
{
    struct qn_http_answer *answer = &reading->answer;
    qn_http_answer_begin(answer, &reading->arena, head_only);
    while (reading->rest.len > 0 && answer->step < QN_HTTP_WHOLE) {
        size_t n =
            reading->piece > 0 && reading->piece < reading->rest.len ? reading->piece : reading->rest.len;
        size_t room, used;
        char *into = reading->in_place ? qn_http_answer_room(answer, 1, &room) : NULL;
        if (into) {
            n = n < room ? n : room;
            memcpy(into, reading->rest.ptr, n);
            used = qn_http_answer_feed(answer, qn_str_n(into, n));
        } else {
            used = feed_copy(answer, qn_str_n(reading->rest.ptr, n));
        }
        QN_CHECK(used <= n && (used == n || answer->step >= QN_HTTP_WHOLE));
        reading->rest = qn_str_n(reading->rest.ptr + used, reading->rest.len - used);
    }
    if (answer->step < QN_HTTP_WHOLE)
        qn_http_answer_end(answer);
}

static bool has_line_end(struct qn_str text)
{
    return qn_str_find(text, '\r') >= 0 || qn_str_find(text, '\n') >= 0 || qn_str_find(text, '\0') >= 0;
}

static void check_sane(const struct qn_http_answer *answer)
{
    QN_CHECK(answer->code >= 200 && answer->code <= 999);
    QN_CHECK(answer->n_headers <= QN_HTTP_HEADERS_MAX && answer->body.len <= BODY_MAX);
    for (size_t i = 0; i < answer->n_headers; i++)
        QN_CHECK(answer->headers[i].name.len > 0 && !has_line_end(answer->headers[i].name) &&
                 !has_line_end(answer->headers[i].value));
}

static void compare(const struct reading *a, const struct reading *b)
{
    const struct qn_http_answer *x = &a->answer, *y = &b->answer;
    QN_CHECK(x->step == y->step);
    if (x->step == QN_HTTP_BROKEN)
        QN_CHECK(x->message && y->message && x->status != QN_OK && y->status != QN_OK && !x->keep &&
                 !y->keep);
    if (x->step != QN_HTTP_WHOLE)
        return;
    check_sane(x);
    QN_CHECK(a->rest.ptr == b->rest.ptr && x->code == y->code && x->keep == y->keep);
    QN_CHECK(x->n_headers == y->n_headers && qn_str_eq(x->body, y->body));
    for (size_t i = 0; i < x->n_headers; i++)
        QN_CHECK(qn_str_eq(x->headers[i].name, y->headers[i].name) &&
                 qn_str_eq(x->headers[i].value, y->headers[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    bool head_only = data[0] & 1;
    size_t piece = (size_t)(data[0] >> 1) % 64 + 1;
    struct qn_str bytes = qn_str_n((const char *)data + 1, size - 1);
    struct reading whole, pieces, in_place;
    open_reading(&whole, bytes, 0, false);
    open_reading(&pieces, bytes, piece, false);
    open_reading(&in_place, bytes, piece, true);
    for (int i = 0; i < ANSWERS_MAX; i++) {
        read_one(&whole, head_only);
        read_one(&pieces, head_only);
        read_one(&in_place, head_only);
        compare(&whole, &pieces);
        compare(&whole, &in_place);
        if (whole.answer.step != QN_HTTP_WHOLE || !whole.answer.keep)
            break;
    }
    close_reading(&whole);
    close_reading(&pieces);
    close_reading(&in_place);
    return 0;
}
