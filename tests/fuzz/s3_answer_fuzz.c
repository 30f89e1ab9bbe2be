#include <stdint.h>
#include <string.h>

#include "common/core/check.h"
#include "services/media/s3/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What S3, or whatever is there in its place, may send as XML: an error, or a listing of what was asked for.
 * A listing that is taken has only keys that were asked for, each once, in order. */

enum { INPUT_MAX = 65536, ENTRIES_MAX = 8 };

static void check_fault(struct qn_str xml)
{
    struct media_s3_fault fault;
    media_s3_answer_fault(xml, &fault);
    QN_CHECK(strlen(fault.code) <= MEDIA_S3_FAULT_CODE_MAX && strlen(fault.text) <= MEDIA_S3_FAULT_TEXT_MAX);
    for (const char *c = fault.code; *c; c++)
        QN_CHECK((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
                 *c == '.');
}

static void check_list(struct qn_str xml, const char *after)
{
    static struct media_object_entry entries[ENTRIES_MAX];
    struct qn_error err = {0};
    size_t n;
    enum qn_status status =
        media_s3_answer_list(xml, QN_STR("photos/"), qn_str_c(after), entries, ENTRIES_MAX, &n, &err);
    QN_CHECK(status == QN_OK || (status == QN_DATA_LOSS && n == 0 && err.message[0] != '\0'));
    for (size_t i = 0; i < n; i++) {
        QN_CHECK(media_object_key_is_safe(qn_str_c(entries[i].key)));
        QN_CHECK(strncmp(entries[i].key, "photos/", strlen("photos/")) == 0);
        QN_CHECK(strcmp(i > 0 ? entries[i - 1].key : after, entries[i].key) < 0);
    }
    QN_CHECK(n <= ENTRIES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    struct qn_str xml = qn_str_n((const char *)data, size);
    check_fault(xml);
    check_list(xml, "");
    check_list(xml, "photos/b");
    return 0;
}
