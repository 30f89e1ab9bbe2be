#include "services/gateway/route.h"

#include <stddef.h>

#include "auth.qn.h"
#include "common/core/check.h"
#include "media.qn.h"
#include "profile.qn.h"

static const struct {
    const struct qn_service *service;
    size_t client; /* offset of its struct qn_part_rpc_client in struct gateway_upstream */
} ROUTES[] = {
    {&quintet_auth_v1_auth_service, offsetof(struct gateway_upstream, auth)},
    {&quintet_profile_v1_profile_service, offsetof(struct gateway_upstream, profile)},
    {&quintet_media_v1_media_service, offsetof(struct gateway_upstream, media)},
};

bool gateway_route_find(struct gateway_upstream *upstream, struct qn_str path,
                        const struct qn_method **ret_method, struct qn_client **ret_client)
{
    ptrdiff_t slash = qn_str_rfind(path, '/');
    if (slash < 1)
        return false;
    struct qn_str service = qn_str_n(path.ptr + 1, (size_t)slash - 1);
    struct qn_str name = qn_str_n(path.ptr + slash + 1, path.len - (size_t)slash - 1);
    for (size_t i = 0; i < QN_COUNT(ROUTES); i++) {
        if (!qn_str_eq(service, qn_str_c(ROUTES[i].service->name)))
            continue;
        const struct qn_method *method = qn_method_find(ROUTES[i].service, name);
        if (!method || method->access == QN_ACCESS_INTERNAL)
            return false;
        const struct qn_part_rpc_client *part = (const void *)((const char *)upstream + ROUTES[i].client);
        *ret_method = method;
        *ret_client = part->client;
        return true;
    }
    return false;
}

bool gateway_route_is_connect(struct qn_str path)
{
    struct qn_str rest = qn_str_n(path.ptr + 1, path.len ? path.len - 1 : 0);
    ptrdiff_t slash = qn_str_find(rest, '/');
    return slash > 0 && qn_str_find(qn_str_n(rest.ptr, (size_t)slash), '.') >= 0;
}
