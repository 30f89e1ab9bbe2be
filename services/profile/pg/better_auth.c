#include "services/profile/pg/better_auth.h"

#include "common/core/log.h"
#include "services/profile/pg/admin.h"

/* Categories are PostgreSQL's (pg_type.typcategory): S text, B boolean, D date and time. Of the last only the
 * two timestamps will do: with or without time zone, as Better Auth's own migration and Prisma make them. */
static const char problems[] =
    "with wanted (relation, attribute, category) as (values"
    " ('user', 'id', 'S'), ('user', 'name', 'S'), ('user', 'email', 'S'), ('user', 'emailVerified', 'B'),"
    " ('user', 'image', 'S'), ('user', 'createdAt', 'D'), ('user', 'updatedAt', 'D'),"
    " ('session', 'id', 'S'), ('session', 'expiresAt', 'D'), ('session', 'token', 'S'),"
    " ('session', 'createdAt', 'D'), ('session', 'updatedAt', 'D'), ('session', 'ipAddress', 'S'),"
    " ('session', 'userAgent', 'S'), ('session', 'userId', 'S'),"
    " ('account', 'id', 'S'), ('account', 'accountId', 'S'), ('account', 'providerId', 'S'),"
    " ('account', 'userId', 'S'), ('account', 'accessToken', 'S'), ('account', 'refreshToken', 'S'),"
    " ('account', 'idToken', 'S'), ('account', 'accessTokenExpiresAt', 'D'),"
    " ('account', 'refreshTokenExpiresAt', 'D'), ('account', 'scope', 'S'), ('account', 'password', 'S'),"
    " ('account', 'createdAt', 'D'), ('account', 'updatedAt', 'D'),"
    " ('verification', 'id', 'S'), ('verification', 'identifier', 'S'), ('verification', 'value', 'S'),"
    " ('verification', 'expiresAt', 'D'), ('verification', 'createdAt', 'D'),"
    " ('verification', 'updatedAt', 'D')),"
    " present as (select c.relname as relation, a.attname as attribute, t.typcategory as category,"
    "   t.typname as type, a.attnotnull and not (a.atthasdef or a.attidentity <> '') as insists"
    "   from pg_catalog.pg_class c"
    "   join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    "   join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
    "   join pg_catalog.pg_type t on t.oid = a.atttypid"
    "   where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'f')"
    "   and c.relname in (select relation from wanted))"
    " select format('table %I.%I has no column %I', $1::text, w.relation, w.attribute)"
    "   from wanted w left join present p using (relation, attribute) where p.attribute is null"
    " union all"
    " select format('column %I of table %I.%I has the type %s, which does not take what Better Auth writes',"
    "   attribute, $1::text, relation, p.type)"
    "   from wanted w join present p using (relation, attribute)"
    "   where p.category <> w.category::\"char\""
    "   or (w.category = 'D' and p.type not in ('timestamp', 'timestamptz'))"
    " union all"
    " select format('column %I of table %I.%I must not be null, has no default, and Better Auth does not "
    "fill it: "
    "give it a default or drop it', attribute, $1::text, relation)"
    "   from present p left join wanted w using (relation, attribute)"
    "   where w.attribute is null and p.insists"
    " order by 1";

enum qn_status pg_better_auth_check(PGconn *pg, const char *schema, struct qn_error *err)
{
    PGresult *found = NULL;
    const char *const params[] = {schema, NULL};
    QN_TRY(pg_admin_ask(pg, "looking at Better Auth's tables", problems, params, &found, err));
    int n = PQntuples(found);
    for (int row = 0; row < n; row++) {
        qn_log(NULL, QN_ERROR, "Better Auth's tables will not do",
               QN_F_C("because", PQgetvalue(found, row, 0)));
    }
    enum qn_status status = QN_OK;
    if (n > 0) {
        status = qn_error_set(err, QN_FAILED_PRECONDITION, "Better Auth's tables will not do: %s%s",
                              PQgetvalue(found, 0, 0), n > 1 ? " (there is more, see above)" : "");
    }
    PQclear(found);
    return status;
}
