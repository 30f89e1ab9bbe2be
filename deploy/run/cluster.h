#ifndef RUN_CLUSTER_H
#define RUN_CLUSTER_H

#include <pwd.h>

#include "common/core/status.h"
#include "deploy/run/folder.h"

/* Where the embedded PostgreSQL's files lie, and whose they are.
 *
 * PostgreSQL refuses to run as root, so root lends it the user "postgres" (or "nobody"). Its folder is
 * $QUINTET_RUN_DIR/pg; when that user cannot enter there, or the path will not do for a unix socket's, it is
 * one in /var/tmp, and $QUINTET_RUN_DIR/pg is a link that says where. The folder is its user's alone (0700),
 * which is what guards the unix socket in it, where no password is asked for. */
struct run_cluster {
    struct passwd user;
    const struct passwd *become; /* &user, or NULL: stay who we are */
    char base[128];              /* the folder: data, log, socket */
    char data[160];
    char fresh[160]; /* where initdb works, until it is data */
    char log[160];
};

/* Finds or makes the folder, and removes what a killed run left in it. */
QN_MUST_USE enum qn_status run_cluster_open(struct run_cluster *cluster, const char *run_dir,
                                            struct qn_error *err);

/* Whether initdb has been there. */
bool run_cluster_initialised(const struct run_cluster *cluster);
/* initdb has worked in 'fresh': it becomes 'data'. */
QN_MUST_USE enum qn_status run_cluster_adopt(const struct run_cluster *cluster, struct qn_error *err);

/* The pid in postmaster.pid and whether its last line says "ready"; false when there is no such file. */
bool run_cluster_postmaster(const struct run_cluster *cluster, long *ret_pid, bool *ret_ready);

/* Whether the folder of 'run_dir' lies elsewhere, and where. For 'to': at least 128 bytes. */
void run_cluster_elsewhere(const char *run_dir, unsigned uid, char *to, size_t room);

#endif
