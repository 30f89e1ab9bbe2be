#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/app/private.h"
#include "common/core/listen.h"
#include "common/core/str.h"

/* A container's health check without a shell, curl or a second program: the same binary with the same
 * settings asks the admin port of the one that runs. */

enum {
    /* A loop that needs longer than this for a constant answer is not well. Docker's own limit is 30 s. */
    ANSWER_S = 3,
    ANSWER_MAX = 4096, /* head and body of /healthz have some 150 bytes */
};

static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static int complain(const char *where, const char *why)
{
    fprintf(stderr, "not well: %s: %s\n", where, why);
    return 1;
}

static bool has_port(const struct qn_listen_address *address)
{
    const struct sockaddr_in *v4 = (const void *)&address->bytes;
    const struct sockaddr_in6 *v6 = (const void *)&address->bytes;
    return (address->bytes.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port) != 0;
}

/* Until the other side closes, or 'to' is full. False on an error, a time-out among them. */
static bool read_all(int fd, char *to, size_t room, size_t *ret_len)
{
    *ret_len = 0;
    while (*ret_len < room) {
        ssize_t n = recv(fd, to + *ret_len, room - *ret_len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        *ret_len += (size_t)n;
    }
    return true;
}

/* Connected, or -1. "Any address" (0.0.0.0, [::]) is this machine to connect(). */
static int dial(const struct qn_listen_address *address)
{
    const struct timeval limit = {.tv_sec = ANSWER_S};
    int fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
        connect(fd, (const struct sockaddr *)&address->bytes, address->len) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int qn_health_ask(const char *admin_listen)
{
    struct qn_listen_address address;
    char answer[ANSWER_MAX];
    size_t len = 0;
    if (!qn_listen_parse(admin_listen, &address) || !has_port(&address))
        return complain(admin_listen, "QUINTET_ADMIN_LISTEN must name the port that the service has");
    int fd = dial(&address);
    if (fd < 0)
        return complain(admin_listen, strerror(errno));
    bool said = send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof request - 1) &&
                read_all(fd, answer, sizeof answer, &len);
    int why = errno;
    close(fd);
    if (!said)
        return complain(admin_listen, strerror(why));
    struct qn_str rest = {answer, len}, line = {0};
    qn_str_next(&rest, '\n', &line);
    if (!qn_str_starts(line, QN_STR("HTTP/1.1 200 ")))
        return complain(admin_listen, "no answer, or another than 200");
    puts("ok");
    return 0;
}
