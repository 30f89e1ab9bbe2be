#include "common/core/check.h"

#include <stdio.h>
#include <stdlib.h>

/* stderr and not the log: the log is one of the things whose contract may have been broken. */
_Noreturn void qn_check_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "quintet: broken contract: %s, at %s:%d in %s()\n", condition, file, line, function);
    fflush(stderr);
    abort();
}
