#include "deploy/run/environment.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"

static const char *const withheld[] = {
    "DATABASE_URL",
    "QUINTET_ADMIN_DATABASE_URL",
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_SECRETS",
    "AUTH_SECRET",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "SMTP_URL",
    "R2_SECRET_ACCESS_KEY",
    "S3_SECRET_ACCESS_KEY",
    "QUINTET_MEDIA_SECRET_ACCESS_KEY",
};

static bool has_name(const char *entry, const char *name)
{
    size_t len = strlen(name);
    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

static bool is_withheld(const char *entry)
{
    for (size_t i = 0; i < QN_COUNT(withheld); i++)
        if (has_name(entry, withheld[i]))
            return true;
    return false;
}

static void append(struct run_environment *environment, char *entry)
{
    QN_CHECK(entry);
    if (environment->n + 1 >= environment->room) {
        environment->room = environment->room ? environment->room * 2 : 64;
        char **larger = qn_arena_array(environment->arena, environment->room, sizeof *larger);
        QN_CHECK(larger);
        if (environment->n > 0)
            memcpy(larger, environment->entries, environment->n * sizeof *larger);
        environment->entries = larger;
    }
    environment->entries[environment->n++] = entry;
    environment->entries[environment->n] = NULL;
}

void run_environment_init(struct run_environment *environment, struct qn_arena *arena, char *const *from)
{
    *environment = (struct run_environment){.arena = arena};
    for (; *from; from++)
        if (!is_withheld(*from))
            append(environment, *from);
}

void run_environment_set(struct run_environment *environment, const char *name, const char *value)
{
    char *entry = qn_arena_printf(environment->arena, "%s=%s", name, value);
    QN_CHECK(entry);
    for (size_t i = 0; i < environment->n; i++)
        if (has_name(environment->entries[i], name)) {
            environment->entries[i] = entry;
            return;
        }
    append(environment, entry);
}

void run_environment_pass(struct run_environment *environment, const char *name)
{
    const char *value = getenv(name);
    if (value)
        run_environment_set(environment, name, value);
}

const char *run_environment_get(const struct run_environment *environment, const char *name)
{
    for (size_t i = 0; i < environment->n; i++)
        if (has_name(environment->entries[i], name))
            return environment->entries[i] + strlen(name) + 1;
    return NULL;
}
