#include "common/core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/utf8.h"

enum {
    /* PIPE_BUF on Linux: a pipe takes so much whole, so lines of several threads and processes never mix. */
    LINE_MAX_BYTES = 4096,
    /* Kept back to close what is open: cut mark, quote, brace, newline. */
    LINE_TAIL_BYTES = 8,
    /* One long value must leave room for the others. */
    VALUE_MAX_BYTES = 1024,
    /* Contexts above a line's own: call, method, service, and one to spare. */
    CHAIN_MAX = 4,
};

static const char CUT_MARK[] = "\xe2\x80\xa6"; /* … */

static const char *log_service;
static enum qn_log_level log_level = QN_INFO;
static bool log_json;

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink)(void *context, struct qn_str line);
static void *sink_context;
static atomic_bool sink_set; /* spares lines to stderr the lock */

struct line {
    size_t len;
    bool full;
    char text[LINE_MAX_BYTES];
};

void qn_log_setup(const char *service, enum qn_log_level level, bool json)
{
    log_service = service;
    log_level = level;
    log_json = json;
}

bool qn_log_enabled(enum qn_log_level level)
{
    return level >= log_level;
}

bool qn_log_level_parse(struct qn_str text, enum qn_log_level *ret_level)
{
    static const char *const names[] = {
        [QN_DEBUG] = "debug", [QN_INFO] = "info", [QN_WARN] = "warn", [QN_ERROR] = "error"};

    for (int i = QN_DEBUG; i <= QN_ERROR; i++) {
        if (qn_str_eq(text, qn_str_c(names[i]))) {
            *ret_level = (enum qn_log_level)i;
            return true;
        }
    }
    return false;
}

void qn_log_redirect(void (*to)(void *context, struct qn_str line), void *context)
{
    pthread_mutex_lock(&sink_lock);
    sink = to;
    sink_context = context;
    atomic_store(&sink_set, to != NULL);
    pthread_mutex_unlock(&sink_lock);
}

static size_t room_left(const struct line *line)
{
    const size_t limit = LINE_MAX_BYTES - LINE_TAIL_BYTES;
    return line->len < limit ? limit - line->len : 0; /* a closing quote may reach into the tail */
}

/* All of it or nothing; after the first refusal the line takes nothing more but its end. */
static bool put(struct line *line, struct qn_str piece)
{
    if (line->full || piece.len > room_left(line)) {
        line->full = true;
        return false;
    }
    memcpy(line->text + line->len, piece.ptr, piece.len);
    line->len += piece.len;
    return true;
}

/* For what closes something: the tail is kept for it. */
static void put_end(struct line *line, struct qn_str piece)
{
    memcpy(line->text + line->len, piece.ptr, piece.len);
    line->len += piece.len;
}

/* The next code point of *rest as it may stand inside quotes, in logfmt and JSON alike. Control characters,
 * C1 ones included, and the line ends of Unicode are written as escapes; an ill-formed byte as U+FFFD. */
static struct qn_str escape_next(struct qn_str *rest, char room[8])
{
    uint32_t c;
    size_t len = qn_utf8_get(*rest, &c);
    struct qn_str same = qn_str_n(rest->ptr, len);
    rest->ptr += len ? len : 1;
    rest->len -= len ? len : 1;
    if (len == 0)
        return QN_STR("\xef\xbf\xbd");
    switch (c) {
    case '"':
        return QN_STR("\\\"");
    case '\\':
        return QN_STR("\\\\");
    case '\n':
        return QN_STR("\\n");
    case '\r':
        return QN_STR("\\r");
    case '\t':
        return QN_STR("\\t");
    default:
        if (c >= 0x20 && (c < 0x7f || c > 0x9f) && c != 0x2028 && c != 0x2029)
            return same;
        snprintf(room, 8, "\\u%04x", (unsigned)c);
        return qn_str_c(room);
    }
}

/* The value's text, cut when it is too long for itself or for the line. */
static void put_escaped(struct line *line, struct qn_str value)
{
    size_t start = line->len;
    while (value.len) {
        char room[8];
        struct qn_str piece = escape_next(&value, room);
        if (line->len + piece.len - start > VALUE_MAX_BYTES || !put(line, piece)) {
            put_end(line, qn_str_c(CUT_MARK));
            return;
        }
    }
}

static void put_quoted(struct line *line, struct qn_str value)
{
    if (!put(line, QN_STR("\"")))
        return;
    put_escaped(line, value);
    put_end(line, QN_STR("\""));
}

/* May stand in logfmt without quotes. */
static bool is_bare(struct qn_str value)
{
    if (value.len == 0 || value.len > VALUE_MAX_BYTES)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return true;
}

static void put_field(struct line *line, const struct qn_field *field)
{
    if (log_json) {
        put(line, QN_STR(",\""));
        put(line, qn_str_c(field->key));
        put(line, QN_STR("\":"));
    } else {
        put(line, QN_STR(" "));
        put(line, qn_str_c(field->key));
        put(line, QN_STR("="));
    }
    if (field->kind == QN_FIELD_INT) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)field->num);
        put(line, qn_str_c(number));
        return;
    }
    struct qn_str value = field->kind == QN_FIELD_STATUS
                              ? qn_str_c(qn_status_name(qn_status_from_wire(field->num)))
                              : field->str;
    if (!log_json && is_bare(value) && value.len <= room_left(line))
        put(line, value);
    else
        put_quoted(line, value);
}

/* A key, its quotes and any number or status name, or the beginning of a text. */
static bool has_room(const struct line *line, const struct qn_field *field)
{
    return strlen(field->key) + 32 <= room_left(line);
}

/* Up to the first field without a key. What no longer has room is left out, and so are those after it. */
static void put_fields(struct line *line, const struct qn_field *fields, size_t n)
{
    for (size_t i = 0; i < n && fields[i].key && !line->full; i++) {
        if (has_room(line, &fields[i]))
            put_field(line, &fields[i]);
        else
            line->full = true;
    }
}

static void put_head(struct line *line, enum qn_log_level level, const char *name, const char *text)
{
    static const char *const padded[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
    static const char *const lower[] = {"debug", "info", "warn", "error"};

    char time[QN_TIME_TEXT_LEN + 1];
    qn_time_format(qn_clock_wall_ms(), time);
    if (log_json) {
        put(line, QN_STR("{\"time\":\""));
        put(line, qn_str_c(time));
        put(line, QN_STR("\",\"level\":\""));
        put(line, qn_str_c(lower[level]));
        put(line, QN_STR("\",\"name\":"));
        put_quoted(line, qn_str_c(name));
        put(line, QN_STR(",\"text\":"));
        put_quoted(line, qn_str_c(text));
        return;
    }
    put(line, qn_str_c(time));
    put(line, QN_STR(" "));
    put(line, qn_str_c(padded[level]));
    put(line, QN_STR(" "));
    if (name) {
        put_escaped(line, qn_str_c(name));
        put(line, QN_STR(": "));
    }
    put_escaped(line, qn_str_c(text));
}

/* One write(2) a line. A standard error that is full or gone must not stop a service: then the line is lost.
 */
static void deliver(struct qn_str text)
{
    if (atomic_load(&sink_set)) {
        pthread_mutex_lock(&sink_lock);
        if (sink)
            sink(sink_context, text);
        pthread_mutex_unlock(&sink_lock);
        return;
    }
    while (text.len) {
        ssize_t written = write(STDERR_FILENO, text.ptr, text.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text.ptr += written;
        text.len -= (size_t)written;
    }
}

void qn_log_write(const struct qn_log *log, enum qn_log_level level, const struct qn_event *event)
{
    if (!qn_log_enabled(level))
        return;
    int saved_errno = errno;
    struct line line;
    line.len = 0;
    line.full = false;

    const struct qn_log *chain[CHAIN_MAX];
    size_t depth = 0;
    const char *name = NULL;
    for (; log; log = log->parent) {
        if (!name)
            name = log->name;
        if (depth < CHAIN_MAX)
            chain[depth++] = log;
    }
    put_head(&line, level, name ? name : log_service, event->text);
    while (depth > 0) { /* from the service down to the call */
        depth--;
        put_fields(&line, chain[depth]->fields, chain[depth]->n_fields);
    }
    put_fields(&line, event->fields, QN_LOG_FIELDS_MAX);
    if (log_json)
        put_end(&line, QN_STR("}"));
    put_end(&line, QN_STR("\n"));
    deliver(qn_str_n(line.text, line.len));
    errno = saved_errno;
}

bool qn_log_due(struct qn_log_limit *limit, uint64_t every_ms, uint64_t *ret_held_back)
{
    uint64_t now_ms = qn_clock_now_ms();
    if (now_ms < limit->next_ms) {
        limit->held_back++;
        return false;
    }
    *ret_held_back = limit->held_back;
    limit->held_back = 0;
    limit->next_ms = now_ms + every_ms;
    return true;
}
