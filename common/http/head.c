#include "common/http/private.h"

/* What a request head must be. libmicrohttpd checks the request line, "Host" in HTTP/1.1 and that
 * Content-Length is a number; it tolerates the rest, and some of that lets two servers in a row disagree on
 * where a request ends (RFC 9112 section 11.2, request smuggling). So it is refused here. */

struct scan {
    const char *next; /* where the next line begins, if the lines follow one another as they should */
    unsigned hosts, lengths, encodings;
    bool malformed;
    bool broken_lines;
    bool chunked;
    bool expects_100;
    struct qn_str length;
};

/* RFC 9110 section 5.6.2: token. */
static const bool token[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true,
    ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true,  ['|'] = true,
    ['~'] = true, ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true,  ['5'] = true,
    ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['A'] = true, ['B'] = true,  ['C'] = true,
    ['D'] = true, ['E'] = true, ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true,  ['J'] = true,
    ['K'] = true, ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true,  ['Q'] = true,
    ['R'] = true, ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true,  ['X'] = true,
    ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true,  ['e'] = true,
    ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true,  ['l'] = true,
    ['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true,  ['s'] = true,
    ['t'] = true, ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true,  ['z'] = true,
};

bool qn_head_token(struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!token[(unsigned char)text.ptr[i]])
            return false;
    return text.len > 0;
}

static enum MHD_Result look(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                            const char *value, size_t value_size)
{
    (void)kind;
    struct scan *scan = context;
    struct qn_str name = {key, key_size};
    struct qn_str text = {value, value_size};
    if (key != scan->next)
        scan->broken_lines = true;
    scan->next = value + value_size + 2;
    if (!qn_head_token(name) || (value_size > 0 && memchr(value, '\r', value_size)))
        scan->malformed = true;
    switch (key_size) { /* most names are none of these: do not compare them all */
    case sizeof "Host" - 1:
        if (qn_str_eq_nocase(name, QN_STR("Host")))
            scan->hosts++;
        break;
    case sizeof "Expect" - 1:
        if (qn_str_eq_nocase(name, QN_STR("Expect")))
            scan->expects_100 = qn_str_eq_nocase(text, QN_STR("100-continue"));
        break;
    case sizeof "Content-Length" - 1:
        if (qn_str_eq_nocase(name, QN_STR("Content-Length"))) {
            scan->lengths++;
            scan->length = text;
        }
        break;
    case sizeof "Transfer-Encoding" - 1:
        if (qn_str_eq_nocase(name, QN_STR("Transfer-Encoding"))) {
            scan->encodings++;
            scan->chunked = qn_str_eq_nocase(text, QN_STR("chunked"));
        }
        break;
    }
    return MHD_YES;
}

/* An upper bound of libmicrohttpd's record of one header or cookie in its pool. */
enum { RECORD_BYTES = 64 };

/* Whether the pool still has room for a reply's head. Without it the connection would be closed unanswered.
 */
static bool room_for_reply(const struct qn_exchange_state *x, size_t head_bytes)
{
    struct MHD_Connection *mhd = x->connection->mhd;
    int records =
        MHD_get_connection_values(mhd, MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND, NULL, NULL);
    size_t used = head_bytes + (size_t)records * RECORD_BYTES;
    if (used + QN_REPLY_HEAD_MAX <= x->connection->httpd->pool_bytes / 2)
        return true;
    size_t cookie_bytes = 0;
    MHD_lookup_connection_value_n(mhd, MHD_HEADER_KIND, "Cookie", 6, NULL, &cookie_bytes);
    return used + cookie_bytes + QN_REPLY_HEAD_MAX <= x->connection->httpd->pool_bytes;
}

/* libmicrohttpd parses in place: names and values point into the bytes received. So a head can be checked for
 * what it hides there. It cuts a value at a NUL; it takes a line that begins with a colon for the end of the
 * head, so that another request begins where others see a header; it garbles values continued on a further
 * line, which RFC 9112 section 5.2 lets a server refuse. In each of these the next line does not begin right
 * behind the last value and its CR LF. (Versions after 0.9.75 refuse them themselves and trim values, which
 * would look the same.) */
static bool lines_follow(const struct scan *scan, const char *end)
{
    return MHD_VERSION > 0x00097500 || (!scan->broken_lines && scan->next + 2 == end);
}

unsigned qn_head_check(struct qn_exchange_state *x, const char *url, const char *method, const char *version)
{
    struct MHD_Connection *mhd = x->connection->mhd;
    size_t head_bytes = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    if (head_bytes > x->connection->httpd->options.head_max_bytes || !room_for_reply(x, head_bytes))
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;

    /* A NUL in the target ended it for us and not for others: libmicrohttpd put its own one right before the
     * version, so the distance between the two tells. */
    struct qn_exchange *public = &x->public;
    if (x->target_bytes != (size_t)(version - url) - 1 || public->path.len == 0)
        return MHD_HTTP_BAD_REQUEST;

    struct scan scan = {.next = version + strlen(version) + 2};
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, look, &scan);
    if (!lines_follow(&scan, method + head_bytes) || scan.malformed || scan.hosts > 1 || scan.lengths > 1 ||
        (scan.lengths > 0 && scan.encodings > 0) || !qn_head_token(public->method))
        return MHD_HTTP_BAD_REQUEST;
    if (scan.encodings > 1 || (scan.encodings == 1 && !scan.chunked))
        return MHD_HTTP_NOT_IMPLEMENTED; /* RFC 9112 section 6.1 */
    x->chunked = scan.chunked;
    x->expects_100 = scan.expects_100;
    uint64_t length = 0;
    if (scan.lengths == 1) {
        if (!qn_str_to_u64(scan.length, &length) || length > INT64_MAX)
            return MHD_HTTP_BAD_REQUEST;
        x->announced = (int64_t)length;
    }
    return 0;
}
