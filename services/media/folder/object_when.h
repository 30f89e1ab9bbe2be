#ifndef MEDIA_OBJECT_WHEN_H
#define MEDIA_OBJECT_WHEN_H

#include "common/core/str.h"

/* Whether a read is wanted at all (RFC 9110, section 13). Pure functions; any thread. */

enum { MEDIA_HTTP_DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Years 0000 to 9999; milliseconds are cut off. */
void media_http_date_format(int64_t wall_ms, char to[MEDIA_HTTP_DATE_LEN + 1]);

/* The form above alone: the two older ones nobody has sent in this century. The day's name is not looked at.
 */
bool media_http_date_parse(struct qn_str text, int64_t *ret_wall_ms);

/* The four headers, ptr NULL when absent. */
struct media_conditions {
    struct qn_str if_match, if_none_match, if_modified_since, if_unmodified_since;
};

enum media_condition {
    MEDIA_CONDITION_HOLDS,
    MEDIA_CONDITION_UNMODIFIED, /* 304 */
    MEDIA_CONDITION_FAILED,     /* 412 */
};

/* 'etag' without quotes; 'modified_ms' counts in whole seconds, as dates in headers do. In the order of
 * section 13.2.2; a date that cannot be read is passed over, as 13.1.3 wants. */
enum media_condition media_conditions_judge(const struct media_conditions *conditions, struct qn_str etag,
                                            int64_t modified_ms);

#endif
