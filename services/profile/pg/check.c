#include "common/core/check.h"

#include <stdio.h>
#include <string.h>

#include "common/core/clock.h"
#include "services/profile/pg/migrations.h"
#include "services/profile/pg/private.h"

/* When the first connection comes up: 1. what limit does the role have  2. which version has the schema.
 * While the version is behind (or not to be had) it is looked at again every second; as soon as it is right,
 * or beyond, the service is ready. Migrations work with the release before, so a newer schema is fine. */

enum { LOOK_AGAIN_MS = 1000, LOOK_LIMIT_MS = 5000 };

static const struct pg_statement role_limit = {
    .name = "check_role",
    .sql = "select rolsuper, rolconnlimit, current_setting('plan_cache_mode') = 'force_generic_plan'"
           " from pg_catalog.pg_roles where rolname = current_user",
    .plain_select = true,
};
static const struct pg_statement schema_version = {
    .name = "check_schema",
    .sql = "select coalesce(max(version), 0) from quintet.schema_version",
    .plain_select = true,
};

static void look(struct pg_pool *pool);

static void on_look_again(struct qn_timer *timer)
{
    look(container_of(timer, struct pg_pool, check.timer));
}

/* The most that the role should be allowed: what this process is told that all share. Through PgBouncer that
 * is a share only, and five are meant. */
static int64_t budget(const struct pg_pool *pool)
{
    return pool->url->pgbouncer ? PG_CONNECTIONS_MAX : (int64_t)pool->n_conns;
}

/* The database itself must refuse one connection more, whoever asks for it. */
static void judge_role(struct pg_pool *pool, const PGresult *result)
{
    struct pg_check *check = &pool->check;
    if (pg_result_rows(result) != 1)
        return;
    int64_t limit = pg_result_i64(result, 0, 1);
    char *remark = check->remark;
    remark[0] = '\0';
    if (pg_result_bool(result, 0, 0)) {
        snprintf(remark, sizeof check->remark,
                 "the role is a superuser, so no CONNECTION LIMIT holds for it");
    } else if (limit < 0 || limit > budget(pool)) {
        snprintf(
            remark, sizeof check->remark,
            "the role's CONNECTION LIMIT is %lld, connection_limit %lld: run quintet-profile --provision",
            (long long)limit, (long long)budget(pool));
    }
    if (remark[0] && !check->remarked) {
        check->remarked = true;
        qn_log(&pool->log, QN_WARN, "the database does not hold the limit", QN_F_C("because", remark));
    }
    if (!remark[0] &&
        !pg_result_bool(result, 0, 2)) { /* only behind PgBouncer: else the session asks for it */
        snprintf(remark, sizeof check->remark,
                 "the role's plan_cache_mode is not what look-ups want: run"
                 " quintet-profile --provision");
    }
    check->role_known = true;
}

static void judge_version(struct pg_pool *pool, int64_t version)
{
    struct pg_check *check = &pool->check;
    check->version = version;
    check->version_known = version >= pg_migrations_version();
    check->trouble[0] = '\0';
    if (!check->version_known) {
        snprintf(check->trouble, sizeof check->trouble,
                 "the schema has version %lld, this program wants %lld: run quintet-profile --migrate",
                 (long long)version, (long long)pg_migrations_version());
    }
}

static void on_looked(struct pg_query *query)
{
    struct pg_pool *pool = container_of(query, struct pg_pool, check.query);
    struct pg_check *check = &pool->check;
    check->running = false;
    bool about_role = check->step.statement == &role_limit;
    bool no_schema = strcmp(query->sqlstate, "42P01") == 0 || strcmp(query->sqlstate, "3F000") == 0;
    if (about_role && query->status == QN_OK) {
        judge_role(pool, check->step.result);
        look(pool);
        return;
    }
    if (query->status == QN_OK) {
        judge_version(pool, pg_result_i64(check->step.result, 0, 0));
    } else if (no_schema) {
        judge_version(pool, 0);
    } else {
        snprintf(check->trouble, sizeof check->trouble, "the schema's version is not known: %s",
                 query->reason ? query->reason : qn_status_name(query->status));
    }
    if (!check->version_known && !pool->draining && pg_pool_up(pool) > 0)
        qn_timer_start(pool->loop, &check->timer, LOOK_AGAIN_MS, on_look_again);
}

static void look(struct pg_pool *pool)
{
    struct pg_check *check = &pool->check;
    if (check->running || pool->draining)
        return;
    check->running = true;
    check->step = (struct pg_step){.statement = check->role_known ? &schema_version : &role_limit};
    check->query = (struct pg_query){
        .steps = &check->step,
        .n_steps = 1,
        .deadline_ms = qn_clock_now_ms() + LOOK_LIMIT_MS,
        .log = &pool->log,
        .done = on_looked,
    };
    pg_query_start(&check->query, pool);
}

void pg_check_up(struct pg_pool *pool)
{
    if (!pool->check.version_known && !qn_timer_active(&pool->check.timer))
        look(pool);
}

/* Who knows what comes back: another server, another schema. */
void pg_check_all_down(struct pg_pool *pool)
{
    pool->check.role_known = pool->check.version_known = false;
    qn_timer_cancel(pool->loop, &pool->check.timer);
}

void pg_check_stop(struct pg_pool *pool)
{
    qn_timer_cancel(pool->loop, &pool->check.timer);
    if (pool->check.running)
        pg_query_cancel(&pool->check.query);
}

bool pg_check_ready(const struct pg_pool *pool, struct qn_buf *detail)
{
    const struct pg_check *check = &pool->check;
    const char *trouble = check->trouble[0] ? check->trouble : "the schema's version is being looked up";
    if (!check->version_known || check->remark[0])
        qn_buf_printf(detail, "; %s", check->version_known ? check->remark : trouble);
    return check->version_known;
}
