#include "services/media/s3/answer.h"

#include <expat.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"

/* Expat reports start, text and end of elements. A path of names is kept ("Error/Code"), and the text of the
 * element that is open; what a path means is decided at its end. */

enum { PATH_MAX_BYTES = 192, TEXT_MAX_BYTES = 1024 };

struct reading {
    XML_Parser parser;
    char path[PATH_MAX_BYTES];
    size_t path_len, depth;
    struct qn_buf text;
    void (*ended)(struct reading *reading, const char *path, struct qn_str text);

    struct media_s3_fault *fault; /* of an error */

    struct media_object_entry *entries; /* of a listing */
    size_t n, max;
    bool listing, has_key, has_time;
    struct qn_str prefix, after;
    struct qn_error *err;
    bool refused;
};

static void refuse(struct reading *reading, const char *why)
{
    if (!reading->refused && reading->err)
        qn_error_set(reading->err, QN_DATA_LOSS, "%s", why);
    reading->refused = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal;
    refuse(context, "a document type in S3's answer");
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = context;
    size_t len = strlen(name), room = sizeof reading->path - reading->path_len;
    (void)attributes;
    if (++reading->depth > MEDIA_S3_ANSWER_DEPTH_MAX || len + 2 > room) {
        refuse(reading, "S3's answer is nested too deep");
        return;
    }
    reading->path_len += (size_t)snprintf(reading->path + reading->path_len, room, "%s%s",
                                          reading->depth > 1 ? "/" : "", name);
    qn_buf_clear(&reading->text);
    if (strcmp(reading->path, "ListBucketResult") == 0)
        reading->listing = true;
}

static void XMLCALL on_text(void *context, const XML_Char *text, int len)
{
    struct reading *reading = context;
    qn_buf_write(&reading->text, text, (size_t)len); /* a failed buffer is seen at the element's end */
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct reading *reading = context;
    if (reading->refused)
        return; /* an empty element's end follows its start even when that was refused */
    reading->ended(reading, reading->path, qn_buf_view(&reading->text));
    size_t cut = strlen(name) + (reading->depth > 1);
    QN_CHECK(reading->path_len >= cut);
    reading->path_len -= cut;
    reading->path[reading->path_len] = '\0';
    reading->depth--;
    qn_buf_clear(&reading->text);
}

/* True: a whole document that nobody refused. */
static bool read_xml(struct reading *reading, struct qn_str xml)
{
    bool whole = false;
    if (xml.len > MEDIA_S3_ANSWER_LIST_BYTES_MAX)
        return false;
    reading->parser = XML_ParserCreate("UTF-8");
    if (!reading->parser)
        return false;
    qn_buf_init(&reading->text, TEXT_MAX_BYTES);
    XML_SetUserData(reading->parser, reading);
    XML_SetElementHandler(reading->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading->parser, on_doctype);
    whole = XML_Parse(reading->parser, xml.ptr, (int)xml.len, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(reading->parser);
    qn_buf_fini(&reading->text);
    return whole && !reading->refused;
}

/* Errors. */

static bool is_code(struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'))
            return false;
    }
    return text.len > 0 && text.len <= MEDIA_S3_FAULT_CODE_MAX;
}

static void on_fault_ended(struct reading *reading, const char *path, struct qn_str text)
{
    struct media_s3_fault *fault = reading->fault;
    if (strcmp(path, "Error/Code") == 0 && is_code(text))
        snprintf(fault->code, sizeof fault->code, "%.*s", QN_STR_ARG(text));
    else if (strcmp(path, "Error/Message") == 0)
        snprintf(fault->text, sizeof fault->text, "%.*s", QN_STR_ARG(text));
}

void media_s3_answer_fault(struct qn_str xml, struct media_s3_fault *ret_fault)
{
    struct reading reading = {.fault = ret_fault, .ended = on_fault_ended};
    *ret_fault = (struct media_s3_fault){{0}, {0}};
    if (!read_xml(&reading, xml))
        *ret_fault = (struct media_s3_fault){{0}, {0}};
}

/* Listings. */

static bool comes_before(struct qn_str a, struct qn_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order < 0 || (order == 0 && a.len < b.len);
}

static void take_key(struct reading *reading, struct qn_str key)
{
    struct qn_str last = reading->n > 0 ? qn_str_c(reading->entries[reading->n - 1].key) : reading->after;
    if (reading->n == reading->max)
        refuse(reading, "more keys than were asked for");
    else if (reading->has_key)
        refuse(reading, "an entry with two keys");
    else if (!media_object_key_is_safe(key))
        refuse(reading, "a key that this service did not make");
    else if (!qn_str_starts(key, reading->prefix) || !comes_before(last, key))
        refuse(reading, "a key that was not asked for");
    else {
        snprintf(reading->entries[reading->n].key, MEDIA_OBJECT_KEY_MAX + 1, "%.*s", QN_STR_ARG(key));
        reading->has_key = true;
    }
}

static void on_list_ended(struct reading *reading, const char *path, struct qn_str text)
{
    if (qn_buf_failed(&reading->text)) {
        refuse(reading, "an overlong text");
    } else if (strcmp(path, "ListBucketResult/Contents/Key") == 0) {
        take_key(reading, text);
    } else if (strcmp(path, "ListBucketResult/Contents/LastModified") == 0) {
        reading->has_time = reading->n < reading->max &&
                            qn_time_parse(qn_str_trim(text), &reading->entries[reading->n].touched_ms);
    } else if (strcmp(path, "ListBucketResult/Contents") == 0) {
        if (!reading->has_key || !reading->has_time)
            refuse(reading, "an entry without a key or a time");
        else
            reading->n++;
        reading->has_key = reading->has_time = false;
    }
}

enum qn_status media_s3_answer_list(struct qn_str xml, struct qn_str prefix, struct qn_str after,
                                    struct media_object_entry *entries, size_t max, size_t *ret_n,
                                    struct qn_error *err)
{
    struct reading reading = {
        .ended = on_list_ended, .entries = entries, .max = max, .prefix = prefix, .after = after, .err = err};
    *ret_n = 0;
    if (!read_xml(&reading, xml))
        return reading.refused ? QN_DATA_LOSS : qn_error_set(err, QN_DATA_LOSS, "no XML of a listing");
    if (!reading.listing)
        return qn_error_set(err, QN_DATA_LOSS, "no listing");
    *ret_n = reading.n;
    return QN_OK;
}
