#include "common/rpc/broken_pipe.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

typedef ssize_t sendmsg_function(int fd, const struct msghdr *message, int flags);

static _Atomic(sendmsg_function *) next_sendmsg;
static _Atomic(void *) covered;

/* Where a shared object that holds 'code' lies in memory. */
static void *object_of(const void *code)
{
    Dl_info info;
    return dladdr(code, &info) != 0 ? info.dli_fbase : NULL;
}

void qn_broken_pipe_cover(const void *code)
{
    atomic_store(&covered, object_of(code));
}

/* Any thread. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    sendmsg_function *next = atomic_load_explicit(&next_sendmsg, memory_order_acquire);
    if (next == NULL) {
        next = (sendmsg_function *)dlsym(RTLD_NEXT, "sendmsg");
        atomic_store_explicit(&next_sendmsg, next, memory_order_release);
    }
    ssize_t sent = next(fd, message, flags);
    if (sent >= 0 || (errno != EPIPE && errno != ECONNRESET))
        return sent;
    int code = errno;
    void *cover = atomic_load(&covered);
    if (cover == NULL || object_of(__builtin_return_address(0)) != cover) {
        errno = code;
        return sent;
    }
    size_t len = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        len += message->msg_iov[i].iov_len;
    return (ssize_t)len;
}
