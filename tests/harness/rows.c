#include "tests/harness/rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/json/writer.h"

/* QN_SOURCE_DIR: from CMakeLists.txt. */

static struct qn_arena arena;
static struct qn_json *rows;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "harness/rows: rows.json: %s: %s\n", what, why);
    exit(1);
}

static void forget(void)
{
    qn_arena_fini(&arena);
    rows = NULL;
}

const struct qn_json *harness_rows(void)
{
    enum { CEILING = 8 * 1024 * 1024 };
    if (rows)
        return rows;
    FILE *file = fopen(QN_SOURCE_DIR "/tests/fixtures/better-auth/rows.json", "r");
    if (file == NULL)
        fail("file", "cannot be opened");
    qn_arena_init(&arena, CEILING);
    char *text = qn_arena_alloc(&arena, CEILING / 4);
    size_t len = fread(text, 1, CEILING / 4, file);
    fclose(file);
    struct qn_error err = {0};
    if (qn_json_parse(qn_str_n(text, len), false, &arena, &rows, &err) != QN_OK)
        fail("JSON", err.message);
    atexit(forget);
    return rows;
}

const struct qn_json *harness_rows_member(const struct qn_json *object, const char *key)
{
    const struct qn_json *member = qn_json_get(object, key);
    if (member == NULL)
        fail(key, "is not there");
    return member;
}

struct qn_str harness_rows_text(const struct qn_json *object, const char *key)
{
    const struct qn_json *member = harness_rows_member(object, key);
    if (member->kind == QN_JSON_NULL)
        return QN_STR("");
    if (member->kind != QN_JSON_STRING)
        fail(key, "is no text");
    return member->text;
}

const struct qn_json *harness_rows_table(const char *table)
{
    return harness_rows_member(harness_rows_member(harness_rows(), "tables"), table);
}

char *harness_rows_table_json(const char *table)
{
    const struct qn_json *list = harness_rows_table(table);
    struct qn_buf text;
    qn_buf_init(&text, 1024 * 1024);
    struct qn_json_writer w = {.to = &text};
    qn_json_array_begin(&w);
    for (size_t i = 0; i < list->n_items; i++) {
        const struct qn_json *row = &list->items[i];
        qn_json_object_begin(&w);
        for (size_t k = 0; k < row->n_items; k++) {
            char key[64];
            snprintf(key, sizeof(key), "%.*s", QN_STR_ARG(row->keys[k]));
            qn_json_key(&w, key);
            switch (row->items[k].kind) {
            case QN_JSON_STRING:
                qn_json_str(&w, row->items[k].text);
                break;
            case QN_JSON_BOOL:
                qn_json_bool(&w, row->items[k].boolean);
                break;
            case QN_JSON_NULL:
                qn_json_null(&w);
                break;
            default:
                fail(key, "is of a kind that no column has");
            }
        }
        qn_json_object_end(&w);
    }
    qn_json_array_end(&w);
    if (qn_buf_failed(&text))
        fail(table, "is too large");
    return text.data; /* the buffer's memory, handed on */
}

int64_t harness_rows_recorded_ms(void)
{
    int64_t wall_ms;
    if (!qn_time_parse(harness_rows_text(harness_rows(), "recordedAt"), &wall_ms))
        fail("recordedAt", "is no time");
    return wall_ms;
}

struct qn_str harness_rows_hash(struct qn_str user_id)
{
    const struct qn_json *accounts = harness_rows_table("account");
    for (size_t i = 0; i < accounts->n_items; i++) {
        const struct qn_json *account = &accounts->items[i];
        if (qn_str_eq(harness_rows_text(account, "userId"), user_id) &&
            qn_str_eq(harness_rows_text(account, "providerId"), QN_STR("credential")))
            return harness_rows_text(account, "password");
    }
    return (struct qn_str){0};
}

struct qn_str harness_rows_password(const struct qn_json *user)
{
    const struct qn_json *changed = qn_json_get(user, "changedPassword");
    if (changed)
        return changed->text;
    const struct qn_json *request = harness_rows_member(user, "request");
    return request->kind == QN_JSON_NULL ? (struct qn_str){0} : harness_rows_text(request, "password");
}
