#include "tests/harness/stack.h"

#include <stdio.h>
#include <stdlib.h>

enum { ENVIRONMENT_MAX = 24 };

/* Starts one service with what all get, 'own' (ended by NULL) and 'more' (ended by NULL, or NULL). */
static struct harness_service *start(const char *program, bool http, const char *const *own,
                                     const char *const *more)
{
    const char *environment[ENVIRONMENT_MAX + 1] = {"QUINTET_LOG_LEVEL=info"};
    size_t n = 1;
    for (; *own && n < ENVIRONMENT_MAX; own++)
        environment[n++] = *own;
    for (; more && *more && n < ENVIRONMENT_MAX; more++)
        environment[n++] = *more;
    return harness_service_start(&(const struct harness_service_options){
        .program = program, .environment = environment, .http = http});
}

/* The rpc folder of a service, as its own address or another's setting. */
static const char *address(const char *setting, const char *service)
{
    return harness_text("%s=ipc://%s/%s", setting, harness_folder(), service);
}

void harness_stack_start_profile(struct harness_stack *stack)
{
    const char *own[] = {
        harness_text("DATABASE_URL=%s", harness_postgres_app_url(stack->postgres)),
        address("QUINTET_RPC_LISTEN", "profile"),
        NULL,
    };
    stack->profile = start("quintet-profile", false, own, NULL);
}

void harness_stack_start(struct harness_stack *stack, const char *const *gateway_environment)
{
    harness_stack_start_on(stack, harness_postgres_start_ready(NULL), gateway_environment);
}

void harness_stack_start_on(struct harness_stack *stack, struct harness_postgres *postgres,
                            const char *const *gateway_environment)
{
    *stack = (struct harness_stack){.postgres = postgres};
    harness_stack_start_profile(stack);

    const char *auth[] = {
        address("QUINTET_RPC_LISTEN", "auth"),
        address("QUINTET_PROFILE_ADDRESS", "profile"),
        "BETTER_AUTH_SECRET=" HARNESS_STACK_SECRET,
        "BETTER_AUTH_URL=http://localhost:8080",
        NULL,
    };
    stack->auth = start("quintet-auth", false, auth, gateway_environment);

    const char *media[] = {
        address("QUINTET_RPC_LISTEN", "media"),
        address("QUINTET_PROFILE_ADDRESS", "profile"),
        harness_text("QUINTET_MEDIA_FOLDER=%s/objects", harness_folder()),
        NULL,
    };
    stack->media = start("quintet-media", true, media, NULL);

    const char *gateway[] = {
        address("QUINTET_AUTH_ADDRESS", "auth"),
        address("QUINTET_PROFILE_ADDRESS", "profile"),
        address("QUINTET_MEDIA_ADDRESS", "media"),
        "BETTER_AUTH_URL=http://localhost:8080",
        "BETTER_AUTH_TRUSTED_ORIGINS=http://localhost:3000",
        NULL,
    };
    stack->gateway = start("quintet-gateway", true, gateway, gateway_environment);
    stack->url = harness_text("http://127.0.0.1:%u", harness_service_http_port(stack->gateway));

    harness_service_await(stack->profile, true);
    harness_service_await(stack->auth, true);
    harness_service_await(stack->media, true);
    harness_service_await(stack->gateway, true);
}

void harness_stack_stop(struct harness_stack *stack)
{
    struct harness_service *const services[] = {stack->gateway, stack->media, stack->auth, stack->profile};
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (harness_service_stop(services[i]) != 0) {
            fprintf(stderr, "harness/stack: a service did not end with 0:\n%s",
                    harness_service_log(services[i]));
            exit(1);
        }
    }
    harness_postgres_stop(stack->postgres);
}
