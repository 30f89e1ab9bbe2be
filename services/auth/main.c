#include "common/core/check.h"
#include "services/auth/hasher.h"
#include "services/auth/limit_rpc.h"
#include "services/auth/mail/mail.h"
#include "services/auth/rpc.h"
#include "services/auth/scrypt.h"
#include "services/auth/service.h"
#include "services/auth/settings.h"

static struct auth_settings set;
static struct qn_part_rpc_client profile = QN_PART_RPC_CLIENT("profile", &set.profile, &set.tls);
static struct auth_hasher hasher = AUTH_HASHER(&set.hash_threads, &set.hash_queue);
static struct auth_limit_part limits = AUTH_LIMIT_PART(&set.limit_counters);
static struct auth_mail mail = AUTH_MAIL(&set.mail, &set.app.env);
static struct auth_service service = AUTH_SERVICE(&set, &profile, &hasher, &mail);

int main(int argc, char **argv)
{
    static const struct qn_handlers *const handlers[] = {&auth_rpc_handlers, &auth_limit_rpc_handlers};
    static struct qn_part_rpc_server rpc =
        QN_PART_RPC_SERVER(&set.rpc, &set.tls, handlers, QN_COUNT(handlers));
    /* In this order, so that the server drains first and calls in hand still have the store and the hasher.
     */
    static struct qn_part *const parts[] = {&profile.part, &hasher.part,  &limits.part,
                                            &mail.part,    &service.part, &rpc.part};
    auth_scrypt_init();
    auth_rpc_bind(&service);
    const struct qn_app app = {
        .name = "auth",
        .summary = "Accounts, passwords and session cookies, compatible with Better Auth.",
        .settings_table = auth_settings_table,
        .n_settings = auth_settings_count,
        .settings = &set,
        .check = auth_settings_check,
        .parts = parts,
        .n_parts = QN_COUNT(parts),
    };
    return qn_app_run(&app, argc, argv);
}
