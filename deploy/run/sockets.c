#include "deploy/run/sockets.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/core/clock.h"

enum { RETRY_MS = 20 };

static enum qn_status bind_patiently(const char *listen, uint64_t patience_ms, int *ret_fd,
                                     struct qn_error *err)
{
    uint64_t deadline_ms = qn_clock_now_ms() + patience_ms;
    for (;;) {
        enum qn_status status = qn_listen_open(listen, ret_fd, err);
        if (status != QN_ALREADY_EXISTS || qn_clock_left_ms(deadline_ms) == 0)
            return status;
        poll(NULL, 0, RETRY_MS); /* at start, before there is a loop */
    }
}

enum qn_status run_sockets_open(struct run_socket *socket, const char *setting, const char *listen,
                                uint64_t patience_ms, struct qn_error *err)
{
    struct qn_error why = {0};
    enum qn_status status = bind_patiently(listen, patience_ms, &socket->fd, &why);
    if (status == QN_ALREADY_EXISTS)
        return qn_error_set(err, status, "%s: %s is in use by another program; set another address or port",
                            setting, listen);
    if (status != QN_OK)
        return qn_error_set(err, status, "%s: %s", setting, why.message);
    if (!qn_listen_text(socket->fd, socket->address)) {
        run_sockets_close(socket);
        return qn_error_set(err, QN_INTERNAL, "%s: getsockname: %s", setting, strerror(errno));
    }
    return QN_OK;
}

void run_sockets_close(struct run_socket *socket)
{
    if (socket->fd > 0)
        close(socket->fd);
    socket->fd = 0;
}
