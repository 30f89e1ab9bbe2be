#ifndef QN_LOAD_COMPARE_H
#define QN_LOAD_COMPARE_H

#include <stdio.h>

/* `quintet-load compare A.json B.json`: both results beside each other, how far B is from A, whether that is
 * better or worse, and warnings when the runs were not of the same kind. Small differences and quantiles that
 * rest on a few calls are called neither.
 *
 * Returns the exit code: 0, or 2 when a file cannot be read or is no result; stderr then says which and why.
 */
int load_compare(FILE *to, const char *a, const char *b);

#endif
