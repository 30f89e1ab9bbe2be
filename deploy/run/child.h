#ifndef RUN_CHILD_H
#define RUN_CHILD_H

#include <pwd.h>
#include <sys/types.h>

#include "common/core/list.h"
#include "common/core/status.h"
#include "common/loop/loop.h"

/* One process that this one started: by plain fork and exec, for there are no threads here. It has a session
 * of its own, so that a Ctrl-C at the terminal reaches only us and the order of the end is ours; and it dies
 * with us (PR_SET_PDEATHSIG), however we die. */
struct run_child {
    struct qn_node node; /* among the living */
    const char *name;    /* for log lines */
    pid_t pid;           /* 0: not running */
    uint64_t started_ms;
    /* It has ended; 'status' as waitpid(2) tells. On the loop. It may be started again in here. */
    void (*ended)(struct run_child *child, int status);
};

enum { RUN_CHILD_FDS_MAX = 4 };

struct run_child_options {
    const char *const *argv; /* argv[0] is the path */
    char *const *environment;
    /* Sockets to hand over as systemd does (sd_listen_fds(3)), with their names, "admin:http". */
    int fds[RUN_CHILD_FDS_MAX];
    size_t n_fds;
    const char *fd_names;
    const struct passwd *user; /* to become; NULL: stay who we are */
    int death_signal;          /* what it gets when we die */
    int output;                /* for its stdout and stderr; 0: our stderr */
    bool mute;                 /* nothing of its stdout */
};

/* Ends of children are noticed from open to close. */
QN_MUST_USE enum qn_status run_child_watch_open(struct qn_loop *loop);
void run_child_watch_close(void);

/* Runs when it returns QN_OK: what the kernel refuses (no such program, not allowed) is told here. */
QN_MUST_USE enum qn_status run_child_start(struct run_child *child, const struct run_child_options *options,
                                           struct qn_error *err);

/* Runs a program to its end, blocking, without a watch: for the time before there is a loop. '*ret_status' as
 * waitpid(2) tells. */
QN_MUST_USE enum qn_status run_child_run(const struct run_child_options *options, int *ret_status,
                                         struct qn_error *err);

static inline bool run_child_running(const struct run_child *child)
{
    return child->pid > 0;
}

/* Nothing when it does not run. */
void run_child_signal(const struct run_child *child, int signal);

enum { RUN_CHILD_END_MAX = 48 };

/* "exit code 1", "signal 9 (Killed)". */
const char *run_child_end_text(int status, char to[RUN_CHILD_END_MAX]);

#endif
