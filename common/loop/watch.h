#ifndef QN_LOOP_WATCH_H
#define QN_LOOP_WATCH_H

#include "common/loop/loop.h"

/* Tells when a folder's entries change (inotify). Changes may be merged: read the folder anew. */
struct qn_watch;

/* QN_NOT_FOUND when there is no such folder. */
QN_MUST_USE enum qn_status qn_watch_open(struct qn_loop *loop, const char *folder,
                                         void (*changed)(void *context), void *context,
                                         struct qn_watch **ret_watch);
/* No callback follows; the handle frees itself. */
void qn_watch_close(struct qn_watch *watch);

#endif
