#include "deploy/run/endpoints.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/core/check.h"
#include "deploy/run/folder.h"

void run_endpoints_begin(struct run_endpoints *endpoints, const char *path)
{
    endpoints->path = path;
    qn_buf_init(&endpoints->text, RUN_ENDPOINTS_MAX);
}

void run_endpoints_add(struct run_endpoints *endpoints, const char *key, const char *value)
{
    if (!value)
        return;
    QN_CHECK(!strchr(value, '\n'));
    qn_buf_printf(&endpoints->text, "%s=%s\n", key, value);
}

void run_endpoints_add_number(struct run_endpoints *endpoints, const char *key, int64_t value)
{
    qn_buf_printf(&endpoints->text, "%s=%" PRId64 "\n", key, value);
}

enum qn_status run_endpoints_end(struct run_endpoints *endpoints, struct qn_error *err)
{
    enum qn_status status =
        qn_buf_failed(&endpoints->text)
            ? qn_error_set(err, QN_RESOURCE_EXHAUSTED, "%s would be too large", endpoints->path)
            : run_folder_write(endpoints->path, qn_buf_view(&endpoints->text), err);
    qn_buf_fini(&endpoints->text);
    return status;
}

void run_endpoints_url(const char *address, char to[80])
{
    const char *port = strrchr(address, ':');
    const char *host = NULL;
    if (strncmp(address, "0.0.0.0:", 8) == 0)
        host = "127.0.0.1";
    else if (strncmp(address, "[::]:", 5) == 0)
        host = "[::1]";
    snprintf(to, 80, "http://%s%s", host ? host : address, host ? port : "");
}
