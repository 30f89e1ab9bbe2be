#ifndef PROFILE_PG_POOL_H
#define PROFILE_PG_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/loop/loop.h"
#include "services/profile/pg/url.h"

/* The five connections. Opened at once, kept, reopened with back-off; each in pipeline mode on the loop.
 * README.md beside this says who may share a connection and what may be cancelled. */
struct pg_pool;

struct pg_pool_options {
    const struct pg_url *url; /* connection_limit, pool_timeout … as Prisma writes them; outlives the pool */
    size_t queue_max;         /* queries that wait for a connection; 0: 4,096 */
    size_t pipeline_max;      /* plain SELECTs in flight on one connection, at most 64; 0: 16; through a
                               * PgBouncer one, whatever this says */
    bool by_allowance;        /* opens nothing before pg_pool_allow(); else all of connection_limit */
};

/* Returns at once; connections come up when PostgreSQL does. */
QN_MUST_USE enum qn_status pg_pool_open(struct qn_loop *loop, const struct pg_pool_options *options,
                                        struct pg_pool **ret_pool, struct qn_error *err);

/* So long PostgreSQL may answer nothing while it is asked; as long as tcp_user_timeout waits for a machine
 * that cannot be heard. */
enum { PG_SILENT_LIMIT_MS = 10000 };

/* At least one connection is up, the schema's version is the one this program wants, and PostgreSQL answers
 * (it was not silent for PG_SILENT_LIMIT_MS while something is asked); 'detail' gets "5 of 5 connections", or
 * why not. */
bool pg_pool_ready(const struct pg_pool *pool, struct qn_buf *detail);

/* How many connections it may hold from now on, itself at most connection_limit: opens more, or gives
 * connections up as they fall idle (those that are busy run dry, one for each that is too many, and take
 * nothing new). With 0 and none up, queries end at once as "no slot": another process may be asked. 'cause'
 * is static text for the log lines of those that go. */
void pg_pool_allow(struct pg_pool *pool, size_t allowance, const char *cause);

/* Another process of this service has a connection that works: heard at 'heard_ms' by qn_clock_now_ms(), 0
 * for none. While none comes up here, and could not before that was heard, queries end at once, not executed:
 * whoever asks may have them answered there. If nobody has one they wait, as for a restart of PostgreSQL. */
void pg_pool_elsewhere(struct pg_pool *pool, uint64_t heard_ms);

/* Connections that are up. */
size_t pg_pool_up(const struct pg_pool *pool);

/* Connections that have a slot of the database, are about to take one, or have not quite let go of one. */
size_t pg_pool_slots(const struct pg_pool *pool);

/* None is up, and the last attempt was refused with 53300. */
bool pg_pool_refused(const struct pg_pool *pool);

/* 'changed' is told when pg_pool_slots() is another number, from the loop, until the pool is closed. */
void pg_pool_watch(struct pg_pool *pool, void (*changed)(void *context), void *context);

/* Closes connections as they fall idle, each with a log line (which one, why, statements done); queries that
 * wait are still served. The rest is cut off at 'limit_ms'. Queries that are started later end with
 * QN_UNAVAILABLE. Then 'drained' runs, never from within this call. */
void pg_pool_drain(struct pg_pool *pool, uint64_t limit_ms, void (*drained)(void *context), void *context);

/* Whether it has been told to drain or to close. */
bool pg_pool_draining(const struct pg_pool *pool);

/* Frees the pool, drained or not (then all is cut off at once). 'closed' runs when it is gone (NULL: nothing
 * does). Requires: nothing starts a query any more. */
void pg_pool_close(struct pg_pool *pool, void (*closed)(void *context), void *context);

#endif
