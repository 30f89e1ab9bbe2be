#include "tests/system/network_stack.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/core/clock.h"
#include "tests/harness/daemon.h"
#include "tests/harness/test.h"

enum {
    BUDGET = 5,
    ENVIRONMENT_MAX = 24,
    SHARED_IN_MS = 60000,
    GLANCE_MS = 20,
    RATE = 50,
    PATIENCE_MS = 10000
};

#define MEDIA "media.quintet.test"

/* Processes. */

static struct certificate_files certificate(const struct network_stack *stack, const char *const *names)
{
    return certificate_issue(&(const struct certificate_options){.ca = stack->ca, .dns_names = names});
}

/* 'own': ended by NULL, beside what all get. */
static void start(const struct network_stack *stack, struct network_replica *replica, const char *program,
                  bool http, const char *const *own)
{
    const char *environment[ENVIRONMENT_MAX + 1] = {
        "QUINTET_LOG_LEVEL=info",
        harness_text("QUINTET_TLS_CERT=%s", replica->files.certificate),
        harness_text("QUINTET_TLS_KEY=%s", replica->files.key),
        harness_text("QUINTET_TLS_CA=%s", stack->ca),
    };
    for (size_t n = 4; *own != NULL && n < ENVIRONMENT_MAX; own++)
        environment[n++] = *own;
    replica->service = harness_service_start(&(const struct harness_service_options){
        .program = program,
        .environment = environment,
        .http = http,
        .network = network_namespace(replica->host),
    });
}

static const char *listening(void)
{
    return harness_text("QUINTET_RPC_LISTEN=tls+tcp://0.0.0.0:%d", NETWORK_RPC_PORT);
}

static const char *calling(const char *setting, const char *name)
{
    return harness_text("%s=tls+tcp://%s:%d", setting, name, NETWORK_RPC_PORT);
}

static struct network_replica replica_of(const struct network_stack *stack, struct network_host *host,
                                         const char *const *names)
{
    return (struct network_replica){.host = host, .files = certificate(stack, names)};
}

static struct network_replica auth_on(const struct network_stack *stack, struct network_host *host,
                                      const char *const *names)
{
    static const char *const its_own[] = {NETWORK_AUTH, NULL};
    const char *const own[] = {
        listening(),
        calling("QUINTET_PROFILE_ADDRESS", NETWORK_PROFILE),
        "BETTER_AUTH_SECRET=" HARNESS_STACK_SECRET,
        "BETTER_AUTH_URL=http://localhost:8080",
        NULL,
    };
    struct network_replica replica = replica_of(stack, host, names != NULL ? names : its_own);
    start(stack, &replica, "quintet-auth", false, own);
    return replica;
}

struct network_replica network_stack_another_auth(const struct network_stack *stack, const char *const *names)
{
    return auth_on(stack, network_host(), names);
}

static struct network_replica profile_on(const struct network_stack *stack, struct network_host *host)
{
    const char *url = harness_postgres_app_url(stack->stack.postgres);
    const char *at = strchr(url, '@'), *rest = strchr(at, ':');
    const char *const names[] = {NETWORK_PROFILE, NULL};
    const char *const own[] = {
        listening(),
        calling("QUINTET_PROFILE_PEERS", NETWORK_PROFILE),
        harness_text("DATABASE_URL=%.*s@" NETWORK_DATABASE "%s", (int)(at - url), url, rest),
        NULL,
    };
    struct network_replica replica = replica_of(stack, host, names);
    start(stack, &replica, "quintet-profile", false, own);
    return replica;
}

struct network_replica network_stack_another_profile(const struct network_stack *stack)
{
    return profile_on(stack, network_host());
}

static void start_media(struct network_stack *stack)
{
    const char *const names[] = {MEDIA, NULL};
    const char *const own[] = {
        listening(),
        calling("QUINTET_PROFILE_ADDRESS", NETWORK_PROFILE),
        harness_text("QUINTET_MEDIA_FOLDER=%s/objects", harness_folder()),
        NULL,
    };
    stack->media = replica_of(stack, network_host(), names);
    network_name(MEDIA, &stack->media.host, 1);
    start(stack, &stack->media, "quintet-media", true, own);
}

static void start_gateway(struct network_stack *stack)
{
    static const char *const names[] = {"gateway.quintet.test", NULL};
    const char *const own[] = {
        calling("QUINTET_AUTH_ADDRESS", NETWORK_AUTH),
        calling("QUINTET_PROFILE_ADDRESS", NETWORK_PROFILE),
        calling("QUINTET_MEDIA_ADDRESS", MEDIA),
        "BETTER_AUTH_URL=http://localhost:8080",
        "BETTER_AUTH_TRUSTED_ORIGINS=http://localhost:3000",
        NULL,
    };
    stack->gateway = replica_of(stack, network_host(), names);
    start(stack, &stack->gateway, "quintet-gateway", true, own);
    stack->stack.gateway = stack->gateway.service;
    stack->stack.url = harness_text("http://127.0.0.1:%u", harness_service_http_port(stack->gateway.service));
}

/* Listens on the router too; who may come is said by the server itself: the test, and the application over
 * the network. */
static struct harness_postgres *start_postgres(void)
{
    const char *hba = harness_text("%s/hba", harness_folder());
    const char *const settings[] = {
        harness_text("hba_file=%s", hba),
        "listen_addresses=127.0.0.1," NETWORK_ROUTER,
        NULL,
    };
    assert_int_equal(chmod(harness_folder(), 0711), 0); /* the server's user must get at the file */
    harness_daemon_write(hba, "local all all trust\n"
                              "host all all 127.0.0.1/32 scram-sha-256\n"
                              "host quintet quintet " NETWORK_ALL " scram-sha-256\n");
    return harness_postgres_start_ready(settings);
}

void network_stack_start(struct network_stack *stack)
{
    struct network_host *auths[NETWORK_REPLICAS], *profiles_at[NETWORK_REPLICAS];
    *stack = (struct network_stack){.ca = certificate_authority("the authority")};
    stack->stack.postgres = start_postgres();
    network_name_address(NETWORK_DATABASE, NETWORK_ROUTER);
    for (size_t i = 0; i < NETWORK_REPLICAS; i++) {
        auths[i] = network_host();
        profiles_at[i] = network_host();
    }
    network_name(NETWORK_AUTH, auths, NETWORK_REPLICAS);
    network_name(NETWORK_PROFILE, profiles_at, NETWORK_REPLICAS);
    for (size_t i = 0; i < NETWORK_REPLICAS; i++) {
        stack->profile[i] = profile_on(stack, profiles_at[i]);
        stack->auth[i] = auth_on(stack, auths[i], NULL);
    }
    start_media(stack);
    start_gateway(stack);
    struct network_replica *const profiles[] = {&stack->profile[0], &stack->profile[1]};
    network_stack_await_even(profiles, NETWORK_REPLICAS);
    for (size_t i = 0; i < NETWORK_REPLICAS; i++) {
        harness_service_await(stack->profile[i].service, true);
        harness_service_await(stack->auth[i].service, true);
    }
    harness_service_await(stack->media.service, true);
    harness_service_await(stack->gateway.service, true);
    network_stack_await_peers(&stack->gateway, "auth", NETWORK_REPLICAS, SHARED_IN_MS);
}

void network_stack_stop(struct network_stack *stack)
{
    const struct network_replica *const all[] = {&stack->gateway, &stack->media,      &stack->auth[0],
                                                 &stack->auth[1], &stack->profile[0], &stack->profile[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (harness_service_stop(all[i]->service) != 0)
            fail_msg("a service did not end with 0:\n%s", harness_service_log(all[i]->service));
    harness_postgres_stop(stack->stack.postgres);
}

int network_stack_set_up(void **state)
{
    static struct network_stack stack;
    network_stack_start(&stack);
    *state = &stack;
    return 0;
}

int network_stack_tear_down(void **state)
{
    network_stack_stop(*state);
    return 0;
}

/* Trials. */

struct trial *network_stack_trial_with(const struct network_stack *stack, const char *name, const char *what,
                                       unsigned patience_ms)
{
    struct trial *trial = trial_start(&(const struct trial_options){
        .name = name, .what = what, .stack = &stack->stack, .rate = RATE, .deadline_ms = patience_ms});
    trial_await_good(trial, NETWORK_GOOD_IN_A_ROW, NETWORK_RECOVER_IN_MS);
    return trial;
}

struct trial *network_stack_trial(const struct network_stack *stack, const char *name, const char *what)
{
    return network_stack_trial_with(stack, name, what, PATIENCE_MS);
}

void network_stack_unnoticed(struct trial *trial)
{
    struct trial_verdict verdict;
    trial_await_good(trial, NETWORK_GOOD_IN_A_ROW, NETWORK_RECOVER_IN_MS);
    trial_stop(trial, &verdict);
    trial_judge(&verdict, &(const struct trial_bounds){.failed_max = 0, .slack_ms = PATIENCE_MS});
    assert_int_equal(verdict.resent, 0);
}

/* Waiting. */

static void glance(void)
{
    poll(NULL, 0, GLANCE_MS);
}

void network_stack_await_even(struct network_replica *const *profiles, size_t n)
{
    uint64_t end_ms = qn_clock_now_ms() + SHARED_IN_MS;
    for (;;) {
        int sum = 0, most = 0, fewest = BUDGET;
        for (size_t i = 0; i < n; i++) {
            double down =
                harness_service_metric(profiles[i]->service, "quintet_pg_connections{state=\"down\"}");
            int held = down < 0 ? 0 : BUDGET - (int)down;
            sum += held;
            most = held > most ? held : most;
            fewest = held < fewest ? held : fewest;
        }
        if (sum == BUDGET && most - fewest <= 1)
            return;
        if (qn_clock_now_ms() > end_ms)
            fail_msg("%zu processes have %d connections, one %d, another %d", n, sum, most, fewest);
        glance();
    }
}

double network_stack_served(const struct network_replica *replica)
{
    double checks =
        harness_service_metric(replica->service, "quintet_rpc_server_seconds_count{method=\"quintet.auth.v1."
                                                 "AuthService/GetSessionWithProfileCheck\"}");
    double look_ups =
        harness_service_metric(replica->service, "quintet_rpc_server_seconds_count{method=\"quintet.store.v1."
                                                 "SessionStore/GetSessionWithProfile\"}");
    return checks > look_ups ? checks : look_ups;
}

void network_stack_await_served(struct network_replica *const *replicas, size_t n, unsigned limit_ms)
{
    uint64_t end_ms = qn_clock_now_ms() + limit_ms;
    for (size_t i = 0; i < n; i++) {
        double before = network_stack_served(replicas[i]);
        while (network_stack_served(replicas[i]) <= before) {
            if (qn_clock_now_ms() > end_ms)
                fail_msg("%s serves nobody", network_address(replicas[i]->host));
            glance();
        }
    }
}

void network_stack_await_peers(const struct network_replica *of, const char *service, int n,
                               unsigned limit_ms)
{
    const char *series = harness_text("quintet_rpc_client_peers{service=\"%s\"}", service);
    uint64_t end_ms = qn_clock_now_ms() + limit_ms;
    int is;
    while ((is = (int)harness_service_metric(of->service, series)) != n) {
        if (qn_clock_now_ms() > end_ms)
            fail_msg("%d peers of %s after %u ms, not %d", is, service, limit_ms, n);
        glance();
    }
}
