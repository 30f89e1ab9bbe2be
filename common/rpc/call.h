#ifndef QN_RPC_CALL_H
#define QN_RPC_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/log.h"
#include "common/core/status.h"
#include "common/rpc/method.h"

/* What travels with a call through every hop. Views; whoever makes one keeps the bytes alive as long as it is
 * used (in a handler: as long as the call). */
struct qn_context {
    uint64_t deadline_ms; /* of qn_clock_now_ms() */
    struct qn_str request_id;
    struct qn_str traceparent;
    struct {
        bool known; /* a user: user_id is not empty; address and agent may be there without one */
        struct qn_str user_id, session_id, client_ip, user_agent;
    } caller;
    struct {
        struct qn_str cookie, bearer;
    } credentials;
    struct qn_log log; /* carries request=… and, where there is a sound one, trace=… */
};

/* Sets 'log' by the ids. */
void qn_context_set_log(struct qn_context *ctx);

/* One violated field of a request, for QN_INVALID_ARGUMENT. */
struct qn_violation {
    const char *field;
    const char *description;
};

/* What an answer says beside its message; zeroed: nothing. */
struct qn_fault {
    enum qn_status status;
    const char *message; /* for people; NULL: the status' name */
    const char *reason;  /* UPPER_SNAKE_CASE or NULL */
    const struct qn_violation *violations;
    size_t n_violations;
    uint32_t retry_after_ms;
    bool not_executed; /* nothing was done: any peer may be asked instead */
};

/* A call in the hands of a handler, on the loop's thread. It lives from the handler's start until one of
 * qn_call_reply() and qn_call_fail() (each call gets exactly one of them, at any time); then it, its arena
 * and all that was made in it are gone. A handler that is slow still owes its answer: the server does not
 * take a call away. */
struct qn_call {
    const struct qn_method *method;
    const void *in; /* the unpacked request, of method->request; valid as long as the call */
    struct qn_arena *arena;
    struct qn_context ctx;
};

/* Memory for a handler's state, cleared, freed with the call. Never NULL: the arena keeps a reserve for one
 * such object of up to 4 KiB (checked). */
void *qn_call_state(struct qn_call *call, size_t bytes);
#define qn_call_new(call, type) ((type *)qn_call_state((call), sizeof(type)))

/* Answers with a message of method->response; 'out' is packed before this returns. An answer over the size
 * limit, or one with text that is not UTF-8, becomes QN_INTERNAL or QN_RESOURCE_EXHAUSTED. */
void qn_call_reply(struct qn_call *call, const void *out);

/* Answers with a status that is not QN_OK. What it points to is copied. */
void qn_call_fail(struct qn_call *call, const struct qn_fault *fault);
#define qn_call_fail_with(call, ...) qn_call_fail((call), &(const struct qn_fault){__VA_ARGS__})

/* Adds a Set-Cookie value to the answer to come, whatever its status; copied. At most eight; more are dropped
 * with a log line. */
void qn_call_set_cookie(struct qn_call *call, struct qn_str value);

#endif
