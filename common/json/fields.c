#include "common/json/fields.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/core/check.h"

/* All names of one message, both spellings of each field: open addressing over n_slots (a power of two, at
 * most half full), 0 ending a search. */
struct table {
    const ProtobufCMessageDescriptor *descriptor;
    size_t n_slots;
    struct entry {
        struct qn_str name;
        const ProtobufCFieldDescriptor *field; /* NULL: free */
    } * slots;
    char *names;         /* the camel-case ones with quotes and colon, end to end */
    struct qn_str *keys; /* the same, field by field */
};

/* By the descriptor's address; open addressing again. A slot is filled once and never changes after, so
 * readers need no lock. */
enum { N_TABLE_SLOTS = 2 * QN_FIELDS_TABLES_MAX };
static _Atomic(struct table *) tables[N_TABLE_SLOTS];
static atomic_size_t n_tables;

/* Cuts one character of the JSON name off the front of the .proto's name; '\0' at its end. */
static char camel_next(const char **name)
{
    bool capital = false;
    for (; **name == '_'; (*name)++)
        capital = true;
    char c = **name;
    if (c == '\0')
        return c;
    (*name)++;
    return capital && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

size_t qn_fields_camel(const char *name, char *to)
{
    size_t len = 0;
    for (char c; (c = camel_next(&name)) != '\0';)
        to[len++] = c;
    return len;
}

static bool is_camel_of(struct qn_str key, const char *name)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = camel_next(&name);
        if (c == '\0' || c != key.ptr[i])
            return false;
    }
    return camel_next(&name) == '\0';
}

static void table_free(struct table *table)
{
    if (!table)
        return;
    free(table->slots);
    free(table->names);
    free(table->keys);
    free(table);
}

/* The slot that holds 'name', or the free one where it belongs. */
static struct entry *slot_of(const struct table *table, struct qn_str name)
{
    size_t i = qn_str_hash(name) & (table->n_slots - 1);
    while (table->slots[i].field && !qn_str_eq(table->slots[i].name, name))
        i = (i + 1) & (table->n_slots - 1);
    return &table->slots[i];
}

/* A name that is there already keeps its field: JSON names go in first and win. */
static void table_add(struct table *table, struct qn_str name, const ProtobufCFieldDescriptor *field)
{
    struct entry *slot = slot_of(table, name);
    if (!slot->field)
        *slot = (struct entry){name, field};
}

/* NULL when memory is short. */
static struct table *table_new(const ProtobufCMessageDescriptor *descriptor)
{
    size_t n_fields = descriptor->n_fields, n_names = 2 * n_fields, n_chars = 0;
    for (size_t i = 0; i < n_fields; i++)
        n_chars += strlen(descriptor->fields[i].name) + sizeof "\"\":" - 1;

    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->descriptor = descriptor;
    table->n_slots = 2;
    while (table->n_slots < 2 * n_names)
        table->n_slots *= 2;
    table->slots = calloc(table->n_slots, sizeof *table->slots);
    table->names = malloc(n_chars + 1);
    table->keys = calloc(n_fields + 1, sizeof *table->keys);
    if (!table->slots || !table->names || !table->keys) {
        table_free(table);
        return NULL;
    }
    char *next = table->names;
    for (size_t i = 0; i < n_fields; i++) {
        char *begin = next;
        *next++ = '"';
        size_t len = qn_fields_camel(descriptor->fields[i].name, next);
        table_add(table, qn_str_n(next, len), &descriptor->fields[i]);
        next += len;
        *next++ = '"';
        *next++ = ':';
        table->keys[i] = qn_str_n(begin, (size_t)(next - begin));
    }
    for (size_t i = 0; i < n_fields; i++)
        table_add(table, qn_str_c(descriptor->fields[i].name), &descriptor->fields[i]);
    return table;
}

/* The descriptor's table, made at need; NULL when there is no room or memory for it. */
static const struct table *table_of(const ProtobufCMessageDescriptor *descriptor)
{
    struct table *made = NULL, *found;
    /* Descriptors are large and aligned, so the low bits of their addresses say little: multiply (Knuth's
     * 2^64 / golden ratio) and take high bits. */
    size_t i = (size_t)((uint64_t)(uintptr_t)descriptor * 0x9e3779b97f4a7c15u >> 32) % N_TABLE_SLOTS;
    for (;; i = (i + 1) % N_TABLE_SLOTS) {
        found = atomic_load_explicit(&tables[i], memory_order_acquire);
        if (!found) {
            if (!made) {
                /* Counted first, so that at least half of the slots stay free and every search ends. */
                if (atomic_fetch_add(&n_tables, 1) >= QN_FIELDS_TABLES_MAX ||
                    !(made = table_new(descriptor))) {
                    atomic_fetch_sub(&n_tables, 1);
                    return NULL;
                }
            }
            if (atomic_compare_exchange_strong(&tables[i], &found, made))
                return made;
        }
        if (found->descriptor == descriptor)
            break;
    }
    if (made) { /* another thread was faster */
        table_free(made);
        atomic_fetch_sub(&n_tables, 1);
    }
    return found;
}

const struct qn_str *qn_fields_keys(const ProtobufCMessageDescriptor *descriptor)
{
    const struct table *table = table_of(descriptor);
    return table ? table->keys : NULL;
}

static const ProtobufCFieldDescriptor *find_one_by_one(const ProtobufCMessageDescriptor *descriptor,
                                                       struct qn_str key)
{
    for (size_t i = 0; i < descriptor->n_fields; i++) {
        if (is_camel_of(key, descriptor->fields[i].name))
            return &descriptor->fields[i];
    }
    for (size_t i = 0; i < descriptor->n_fields; i++) {
        if (qn_str_eq(key, qn_str_c(descriptor->fields[i].name)))
            return &descriptor->fields[i];
    }
    return NULL;
}

const ProtobufCFieldDescriptor *qn_fields_find(const ProtobufCMessageDescriptor *descriptor,
                                               struct qn_str key)
{
    const struct table *table = table_of(descriptor);
    return table ? slot_of(table, key)->field : find_one_by_one(descriptor, key);
}

size_t qn_fields_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    }
    qn_check_failed("a type of protobuf-c", __FILE__, __LINE__, __func__);
}

bool qn_fields_is_timestamp(const ProtobufCMessageDescriptor *descriptor)
{
    return strcmp(descriptor->name, "google.protobuf.Timestamp") == 0;
}
