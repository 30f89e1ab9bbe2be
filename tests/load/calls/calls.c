#include "tests/load/calls/calls.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/json/fields.h"
#include "common/json/reader.h"
#include "common/json/transcode.h"
#include "common/rpc/pack.h"
#include "tests/load/calls/lines.h"

/* Room for the packed lines; a file is at most LOAD_LINES_BYTES_MAX of JSON, and packed it is shorter. */
enum { SCRATCH_BYTES = 16 << 20 };
static const size_t ROOM_BYTES = (size_t)2 * LOAD_LINES_BYTES_MAX;

struct method {
    const char *name;
    double weight;
    const struct qn_method *rpc;
    struct load_calls_http http;
    struct qn_str *payloads;
    size_t n_payloads;
    struct load_pick pick;
};

struct load_calls {
    struct qn_arena arena;
    struct method *methods;
    size_t n_methods;
    struct load_alias mix;
    struct load_random mix_random;
    struct load_lines cookies;
    struct load_pick cookie_pick;
};

/* Finding. */

const struct qn_method *load_calls_find(const struct qn_service *const *services, size_t n_services,
                                        struct qn_str name)
{
    for (size_t i = 0; i < n_services; i++)
        for (size_t k = 0; k < services[i]->n_methods; k++)
            if (qn_str_eq(name, qn_str_c(services[i]->methods[k]->path)))
                return services[i]->methods[k];
    return NULL;
}

/* Somebody who forgot the service, or wrote a dot for the slash, is told the whole name. */
static enum qn_status not_found(const struct load_calls_options *options, const char *name,
                                struct qn_error *err)
{
    struct qn_str last = qn_str_c(name);
    for (const char *at = name; *at; at++)
        if (*at == '/' || *at == '.')
            last = qn_str_c(at + 1);
    struct qn_buf like;
    qn_buf_init(&like, QN_ERROR_MESSAGE_MAX);
    for (size_t i = 0; i < options->n_services; i++)
        for (size_t k = 0; k < options->services[i]->n_methods; k++)
            if (qn_str_eq_nocase(last, qn_str_c(options->services[i]->methods[k]->name)))
                qn_buf_printf(&like, "%s%s", like.len ? " or " : "", options->services[i]->methods[k]->path);
    qn_error_set(err, QN_NOT_FOUND,
                 like.len ? "--method %s: no such method; is it %s?"
                          : "--method %s: no such method%s (--list-methods lists them)",
                 name, like.len ? qn_buf_view(&like).ptr : "");
    qn_buf_fini(&like);
    return QN_NOT_FOUND;
}

static enum qn_status find(struct load_calls *calls, struct method *method,
                           const struct load_calls_options *options, struct qn_error *err)
{
    const char *name = method->name;
    if (options->http &&
        (name[0] == '/' || strncmp(name, "GET /", 5) == 0 || strncmp(name, "POST /", 6) == 0)) {
        method->http.verb = name[0] == 'G' ? "GET" : "POST";
        method->http.path = qn_str_c(strchr(name, '/'));
        return QN_OK;
    }
    method->rpc = load_calls_find(options->services, options->n_services, qn_str_c(name));
    if (!method->rpc)
        return not_found(options, name, err);
    method->http.verb = "POST";
    method->http.path = qn_str_c(qn_arena_printf(&calls->arena, "/%s", name));
    return QN_OK;
}

/* Data. */

/* The gateway drops members that it does not know, as Connect servers do. Here one is a slip of the pen, and
 * would be a load test of something else. */
static enum qn_status check_members(const struct qn_method *rpc, struct qn_str json, struct qn_arena *scratch,
                                    struct qn_error *err)
{
    struct qn_json *value;
    struct qn_error why = {0};
    enum qn_status status = qn_json_parse(json, true, scratch, &value, &why);
    if (status != QN_OK)
        return qn_error_set(err, status, "JSON, %s", why.message);
    if (value->kind != QN_JSON_OBJECT)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "must be a JSON object");
    for (size_t i = 0; i < value->n_items; i++)
        if (!qn_fields_find(rpc->request, value->keys[i])) {
            struct qn_buf known;
            qn_buf_init(&known, QN_ERROR_MESSAGE_MAX);
            for (unsigned k = 0; k < rpc->request->n_fields; k++)
                qn_buf_printf(&known, "%s%s", k ? ", " : "", rpc->request->fields[k].name);
            qn_error_set(err, QN_INVALID_ARGUMENT, "%.*s: no such field; %s has %s",
                         QN_STR_ARG(value->keys[i]), rpc->request->short_name,
                         known.len ? qn_buf_view(&known).ptr : "none");
            qn_buf_fini(&known);
            return QN_INVALID_ARGUMENT;
        }
    return QN_OK;
}

static enum qn_status pack(struct load_calls *calls, const struct qn_method *rpc, struct qn_str json,
                           struct qn_arena *scratch, struct qn_str *ret_packed, struct qn_error *err)
{
    void *message;
    QN_TRY(check_members(rpc, json, scratch, err));
    QN_TRY(qn_json_to_message(json, rpc->request, scratch, &message, err));
    enum qn_status status = qn_pack(message, &calls->arena, ret_packed);
    return status == QN_OK ? QN_OK
                           : qn_error_set(err, status, "cannot be packed: %s", qn_status_name(status));
}

static enum qn_status prepare(struct load_calls *calls, struct method *method, const struct load_lines *lines,
                              bool http, const char *from, struct qn_error *err)
{
    method->payloads = qn_arena_array(&calls->arena, lines->n, sizeof *method->payloads);
    if (!method->payloads)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: too many lines", from);
    method->n_payloads = lines->n;
    for (size_t i = 0; i < lines->n; i++) {
        struct qn_str packed = lines->lines[i].text;
        if (method->rpc) {
            struct qn_arena scratch;
            struct qn_error why = {0};
            qn_arena_init(&scratch, SCRATCH_BYTES);
            enum qn_status status = pack(calls, method->rpc, lines->lines[i].text, &scratch, &packed, &why);
            qn_arena_fini(&scratch);
            if (status != QN_OK)
                return lines->lines[i].number ? qn_error_set(err, status, "%s:%zu: %s", from,
                                                             lines->lines[i].number, why.message)
                                              : qn_error_set(err, status, "%s: %s", from, why.message);
        }
        method->payloads[i] = http ? qn_arena_str(&calls->arena, lines->lines[i].text) : packed;
        if (!method->payloads[i].ptr)
            return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: too much data", from);
    }
    return QN_OK;
}

static enum qn_status read_data(struct load_calls *calls, struct method *method,
                                const struct load_calls_method *asked, bool http, struct qn_error *err)
{
    if (!asked->data_file) {
        struct load_line line = {.text = qn_str_c(asked->data ? asked->data : "{}")};
        struct load_lines one = {.lines = &line, .n = 1};
        return prepare(calls, method, &one, http, "--data", err);
    }
    struct load_lines lines;
    QN_TRY(load_lines_read(asked->data_file, &lines, err));
    enum qn_status status = prepare(calls, method, &lines, http, asked->data_file, err);
    load_lines_free(&lines);
    return status;
}

/* Opening. */

static enum qn_status add(struct load_calls *calls, const struct load_calls_options *options, size_t i,
                          struct qn_error *err)
{
    const struct load_calls_method *asked = &options->methods[i];
    struct method *method = &calls->methods[i];
    method->name = asked->name;
    method->weight = asked->weight;
    QN_TRY(find(calls, method, options, err));
    QN_TRY(read_data(calls, method, asked, options->http, err));
    if (!load_pick_init(&method->pick, asked->pick, method->n_payloads,
                        load_random_of(options->seed, LOAD_STREAM_DATA + i)))
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s: out of memory", asked->name);
    return QN_OK;
}

static enum qn_status add_all(struct load_calls *calls, const struct load_calls_options *options,
                              struct qn_error *err)
{
    double weights[LOAD_CALLS_METHODS_MAX];
    for (size_t i = 0; i < options->n_methods; i++) {
        QN_TRY(add(calls, options, i, err));
        weights[i] = options->methods[i].weight;
    }
    calls->mix_random = load_random_of(options->seed, LOAD_STREAM_MIX);
    if (!load_alias_init(&calls->mix, weights, options->n_methods))
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    if (!options->cookie_file)
        return QN_OK;
    QN_TRY(load_lines_read(options->cookie_file, &calls->cookies, err));
    if (!load_pick_init(&calls->cookie_pick, options->cookie_pick, calls->cookies.n,
                        load_random_of(options->seed, LOAD_STREAM_COOKIES)))
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    return QN_OK;
}

enum qn_status load_calls_open(const struct load_calls_options *options, struct load_calls **ret_calls,
                               struct qn_error *err)
{
    QN_CHECK(options->n_methods > 0 && options->n_methods <= LOAD_CALLS_METHODS_MAX);
    struct load_calls *calls = calloc(1, sizeof *calls);
    if (!calls)
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    qn_arena_init(&calls->arena, ROOM_BYTES);
    calls->methods = calloc(options->n_methods, sizeof *calls->methods);
    calls->n_methods = calls->methods ? options->n_methods : 0;
    enum qn_status status = calls->methods ? add_all(calls, options, err)
                                           : qn_error_set(err, QN_RESOURCE_EXHAUSTED, "out of memory");
    if (status != QN_OK) {
        load_calls_close(calls);
        return status;
    }
    *ret_calls = calls;
    return QN_OK;
}

void load_calls_close(struct load_calls *calls)
{
    for (size_t i = 0; i < calls->n_methods; i++)
        load_pick_fini(&calls->methods[i].pick);
    free(calls->methods);
    load_alias_fini(&calls->mix);
    load_pick_fini(&calls->cookie_pick);
    load_lines_free(&calls->cookies);
    qn_arena_fini(&calls->arena);
    free(calls);
}

/* Asking. */

size_t load_calls_count(const struct load_calls *calls)
{
    return calls->n_methods;
}

void load_calls_describe(const struct load_calls *calls, size_t method, const char **ret_name,
                         double *ret_weight)
{
    *ret_name = calls->methods[method].name;
    *ret_weight = calls->methods[method].weight;
}

const struct qn_method *load_calls_rpc(const struct load_calls *calls, size_t method)
{
    return calls->methods[method].rpc;
}

struct load_calls_http load_calls_http(const struct load_calls *calls, size_t method)
{
    return calls->methods[method].http;
}

void load_calls_next(struct load_calls *calls, struct load_ask *ret_ask)
{
    size_t at = calls->n_methods == 1 ? 0 : load_alias_pick(&calls->mix, &calls->mix_random);
    struct method *method = &calls->methods[at];
    size_t line = method->n_payloads == 1 ? 0 : load_pick_next(&method->pick);
    *ret_ask = (struct load_ask){.method = (uint32_t)at, .payload = method->payloads[line]};
    if (calls->cookies.n > 0)
        ret_ask->cookie = calls->cookies.lines[load_pick_next(&calls->cookie_pick)].text;
}
