#ifndef GATEWAY_LIMIT_RULE_H
#define GATEWAY_LIMIT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/str.h"

/* How often a path of Better Auth's face may be asked for: the product's rules, on text alone. Any thread. */

enum { GATEWAY_LIMIT_WINDOW_MAX_S = 24 * 60 * 60, GATEWAY_LIMIT_MAX_MAX = 1000 * 1000 * 1000 };

struct gateway_limit_rule {
    uint32_t max, window_s;
};

/* What a site says: the rule for all paths, and its own for some.
 *
 * custom: comma-separated "path=max/seconds" or "path=off", as "/sign-in/email=5/60,/get-session=off". The
 * path is what follows the base path; "*" stands for any run of characters without a slash, "?" for one of
 * them, and a last segment "**" for all that follows. The first that fits counts, and goes before the
 * product's own rules. */
struct gateway_limit_rules {
    struct gateway_limit_rule all;
    struct qn_str custom;
};

/* The rule for a path without the base path. False: the site does not limit it. */
bool gateway_limit_rule_find(const struct gateway_limit_rules *rules, struct qn_str path,
                             struct gateway_limit_rule *ret_rule);

/* Whether every entry of 'custom' is one. */
bool gateway_limit_rule_valid(struct qn_str custom);

#endif
