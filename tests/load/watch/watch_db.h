#ifndef QN_LOAD_WATCH_DB_H
#define QN_LOAD_WATCH_DB_H

#include "tests/load/report/result.h"

/* Counts a role's connections in pg_stat_activity while a run lasts, ten times a second, on a connection of
 * its own with another role: the watched one must keep all its slots.
 *
 * By a thread of its own, blocking: libpq may look up names and wait on the spot, and the loop's sending and
 * the samples must not wait for one another. */
struct load_watch_db;

/* Connects, and blocks meanwhile. QN_INVALID_ARGUMENT (the url, or its role is the watched one), QN_NOT_FOUND
 * (no such role), QN_UNAVAILABLE: 'err' says why. */
QN_MUST_USE enum qn_status load_watch_db_start(const char *url, const char *role,
                                               struct load_watch_db **ret_watch, struct qn_error *err);

/* The most connections seen since it was last called; -1: no sample since then. Any thread. */
int32_t load_watch_db_recent(struct load_watch_db *watch);

/* The samples count from now: what was before, a warm-up's, is forgotten. */
void load_watch_db_reset(struct load_watch_db *watch);

/* Ends the thread and fills in result->database. */
void load_watch_db_stop(struct load_watch_db *watch, struct load_result *result);

#endif
