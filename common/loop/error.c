#include "common/core/log.h"
#include "common/loop/private.h"

enum qn_status qn_loop_status(int uv_error)
{
    switch (uv_error) {
    case 0:
        return QN_OK;
    case UV_ECANCELED:
        return QN_CANCELLED;
    case UV_EINVAL:
    case UV_EBADF:
    case UV_ENAMETOOLONG:
        return QN_INVALID_ARGUMENT;
    case UV_ENOENT:
    case UV_ENOTDIR:
        return QN_NOT_FOUND;
    case UV_EEXIST:
        return QN_ALREADY_EXISTS;
    case UV_EACCES:
    case UV_EPERM:
        return QN_PERMISSION_DENIED;
    case UV_ENOMEM:
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOSPC: /* inotify: no watch left for this user */
        return QN_RESOURCE_EXHAUSTED;
    case UV_EAGAIN:
    case UV_ETIMEDOUT:
        return QN_UNAVAILABLE;
    case UV_ENOSYS:
        return QN_UNIMPLEMENTED;
    default:
        qn_log(NULL, QN_ERROR, "libuv error without a translation", QN_F_C("error", uv_err_name(uv_error)),
               QN_F_INT("number", uv_error));
        return QN_INTERNAL;
    }
}
