#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/app/admin.h"
#include "common/app/private.h"
#include "common/core/log.h"

/* What systemd is told (sd_notify(3), Type=notify): datagrams to the socket that $NOTIFY_SOCKET names.
 *
 *   serving, not ready → STATUS=<the first part that is not, and why>, whenever that changes
 *   ready              → READY=1, once; a service that is not ready later on stays started
 *   stopping           → STOPPING=1
 *
 * Without the variable nothing is done. A message that cannot be sent is lost: whoever started us may be
 * gone, and nothing here depends on it. */

enum {
    /* How often readiness is looked at until it is reached; it is what `systemctl start` waits for. */
    LOOK_EVERY_MS = 100,
    STATUS_MAX = 512,
    READY_TEXT_MAX = 16 * 1024, /* as /readyz has */
};

static struct {
    int fd; /* 0: nobody wants to know */
    struct qn_loop *loop;
    struct qn_timer timer;
    char status[STATUS_MAX]; /* what was said last */
} notify;

/* sd_notify(3): a path, or an abstract name behind '@'. False for what is neither, or too long. */
static bool address_of(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
    size_t len = strlen(name);
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof ret_address->sun_path)
        return false;
    memcpy(ret_address->sun_path, name, len);
    if (name[0] == '@')
        ret_address->sun_path[0] = '\0';
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    return true;
}

static void say(const char *text)
{
    if (send(notify.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        qn_log(NULL, QN_DEBUG, "not notified", QN_F_C("why", strerror(errno)));
}

/* The first line of /readyz that speaks against it, when it is not the one that was said last. */
static void say_status(struct qn_str lines)
{
    static const char mark[] = ": not ready";
    struct qn_str line;
    while (qn_str_next(&lines, '\n', &line)) {
        char status[STATUS_MAX];
        if (!memmem(line.ptr, line.len, mark, sizeof mark - 1))
            continue;
        snprintf(status, sizeof status, "STATUS=%.*s", QN_STR_ARG(line));
        if (strcmp(status, notify.status) != 0) {
            memcpy(notify.status, status, sizeof status);
            say(status);
        }
        return;
    }
}

static void look(struct qn_timer *timer)
{
    struct qn_buf detail;
    qn_buf_init(&detail, READY_TEXT_MAX);
    if (qn_admin_ready(&detail)) {
        say("READY=1\nSTATUS=serving");
    } else {
        say_status(qn_buf_view(&detail));
        qn_timer_start(notify.loop, timer, LOOK_EVERY_MS, look);
    }
    qn_buf_fini(&detail);
}

void qn_notify_start(struct qn_life *life)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len = 0;
    if (!name || !*name)
        return;
    if (!address_of(name, &address, &len)) {
        qn_log(NULL, QN_WARN, "NOTIFY_SOCKET is no socket's name", QN_F_C("given", name));
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, len) != 0) {
        qn_log(NULL, QN_WARN, "cannot reach NOTIFY_SOCKET", QN_F_C("given", name),
               QN_F_C("why", strerror(errno)));
        if (fd >= 0)
            close(fd);
        return;
    }
    notify.fd = fd;
    notify.loop = life->loop;
    qn_timer_start(life->loop, &notify.timer, 0, look);
}

void qn_notify_stopping(void)
{
    if (!notify.fd)
        return;
    qn_timer_cancel(notify.loop, &notify.timer);
    say("STOPPING=1\nSTATUS=finishing what is in hand");
}

void qn_notify_end(void)
{
    if (!notify.fd)
        return;
    qn_timer_cancel(notify.loop, &notify.timer);
    close(notify.fd);
    notify.fd = 0;
}
