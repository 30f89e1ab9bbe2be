#ifndef MEDIA_PICTURE_PROCESS_H
#define MEDIA_PICTURE_PROCESS_H

#include <sys/types.h>

#include "common/loop/poll.h"

/* One child process, with a stream socket to it that is its descriptor 3. It gets nothing else of ours: no
 * other descriptor but stderr, no environment (ours holds the keys of the object store), no terminal.
 *
 * Its end is noticed by its pidfd (Linux 5.3), which is of this process alone; a handler of SIGCHLD would be
 * of the whole program. Everything on the loop's thread. */
struct media_process {
    pid_t pid; /* 0: there is none */
    int fd;    /* our end, non-blocking; -1 once it is closed */
    int pidfd;
    struct qn_poll *poll, *exit_poll;
    void (*ready)(struct media_process *process, int events);
    void (*ended)(struct media_process *process, int status);
};

/* Runs when it returns QN_OK: what the kernel refuses (no such program, no descriptors left) is told here, by
 * QN_UNAVAILABLE. 'ready' as qn_poll_cb, first for QN_READABLE; 'ended' once, with the status of waitpid(2),
 * and there may be the next start. Requires: there is none. */
QN_MUST_USE enum qn_status media_process_start(struct media_process *process, struct qn_loop *loop,
                                               const char *program,
                                               void (*ready)(struct media_process *process, int events),
                                               void (*ended)(struct media_process *process, int status),
                                               struct qn_error *err);

void media_process_want(struct media_process *process, int events);

/* SIGKILL, and the socket is closed: no 'ready' any more, 'ended' comes when the kernel has let go of it.
 * Does nothing the second time, or when there is none. */
void media_process_kill(struct media_process *process);

enum { MEDIA_PROCESS_END_MAX = 48 };

/* "exit code 1", "signal 9 (Killed)". */
const char *media_process_end_text(int status, char to[MEDIA_PROCESS_END_MAX]);

#endif
