#include "common/core/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/str.h"

static bool parse_port(struct qn_str text, in_port_t *ret_port)
{
    uint64_t port = 0;
    if (!qn_str_to_u64(text, &port) || port > 65535)
        return false;
    *ret_port = htons((uint16_t)port);
    return true;
}

static bool parse_v6(const char *host, in_port_t port, struct qn_listen_address *ret_address)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret_address->bytes;
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    ret_address->len = sizeof *v6;
    return true;
}

static bool parse_v4(const char *host, in_port_t port, struct qn_listen_address *ret_address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&ret_address->bytes;
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4->sin_addr) != 1)
        return false;
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    ret_address->len = sizeof *v4;
    return true;
}

bool qn_listen_parse(const char *text, struct qn_listen_address *ret_address)
{
    *ret_address = (struct qn_listen_address){0};
    struct qn_str all = qn_str_c(text);
    ptrdiff_t colon = qn_str_rfind(all, ':');
    in_port_t port;
    if (colon < 0 || !parse_port(qn_str_n(all.ptr + colon + 1, all.len - (size_t)colon - 1), &port))
        return false;

    char host[INET6_ADDRSTRLEN + 2];
    if ((size_t)colon >= sizeof host)
        return false;
    memcpy(host, all.ptr, (size_t)colon);
    host[colon] = '\0';
    if (host[0] != '[')
        return parse_v4(host, port, ret_address);
    if (host[colon - 1] != ']')
        return false;
    host[colon - 1] = '\0';
    return parse_v6(host + 1, port, ret_address);
}

static enum qn_status refused(const char *text, const char *step, int error, struct qn_error *err)
{
    enum qn_status status = error == EADDRINUSE                  ? QN_ALREADY_EXISTS
                            : error == EACCES || error == EPERM  ? QN_PERMISSION_DENIED
                            : error == EMFILE || error == ENFILE ? QN_RESOURCE_EXHAUSTED
                                                                 : QN_UNAVAILABLE;
    return qn_error_set(err, status, "cannot %s %s: %s", step, text, strerror(error));
}

enum qn_status qn_listen_open(const char *text, int *ret_fd, struct qn_error *err)
{
    struct qn_listen_address address;
    if (!qn_listen_parse(text, &address))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "\"%s\" is not an address; " QN_LISTEN_ALLOWED,
                            text ? text : "");
    int fd = socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refused(text, "open a socket for", errno, err);
    /* Connections of a process before this one, still in TIME_WAIT, are no reason to refuse. */
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address.bytes, address.len) != 0 || listen(fd, SOMAXCONN) != 0) {
        int error = errno;
        close(fd);
        return refused(text, "listen on", error, err);
    }
    *ret_fd = fd;
    return QN_OK;
}

bool qn_listen_text(int fd, char to[QN_LISTEN_TEXT_MAX])
{
    struct qn_listen_address address = {.len = sizeof address.bytes};
    if (getsockname(fd, (struct sockaddr *)&address.bytes, &address.len) != 0)
        return false;
    char host[INET6_ADDRSTRLEN];
    if (address.bytes.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.bytes;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(to, QN_LISTEN_TEXT_MAX, "%s:%u", host, ntohs(v4->sin_port));
        return true;
    }
    if (address.bytes.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.bytes;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(to, QN_LISTEN_TEXT_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
        return true;
    }
    return false;
}

void qn_listen_peer_text(const struct sockaddr *address, char to[QN_PEER_TEXT_MAX])
{
    to[0] = '\0';
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, to, QN_PEER_TEXT_MAX);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6))
            inet_ntop(AF_INET, &v6->s6_addr[12], to, QN_PEER_TEXT_MAX);
        else
            inet_ntop(AF_INET6, v6, to, QN_PEER_TEXT_MAX);
    }
}
