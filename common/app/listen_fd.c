#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/app/app.h"
#include "common/core/str.h"

enum { LISTEN_FDS_START = 3 }; /* sd_listen_fds(3) */

static bool number(const char *variable, int64_t *ret_value)
{
    return qn_str_to_i64(qn_str_c(getenv(variable)), ret_value);
}

int qn_app_listen_fd(const char *name)
{
    int64_t pid, n;
    if (!number("LISTEN_PID", &pid) || pid != getpid() || !number("LISTEN_FDS", &n))
        return 0;
    struct qn_str rest = qn_str_c(getenv("LISTEN_FDNAMES")), one;
    for (int64_t i = 0; i < n && qn_str_next(&rest, ':', &one); i++) {
        int fd = LISTEN_FDS_START + (int)i;
        if (qn_str_eq(one, qn_str_c(name)) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            return fd;
    }
    return 0;
}
