#ifndef QN_APP_CONFIG_UNITS_H
#define QN_APP_CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/str.h"

/* Durations and sizes as people write them in settings, and back for messages about them. */

enum { QN_UNITS_TEXT_MAX = 32 };

/* "250ms", "2s", "5m", "1h", "7d", "0": a whole number and a unit, nothing else. In milliseconds. */
bool qn_config_units_duration(struct qn_str text, int64_t *ret_ms);
/* "512", "512B", "64KiB", "1MiB", "2GiB". In bytes. */
bool qn_config_units_size(struct qn_str text, int64_t *ret_bytes);

/* In the largest unit that leaves no fraction: 90000 is "90s", 120000 "2m". */
const char *qn_config_units_duration_text(int64_t ms, char to[QN_UNITS_TEXT_MAX]);
const char *qn_config_units_size_text(int64_t bytes, char to[QN_UNITS_TEXT_MAX]);

#endif
