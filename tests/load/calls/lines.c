#include "tests/load/calls/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/buf.h"

enum { PIECE_BYTES = 64 * 1024 };

static enum qn_status status_of(int error)
{
    return error == ENOENT ? QN_NOT_FOUND : error == EACCES ? QN_PERMISSION_DENIED : QN_INVALID_ARGUMENT;
}

static enum qn_status read_all(FILE *file, const char *path, struct qn_buf *to, struct qn_error *err)
{
    for (;;) {
        char *piece = qn_buf_reserve(to, PIECE_BYTES);
        if (!piece)
            return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: larger than %d MiB", path,
                                LOAD_LINES_BYTES_MAX >> 20);
        size_t n = fread(piece, 1, PIECE_BYTES, file);
        if (ferror(file))
            return qn_error_set(err, status_of(errno), "%s: %s", path, strerror(errno));
        if (n == 0)
            return QN_OK;
        qn_buf_commit(to, n);
    }
}

/* Counts the lines that are not empty, and puts them down when there is a place for them. */
static size_t cut(struct qn_str rest, struct load_line *to)
{
    size_t n = 0, number = 0;
    struct qn_str line;
    while (qn_str_next(&rest, '\n', &line)) {
        number++;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (qn_str_trim(line).len == 0)
            continue;
        if (to)
            to[n] = (struct load_line){.text = line, .number = number};
        n++;
    }
    return n;
}

enum qn_status load_lines_read(const char *path, struct load_lines *ret_lines, struct qn_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (!file)
        return qn_error_set(err, status_of(errno), "%s: %s", path, strerror(errno));
    struct qn_buf bytes;
    qn_buf_init(&bytes, (size_t)LOAD_LINES_BYTES_MAX + PIECE_BYTES);
    enum qn_status status = read_all(file, path, &bytes, err);
    if (!standard)
        fclose(file);
    struct load_lines lines = {.bytes = bytes.data};
    if (status == QN_OK) {
        lines.n = cut(qn_buf_view(&bytes), NULL);
        lines.lines = calloc(lines.n ? lines.n : 1, sizeof *lines.lines);
        if (lines.n == 0)
            status = qn_error_set(err, QN_INVALID_ARGUMENT, "%s: holds no line", path);
        else if (!lines.lines)
            status = qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: out of memory", path);
        else
            cut(qn_buf_view(&bytes), lines.lines);
    }
    if (status != QN_OK) {
        free(lines.lines);
        qn_buf_fini(&bytes);
        return status;
    }
    *ret_lines = lines; /* the buffer's memory is now theirs */
    return QN_OK;
}

void load_lines_free(struct load_lines *lines)
{
    free(lines->lines);
    free(lines->bytes);
    *lines = (struct load_lines){0};
}
