#include "tests/load/report/result.h"

uint64_t load_result_errors(const struct load_result *result)
{
    uint64_t errors = 0;
    for (int code = QN_OK + 1; code < QN_STATUS_COUNT; code++)
        errors += result->codes[code];
    return errors;
}

double load_result_error_share(const struct load_result *result)
{
    return result->ended ? (double)load_result_errors(result) / (double)result->ended : 0;
}

double load_result_rate(const struct load_result *result)
{
    return result->took_ms ? (double)result->ended * 1e3 / (double)result->took_ms : 0;
}

void load_result_init(struct load_result *result)
{
    *result = (struct load_result){0};
    qn_arena_init(&result->arena, LOAD_RESULT_ROOM);
}

void load_result_fini(struct load_result *result)
{
    qn_arena_fini(&result->arena);
    *result = (struct load_result){0};
}
