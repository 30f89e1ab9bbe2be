#include "deploy/run/cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"

enum {
    /* sun_path holds 108 bytes (unix(7)); PostgreSQL puts "/.s.PGSQL.65535.lock" behind the folder. */
    BASE_MAX = 108 - 24,
    OLD_POSTMASTER_LIMIT_MS = 30000,
    OLD_POSTMASTER_LOOK_MS = 50,
};

static enum qn_status find_user(struct run_cluster *cluster, struct qn_error *err)
{
    if (geteuid() != 0)
        return QN_OK;
    const struct passwd *user = getpwnam("postgres");
    if (!user)
        user = getpwnam("nobody");
    if (!user)
        return qn_error_set(
            err, QN_NOT_FOUND,
            "PostgreSQL does not run as root, and there is no user postgres or nobody to lend it");
    cluster->user = (struct passwd){.pw_uid = user->pw_uid, .pw_gid = user->pw_gid};
    cluster->become = &cluster->user;
    return QN_OK;
}

void run_cluster_elsewhere(const char *run_dir, unsigned uid, char *to, size_t room)
{
    const uint64_t key[2] = {0, 0}; /* the same name at every start */
    snprintf(to, room, "/var/tmp/quintet-pg-%u-%016" PRIx64, uid, qn_str_siphash13(key, qn_str_c(run_dir)));
}

static unsigned owner_of(const struct run_cluster *cluster)
{
    return cluster->become ? cluster->become->pw_uid : geteuid();
}

/* Makes the folder, or takes it when it is what it should be: in /var/tmp anybody may have put anything
 * there. */
static enum qn_status take_base(struct run_cluster *cluster, struct qn_error *err)
{
    struct stat st;
    QN_TRY(run_folder_make(cluster->base, 0700, err));
    if (lstat(cluster->base, &st) != 0 || !S_ISDIR(st.st_mode))
        return qn_error_set(err, QN_PERMISSION_DENIED, "%s is not a folder", cluster->base);
    if (cluster->become && st.st_uid == 0 &&
        (chown(cluster->base, cluster->become->pw_uid, cluster->become->pw_gid) != 0 ||
         lstat(cluster->base, &st) != 0))
        return qn_error_set(err, QN_PERMISSION_DENIED, "cannot give %s away: %s", cluster->base,
                            strerror(errno));
    if (st.st_uid != owner_of(cluster) || (st.st_mode & 077) != 0)
        return qn_error_set(
            err, QN_PERMISSION_DENIED,
            "%s belongs to user %u, mode %o; it must be user %u's alone (0700): remove it, or set "
            "QUINTET_RUN_DIR to another folder",
            cluster->base, st.st_uid, st.st_mode & 07777, owner_of(cluster));
    return QN_OK;
}

static enum qn_status say_where(const char *here, const char *base, struct qn_error *err)
{
    char target[RUN_PATH_MAX];
    ssize_t len = readlink(here, target, sizeof target);
    if (len == (ssize_t)strlen(base) && memcmp(target, base, (size_t)len) == 0)
        return QN_OK;
    if (len >= 0)
        unlink(here);
    if (symlink(base, here) != 0)
        return qn_error_set(err, QN_UNAVAILABLE, "cannot make the link %s: %s", here, strerror(errno));
    return QN_OK;
}

/* NULL: the folder will do. */
static const char *why_not(const struct run_cluster *cluster, const char *run_dir, const char *folder)
{
    if (strlen(folder) > BASE_MAX)
        return "the run folder's path is too long";
    if (strchr(folder, ','))
        return "a comma in the run folder's path, which parts several in PostgreSQL's settings";
    if (!run_folder_enterable(run_dir, cluster->become))
        return "its user cannot enter the run folder";
    return NULL;
}

static enum qn_status find_base(struct run_cluster *cluster, const char *run_dir, struct qn_error *err)
{
    char here[RUN_PATH_MAX + 8];
    struct stat st;
    int len = snprintf(here, sizeof here, "%s/pg", run_dir);
    bool is_link = lstat(here, &st) == 0 && S_ISLNK(st.st_mode);
    const char *why = is_link ? "it did before" : why_not(cluster, run_dir, here);
    if (!why) {
        memcpy(cluster->base, here, (size_t)len + 1);
        return take_base(cluster, err);
    }
    if (!is_link && lstat(here, &st) == 0)
        return qn_error_set(
            err, QN_FAILED_PRECONDITION,
            "the database in %s is out of reach of user %u now; move the folder back, or remove pg to "
            "begin with an empty database",
            here, owner_of(cluster));
    run_cluster_elsewhere(run_dir, geteuid(), cluster->base, sizeof cluster->base);
    QN_TRY(take_base(cluster, err));
    QN_TRY(say_where(here, cluster->base, err));
    qn_log(NULL, QN_INFO, "the database lies elsewhere", QN_F_C("folder", cluster->base),
           QN_F_C("link", here), QN_F_C("why", why));
    return QN_OK;
}

bool run_cluster_postmaster(const struct run_cluster *cluster, long *ret_pid, bool *ret_ready)
{
    /* miscadmin.h of PostgreSQL: line 1 is the pid, line 8 the state, "ready" when connections are taken. */
    enum { PID_LINE = 1, STATE_LINE = 8 };
    char path[sizeof cluster->data + 16], text[1024];
    snprintf(path, sizeof path, "%s/postmaster.pid", cluster->data);
    long len = run_folder_read(path, text, sizeof text);
    if (len <= 0)
        return false;
    struct qn_str rest = qn_str_n(text, (size_t)len), line;
    int64_t pid = 0;
    *ret_ready = false;
    for (int n = 1; qn_str_next(&rest, '\n', &line); n++) {
        if (n == PID_LINE)
            qn_str_to_i64(qn_str_trim(line), &pid);
        if (n == STATE_LINE)
            *ret_ready = qn_str_starts(line, QN_STR("ready"));
    }
    *ret_pid = (long)pid;
    return pid > 0;
}

/* Whether this process is a living PostgreSQL server: its number may have been given to another since, and
 * one that has ended but was not waited for yet (proc(5): state Z) holds nothing any more. */
static bool is_postgres(long pid)
{
    char path[64], stat[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    if (run_folder_read(path, stat, sizeof stat) <= 0)
        return false;
    const char *name = strchr(stat, '(');
    const char *state = strrchr(stat, ')');
    return name && state && strncmp(name, "(postgres)", 10) == 0 && strncmp(state, ") Z", 3) != 0;
}

/* Ours to decide: whoever holds the run folder's lock owns the cluster. A server that a killed run left is
 * about to end (it gets a signal when its supervisor dies); its pid file may outlive it. */
static enum qn_status clear_old_postmaster(const struct run_cluster *cluster, struct qn_error *err)
{
    char path[sizeof cluster->data + 16];
    long pid = 0;
    bool ready;
    if (!run_cluster_postmaster(cluster, &pid, &ready))
        return QN_OK;
    uint64_t deadline_ms = qn_clock_now_ms() + OLD_POSTMASTER_LIMIT_MS;
    if (is_postgres(pid)) {
        qn_log(NULL, QN_WARN, "a PostgreSQL server of an earlier run still runs: ending it",
               QN_F_INT("pid", pid));
        kill((pid_t)pid, SIGINT);
    }
    while (is_postgres(pid) && qn_clock_left_ms(deadline_ms) > 0)
        poll(NULL, 0, OLD_POSTMASTER_LOOK_MS); /* at start, before there is a loop */
    if (is_postgres(pid))
        return qn_error_set(err, QN_FAILED_PRECONDITION,
                            "a PostgreSQL server of an earlier run does not end: pid %ld", pid);
    snprintf(path, sizeof path, "%s/postmaster.pid", cluster->data);
    if (unlink(path) == 0)
        qn_log(NULL, QN_INFO, "removed what a killed run left", QN_F_C("file", path));
    return QN_OK;
}

enum qn_status run_cluster_open(struct run_cluster *cluster, const char *run_dir, struct qn_error *err)
{
    *cluster = (struct run_cluster){0};
    QN_TRY(find_user(cluster, err));
    QN_TRY(find_base(cluster, run_dir, err));
    snprintf(cluster->data, sizeof cluster->data, "%s/data", cluster->base);
    snprintf(cluster->fresh, sizeof cluster->fresh, "%s/data.new", cluster->base);
    snprintf(cluster->log, sizeof cluster->log, "%s/log", cluster->base);
    QN_TRY(run_folder_remove(cluster->fresh, err)); /* an initdb that was interrupted */
    return clear_old_postmaster(cluster, err);
}

bool run_cluster_initialised(const struct run_cluster *cluster)
{
    char path[sizeof cluster->data + 16];
    snprintf(path, sizeof path, "%s/PG_VERSION", cluster->data);
    return access(path, F_OK) == 0;
}

enum qn_status run_cluster_adopt(const struct run_cluster *cluster, struct qn_error *err)
{
    if (rename(cluster->fresh, cluster->data) != 0)
        return qn_error_set(err, QN_UNAVAILABLE, "cannot rename %s: %s", cluster->fresh, strerror(errno));
    return QN_OK;
}
