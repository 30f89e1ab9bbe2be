#include "services/media/s3/operation.h"

#include <stdio.h>

#include "common/core/check.h"

/* No object reaches so far, and some servers read numbers of 63 bits. */
#define RANGE_MAX ((uint64_t)INT64_MAX)

/* One operation, in its request's arena. */
struct operation {
    struct media_s3_call call;
    struct media_s3_client *client;
    struct media_object_store *store;
    struct media_object_request *request;
    struct qn_buf body; /* of what is read into memory of our own: a range, a listing */
    char prefix[MEDIA_OBJECT_KEY_MAX + 2];
    char range[64], list_max[8];
};

static void finish(struct operation *operation, enum qn_status status)
{
    struct media_object_request *request = operation->request;
    media_s3_call_fini(&operation->call);
    qn_buf_fini(&operation->body);
    request->done(request, status);
}

/* What an answer's head says of the object; false: S3 would have said more. */
static bool take_info(struct operation *operation, int64_t size_bytes)
{
    const struct media_s3_transfer *from = &operation->call.ask.transfer;
    struct media_object_info *to = &operation->request->info;
    struct qn_str etag = qn_str_c(from->etag);
    if (size_bytes < 0 || from->touched_s < 0)
        return false;
    if (etag.len > 1 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        etag = qn_str_n(etag.ptr + 1, etag.len - 2);
    to->size_bytes = (uint64_t)size_bytes;
    to->touched_ms = from->touched_s * 1000;
    snprintf(to->content_type, sizeof to->content_type, "%s", from->content_type);
    snprintf(to->etag, sizeof to->etag, "%.*s", QN_STR_ARG(etag));
    return true;
}

/* HEAD. Also what a range past the end of an object comes to: there the answer says nothing of the object. */

static void on_head(struct media_s3_call *call, enum qn_status status)
{
    struct operation *operation = container_of(call, struct operation, call);
    if (status == QN_OK && !take_info(operation, call->ask.transfer.content_length))
        status = QN_DATA_LOSS;
    finish(operation, status);
}

static void ask_head(struct operation *operation)
{
    operation->call.verb = "head";
    operation->call.question.method = "HEAD";
    operation->call.question.n_headers = 0;
    operation->call.into = NULL;
    media_s3_call_start(operation->client, &operation->call, on_head);
}

/* GET of a part. */

/* "bytes 0-99/1234" → 1234, if it is the part that begins at 'offset'. */
static int64_t size_of_range(const char *header, uint64_t offset)
{
    struct qn_str rest = qn_str_c(header), part, first;
    uint64_t start;
    int64_t size;
    if (!qn_str_starts(rest, QN_STR("bytes ")))
        return -1;
    rest = qn_str_n(rest.ptr + strlen("bytes "), rest.len - strlen("bytes "));
    if (!qn_str_next(&rest, '/', &part) || !qn_str_next(&part, '-', &first) ||
        !qn_str_to_u64(first, &start) || start != offset || !qn_str_to_i64(rest, &size))
        return -1;
    return size;
}

static void on_range(struct media_s3_call *call, enum qn_status status)
{
    struct operation *operation = container_of(call, struct operation, call);
    struct media_object_request *request = operation->request;
    if (status == QN_OUT_OF_RANGE && call->ask.transfer.code == 416) {
        ask_head(operation);
        return;
    }
    if (status == QN_OUT_OF_RANGE) /* more than was asked for */
        status = QN_DATA_LOSS;
    if (status == QN_OK &&
        (call->ask.transfer.code != 206 ||
         !take_info(operation, size_of_range(call->ask.transfer.content_range, request->offset))))
        status = QN_DATA_LOSS;
    if (status == QN_OK) {
        request->bytes = qn_arena_str(request->arena, qn_buf_view(&operation->body));
        if (!request->bytes.ptr)
            status = QN_RESOURCE_EXHAUSTED;
    }
    finish(operation, status);
}

static void ask_range(struct operation *operation)
{
    const struct media_object_request *request = operation->request;
    struct media_s3_question *question = &operation->call.question;
    if (request->length == 0 || request->offset > RANGE_MAX - request->length) {
        ask_head(operation);
        return;
    }
    snprintf(operation->range, sizeof operation->range, "bytes=%llu-%llu",
             (unsigned long long)request->offset,
             (unsigned long long)(request->offset + request->length - 1));
    qn_buf_init(&operation->body, request->length);
    operation->call.verb = "read";
    operation->call.into = &operation->body;
    question->method = "GET";
    question->headers[question->n_headers++] =
        (struct media_sigv4_pair){QN_STR("range"), qn_str_c(operation->range)};
    media_s3_call_start(operation->client, &operation->call, on_range);
}

/* GET of all. */

static void on_all(struct media_s3_call *call, enum qn_status status)
{
    struct operation *operation = container_of(call, struct operation, call);
    struct media_object_request *request = operation->request;
    if (status == QN_OK && request->into->len > request->length)
        status = QN_OUT_OF_RANGE;
    else if (status == QN_OK && !take_info(operation, (int64_t)request->into->len))
        status = QN_DATA_LOSS;
    if (status == QN_OK)
        request->bytes = qn_buf_view(request->into);
    finish(operation, status);
}

static void ask_all(struct operation *operation)
{
    operation->call.verb = "read_all";
    operation->call.question.method = "GET";
    operation->call.into = operation->request->into;
    media_s3_call_start(operation->client, &operation->call, on_all);
}

/* PUT and DELETE. */

static void on_written(struct media_s3_call *call, enum qn_status status)
{
    finish(container_of(call, struct operation, call), status == QN_NOT_FOUND ? QN_INTERNAL : status);
}

static void ask_write(struct operation *operation)
{
    const struct media_object_body *body = &operation->request->body;
    struct media_s3_question *question = &operation->call.question;
    operation->call.verb = "write";
    question->method = "PUT";
    question->body = body->bytes;
    question->headers[question->n_headers++] =
        (struct media_sigv4_pair){QN_STR("content-type"), body->content_type};
    if (body->cache_control.len > 0)
        question->headers[question->n_headers++] =
            (struct media_sigv4_pair){QN_STR("cache-control"), body->cache_control};
    media_s3_call_start(operation->client, &operation->call, on_written);
}

static void on_deleted(struct media_s3_call *call, enum qn_status status)
{
    finish(container_of(call, struct operation, call), status == QN_NOT_FOUND ? QN_OK : status);
}

static void ask_delete(struct operation *operation)
{
    operation->call.verb = "delete";
    operation->call.question.method = "DELETE";
    media_s3_call_start(operation->client, &operation->call, on_deleted);
}

/* Listing. */

void media_s3_operation_ask_list(struct media_s3_question *question, struct qn_str prefix,
                                 struct qn_str after, const char *max)
{
    const struct media_sigv4_pair query[] = {{QN_STR("list-type"), QN_STR("2")},
                                             {QN_STR("max-keys"), qn_str_c(max)},
                                             {QN_STR("prefix"), prefix},
                                             {QN_STR("start-after"), after}};
    question->method = "GET";
    question->key = (struct qn_str){0};
    question->n_query = QN_COUNT(query) - (after.len == 0);
    memcpy(question->query, query, sizeof query);
}

static void on_list(struct media_s3_call *call, enum qn_status status)
{
    struct operation *operation = container_of(call, struct operation, call);
    struct media_object_request *request = operation->request;
    struct qn_error err = {.message = "no listing"};
    if (status == QN_NOT_FOUND || status == QN_OUT_OF_RANGE) /* no listing has either */
        status = QN_DATA_LOSS;
    if (status == QN_OK)
        status = media_s3_answer_list(qn_buf_view(&operation->body), qn_str_c(operation->prefix),
                                      qn_str_c(request->after_key), request->entries, MEDIA_OBJECT_LIST_MAX,
                                      &request->n_entries, &err);
    if (status == QN_DATA_LOSS)
        qn_log(NULL, QN_ERROR, "the bucket's listing is not what was asked for", QN_F_C("why", err.message),
               QN_F_C("prefix", operation->prefix));
    finish(operation, status);
}

static void ask_list(struct operation *operation)
{
    struct media_object_request *request = operation->request;
    request->entries = qn_arena_array(request->arena, MEDIA_OBJECT_LIST_MAX, sizeof *request->entries);
    if (!request->entries) {
        media_object_refuse(operation->store, request, QN_RESOURCE_EXHAUSTED);
        return;
    }
    snprintf(operation->prefix, sizeof operation->prefix, "%s/", request->key);
    snprintf(operation->list_max, sizeof operation->list_max, "%d", MEDIA_OBJECT_LIST_MAX);
    qn_buf_init(&operation->body, MEDIA_S3_ANSWER_LIST_BYTES_MAX);
    operation->call.verb = "list";
    operation->call.into = &operation->body;
    media_s3_operation_ask_list(&operation->call.question, qn_str_c(operation->prefix),
                                qn_str_c(request->after_key), operation->list_max);
    media_s3_call_start(operation->client, &operation->call, on_list);
}

void media_s3_operation_start(struct media_s3_client *client, struct media_object_store *store,
                              struct media_object_request *request)
{
    static void (*const asks[])(struct operation * operation) = {
        [MEDIA_OBJECT_HEAD] = ask_head,     [MEDIA_OBJECT_READ] = ask_range,
        [MEDIA_OBJECT_READ_ALL] = ask_all,  [MEDIA_OBJECT_WRITE] = ask_write,
        [MEDIA_OBJECT_DELETE] = ask_delete, [MEDIA_OBJECT_LIST] = ask_list,
    };
    struct operation *operation = qn_arena_new(request->arena, struct operation);
    if (!operation || !asks[request->verb]) {
        media_object_refuse(store, request, operation ? QN_UNIMPLEMENTED : QN_RESOURCE_EXHAUSTED);
        return;
    }
    operation->client = client;
    operation->store = store;
    operation->request = request;
    operation->call.arena = request->arena;
    operation->call.deadline_ms = request->deadline_ms;
    operation->call.question.key = qn_str_c(request->key);
    asks[request->verb](operation);
}
