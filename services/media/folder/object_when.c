#include "services/media/folder/object_when.h"

#include <stdio.h>

#include "common/core/clock.h"
#include "services/media/folder/object_range.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void media_http_date_format(int64_t wall_ms, char to[MEDIA_HTTP_DATE_LEN + 1])
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* 1970-01-01 */
    enum { DAY_MS = 24 * 3600 * 1000 };
    char text[QN_TIME_TEXT_LEN + 1];
    int64_t day = wall_ms / DAY_MS - (wall_ms % DAY_MS < 0);
    int month = (int)qn_date_of(wall_ms).month;
    qn_time_format(wall_ms, text);
    snprintf(to, MEDIA_HTTP_DATE_LEN + 1, "%s, %.2s %.3s %.4s %.8s GMT", days[(day % 7 + 7) % 7], text + 8,
             months + 3 * (month - 1), text, text + 11);
}

bool media_http_date_parse(struct qn_str text, int64_t *ret_wall_ms)
{
    char rfc3339[32];
    if (text.len != MEDIA_HTTP_DATE_LEN || text.ptr[3] != ',' || text.ptr[4] != ' ' || text.ptr[7] != ' ' ||
        text.ptr[11] != ' ' || text.ptr[16] != ' ' || !qn_str_ends(text, QN_STR(" GMT")))
        return false;
    int month = 0;
    while (month < 12 && memcmp(months + (size_t)3 * (size_t)month, text.ptr + 8, 3) != 0)
        month++;
    int len = snprintf(rfc3339, sizeof rfc3339, "%.4s-%02d-%.2sT%.8sZ", text.ptr + 12, month + 1,
                       text.ptr + 5, text.ptr + 17);
    return month < 12 && len == 20 && qn_time_parse(qn_str_n(rfc3339, (size_t)len), ret_wall_ms);
}

/* If-Match compares strongly: a weak ETag never matches. */
static bool matches_strongly(struct qn_str header, struct qn_str etag)
{
    struct qn_str rest = header, one;
    while (qn_str_next(&rest, ',', &one)) {
        one = qn_str_trim(one);
        if (!qn_str_starts(one, QN_STR("W/")) && media_object_etag_matches(one, etag))
            return true;
    }
    return false;
}

static bool is_after(int64_t modified_ms, struct qn_str header, bool otherwise)
{
    int64_t since_ms;
    return media_http_date_parse(qn_str_trim(header), &since_ms) ? modified_ms / 1000 > since_ms / 1000
                                                                 : otherwise;
}

enum media_condition media_conditions_judge(const struct media_conditions *conditions, struct qn_str etag,
                                            int64_t modified_ms)
{
    if (conditions->if_match.ptr) {
        if (!matches_strongly(conditions->if_match, etag))
            return MEDIA_CONDITION_FAILED;
    } else if (conditions->if_unmodified_since.ptr &&
               is_after(modified_ms, conditions->if_unmodified_since, false)) {
        return MEDIA_CONDITION_FAILED;
    }
    if (conditions->if_none_match.ptr)
        return media_object_etag_matches(conditions->if_none_match, etag) ? MEDIA_CONDITION_UNMODIFIED
                                                                          : MEDIA_CONDITION_HOLDS;
    if (conditions->if_modified_since.ptr && !is_after(modified_ms, conditions->if_modified_since, true))
        return MEDIA_CONDITION_UNMODIFIED;
    return MEDIA_CONDITION_HOLDS;
}
