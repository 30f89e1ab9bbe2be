#include "services/gateway/limit_rule.h"

#include "common/core/check.h"
#include "services/gateway/better_auth/origin.h"

/* What costs a hash or a mail may be asked for less often. The product's list, in its order. */
static const struct {
    struct qn_str path;
    bool and_below; /* every path that begins so */
    struct gateway_limit_rule rule;
} SPECIAL[] = {
    {{"/sign-in", 8}, true, {3, 10}},
    {{"/sign-up", 8}, true, {3, 10}},
    {{"/change-password", 16}, true, {3, 10}},
    {{"/change-email", 13}, true, {3, 10}},
    {{"/request-password-reset", 23}, false, {3, 60}},
    {{"/send-verification-email", 24}, false, {3, 60}},
    {{"/forget-password", 16}, true, {3, 60}},
};

struct entry {
    struct qn_str path;
    bool off;
    struct gateway_limit_rule rule;
};

static bool read_number(struct qn_str text, uint64_t max, uint32_t *ret_number)
{
    uint64_t number;
    if (!qn_str_to_u64(text, &number) || number < 1 || number > max)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

static bool read_entry(struct qn_str text, struct entry *ret_entry)
{
    ptrdiff_t equals = qn_str_rfind(text, '=');
    if (equals < 1 || text.ptr[0] != '/')
        return false;
    struct qn_str value = qn_str_trim(qn_str_n(text.ptr + equals + 1, text.len - (size_t)equals - 1));
    ptrdiff_t slash = qn_str_find(value, '/');
    *ret_entry = (struct entry){.path = qn_str_trim(qn_str_n(text.ptr, (size_t)equals)),
                                .off = qn_str_eq(value, QN_STR("off"))};
    if (ret_entry->off)
        return true;
    return slash > 0 &&
           read_number(qn_str_n(value.ptr, (size_t)slash), GATEWAY_LIMIT_MAX_MAX, &ret_entry->rule.max) &&
           read_number(qn_str_n(value.ptr + slash + 1, value.len - (size_t)slash - 1),
                       GATEWAY_LIMIT_WINDOW_MAX_S, &ret_entry->rule.window_s);
}

bool gateway_limit_rule_valid(struct qn_str custom)
{
    struct qn_str rest = custom, text;
    struct entry entry;
    while (qn_str_next(&rest, ',', &text)) {
        text = qn_str_trim(text);
        if (text.len && !read_entry(text, &entry))
            return false;
    }
    return true;
}

/* Segment by segment, so that a star stays within one. */
static bool path_fits(struct qn_str pattern, struct qn_str path)
{
    struct qn_str wanted, segment;
    while (qn_str_next(&pattern, '/', &wanted)) {
        if (pattern.len == 0 && qn_str_eq(wanted, QN_STR("**")))
            return true;
        if (!qn_str_next(&path, '/', &segment) || !gateway_origin_glob(wanted, segment))
            return false;
    }
    return !qn_str_next(&path, '/', &segment); /* an empty last segment, too, is one more */
}

bool gateway_limit_rule_find(const struct gateway_limit_rules *rules, struct qn_str path,
                             struct gateway_limit_rule *ret_rule)
{
    struct qn_str rest = rules->custom, text;
    struct entry entry;
    while (qn_str_next(&rest, ',', &text)) {
        if (read_entry(qn_str_trim(text), &entry) && path_fits(entry.path, path)) {
            *ret_rule = entry.rule;
            return !entry.off;
        }
    }
    *ret_rule = rules->all;
    for (size_t i = 0; i < QN_COUNT(SPECIAL); i++) {
        if (SPECIAL[i].and_below ? qn_str_starts(path, SPECIAL[i].path) : qn_str_eq(path, SPECIAL[i].path)) {
            *ret_rule = SPECIAL[i].rule;
            break;
        }
    }
    return true;
}
