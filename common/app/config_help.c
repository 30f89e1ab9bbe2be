#include <stdio.h>

#include "common/app/config.h"
#include "common/app/usage.h"

/* "what is logged: debug, info, warn or error (default info)" */
static void describe(const struct qn_setting *setting, struct qn_buf *to)
{
    qn_buf_write_c(to, setting->help);
    if (setting->kind == QN_SETTING_KIND_CHOICE) {
        qn_buf_write_c(to, ":");
        struct qn_str rest = qn_str_c(setting->choices), one;
        for (bool first = true; qn_str_next(&rest, '|', &one); first = false)
            qn_buf_printf(to, "%s %.*s", first ? "" : rest.len > 0 ? "," : " or", QN_STR_ARG(one));
    }
    if (!setting->fallback)
        qn_buf_write_c(to, " (must be given)");
    else if (setting->fallback[0] && setting->kind == QN_SETTING_KIND_SECRET)
        qn_buf_write_c(to, " (has a default)");
    else if (setting->fallback[0])
        qn_buf_printf(to, " (default %s)", setting->fallback);
}

void qn_config_help(const struct qn_setting *table, size_t n, struct qn_buf *to)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width = qn_usage_wider(width, table[i].name);
    struct qn_buf text;
    qn_buf_init(&text, QN_USAGE_ENTRY_MAX);
    for (size_t i = 0; i < n; i++) {
        qn_buf_clear(&text);
        describe(&table[i], &text);
        qn_usage_entry(to, width, table[i].name, qn_buf_view(&text));
    }
    qn_buf_fini(&text);
}
