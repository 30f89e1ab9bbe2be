#include "common/loop/watch.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "common/core/check.h"
#include "common/loop/private.h"

struct qn_watch {
    struct qn_owner owner;
    uv_fs_event_t uv;
    void (*changed)(void *context);
    void *context;
};

static void on_closed(uv_handle_t *handle)
{
    free(container_of(handle, struct qn_watch, uv));
}

/* Also on an error: whoever then reads the folder anew learns what is wrong with it. */
static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct qn_watch *watch = container_of(handle, struct qn_watch, uv);
    (void)name, (void)events, (void)status;
    watch->changed(watch->context);
}

enum qn_status qn_watch_open(struct qn_loop *loop, const char *folder, void (*changed)(void *context),
                             void *context, struct qn_watch **ret_watch)
{
    /* inotify takes a file as well. */
    struct stat what;
    if (stat(folder, &what) == 0 && !S_ISDIR(what.st_mode))
        return QN_NOT_FOUND;
    struct qn_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return QN_RESOURCE_EXHAUSTED;
    enum qn_status status = qn_loop_status(uv_fs_event_init(&loop->uv, &watch->uv));
    if (status != QN_OK) {
        free(watch);
        return status;
    }
    watch->owner.kind = "watch";
    watch->uv.data = &watch->owner;
    watch->changed = changed;
    watch->context = context;
    status = qn_loop_status(uv_fs_event_start(&watch->uv, on_event, folder, 0));
    if (status != QN_OK) {
        uv_close((uv_handle_t *)&watch->uv, on_closed);
        return status;
    }
    *ret_watch = watch;
    return QN_OK;
}

void qn_watch_close(struct qn_watch *watch)
{
    uv_close((uv_handle_t *)&watch->uv, on_closed);
}
