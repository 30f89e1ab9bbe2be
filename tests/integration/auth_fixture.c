#include "tests/integration/auth_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/rows.h"
#include "tests/harness/test.h"

enum { ENVIRONMENT_MAX = 16, CALL_MS = 30000, LIMIT_MS = 60000, ARENA_BYTES = 1024 * 1024 };

static const char *address(const char *service)
{
    return harness_text("ipc://%s/%s", harness_folder(), service);
}

void auth_fixture_start_database(struct auth_fixture *fixture, enum harness_tables made_by)
{
    fixture->postgres = harness_tables_start(made_by);
    fixture->admin = harness_postgres_admin(fixture->postgres, NULL);
}

/* The services. */

void auth_fixture_start_profile(struct auth_fixture *fixture)
{
    const char *const environment[] = {
        harness_text("DATABASE_URL=%s", harness_postgres_app_url(fixture->postgres)),
        harness_text("QUINTET_RPC_LISTEN=%s", address("profile")),
        NULL,
    };
    fixture->profile = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-profile", .environment = environment});
}

void auth_fixture_start_auth(struct auth_fixture *fixture, const char *const *more)
{
    struct qn_str secret = harness_rows_text(harness_rows(), "secret");
    const char *environment[ENVIRONMENT_MAX + 1] = {
        harness_text("QUINTET_RPC_LISTEN=%s", address("auth")),
        harness_text("QUINTET_PROFILE_ADDRESS=%s", address("profile")),
        harness_text("BETTER_AUTH_SECRET=%.*s", QN_STR_ARG(secret)),
    };
    for (size_t n = 3; more && *more && n < ENVIRONMENT_MAX; n++)
        environment[n] = *more++;
    fixture->auth = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-auth", .environment = environment});
}

void auth_fixture_start(struct auth_fixture *fixture, enum harness_tables made_by, const char *const *more)
{
    auth_fixture_start_database(fixture, made_by);
    auth_fixture_start_profile(fixture);
    auth_fixture_start_auth(fixture, more);
    harness_service_await(fixture->profile, true);
    harness_service_await(fixture->auth, true);
}

/* Ends it; the log when it did not end well, NULL otherwise. To be freed. */
static char *stop_service(struct harness_service *service)
{
    return service == NULL || harness_service_stop(service) == 0 ? NULL : harness_service_log(service);
}

void auth_fixture_stop(struct auth_fixture *fixture)
{
    char *auth = stop_service(fixture->auth), *profile = stop_service(fixture->profile);
    if (fixture->admin)
        PQfinish(fixture->admin);
    if (fixture->postgres)
        harness_postgres_stop(fixture->postgres);
    *fixture = (struct auth_fixture){0};
    if (auth || profile)
        fail_msg("a service did not end with 0:\n%s%s", auth ? auth : "", profile ? profile : "");
}

/* Calls. */

void auth_fixture_connect(struct auth_fixture *fixture)
{
    fixture->loop = loop_fixture_begin();
    struct qn_error err = {0};
    const struct qn_client_options options = {.name = "auth", .address = address("auth")};
    if (qn_client_open(fixture->loop, &options, &fixture->client, &err) != QN_OK)
        fail_msg("%s", err.message);
}

static void client_closed(void *context)
{
    *(bool *)context = true;
}

void auth_fixture_disconnect(struct auth_fixture *fixture)
{
    bool closed = false;
    qn_client_close(fixture->client, client_closed, &closed);
    loop_fixture_run_until(&closed, LIMIT_MS);
    loop_fixture_end();
    qn_metric_reset();
    fixture->client = NULL;
    fixture->loop = NULL;
}

static void on_answer(struct qn_request *request)
{
    struct auth_call *call = container_of(request, struct auth_call, request);
    assert_false(call->done);
    call->done = true;
    if (call->n_done)
        ++*call->n_done;
}

void auth_fixture_start_call(struct auth_fixture *fixture, struct auth_call *call,
                             const struct qn_method *method, const void *in)
{
    qn_arena_init(&call->arena, ARENA_BYTES);
    call->ctx = (struct qn_context){
        .deadline_ms = qn_clock_now_ms() + (call->timeout_ms ? call->timeout_ms : CALL_MS),
        .request_id = QN_STR("integration-test"),
        .caller = {.client_ip = qn_str_c(call->client_ip), .user_agent = qn_str_c(call->user_agent)},
        .credentials = {.cookie = qn_str_c(call->cookie), .bearer = qn_str_c(call->bearer)},
    };
    qn_request_start(&call->request, fixture->client, method, in, &call->ctx, &call->arena, on_answer);
}

void auth_fixture_await(struct auth_fixture *fixture, struct auth_call *call)
{
    (void)fixture;
    loop_fixture_run_until(&call->done, LIMIT_MS);
}

void auth_fixture_ask(struct auth_fixture *fixture, struct auth_call *call, const struct qn_method *method,
                      const void *in)
{
    auth_fixture_start_call(fixture, call, method, in);
    auth_fixture_await(fixture, call);
}

void auth_fixture_forget(struct auth_call *call)
{
    qn_arena_fini(&call->arena);
    *call = (struct auth_call){0};
}

void auth_fixture_expect(const struct auth_call *call, enum qn_status status, const char *reason)
{
    const struct qn_request *r = &call->request;
    if (r->status != status || !qn_str_eq(r->reason, qn_str_c(reason)))
        fail_msg("%s (%.*s) \"%.*s\", not %s (%s)", qn_status_name(r->status), QN_STR_ARG(r->reason),
                 QN_STR_ARG(r->message), qn_status_name(status), reason ? reason : "");
}

/* A password that C text cannot hold travels as bytes, any other as text: both ways are taken. */
static void put_password(struct qn_str password, char **text, ProtobufCBinaryData *utf8)
{
    if (qn_str_find(password, '\0') >= 0)
        *utf8 = (ProtobufCBinaryData){password.len, (uint8_t *)password.ptr};
    else
        *text = (char *)harness_text("%.*s", QN_STR_ARG(password));
}

void auth_fixture_sign_up(struct auth_fixture *fixture, struct auth_call *call, const char *name,
                          const char *email, struct qn_str password, bool forget_me)
{
    Quintet__Auth__V1__SignUpRequest in = QUINTET__AUTH__V1__SIGN_UP_REQUEST__INIT;
    in.name = (char *)name;
    in.email = (char *)email;
    in.forget_me = forget_me;
    put_password(password, &in.password, &in.password_utf8);
    auth_fixture_ask(fixture, call, &quintet_auth_v1_auth_service_sign_up, &in);
}

void auth_fixture_sign_in(struct auth_fixture *fixture, struct auth_call *call, const char *email,
                          struct qn_str password, bool forget_me)
{
    Quintet__Auth__V1__SignInRequest in = QUINTET__AUTH__V1__SIGN_IN_REQUEST__INIT;
    in.email = (char *)email;
    in.forget_me = forget_me;
    put_password(password, &in.password, &in.password_utf8);
    auth_fixture_ask(fixture, call, &quintet_auth_v1_auth_service_sign_in, &in);
}

void auth_fixture_sign_out(struct auth_fixture *fixture, struct auth_call *call)
{
    Quintet__Auth__V1__SignOutRequest in = QUINTET__AUTH__V1__SIGN_OUT_REQUEST__INIT;
    auth_fixture_ask(fixture, call, &quintet_auth_v1_auth_service_sign_out, &in);
}

const Quintet__Auth__V1__GetSessionResponse *auth_fixture_get_session(struct auth_fixture *fixture,
                                                                      struct auth_call *call)
{
    Quintet__Auth__V1__GetSessionRequest in = QUINTET__AUTH__V1__GET_SESSION_REQUEST__INIT;
    auth_fixture_ask(fixture, call, &quintet_auth_v1_auth_service_get_session, &in);
    auth_fixture_expect(call, QN_OK, NULL);
    return call->request.out;
}

const Quintet__Auth__V1__GetSessionWithProfileCheckResponse *auth_fixture_check(struct auth_fixture *fixture,
                                                                                struct auth_call *call)
{
    Quintet__Auth__V1__GetSessionWithProfileCheckRequest in =
        QUINTET__AUTH__V1__GET_SESSION_WITH_PROFILE_CHECK_REQUEST__INIT;
    auth_fixture_ask(fixture, call, &quintet_auth_v1_auth_service_get_session_with_profile_check, &in);
    auth_fixture_expect(call, QN_OK, NULL);
    return call->request.out;
}

const char *auth_fixture_cookie(const struct auth_call *call, size_t nth)
{
    assert_true(nth < call->request.n_set_cookies);
    struct qn_str rest = call->request.set_cookies[nth], pair;
    assert_true(qn_str_next(&rest, ';', &pair));
    return harness_text("%.*s", QN_STR_ARG(pair));
}

long auth_fixture_number(struct auth_fixture *fixture, const char *format, ...)
{
    char sql[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    assert_in_range(len, 1, sizeof(sql) - 1);
    return harness_postgres_number(fixture->admin, sql);
}
