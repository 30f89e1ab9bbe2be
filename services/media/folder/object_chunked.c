#include "services/media/folder/object_chunked.h"

#include <stdio.h>

/* Takes bytes up to a line's end; true when the line is whole: without its end, in 'line'. */
static bool take_line(struct media_chunked *chunked, struct qn_str *rest, struct qn_str *ret_line)
{
    while (rest->len > 0) {
        char c = *rest->ptr;
        *rest = qn_str_n(rest->ptr + 1, rest->len - 1);
        if (c == '\n') {
            bool sound = chunked->line_len > 0 && chunked->line[chunked->line_len - 1] == '\r';
            *ret_line = qn_str_n(chunked->line, sound ? chunked->line_len - 1 : 0);
            chunked->line_len = 0;
            if (!sound)
                chunked->state = MEDIA_CHUNKED_BROKEN;
            return sound;
        }
        if (chunked->line_len == sizeof chunked->line || c == '\0') {
            chunked->state = MEDIA_CHUNKED_BROKEN;
            return false;
        }
        chunked->line[chunked->line_len++] = c;
    }
    return false;
}

static bool read_size(struct qn_str line, size_t *ret_size)
{
    size_t size = 0;
    if (line.len == 0 || line.len > 8)
        return false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return false;
        size = size << 4 | digit;
    }
    *ret_size = size;
    return size <= MEDIA_CHUNKED_SIZE_MAX;
}

/* What a whole line means where it stands. */
static void take(struct media_chunked *chunked, struct qn_str line)
{
    switch (chunked->state) {
    case MEDIA_CHUNKED_SIZE:
        if (!read_size(line, &chunked->left))
            chunked->state = MEDIA_CHUNKED_BROKEN;
        else
            chunked->state = chunked->left > 0 ? MEDIA_CHUNKED_DATA : MEDIA_CHUNKED_TRAILER;
        break;
    case MEDIA_CHUNKED_DATA_END:
        chunked->state = line.len == 0 ? MEDIA_CHUNKED_SIZE : MEDIA_CHUNKED_BROKEN;
        break;
    case MEDIA_CHUNKED_TRAILER:
        if (line.len == 0) {
            chunked->state = MEDIA_CHUNKED_ENDED;
        } else if (chunked->trailer[0] != '\0' || qn_str_find(line, ':') < 1) {
            chunked->state = MEDIA_CHUNKED_BROKEN;
        } else {
            snprintf(chunked->trailer, sizeof chunked->trailer, "%.*s", QN_STR_ARG(line));
        }
        break;
    case MEDIA_CHUNKED_DATA:
    case MEDIA_CHUNKED_ENDED:
    case MEDIA_CHUNKED_BROKEN:
        break;
    }
}

bool media_chunked_next(struct media_chunked *chunked, struct qn_str *rest, struct qn_str *ret_bytes)
{
    while (rest->len > 0 && chunked->state != MEDIA_CHUNKED_BROKEN) {
        struct qn_str line;
        if (chunked->state == MEDIA_CHUNKED_ENDED) {
            chunked->state = MEDIA_CHUNKED_BROKEN;
        } else if (chunked->state == MEDIA_CHUNKED_DATA) {
            size_t len = chunked->left < rest->len ? chunked->left : rest->len;
            *ret_bytes = qn_str_n(rest->ptr, len);
            *rest = qn_str_n(rest->ptr + len, rest->len - len);
            chunked->left -= len;
            if (chunked->left == 0)
                chunked->state = MEDIA_CHUNKED_DATA_END;
            return true;
        } else if (take_line(chunked, rest, &line)) {
            take(chunked, line);
        }
    }
    return false;
}

struct qn_str media_chunked_trailer(const struct media_chunked *chunked, struct qn_str name)
{
    struct qn_str line = qn_str_c(chunked->trailer);
    ptrdiff_t colon = qn_str_find(line, ':');
    if (chunked->state != MEDIA_CHUNKED_ENDED || colon < 1 ||
        !qn_str_eq_nocase(qn_str_n(line.ptr, (size_t)colon), name))
        return (struct qn_str){0};
    return qn_str_trim(qn_str_n(line.ptr + colon + 1, line.len - (size_t)colon - 1));
}
