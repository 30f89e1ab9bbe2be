#include "deploy/run/stack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "deploy/run/endpoints.h"
#include "deploy/run/request.h"
#include "deploy/run/restart.h"
#include "deploy/run/wiring.h"

enum {
    ARENA_MAX = 8 * 1024 * 1024, /* environments, mostly: execve(2) takes 2 MiB at the most */
    PATIENCE_MS = 3000,          /* for sockets of a killed run's services, which die right after it */
    AFTER_LIMIT_MS = 8000,       /* beyond a service's own shutdown limit, before it is killed */
    EXIT_FAILED = 1,
};

const struct run_stack_kind run_stack_kinds[RUN_SERVICES] = {
    [RUN_PROFILE] = {"profile", "quintet-profile"},
    [RUN_AUTH] = {"auth", "quintet-auth"},
    [RUN_MEDIA] = {"media", "quintet-media"},
    [RUN_GATEWAY] = {"gateway", "quintet-gateway"},
};

static const char *text(const char *made)
{
    QN_CHECK(made); /* the arena's ceiling is far above what a stack needs */
    return made;
}

/* Opening. */

static enum qn_status find_programs(struct run_stack *stack, struct qn_error *err)
{
    char self[RUN_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return qn_error_set(err, QN_INTERNAL, "cannot read /proc/self/exe");
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    stack->programs = text(qn_arena_strdup(&stack->arena, self));
    for (size_t i = 0; i < RUN_SERVICES; i++) {
        const char *path =
            text(qn_arena_printf(&stack->arena, "%s/%s", stack->programs, run_stack_kinds[i].program));
        if (access(path, X_OK) != 0)
            return qn_error_set(err, QN_NOT_FOUND, "%s is missing: build it first (make programs)", path);
        stack->services[i]->program = path;
    }
    return QN_OK;
}

static enum qn_status open_sockets(struct run_stack *stack, struct qn_error *err)
{
    const struct run_settings *set = stack->settings;
    /* This copy's lock is ours, so an endpoints file was left by a run that was killed. */
    uint64_t patience_ms = access(stack->endpoints_path, F_OK) == 0 ? PATIENCE_MS : 0;
    QN_TRY(run_sockets_open(&stack->services[RUN_GATEWAY]->http, "QUINTET_HTTP_LISTEN", set->http_listen,
                            patience_ms, err));
    QN_TRY(run_sockets_open(&stack->services[RUN_MEDIA]->http, "QUINTET_MEDIA_LISTEN", set->media_listen,
                            patience_ms, err));
    for (size_t i = 0; i < RUN_SERVICES; i++)
        QN_TRY(run_sockets_open(&stack->services[i]->admin, "admin port", "127.0.0.1:0", 0, err));
    run_endpoints_url(stack->services[RUN_GATEWAY]->http.address, stack->url);
    run_endpoints_url(stack->services[RUN_MEDIA]->http.address, stack->media_url);
    return QN_OK;
}

static bool given(const char *name)
{
    const char *value = getenv(name);
    return value && value[0];
}

static enum qn_status find_secret(struct run_stack *stack, struct qn_error *err)
{
    char secret[RUN_SECRET_MAX];
    bool made = false;
    if (given("BETTER_AUTH_SECRET") || given("BETTER_AUTH_SECRETS") || given("AUTH_SECRET"))
        return QN_OK;
    QN_TRY(run_folder_secret(stack->run_dir, secret, &made, err));
    stack->secret = text(qn_arena_strdup(&stack->arena, secret));
    stack->secret_path = text(qn_arena_printf(&stack->arena, "%s/secret", stack->run_dir));
    explicit_bzero(secret, sizeof secret);
    if (made)
        qn_log(NULL, QN_INFO, "BETTER_AUTH_SECRET is not set: made one and kept it",
               QN_F_C("file", stack->secret_path));
    return QN_OK;
}

static enum qn_status make_folders(struct run_stack *stack, struct qn_error *err)
{
    QN_TRY(run_folder_make(text(qn_arena_printf(&stack->arena, "%s/rpc", stack->run_dir)), 0700, err));
    return run_folder_make(text(qn_arena_printf(&stack->arena, "%s/objects", stack->run_dir)), 0700, err);
}

/* Each service looks at its own settings, and says what is wrong with them; so all is told at once. */
static enum qn_status check_settings(struct run_stack *stack, struct qn_error *err)
{
    bool good = true;
    for (size_t i = 0; i < RUN_SERVICES; i++) {
        int status = 0;
        const char *const argv[] = {stack->services[i]->program, "--check", NULL};
        run_wiring_service(stack, (enum run_stack_service)i);
        const struct run_child_options options = {.argv = argv,
                                                  .environment = stack->services[i]->environment.entries,
                                                  .death_signal = SIGKILL,
                                                  .mute = true};
        QN_TRY(run_child_run(&options, &status, err));
        good = good && status == 0;
    }
    return good ? QN_OK
                : qn_error_set(err, QN_INVALID_ARGUMENT,
                               "refused; the lines above say why. Nothing was started");
}

enum qn_status run_stack_open(struct run_stack *stack, struct qn_loop *loop,
                              const struct run_settings *settings, struct qn_error *err)
{
    *stack = (struct run_stack){.settings = settings, .loop = loop};
    for (size_t i = 0; i < RUN_SERVICES; i++)
        stack->services[i] = &stack->pairs[i][0];
    qn_arena_init(&stack->arena, ARENA_MAX);
    stack->embedded = !settings->database_url[0];
    QN_TRY(find_programs(stack, err));
    struct qn_error why = {0};
    if (run_folder_open(settings->run_dir, stack->run_dir, &why) != QN_OK)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "QUINTET_RUN_DIR: %s", why.message);
    QN_TRY(run_folder_lock(stack->run_dir, err));
    run_request_forget(stack->run_dir);
    stack->endpoints_path = text(qn_arena_printf(&stack->arena, "%s/endpoints", stack->run_dir));
    QN_TRY(open_sockets(stack, err));
    QN_TRY(find_secret(stack, err));
    QN_TRY(make_folders(stack, err));
    QN_TRY(check_settings(stack, err));
    return stack->embedded ? run_postgres_open(&stack->postgres, loop, &stack->arena, stack->run_dir, err)
                           : QN_OK;
}

/* Starting. */

static void fail(struct run_stack *stack, const char *why)
{
    qn_log(NULL, QN_ERROR, "did not start", QN_F_C("why", why));
    run_stack_stop(stack, EXIT_FAILED);
}

static bool all_ready(const struct run_stack *stack)
{
    for (size_t i = 0; i < RUN_SERVICES; i++)
        if (!stack->services[i]->ready)
            return false;
    return true;
}

static void on_changed(struct run_service *service)
{
    struct run_stack *stack = service->owner;
    if (stack->stopping)
        return;
    run_wiring_endpoints(stack);
    if (stack->announced || !all_ready(stack))
        return;
    stack->announced = true;
    printf("quintet: ready on %s\n", stack->url);
    fflush(stdout);
}

static void start_services(struct run_stack *stack)
{
    for (size_t i = 0; i < RUN_SERVICES; i++)
        run_wiring_service(stack, (enum run_stack_service)i);
    stack->to_stop = RUN_SERVICES;
    for (size_t i = 0; i < RUN_SERVICES; i++)
        run_service_start(stack->services[i]);
}

static void on_prepared(struct run_prepare *prepare, const struct qn_error *err)
{
    struct run_stack *stack = container_of(prepare, struct run_stack, prepare);
    if (err)
        fail(stack, err->message);
    else
        start_services(stack);
}

void run_stack_prepare(struct run_stack *stack,
                       void (*done)(struct run_prepare *prepare, const struct qn_error *err))
{
    stack->prepare = (struct run_prepare){
        .loop = stack->loop,
        .program = stack->services[RUN_PROFILE]->program,
        .url = run_wiring_database(stack),
        .admin_url = stack->embedded ? stack->postgres.setup_url : stack->settings->admin_database_url,
    };
    run_prepare_start(&stack->prepare, done);
}

static void on_postgres_started(struct run_postgres *postgres, const struct qn_error *err)
{
    struct run_stack *stack = container_of(postgres, struct run_stack, postgres);
    if (err)
        fail(stack, err->message);
    else
        run_stack_prepare(stack, on_prepared);
}

static void on_postgres_again(struct run_postgres *postgres)
{
    run_wiring_endpoints(container_of(postgres, struct run_stack, postgres));
}

void run_stack_start(struct run_stack *stack)
{
    for (size_t i = 0; i < RUN_SERVICES; i++) {
        struct run_service *service = stack->services[i];
        service->name = run_stack_kinds[i].name;
        service->loop = stack->loop;
        service->owner = stack;
        service->changed = on_changed;
    }
    if (stack->embedded)
        run_postgres_start(&stack->postgres, on_postgres_started, on_postgres_again);
    else
        run_stack_prepare(stack, on_prepared);
}

/* Stopping: from the side that clients see, one after the other, so that each still has those it asks. */

uint64_t run_stack_stop_limit_ms(const struct run_stack *stack)
{
    return (uint64_t)stack->settings->shutdown_timeout_ms + AFTER_LIMIT_MS;
}

static void stop_next(struct run_stack *stack);

static void end(struct run_stack *stack)
{
    run_wiring_end(stack);
    qn_loop_stop(stack->loop);
}

static void on_postgres_stopped(struct run_postgres *postgres)
{
    end(container_of(postgres, struct run_stack, postgres));
}

static void on_service_stopped(struct run_service *service)
{
    stop_next(service->owner);
}

static void stop_next(struct run_stack *stack)
{
    static const enum run_stack_service order[] = {RUN_PROFILE, RUN_AUTH, RUN_MEDIA,
                                                   RUN_GATEWAY}; /* from behind */
    if (stack->to_stop > 0) {
        run_service_stop(stack->services[order[--stack->to_stop]], run_stack_stop_limit_ms(stack),
                         on_service_stopped);
    } else if (stack->embedded) {
        run_postgres_stop(&stack->postgres, on_postgres_stopped);
    } else {
        end(stack);
    }
}

static void on_restart_stopped(struct run_stack *stack)
{
    stop_next(stack);
}

static void on_prepare_stopped(struct run_prepare *prepare)
{
    run_restart_stop(container_of(prepare, struct run_stack, prepare), on_restart_stopped);
}

void run_stack_stop(struct run_stack *stack, int exit_code)
{
    if (stack->stopping)
        return;
    stack->stopping = true;
    stack->exit_code = exit_code;
    unlink(stack->endpoints_path);
    run_prepare_stop(&stack->prepare, on_prepare_stopped);
}

void run_stack_kill(struct run_stack *stack)
{
    run_prepare_kill(&stack->prepare);
    run_restart_kill(stack);
    for (size_t i = 0; i < RUN_SERVICES; i++)
        run_service_kill(stack->services[i]);
    if (stack->embedded)
        run_postgres_kill(&stack->postgres);
}

void run_stack_close(struct run_stack *stack)
{
    for (size_t i = 0; i < RUN_SERVICES; i++) {
        run_sockets_close(&stack->services[i]->admin);
        run_sockets_close(&stack->services[i]->http);
    }
    qn_arena_fini(&stack->arena);
}
