#include "common/rpc/address.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/str.h"

static enum qn_status parse_host_port(struct qn_str rest, const char *text, struct qn_address *address,
                                      struct qn_error *err)
{
    QN_CHECK(rest.ptr != NULL); /* a view into 'text' */
    ptrdiff_t colon = qn_str_rfind(rest, ':');
    uint64_t port;
    if (colon < 0 || !qn_str_to_u64(qn_str_n(rest.ptr + colon + 1, rest.len - (size_t)colon - 1), &port) ||
        port > UINT16_MAX)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: needs a port from 0 to 65535", text);
    struct qn_str host = qn_str_n(rest.ptr, (size_t)colon);
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed)
        host = qn_str_n(host.ptr + 1, host.len - 2);
    else if (qn_str_find(host, ':') >= 0)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: an IPv6 address goes in brackets", text);
    if (host.len == 0 || host.len >= sizeof(address->host) || qn_str_find(host, '/') >= 0)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: needs a host", text);
    memcpy(address->host, host.ptr, host.len);
    address->port = (uint16_t)port;
    return QN_OK;
}

/* Adds the parts of 'path' to 'to', each with a slash before it. Empty parts and dots go, so that one folder
 * has one name on both sides; ".." stays, because what it means depends on links. */
static bool add_path(char *to, struct qn_str path)
{
    struct qn_str part;
    size_t len = strlen(to);
    while (qn_str_next(&path, '/', &part)) {
        if (part.len == 0 || qn_str_eq(part, QN_STR(".")))
            continue;
        if (len + 1 + part.len >= QN_ADDRESS_PATH_MAX)
            return false;
        to[len++] = '/';
        memcpy(to + len, part.ptr, part.len);
        len += part.len;
        to[len] = '\0';
    }
    return true;
}

static enum qn_status parse_path(struct qn_str rest, const char *text, struct qn_address *address,
                                 struct qn_error *err)
{
    char here[QN_ADDRESS_PATH_MAX];
    QN_CHECK(rest.ptr != NULL); /* a view into 'text' */
    bool fits = rest.len > 0;
    if (fits && rest.ptr[0] != '/')
        fits = getcwd(here, sizeof(here)) != NULL && add_path(address->path, qn_str_c(here));
    if (!fits || !add_path(address->path, rest) || address->path[0] == '\0')
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: needs the path of a folder, under %d bytes", text,
                            QN_ADDRESS_PATH_MAX);
    if (qn_str_ends(rest, QN_STR(".sock")))
        address->kind = QN_ADDRESS_SOCKET;
    return QN_OK;
}

enum qn_status qn_address_parse(const char *text, struct qn_address *ret_address, struct qn_error *err)
{
    static const struct {
        struct qn_str prefix;
        enum qn_address_kind kind;
    } schemes[] = {
        {{"tcp://", 6}, QN_ADDRESS_TCP},
        {{"tls+tcp://", 10}, QN_ADDRESS_TLS},
        {{"ipc://", 6}, QN_ADDRESS_FOLDER},
        {{"inproc://", 9}, QN_ADDRESS_INPROC},
    };
    struct qn_str whole = qn_str_c(text);
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!qn_str_starts(whole, schemes[i].prefix))
            continue;
        memset(ret_address, 0, sizeof(*ret_address));
        ret_address->kind = schemes[i].kind;
        struct qn_str rest = qn_str_n(text + schemes[i].prefix.len, whole.len - schemes[i].prefix.len);
        switch (schemes[i].kind) {
        case QN_ADDRESS_TCP:
        case QN_ADDRESS_TLS:
            return parse_host_port(rest, text, ret_address, err);
        case QN_ADDRESS_FOLDER:
        case QN_ADDRESS_SOCKET:
            return parse_path(rest, text, ret_address, err);
        case QN_ADDRESS_INPROC:
            if (rest.len == 0 || rest.len >= 100)
                return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: needs a name of 1 to 99 bytes", text);
            memcpy(ret_address->path, rest.ptr, rest.len);
            return QN_OK;
        }
    }
    return qn_error_set(err, QN_INVALID_ARGUMENT,
                        "'%s': must begin with ipc://, tcp://, tls+tcp:// or inproc://", text);
}

void qn_address_url(enum qn_address_kind kind, const char *host, uint16_t port, char to[QN_ADDRESS_URL_MAX])
{
    bool v6 = strchr(host, ':') != NULL;
    snprintf(to, QN_ADDRESS_URL_MAX, "%s://%s%s%s:%u", kind == QN_ADDRESS_TLS ? "tls+tcp" : "tcp",
             v6 ? "[" : "", host, v6 ? "]" : "", port);
}
