#include "common/json/reader.h"

#include "common/core/buf.h"
#include "common/json/number.h"
#include "common/json/quote.h"

/* The parser descends one C call a level, at most DEPTH_MAX deep. Values whose container is still open wait
 * in one scratch stack for all levels; when a container closes, its own are on top, and move to arrays of
 * their exact size in the arena.
 *
 * Work is linear in the text: no byte is looked at more than a few times, and large objects find their
 * duplicates by hashing. */

enum {
    DEPTH_MAX = 64,  /* reader.h */
    FEW_MEMBERS = 16 /* up to here comparing every key with every other is cheaper than hashing them */
};

struct member {
    struct qn_str key; /* unused in arrays */
    struct qn_json value;
};

struct parser {
    const char *start, *next, *end;
    struct qn_arena *arena;
    struct qn_error *err;
    struct qn_buf waiting; /* struct member after struct member */
    unsigned depth;
};

static enum qn_status fail(struct parser *p, const char *why)
{
    return qn_error_set(p->err, QN_INVALID_ARGUMENT, "offset %zu: %s", (size_t)(p->next - p->start), why);
}

static enum qn_status unexpected(struct parser *p)
{
    return fail(p, p->next == p->end ? "the text ends too early" : "unexpected character");
}

static enum qn_status too_large(struct parser *p, const char *why)
{
    return qn_error_set(p->err, QN_RESOURCE_EXHAUSTED, "offset %zu: %s", (size_t)(p->next - p->start), why);
}

static enum qn_status no_memory(struct parser *p)
{
    return too_large(p, "too large");
}

static void skip_blanks(struct parser *p)
{
    while (p->next < p->end && (*p->next == ' ' || *p->next == '\t' || *p->next == '\n' || *p->next == '\r'))
        p->next++;
}

/* Blanks, and then the byte, if it is the next one. */
static bool take(struct parser *p, char byte)
{
    skip_blanks(p);
    if (p->next == p->end || *p->next != byte)
        return false;
    p->next++;
    return true;
}

static enum qn_status parse_string(struct parser *p, struct qn_str *ret_text)
{
    const char *from = ++p->next;
    bool escaped;
    size_t len;
    const char *wrong = qn_quote_scan(qn_str_n(from, (size_t)(p->end - from)), &len, &escaped);
    p->next += len;
    if (wrong)
        return fail(p, wrong);
    char *text = qn_arena_copy(p->arena, from, len);
    if (!text)
        return no_memory(p);
    *ret_text = qn_str_n(text, escaped ? qn_quote_unescape(text, len) : len);
    p->next++;
    return QN_OK;
}

static enum qn_status parse_number(struct parser *p, struct qn_json *ret_value)
{
    size_t len = qn_number_scan(qn_str_n(p->next, (size_t)(p->end - p->next)));
    if (len == 0)
        return fail(p, "not a number");
    char *text = qn_arena_copy(p->arena, p->next, len);
    if (!text)
        return no_memory(p);
    *ret_value = (struct qn_json){
        .kind = QN_JSON_NUMBER, .number = qn_number_to_double(text), .text = qn_str_n(text, len)};
    p->next += len;
    return QN_OK;
}

static enum qn_status parse_word(struct parser *p, struct qn_str word, struct qn_json value,
                                 struct qn_json *ret_value)
{
    if (!qn_str_starts(qn_str_n(p->next, (size_t)(p->end - p->next)), word))
        return fail(p, "unknown word");
    p->next += word.len;
    *ret_value = value;
    return QN_OK;
}

/* Where the first of members[0…n) with this key is noted: a slot holds its index + 1, or 0. */
static uint32_t *slot_of(uint32_t *slots, size_t n_slots, const struct member *members, struct qn_str key)
{
    size_t i = qn_str_hash(key) & (n_slots - 1);
    while (slots[i] && !qn_str_eq(members[slots[i] - 1].key, key))
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

/* Drops duplicate keys from the n members on top of the stack, from 'first' on: the last value in the first's
 * place. */
static enum qn_status drop_duplicates(struct parser *p, size_t first, size_t *n)
{
    size_t n_slots = 0, n_kept = 0;
    uint32_t *slots = NULL;
    if (*n > FEW_MEMBERS) {
        for (n_slots = 64; n_slots < 2 * *n;)
            n_slots *= 2;
        /* Behind the members, not committed: the table is gone when this function returns. */
        slots = *n < UINT32_MAX ? qn_buf_reserve(&p->waiting, n_slots * sizeof *slots) : NULL;
        if (!slots)
            return no_memory(p);
        memset(slots, 0, n_slots * sizeof *slots);
    }
    struct member *members = (struct member *)(void *)(p->waiting.data + first);
    for (size_t i = 0; i < *n; i++) {
        size_t same = 0;
        if (slots) {
            uint32_t *slot = slot_of(slots, n_slots, members, members[i].key);
            same = *slot ? *slot - 1 : n_kept;
            *slot = (uint32_t)same + 1;
        } else {
            while (same < n_kept && !qn_str_eq(members[same].key, members[i].key))
                same++;
        }
        if (same < n_kept)
            members[same].value = members[i].value;
        else
            members[n_kept++] = members[i];
    }
    *n = n_kept;
    return QN_OK;
}

/* Moves the members from 'first' on into the arena and takes them off the stack. */
static enum qn_status close_container(struct parser *p, enum qn_json_kind kind, size_t first,
                                      struct qn_json *ret_value)
{
    size_t n = (p->waiting.len - first) / sizeof(struct member);
    *ret_value = (struct qn_json){.kind = kind};
    p->depth--;
    if (n == 0)
        return QN_OK;
    if (kind == QN_JSON_OBJECT)
        QN_TRY(drop_duplicates(p, first, &n));
    const struct member *members = (const struct member *)(const void *)(p->waiting.data + first);
    struct qn_json *items = qn_arena_alloc(p->arena, n * sizeof *items);
    struct qn_str *keys = kind == QN_JSON_OBJECT ? qn_arena_alloc(p->arena, n * sizeof *keys) : NULL;
    if (!items || (kind == QN_JSON_OBJECT && !keys))
        return no_memory(p);
    for (size_t i = 0; i < n; i++) {
        items[i] = members[i].value;
        if (keys)
            keys[i] = members[i].key;
    }
    ret_value->items = items;
    ret_value->keys = keys;
    ret_value->n_items = n;
    p->waiting.len = first;
    return QN_OK;
}

static enum qn_status parse_value(struct parser *p, struct qn_json *ret_value);

static enum qn_status parse_member(struct parser *p, bool with_key)
{
    struct member member = {0};
    if (with_key) {
        skip_blanks(p);
        if (p->next == p->end || *p->next != '"')
            return unexpected(p);
        QN_TRY(parse_string(p, &member.key));
        if (!take(p, ':'))
            return unexpected(p);
    }
    QN_TRY(parse_value(p, &member.value));
    return qn_buf_write(&p->waiting, &member, sizeof member) == QN_OK ? QN_OK : no_memory(p);
}

static enum qn_status parse_container(struct parser *p, enum qn_json_kind kind, struct qn_json *ret_value)
{
    char closing = kind == QN_JSON_OBJECT ? '}' : ']';
    size_t first = p->waiting.len;
    if (p->depth == DEPTH_MAX)
        return too_large(p, "nested too deeply");
    p->depth++;
    p->next++;
    if (!take(p, closing)) {
        do
            QN_TRY(parse_member(p, kind == QN_JSON_OBJECT));
        while (take(p, ','));
        if (!take(p, closing))
            return unexpected(p);
    }
    return close_container(p, kind, first, ret_value);
}

static enum qn_status parse_value(struct parser *p, struct qn_json *ret_value)
{
    skip_blanks(p);
    if (p->next == p->end)
        return unexpected(p);
    switch (*p->next) {
    case '{':
        return parse_container(p, QN_JSON_OBJECT, ret_value);
    case '[':
        return parse_container(p, QN_JSON_ARRAY, ret_value);
    case '"':
        *ret_value = (struct qn_json){.kind = QN_JSON_STRING};
        return parse_string(p, &ret_value->text);
    case 't':
        return parse_word(p, QN_STR("true"), (struct qn_json){.kind = QN_JSON_BOOL, .boolean = true},
                          ret_value);
    case 'f':
        return parse_word(p, QN_STR("false"), (struct qn_json){.kind = QN_JSON_BOOL}, ret_value);
    case 'n':
        return parse_word(p, QN_STR("null"), (struct qn_json){.kind = QN_JSON_NULL}, ret_value);
    default:
        return *p->next == '-' || (*p->next >= '0' && *p->next <= '9') ? parse_number(p, ret_value)
                                                                       : unexpected(p);
    }
}

static enum qn_status parse_text(struct parser *p, struct qn_json **ret_value)
{
    struct qn_json *value = qn_arena_new(p->arena, struct qn_json);
    if (!value)
        return no_memory(p);
    QN_TRY(parse_value(p, value));
    skip_blanks(p);
    if (p->next != p->end)
        return unexpected(p);
    *ret_value = value;
    return QN_OK;
}

enum qn_status qn_json_parse(struct qn_str text, bool allow_bom, struct qn_arena *arena,
                             struct qn_json **ret_value, struct qn_error *err)
{
    const char *start = text.len ? text.ptr : "";
    struct parser p = {.start = start, .next = start, .end = start + text.len, .arena = arena, .err = err};
    if (allow_bom && qn_str_starts(text, QN_STR("\xef\xbb\xbf")))
        p.next += 3;
    /* What waits will need about the same room in the arena, so the arena's ceiling serves for both. */
    qn_buf_init(&p.waiting, arena->ceiling_bytes);
    enum qn_status status = parse_text(&p, ret_value);
    qn_buf_fini(&p.waiting);
    return status;
}

const struct qn_json *qn_json_get(const struct qn_json *object, const char *key)
{
    if (!object || object->kind != QN_JSON_OBJECT)
        return NULL;
    struct qn_str name = qn_str_c(key);
    for (size_t i = 0; i < object->n_items; i++) {
        if (qn_str_eq(object->keys[i], name))
            return &object->items[i];
    }
    return NULL;
}
