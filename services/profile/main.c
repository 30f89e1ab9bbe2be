#include "common/core/check.h"
#include "services/profile/connections.h"
#include "services/profile/handover.h"
#include "services/profile/rpc/rpc.h"
#include "services/profile/settings.h"
#include "services/profile/trash_watch.h"

static struct profile_settings set;
static struct profile_database database = PROFILE_DATABASE(&set, profile_rpc_init);
static struct profile_trash_watch trash = PROFILE_TRASH_WATCH(&database);
static struct profile_handover handover = PROFILE_HANDOVER(&set, &database);

int main(int argc, char **argv)
{
    static struct qn_part_rpc_server rpc = QN_PART_RPC_SERVER(&set.rpc, &set.tls, profile_rpc_handlers, 0);
    static struct qn_part *const parts[] = {&database.part, &trash.part, &rpc.part, &handover.part};
    static const struct qn_verb verbs[] = {
        {"--provision",
         "makes the role and the database of DATABASE_URL, with a CONNECTION LIMIT, as the admin",
         profile_database_provision},
        {"--migrate", "brings the schema to this program's version", profile_database_migrate},
    };
    rpc.n_handlers = profile_rpc_n_handlers;
    const struct qn_app app = {
        .name = "profile",
        .summary = "Profiles, and the only owner of PostgreSQL: five connections, never six.",
        .settings_table = profile_settings_table,
        .n_settings = profile_settings_count,
        .settings = &set,
        .check = profile_settings_check,
        .parts = parts,
        .n_parts = QN_COUNT(parts),
        .verbs = verbs,
        .n_verbs = QN_COUNT(verbs),
    };
    profile_connections_init(&database, &handover);
    int exit_code = qn_app_run(&app, argc, argv);
    profile_settings_free(&set);
    return exit_code;
}
