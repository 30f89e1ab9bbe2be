#include "services/profile/database.h"

#include <stdio.h>
#include <sysexits.h>

#include "common/core/check.h"
#include "services/profile/pg/migrate.h"
#include "services/profile/pg/provision.h"

static struct profile_database *database_of(struct qn_part *part)
{
    return container_of(part, struct profile_database, part);
}

enum qn_status profile_database_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct profile_database *database = database_of(part);
    const struct profile_settings *set = database->settings;
    const struct pg_pool_options options = {
        .url = &set->database,
        .queue_max = (size_t)set->queue_max,
        .pipeline_max = (size_t)set->pipeline_max,
        .by_allowance = set->others.address != NULL,
    };
    QN_TRY(pg_pool_open(loop, &options, &database->pool, err));
    database->opened(database->pool);
    return QN_OK;
}

bool profile_database_ready(struct qn_part *part, struct qn_buf *detail)
{
    return pg_pool_ready(database_of(part)->pool, detail);
}

static void on_done(void *context)
{
    struct profile_database *database = context;
    database->done(&database->part);
}

/* The pool stays until the server is closed: calls in hand may still ask it, and are told that it is closing.
 */
void profile_database_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct profile_database *database = database_of(part);
    database->done = done;
    pg_pool_drain(database->pool, limit_ms, on_done, database);
}

static void on_closed(void *context)
{
    struct profile_database *database = context;
    database->pool = NULL;
    on_done(context);
}

void profile_database_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct profile_database *database = database_of(part);
    database->done = done;
    pg_pool_close(database->pool, on_closed, database);
}

static int exit_code(const char *verb, enum qn_status status, const struct qn_error *err)
{
    if (status != QN_OK)
        fprintf(stderr, "quintet-profile %s: %s\n", verb, err->message);
    return status == QN_OK ? EX_OK : status == QN_UNAVAILABLE ? EX_TEMPFAIL : 1;
}

int profile_database_provision(void *settings)
{
    const struct profile_settings *set = settings;
    struct qn_error err = {0};
    enum qn_status status = set->has_admin ? pg_provision(&set->database, &set->admin, &err)
                                           : qn_error_set(&err, QN_FAILED_PRECONDITION,
                                                          "QUINTET_ADMIN_DATABASE_URL must be given");
    return exit_code("--provision", status, &err);
}

int profile_database_migrate(void *settings)
{
    const struct profile_settings *set = settings;
    struct qn_error err = {0};
    return exit_code("--migrate", pg_migrate(&set->database, set->has_admin ? &set->admin : NULL, &err),
                     &err);
}
