#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/test.h"
#include "tests/harness/trial_private.h"

enum { SAMPLE_EVERY_MS = 10 };

/* One number a role in one look, so that all are of one moment. */
static void look(struct trial_sample *sample, PGconn *conn)
{
    static const char SQL[] =
        "select count(*) filter (where usename = $1), count(*) filter (where usename = $2),"
        " count(*) filter (where usename = $3), count(*) filter (where usename = $4)"
        " from pg_stat_activity";
    const char *params[TRIAL_ROLES_MAX] = {NULL};
    for (size_t i = 0; i < sample->n_roles; i++)
        params[i] = sample->peaks[i].role;
    PGresult *result = PQexecParams(conn, SQL, TRIAL_ROLES_MAX, NULL, params, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        sample->samples++;
        for (size_t i = 0; i < sample->n_roles; i++) {
            long now = strtol(PQgetvalue(result, 0, (int)i), NULL, 10);
            if (now > sample->peaks[i].peak) {
                sample->peaks[i].peak = now;
                sample->peaks[i].at_ms = trial_now_us(sample->trial) / 1000;
            }
        }
    }
    PQclear(result);
}

/* The server may go and come: then there are no samples meanwhile, nor connections to count. */
static void *run(void *context)
{
    struct trial_sample *sample = context;
    PGconn *conn = NULL;
    while (!atomic_load(&sample->stop)) {
        if (!conn)
            conn = PQconnectdb(harness_postgres_admin_url(sample->trial->options.stack->postgres));
        if (PQstatus(conn) == CONNECTION_OK) {
            look(sample, conn);
        } else {
            PQfinish(conn);
            conn = NULL;
        }
        poll(NULL, 0, SAMPLE_EVERY_MS);
    }
    PQfinish(conn);
    return NULL;
}

void trial_sample_start(struct trial_sample *sample, const struct trial *trial)
{
    sample->trial = trial;
    for (size_t i = 0; i < TRIAL_ROLES_MAX && trial->options.roles[i]; i++)
        sample->peaks[sample->n_roles++].role = trial->options.roles[i];
    assert_int_equal(pthread_create(&sample->thread, NULL, run, sample), 0);
}

void trial_sample_stop(struct trial_sample *sample)
{
    atomic_store(&sample->stop, true);
    pthread_join(sample->thread, NULL);
}
