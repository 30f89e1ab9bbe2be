#include "common/rpc/method.h"

/* A service has a handful of methods, so a walk is as quick as anything. */
const struct qn_method *qn_method_find(const struct qn_service *service, struct qn_str name)
{
    for (size_t i = 0; i < service->n_methods; i++)
        if (qn_str_eq(name, qn_str_c(service->methods[i]->name)))
            return service->methods[i];
    return NULL;
}
