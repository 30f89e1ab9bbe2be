#include "tests/harness/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENVIRONMENT_MAX = 24 };

/* Starts one service with what all get, 'own' (ended by NULL) and 'more' (ended by NULL, or NULL). */
static struct harness_service *start(struct harness_service_options options, const char *const *own,
                                     const char *const *more)
{
    const char *environment[ENVIRONMENT_MAX + 1] = {"QUINTET_LOG_LEVEL=info"};
    size_t n = 1;
    for (; *own && n < ENVIRONMENT_MAX; own++)
        environment[n++] = *own;
    for (; more && *more && n < ENVIRONMENT_MAX; more++)
        environment[n++] = *more;
    options.environment = environment;
    return harness_service_start(&options);
}

/* The rpc folder of a service, as its own address or another's setting. */
static const char *address(const char *setting, const char *service)
{
    return harness_text("%s=ipc://%s/%s", setting, harness_folder(), service);
}

struct harness_service *harness_stack_another_profile(struct harness_stack *stack)
{
    const char *own[] = {
        harness_text("DATABASE_URL=%s", stack->database_url),
        address("QUINTET_RPC_LISTEN", "profile"),
        NULL,
    };
    return start((struct harness_service_options){.program = "quintet-profile"}, own,
                 stack->profile_environment);
}

struct harness_service *harness_stack_another_auth(struct harness_stack *stack)
{
    const char *own[] = {
        address("QUINTET_RPC_LISTEN", "auth"),
        address("QUINTET_PROFILE_ADDRESS", "profile"),
        "BETTER_AUTH_SECRET=" HARNESS_STACK_SECRET,
        "BETTER_AUTH_URL=http://localhost:8080",
        NULL,
    };
    return start((struct harness_service_options){.program = "quintet-auth"}, own,
                 stack->gateway_environment);
}

static struct harness_service *start_media(const char *const *more)
{
    const char *own[] = {
        address("QUINTET_RPC_LISTEN", "media"),
        address("QUINTET_PROFILE_ADDRESS", "profile"),
        harness_text("QUINTET_MEDIA_FOLDER=%s/objects", harness_folder()),
        NULL,
    };
    return start((struct harness_service_options){.program = "quintet-media", .http = true}, own, more);
}

struct harness_service *harness_stack_another_gateway(struct harness_stack *stack)
{
    const char *own[] = {
        address("QUINTET_AUTH_ADDRESS", "auth"),
        address("QUINTET_PROFILE_ADDRESS", "profile"),
        address("QUINTET_MEDIA_ADDRESS", "media"),
        "BETTER_AUTH_URL=http://localhost:8080",
        "BETTER_AUTH_TRUSTED_ORIGINS=http://localhost:3000",
        NULL,
    };
    return start((struct harness_service_options){.program = "quintet-gateway",
                                                  .http = true,
                                                  .hold_http = stack->hold_http,
                                                  .http_of = stack->gateway},
                 own, stack->gateway_environment);
}

void harness_stack_start_profile(struct harness_stack *stack)
{
    stack->profile = harness_stack_another_profile(stack);
}

const char *harness_stack_database_url(const struct harness_postgres *postgres, uint16_t port,
                                       const char *params)
{
    const char *url = harness_postgres_app_url(postgres), *host = strchr(url, '@'),
               *rest = host ? strchr(host, '/') : NULL;
    if (!rest) {
        fprintf(stderr, "harness/stack: no host in %s\n", url);
        exit(1);
    }
    return harness_text("%.*s@127.0.0.1:%u%s%s", (int)(host - url), url, port, rest, params);
}

void harness_stack_start_with(struct harness_stack *stack, const struct harness_stack_options *options)
{
    struct harness_postgres *postgres = options->postgres;
    if (!postgres)
        postgres = harness_postgres_start_ready(NULL);
    *stack = (struct harness_stack){
        .postgres = postgres,
        .database_url = options->database_url ? options->database_url : harness_postgres_app_url(postgres),
        .profile_environment = options->profile_environment,
        .gateway_environment = options->gateway_environment,
        .hold_http = options->hold_http,
    };
    harness_stack_start_profile(stack);
    stack->auth = harness_stack_another_auth(stack);
    stack->media = start_media(options->media_environment);
    stack->gateway = harness_stack_another_gateway(stack);
    stack->url = harness_text("http://127.0.0.1:%u", harness_service_http_port(stack->gateway));

    harness_service_await(stack->profile, true);
    harness_service_await(stack->auth, true);
    harness_service_await(stack->media, true);
    harness_service_await(stack->gateway, true);
}

void harness_stack_start(struct harness_stack *stack, const char *const *gateway_environment)
{
    harness_stack_start_with(
        stack, &(const struct harness_stack_options){.gateway_environment = gateway_environment});
}

void harness_stack_start_on(struct harness_stack *stack, struct harness_postgres *postgres,
                            const char *const *gateway_environment)
{
    harness_stack_start_with(stack, &(const struct harness_stack_options){
                                        .postgres = postgres, .gateway_environment = gateway_environment});
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
