#include "common/rpc/sp_address.h"

#include <string.h>

#include "common/core/check.h"
#include "common/core/str.h"

enum qn_status qn_sp_address_of(const char *url, struct qn_sp_address *ret_address, struct qn_error *err)
{
    struct qn_str text = qn_str_c(url);
    *ret_address = (struct qn_sp_address){.ipc = qn_str_starts(text, QN_STR("ipc://")),
                                          .tls = qn_str_starts(text, QN_STR("tls+tcp://"))};
    if (!ret_address->ipc) {
        QN_CHECK(ret_address->tls || qn_str_starts(text, QN_STR("tcp://")));
        if (!qn_listen_parse(url + strlen(ret_address->tls ? "tls+tcp://" : "tcp://"), &ret_address->at.tcp))
            return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: not an address; " QN_LISTEN_ALLOWED, url);
        ret_address->len = ret_address->at.tcp.len;
        return QN_OK;
    }
    const char *path = url + strlen("ipc://");
    struct sockaddr_un *un = &ret_address->at.un;
    if (strlen(path) == 0 || strlen(path) >= sizeof(un->sun_path))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: a socket's path has 1 to %zu bytes", url,
                            sizeof(un->sun_path) - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, strlen(path) + 1);
    ret_address->len = sizeof(*un);
    return QN_OK;
}
