#include "deploy/run/request.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "deploy/run/folder.h"

enum { TEXT_MAX = 256, ALL = (1U << RUN_SERVICES) - 1 };

static const char *path_in(const char *run_dir, char to[RUN_PATH_MAX + 16])
{
    snprintf(to, RUN_PATH_MAX + 16, "%s/restart", run_dir);
    return to;
}

static bool find(struct qn_str name, unsigned *services)
{
    for (size_t i = 0; i < RUN_SERVICES; i++)
        if (qn_str_eq(name, qn_str_c(run_stack_kinds[i].name))) {
            *services |= 1U << i;
            return true;
        }
    return false;
}

enum qn_status run_request_parse(struct qn_str text, unsigned *ret_services, struct qn_error *err)
{
    unsigned services = 0;
    struct qn_str line, name;
    while (qn_str_next(&text, '\n', &line))
        while (qn_str_next(&line, ' ', &name))
            if (name.len > 0 && !find(name, &services))
                return qn_error_set(err, QN_INVALID_ARGUMENT,
                                    "%.*s: no such service; there are profile, auth, media and gateway",
                                    QN_STR_ARG(name));
    *ret_services = services ? services : ALL;
    return QN_OK;
}

enum qn_status run_request_send(const char *run_dir, const char *const *names, size_t n_names, pid_t *ret_pid,
                                struct qn_error *err)
{
    char path[RUN_PATH_MAX + 16];
    struct qn_buf text;
    unsigned services = 0;
    qn_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < n_names; i++)
        qn_buf_printf(&text, "%s\n", names[i]);
    enum qn_status status = qn_buf_failed(&text) ? qn_error_set(err, QN_INVALID_ARGUMENT, "too many names")
                                                 : run_request_parse(qn_buf_view(&text), &services, err);
    if (status == QN_OK && (*ret_pid = run_folder_holder(run_dir)) == 0)
        status = qn_error_set(err, QN_NOT_FOUND, "nothing runs in %s (QUINTET_RUN_DIR)", run_dir);
    if (status == QN_OK)
        status = run_folder_write(path_in(run_dir, path), qn_buf_view(&text), err);
    if (status == QN_OK && kill(*ret_pid, SIGUSR1) != 0)
        status = qn_error_set(err, QN_PERMISSION_DENIED, "kill %d: %s", *ret_pid, strerror(errno));
    qn_buf_fini(&text);
    return status;
}

void run_request_forget(const char *run_dir)
{
    char path[RUN_PATH_MAX + 16];
    unlink(path_in(run_dir, path));
}

enum qn_status run_request_take(const char *run_dir, unsigned *ret_services, struct qn_error *err)
{
    char path[RUN_PATH_MAX + 16], text[TEXT_MAX];
    long len = run_folder_read(path_in(run_dir, path), text, sizeof text);
    unlink(path);
    return run_request_parse(qn_str_n(text, len > 0 ? (size_t)len : 0), ret_services, err);
}
