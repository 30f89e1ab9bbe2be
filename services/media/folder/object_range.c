#include "services/media/folder/object_range.h"

enum media_object_range media_object_range_read(struct qn_str header, uint64_t size_bytes,
                                                uint64_t *ret_offset, uint64_t *ret_length)
{
    struct qn_str unit = QN_STR("bytes=");
    if (header.len < unit.len || !qn_str_eq_nocase(qn_str_n(header.ptr, unit.len), unit))
        return MEDIA_OBJECT_RANGE_ALL;
    struct qn_str spec = qn_str_trim(qn_str_n(header.ptr + unit.len, header.len - unit.len));
    ptrdiff_t dash = qn_str_find(spec, '-');
    if (dash < 0)
        return MEDIA_OBJECT_RANGE_ALL;
    struct qn_str first = qn_str_n(spec.ptr, (size_t)dash);
    struct qn_str last = qn_str_n(spec.ptr + dash + 1, spec.len - (size_t)dash - 1);
    uint64_t from, to;

    if (first.len == 0) { /* the last so many */
        uint64_t count;
        if (!qn_str_to_u64(last, &count))
            return MEDIA_OBJECT_RANGE_ALL;
        if (count == 0 || size_bytes == 0)
            return MEDIA_OBJECT_RANGE_BAD;
        *ret_length = count < size_bytes ? count : size_bytes;
        *ret_offset = size_bytes - *ret_length;
        return MEDIA_OBJECT_RANGE_PART;
    }
    if (!qn_str_to_u64(first, &from))
        return MEDIA_OBJECT_RANGE_ALL;
    if (last.len == 0)
        to = UINT64_MAX;
    else if (!qn_str_to_u64(last, &to) || to < from)
        return MEDIA_OBJECT_RANGE_ALL;
    if (from >= size_bytes)
        return MEDIA_OBJECT_RANGE_BAD;
    *ret_offset = from;
    *ret_length = (to < size_bytes - 1 ? to : size_bytes - 1) - from + 1;
    return MEDIA_OBJECT_RANGE_PART;
}

bool media_object_etag_matches(struct qn_str header, struct qn_str etag)
{
    struct qn_str rest = header, one;
    if (qn_str_eq(qn_str_trim(header), QN_STR("*")))
        return true;
    while (qn_str_next(&rest, ',', &one)) {
        one = qn_str_trim(one);
        if (qn_str_starts(one, QN_STR("W/")))
            one = qn_str_n(one.ptr + 2, one.len - 2);
        if (one.len == etag.len + 2 && one.ptr[0] == '"' && one.ptr[one.len - 1] == '"' &&
            qn_str_eq(qn_str_n(one.ptr + 1, etag.len), etag))
            return true;
    }
    return false;
}
