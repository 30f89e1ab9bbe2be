#include "deploy/run/wiring.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "common/rpc/folder.h"
#include "deploy/run/endpoints.h"

static const char *text(const char *made)
{
    QN_CHECK(made); /* the arena's ceiling is far above what a stack needs */
    return made;
}

static const char *rpc_folder(struct run_stack *stack, enum run_stack_service which)
{
    return text(qn_arena_printf(&stack->arena, "%s/rpc/%s", stack->run_dir, run_stack_kinds[which].name));
}

static const char *rpc_address(struct run_stack *stack, enum run_stack_service which)
{
    return text(qn_arena_printf(&stack->arena, "ipc://%s", rpc_folder(stack, which)));
}

static const char *or_else(const char *value, const char *other)
{
    return value && value[0] ? value : other;
}

const char *run_wiring_database(const struct run_stack *stack)
{
    return stack->embedded ? stack->postgres.app_url : stack->settings->database_url;
}

static void tell_secrets(struct run_stack *stack, struct run_environment *to)
{
    static const char *const names[] = {"BETTER_AUTH_SECRET", "BETTER_AUTH_SECRETS", "AUTH_SECRET",
                                        "SMTP_URL"};
    for (size_t i = 0; i < QN_COUNT(names); i++)
        run_environment_pass(to, names[i]);
    if (stack->secret)
        run_environment_set(to, "BETTER_AUTH_SECRET", stack->secret);
}

static void tell_keys(struct run_environment *to)
{
    static const char *const names[] = {"R2_SECRET_ACCESS_KEY", "S3_SECRET_ACCESS_KEY",
                                        "QUINTET_MEDIA_SECRET_ACCESS_KEY"};
    for (size_t i = 0; i < QN_COUNT(names); i++)
        run_environment_pass(to, names[i]);
}

void run_wiring_service(struct run_stack *stack, enum run_stack_service which)
{
    const struct run_settings *set = stack->settings;
    struct run_environment *to = &stack->services[which]->environment;
    run_environment_init(to, &stack->arena, environ);
    if (which != RUN_GATEWAY) /* it is asked over HTTP alone */
        run_environment_set(to, "QUINTET_RPC_LISTEN", rpc_address(stack, which));
    run_environment_set(to, "QUINTET_PROFILE_ADDRESS", rpc_address(stack, RUN_PROFILE));
    run_environment_set(to, "QUINTET_AUTH_ADDRESS", rpc_address(stack, RUN_AUTH));
    run_environment_set(to, "QUINTET_MEDIA_ADDRESS", rpc_address(stack, RUN_MEDIA));
    run_environment_set(to, "QUINTET_ADMIN_LISTEN", stack->services[which]->admin.address);
    run_environment_set(to, "QUINTET_HTTP_LISTEN", stack->services[RUN_GATEWAY]->http.address);
    run_environment_set(to, "QUINTET_MEDIA_LISTEN", stack->services[RUN_MEDIA]->http.address);
    run_environment_set(to, "QUINTET_MEDIA_PUBLIC_URL", or_else(set->media_public_url, stack->media_url));
    run_environment_set(to, "BETTER_AUTH_URL", or_else(set->public_url, stack->url));
    run_environment_set(to, "QUINTET_MEDIA_FOLDER",
                        text(qn_arena_printf(&stack->arena, "%s/objects", stack->run_dir)));
    /* Before the embedded one runs it has neither port nor password, and --check wants a URL. */
    if (which == RUN_PROFILE)
        run_environment_set(to, "DATABASE_URL",
                            or_else(run_wiring_database(stack), "postgresql://quintet@127.0.0.1/quintet"));
    if (which == RUN_AUTH)
        tell_secrets(stack, to);
    if (which == RUN_MEDIA)
        tell_keys(to);
}

void run_wiring_end(struct run_stack *stack)
{
    for (size_t i = 0; i < RUN_SERVICES; i++) {
        struct qn_folder folder;
        const char *wanted = rpc_folder(stack, (enum run_stack_service)i);
        qn_folder_at(wanted, &folder);
        if (strcmp(folder.path, wanted) != 0)
            (void)rmdir(folder.path); /* empty, unless somebody else uses it, too */
    }
}

/* ADMIN_AUTH, AUTH_RPC, PID_AUTH */
static void add_service(struct run_endpoints *to, const struct run_service *service, const char *name)
{
    char key[32], upper[16], url[80];
    size_t len = 0;
    for (; name[len] && len < sizeof upper - 1; len++)
        upper[len] = (char)(name[len] - 'a' + 'A');
    upper[len] = '\0';
    run_endpoints_url(service->admin.address, url);
    snprintf(key, sizeof key, "ADMIN_%s", upper);
    run_endpoints_add(to, key, url);
    snprintf(key, sizeof key, "%s_RPC", upper);
    run_endpoints_add(to, key, run_environment_get(&service->environment, "QUINTET_RPC_LISTEN"));
    snprintf(key, sizeof key, "PID_%s", upper);
    run_endpoints_add_number(to, key, service->child.pid);
}

void run_wiring_endpoints(struct run_stack *stack)
{
    struct run_endpoints to;
    struct qn_error err = {0};
    run_endpoints_begin(&to, stack->endpoints_path);
    run_endpoints_add(&to, "HTTP", stack->url);
    run_endpoints_add(&to, "MEDIA", stack->media_url);
    for (size_t i = 0; i < RUN_SERVICES; i++)
        add_service(&to, stack->services[i], run_stack_kinds[i].name);
    if (stack->secret_path)
        run_endpoints_add(&to, "SECRET_FILE", stack->secret_path);
    run_endpoints_add(&to, "DATABASE_URL", run_wiring_database(stack));
    if (stack->embedded) {
        run_endpoints_add(&to, "ADMIN_DATABASE_URL", stack->postgres.admin_url);
        run_endpoints_add_number(&to, "PID_POSTGRES", stack->postgres.child.pid);
    } else if (stack->settings->admin_database_url[0]) {
        run_endpoints_add(&to, "ADMIN_DATABASE_URL", stack->settings->admin_database_url);
    }
    run_endpoints_add_number(&to, "PID_RUN", getpid());
    if (run_endpoints_end(&to, &err) != QN_OK)
        qn_log(NULL, QN_WARN, "the endpoints file is not up to date", QN_F_C("why", err.message));
}
