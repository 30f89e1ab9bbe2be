#include "common/core/check.h"
#include "services/gateway/edge.h"
#include "services/gateway/settings.h"
#include "services/gateway/upstream.h"

int main(int argc, char **argv)
{
    static struct gateway_settings set;
    static struct gateway_upstream upstream = {
        .auth = QN_PART_RPC_CLIENT("auth", &set.auth, &set.tls),
        .profile = QN_PART_RPC_CLIENT("profile", &set.profile, &set.tls),
        .media = QN_PART_RPC_CLIENT("media", &set.media, &set.tls),
    };
    static struct gateway_edge edge = GATEWAY_EDGE(&set, &upstream);
    static struct qn_part *const parts[] = {&upstream.auth.part, &upstream.profile.part, &upstream.media.part,
                                            &edge.part};
    static const struct qn_app app = {
        .name = "gateway",
        .summary =
            "HTTP for frontends: the Connect protocol and Better Auth's endpoints, onto Quintet's services",
        .settings_table = gateway_settings_table,
        .settings = &set,
        .check = gateway_settings_check,
        .parts = parts,
        .n_parts = QN_COUNT(parts),
    };
    struct qn_app run = app;
    run.n_settings = gateway_settings_count;
    return qn_app_run(&run, argc, argv);
}
