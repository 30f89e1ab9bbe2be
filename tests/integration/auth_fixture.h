#ifndef QN_TESTS_AUTH_FIXTURE_H
#define QN_TESTS_AUTH_FIXTURE_H

#include "auth.qn.h"
#include "common/rpc/client.h"
#include "tests/harness/service.h"
#include "tests/harness/tables.h"

/* quintet-auth as the other services see it: the built programs quintet-auth and quintet-profile on a
 * PostgreSQL of their own, asked over nng from the test's loop. Whatever goes wrong in here fails the test.
 */

struct auth_fixture {
    struct harness_postgres *postgres;
    PGconn *admin; /* for looking from outside */
    struct harness_service *profile, *auth;
    struct qn_loop *loop; /* from auth_fixture_connect() to auth_fixture_disconnect() */
    struct qn_client *client;
};

/* The database. */
void auth_fixture_start_database(struct auth_fixture *fixture, enum harness_tables made_by);
/* quintet-profile; does not wait. */
void auth_fixture_start_profile(struct auth_fixture *fixture);
/* quintet-auth with the secret of rows.json and 'more' ("NAME=value", ended by NULL; may be NULL); does not
 * wait. */
void auth_fixture_start_auth(struct auth_fixture *fixture, const char *const *more);
/* All three; ready when it returns. */
void auth_fixture_start(struct auth_fixture *fixture, enum harness_tables made_by, const char *const *more);
/* Both services must end with exit code 0; then the database goes. */
void auth_fixture_stop(struct auth_fixture *fixture);

/* A loop and a client of auth for one test; the end proves the loop empty. */
void auth_fixture_connect(struct auth_fixture *fixture);
void auth_fixture_disconnect(struct auth_fixture *fixture);

/* One call and its answer. Zero it; auth_fixture_forget() frees what the answer holds. */
struct auth_call {
    /* May be set before the start. */
    const char *cookie, *bearer; /* what the client shows */
    const char *client_ip, *user_agent;
    uint64_t timeout_ms; /* 0: 30 s */
    size_t *n_done;      /* counted up when the answer is there */

    struct qn_request request;
    bool done;
    struct qn_context ctx; /* private from here */
    struct qn_arena arena;
};

/* 'in' is of method->request. */
void auth_fixture_start_call(struct auth_fixture *fixture, struct auth_call *call,
                             const struct qn_method *method, const void *in);
void auth_fixture_await(struct auth_fixture *fixture, struct auth_call *call);
/* Both. */
void auth_fixture_ask(struct auth_fixture *fixture, struct auth_call *call, const struct qn_method *method,
                      const void *in);
void auth_fixture_forget(struct auth_call *call);

/* Fails the test with the answer's words unless it has this status. */
void auth_fixture_expect(const struct auth_call *call, enum qn_status status, const char *reason);

/* The methods, each asked and awaited. */
void auth_fixture_sign_up(struct auth_fixture *fixture, struct auth_call *call, const char *name,
                          const char *email, struct qn_str password, bool forget_me);
void auth_fixture_sign_in(struct auth_fixture *fixture, struct auth_call *call, const char *email,
                          struct qn_str password, bool forget_me);
void auth_fixture_sign_out(struct auth_fixture *fixture, struct auth_call *call);
const Quintet__Auth__V1__GetSessionResponse *auth_fixture_get_session(struct auth_fixture *fixture,
                                                                      struct auth_call *call);
const Quintet__Auth__V1__GetSessionWithProfileCheckResponse *auth_fixture_check(struct auth_fixture *fixture,
                                                                                struct auth_call *call);

/* "name=value" of the n-th Set-Cookie, as it goes into a Cookie header; lives as long as the process. */
const char *auth_fixture_cookie(const struct auth_call *call, size_t nth);

/* A number out of the database. */
long auth_fixture_number(struct auth_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
