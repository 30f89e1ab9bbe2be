#include "common/core/trace.h"

#include <stdbool.h>

enum { VERSION_LEN = 2, PARENT_ID_LEN = 16, FLAGS_LEN = 2 };
enum {
    TRACE_ID_AT = VERSION_LEN + 1,
    PARENT_ID_AT = TRACE_ID_AT + QN_TRACE_ID_LEN + 1,
    FLAGS_AT = PARENT_ID_AT + PARENT_ID_LEN + 1,
    WHOLE_LEN = FLAGS_AT + FLAGS_LEN
};

static bool is_hex(struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!((text.ptr[i] >= '0' && text.ptr[i] <= '9') || (text.ptr[i] >= 'a' && text.ptr[i] <= 'f')))
            return false;
    return true;
}

static bool is_zeros(struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '0')
            return false;
    return true;
}

struct qn_str qn_trace_id(struct qn_str traceparent)
{
    const char *at = traceparent.ptr;
    struct qn_str none = {0};
    if (traceparent.len < WHOLE_LEN || traceparent.len > QN_TRACEPARENT_MAX)
        return none;
    struct qn_str version = qn_str_n(at, VERSION_LEN), trace_id = qn_str_n(at + TRACE_ID_AT, QN_TRACE_ID_LEN),
                  parent_id = qn_str_n(at + PARENT_ID_AT, PARENT_ID_LEN),
                  flags = qn_str_n(at + FLAGS_AT, FLAGS_LEN);
    bool sound = at[TRACE_ID_AT - 1] == '-' && at[PARENT_ID_AT - 1] == '-' && at[FLAGS_AT - 1] == '-' &&
                 is_hex(version) && is_hex(trace_id) && is_hex(parent_id) && is_hex(flags) &&
                 !qn_str_eq(version, QN_STR("ff")) && !is_zeros(trace_id) && !is_zeros(parent_id);
    if (traceparent.len > WHOLE_LEN)
        sound = sound && !is_zeros(version) && at[WHOLE_LEN] == '-';
    return sound ? trace_id : none;
}
