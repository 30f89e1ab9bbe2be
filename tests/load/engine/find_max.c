#include "tests/load/engine/find_max.h"

#include <math.h>

void load_find_max_begin(struct load_find_max *search, double first)
{
    *search = (struct load_find_max){.rate = first};
}

bool load_find_max_next(struct load_find_max *search, bool held)
{
    search->steps++;
    if (held)
        search->held = search->rate;
    else
        search->failed = search->rate;
    if (search->held == 0)
        search->rate = search->failed / 2;
    else if (search->failed == 0)
        search->rate = search->held * 2;
    else
        search->rate = sqrt(search->held * search->failed);
    /* Whole rates read better, and above 100 a second they change nothing. */
    if (search->rate > 100)
        search->rate = round(search->rate);
    bool close =
        search->held > 0 && search->failed > 0 && search->failed / search->held <= LOAD_FIND_MAX_CLOSE;
    return !close && search->steps < LOAD_FIND_MAX_STEPS && search->rate >= LOAD_FIND_MAX_LOWEST &&
           search->rate <= LOAD_FIND_MAX_HIGHEST;
}
