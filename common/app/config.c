#include "common/app/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/config_units.h"
#include "common/core/check.h"
#include "common/core/utf8.h"

/* A value is shown so far, enough to recognise it by. */
enum { GIVEN_SHOWN_MAX = 80, ALLOWED_TEXT_MAX = 256 };

static bool is_text(enum qn_setting_kind kind)
{
    return kind == QN_SETTING_KIND_STRING || kind == QN_SETTING_KIND_SECRET || kind == QN_SETTING_KIND_CHOICE;
}

/* A value could hold a line feed or a terminal's escape: those are shown as '?'. */
static void write_given(struct qn_buf *to, const char *given)
{
    struct qn_str rest = qn_str_c(given);
    size_t shown = 0;
    uint32_t c;
    while (rest.len > 0 && shown < GIVEN_SHOWN_MAX) {
        size_t len = qn_utf8_get(rest, &c);
        bool plain = len > 0 && c >= 0x20 && (c < 0x7f || c >= 0xa0);
        qn_buf_write(to, plain ? rest.ptr : "?", plain ? len : 1);
        rest = qn_str_n(rest.ptr + (len ? len : 1), rest.len - (len ? len : 1));
        shown++;
    }
    if (rest.len > 0)
        qn_buf_write_c(to, "…");
}

void qn_config_complain(struct qn_config_report *report, const char *name, const char *given,
                        const char *allowed)
{
    report->n_complaints++;
    struct qn_buf *to = &report->lines;
    if (!given || !given[0]) {
        qn_buf_printf(to, "%s: is not set; %s\n", name, allowed);
        return;
    }
    qn_buf_printf(to, "%s: \"", name);
    write_given(to, given);
    qn_buf_printf(to, "\" is not allowed; %s\n", allowed);
}

/* What may be given, for a complaint. */
static void allowed_text(const struct qn_setting *setting, char to[ALLOWED_TEXT_MAX])
{
    char min[QN_UNITS_TEXT_MAX], max[QN_UNITS_TEXT_MAX];
    switch (setting->kind) {
    case QN_SETTING_KIND_STRING:
    case QN_SETTING_KIND_SECRET:
        snprintf(to, ALLOWED_TEXT_MAX, "it has no default: %s", setting->help);
        break;
    case QN_SETTING_KIND_CHOICE:
        snprintf(to, ALLOWED_TEXT_MAX, "one of %s", setting->choices);
        break;
    case QN_SETTING_KIND_INT:
        snprintf(to, ALLOWED_TEXT_MAX, "a whole number from %" PRId64 " to %" PRId64, setting->min,
                 setting->max);
        break;
    case QN_SETTING_KIND_BOOL:
        snprintf(to, ALLOWED_TEXT_MAX, "true or false (or 1, 0, yes, no, on, off)");
        break;
    case QN_SETTING_KIND_DURATION:
        snprintf(to, ALLOWED_TEXT_MAX, "a duration from %s to %s, as 250ms, 2s, 5m",
                 qn_config_units_duration_text(setting->min, min),
                 qn_config_units_duration_text(setting->max, max));
        break;
    case QN_SETTING_KIND_SIZE:
        snprintf(to, ALLOWED_TEXT_MAX, "a size from %s to %s, as 512, 64KiB, 1MiB",
                 qn_config_units_size_text(setting->min, min), qn_config_units_size_text(setting->max, max));
        break;
    }
}

static bool parse_bool(struct qn_str text, bool *ret_value)
{
    static const char *const words[2][4] = {{"false", "0", "no", "off"}, {"true", "1", "yes", "on"}};
    for (size_t value = 0; value < 2; value++)
        for (size_t i = 0; i < QN_COUNT(words[value]); i++)
            if (qn_str_eq_nocase(text, qn_str_c(words[value][i]))) {
                *ret_value = value == 1;
                return true;
            }
    return false;
}

static bool is_choice(const char *choices, struct qn_str text)
{
    struct qn_str rest = qn_str_c(choices), one;
    while (qn_str_next(&rest, '|', &one))
        if (qn_str_eq(one, text))
            return true;
    return false;
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    QN_CHECK(made); /* at start, before anything is served */
    return made;
}

/* Puts 'text' where it belongs; false when it is not allowed. */
static bool assign(const struct qn_setting *setting, const char *text, void *to)
{
    void *at = (char *)to + setting->offset;
    struct qn_str view = qn_str_c(text);
    int64_t number = 0;
    bool parsed = false;
    switch (setting->kind) {
    case QN_SETTING_KIND_CHOICE:
        if (!is_choice(setting->choices, view))
            return false;
        *(char **)at = copy(text);
        return true;
    case QN_SETTING_KIND_STRING:
    case QN_SETTING_KIND_SECRET:
        *(char **)at = copy(text);
        return true;
    case QN_SETTING_KIND_BOOL:
        return parse_bool(view, at);
    case QN_SETTING_KIND_INT:
        parsed = qn_str_to_i64(view, &number);
        break;
    case QN_SETTING_KIND_DURATION:
        parsed = qn_config_units_duration(view, &number);
        break;
    case QN_SETTING_KIND_SIZE:
        parsed = qn_config_units_size(view, &number);
        break;
    }
    if (!parsed || number < setting->min || number > setting->max)
        return false;
    *(int64_t *)at = number;
    return true;
}

/* So that checks of settings that depend on each other can look at all of them, also after a complaint. */
static void assign_fallback(const struct qn_setting *setting, void *to)
{
    if (setting->fallback)
        QN_CHECK(assign(setting, setting->fallback, to)); /* a default that its own line refuses */
    else if (is_text(setting->kind))
        *(char **)((char *)to + setting->offset) = copy("");
}

static void read_one(const struct qn_setting *setting, void *to, const char *given,
                     struct qn_config_report *report)
{
    if (given && given[0] && assign(setting, given, to))
        return;
    assign_fallback(setting, to);
    if ((!given || !given[0]) && setting->fallback)
        return;
    char allowed[ALLOWED_TEXT_MAX];
    allowed_text(setting, allowed);
    qn_config_complain(report, setting->name, given, allowed);
}

void qn_config_read(const struct qn_setting *table, size_t n, void *to, const char *(*get)(const char *name),
                    struct qn_config_report *report)
{
    for (size_t i = 0; i < n; i++)
        read_one(&table[i], to, get(table[i].name), report);
}

void qn_config_free(const struct qn_setting *table, size_t n, void *settings)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_text(table[i].kind))
            continue;
        char **at = (char **)((char *)settings + table[i].offset);
        if (*at && table[i].kind == QN_SETTING_KIND_SECRET)
            explicit_bzero(*at, strlen(*at));
        free(*at);
        *at = NULL;
    }
}
