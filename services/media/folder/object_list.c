#include "services/media/folder/object_list.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"

/* ListObjectsV2's own default and bound. */
enum { KEYS_MAX = 1000 };

struct list {
    struct qn_work work;
    struct media_object_http *http;
    struct qn_exchange *exchange;
    struct qn_str prefix, start_after, token; /* of the claim, which is the exchange's */
    bool in_url;                              /* encoding-type=url */
    uint64_t max_keys;
    char prefix_text[MEDIA_OBJECT_KEY_MAX + 1], after[MEDIA_OBJECT_KEY_MAX + 1];
    struct media_object_entry *entries; /* one more than asked for: whether there are more */
    size_t n;
    enum qn_status status;
    struct qn_error err;
};

static void run(struct qn_work *work)
{
    struct list *list = container_of(work, struct list, work);
    list->status = media_object_file_list(&list->http->folder->place, list->prefix_text, list->after,
                                          list->entries, (size_t)list->max_keys + 1, &list->n, &list->err);
}

static void write_element(const struct list *list, struct qn_buf *xml, const char *name, struct qn_str text)
{
    qn_buf_printf(xml, "<%s>", name);
    if (list->in_url)
        qn_percent_encode(xml, text, QN_PERCENT_PATH);
    else
        media_object_reply_write_xml(xml, text);
    qn_buf_printf(xml, "</%s>", name);
}

static void write_result(const struct list *list, struct qn_buf *xml)
{
    size_t n = list->n < list->max_keys ? list->n : (size_t)list->max_keys;
    bool more = list->n > n && n > 0;
    qn_buf_write_c(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
                        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                        "<Name>" MEDIA_OBJECT_FOLDER_BUCKET "</Name>");
    write_element(list, xml, "Prefix", list->prefix);
    qn_buf_printf(xml, "<KeyCount>%zu</KeyCount><MaxKeys>%llu</MaxKeys><IsTruncated>%s</IsTruncated>", n,
                  (unsigned long long)list->max_keys, more ? "true" : "false");
    if (list->in_url)
        qn_buf_write_c(xml, "<EncodingType>url</EncodingType>");
    if (list->start_after.len > 0)
        write_element(list, xml, "StartAfter", list->start_after);
    if (list->token.len > 0)
        write_element(list, xml, "ContinuationToken", list->token);
    if (more)
        write_element(list, xml, "NextContinuationToken", qn_str_c(list->entries[n - 1].key));
    for (size_t i = 0; i < n; i++) {
        const struct media_object_entry *entry = &list->entries[i];
        char at[QN_TIME_TEXT_LEN + 1];
        qn_time_format(entry->touched_ms, at);
        qn_buf_printf(xml,
                      "<Contents><Key>%s</Key><LastModified>%s</LastModified><Size>%llu</Size>"
                      "<StorageClass>STANDARD</StorageClass></Contents>",
                      entry->key, at, (unsigned long long)entry->size_bytes); /* keys need no escaping */
    }
    qn_buf_write_c(xml, "</ListBucketResult>\n");
}

static void ran(struct qn_work *work, enum qn_status status)
{
    struct list *list = container_of(work, struct list, work);
    const struct media_settings *settings = list->http->settings;
    enum { XML_MAX = 2 << 20 }; /* 1,000 keys at their longest, and the query */
    if (status != QN_OK || list->status != QN_OK) {
        if (status == QN_OK)
            media_object_folder_warn(list->http->folder, "listing failed", list->status, list->prefix_text,
                                     &list->err);
        media_object_reply_error(list->exchange, settings,
                                 status == QN_OK ? MEDIA_OBJECT_ERROR_INTERNAL
                                                 : MEDIA_OBJECT_ERROR_SLOW_DOWN);
        return;
    }
    struct media_object_headers headers = {.n = 0};
    struct qn_buf xml;
    qn_buf_init(&xml, XML_MAX);
    write_result(list, &xml);
    media_object_reply_add(&headers, QN_STR("Content-Type"), QN_STR("application/xml"));
    media_object_reply_add(&headers, QN_STR("Cache-Control"), QN_STR("no-store"));
    media_object_reply_add_cors(&headers, settings, list->exchange);
    if (qn_buf_failed(&xml))
        media_object_reply_error(list->exchange, settings, MEDIA_OBJECT_ERROR_INTERNAL);
    else
        qn_exchange_reply(list->exchange, 200, headers.list, headers.n, qn_buf_view(&xml));
    qn_buf_fini(&xml);
}

static bool copy_text(char to[MEDIA_OBJECT_KEY_MAX + 1], struct qn_str text)
{
    /* No key is longer, so nothing begins with more, and all comes before it that would come before its
     * beginning. */
    snprintf(to, MEDIA_OBJECT_KEY_MAX + 1, "%.*s", QN_STR_ARG(text));
    return qn_str_find(text, '\0') < 0;
}

/* False: it asks for what is not done here, or for nonsense; 'ret_error' says which. */
static bool read_query(const struct media_object_pass *pass, struct list *list,
                       enum media_object_error *ret_error)
{
    const struct media_sigv4_claim *claim = &pass->claim;
    struct qn_str max = media_sigv4_param(claim, QN_STR("max-keys"));
    struct qn_str encoding = media_sigv4_param(claim, QN_STR("encoding-type"));
    *ret_error = MEDIA_OBJECT_ERROR_NOT_IMPLEMENTED;
    if (!qn_str_eq(media_sigv4_param(claim, QN_STR("list-type")), QN_STR("2")) ||
        media_sigv4_param(claim, QN_STR("delimiter")).len > 0)
        return false;
    *ret_error = MEDIA_OBJECT_ERROR_BAD_ARGUMENT;
    list->prefix = media_sigv4_param(claim, QN_STR("prefix"));
    list->start_after = media_sigv4_param(claim, QN_STR("start-after"));
    list->token = media_sigv4_param(claim, QN_STR("continuation-token"));
    list->max_keys = KEYS_MAX;
    list->in_url = encoding.ptr != NULL;
    if ((max.ptr && !qn_str_to_u64(max, &list->max_keys)) ||
        (encoding.ptr && !qn_str_eq(encoding, QN_STR("url"))) ||
        (list->token.ptr && !media_object_key_is_safe(list->token)))
        return false;
    if (list->max_keys > KEYS_MAX)
        list->max_keys = KEYS_MAX;
    return copy_text(list->prefix_text, list->prefix) &&
           copy_text(list->after, list->token.ptr ? list->token : list->start_after);
}

void media_object_list_http(struct media_object_http *http, struct qn_exchange *exchange,
                            const struct media_object_pass *pass)
{
    enum media_object_error error;
    struct list *list = qn_arena_new(exchange->arena, struct list);
    if (list && !read_query(pass, list, &error)) {
        media_object_reply_error(exchange, http->settings, error);
        return;
    }
    if (list)
        list->entries = qn_arena_array(exchange->arena, (size_t)list->max_keys + 1, sizeof *list->entries);
    if (!list || !list->entries) {
        media_object_reply_error(exchange, http->settings, MEDIA_OBJECT_ERROR_SLOW_DOWN);
        return;
    }
    list->http = http;
    list->exchange = exchange;
    qn_work_start(http->folder->lane, &list->work, qn_clock_now_ms() + MEDIA_OBJECT_FOLDER_PATIENCE_MS, run,
                  ran);
}
