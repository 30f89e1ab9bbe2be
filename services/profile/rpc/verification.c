/* quintet.store.v1.VerificationStore. */
#include "services/profile/store/verification.h"

#include "services/profile/rpc/ask.h"
#include "services/profile/rpc/check.h"
#include "services/profile/rpc/message.h"
#include "store.qn.h"

QUINTET_STORE_V1_VERIFICATION_STORE_HANDLERS(profile_rpc_verification, profile_rpc_)

static void on_created(struct profile_ask *ask)
{
    Quintet__Store__V1__CreateVerificationResponse out =
        QUINTET__STORE__V1__CREATE_VERIFICATION_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

/* Ids are random, so a second time is somebody's mistake. */
static bool on_not_created(struct profile_ask *ask)
{
    if (ask->query.status != QN_ALREADY_EXISTS)
        return false;
    qn_log(&ask->call->ctx.log, QN_ERROR, "an id is there already",
           QN_F_C("constraint", ask->query.constraint));
    qn_call_fail_with(ask->call, .status = QN_INTERNAL, .message = "an id is there already");
    return true;
}

void profile_rpc_create_verification(struct qn_call *call)
{
    const Quintet__Store__V1__CreateVerificationRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_verification(in->verification, &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    struct store_verification verification = profile_message_to_verification(in->verification);
    store_verification_insert(&ask->steps, &verification);
    ask->answer = on_created;
    ask->refuse = on_not_created;
    profile_ask_start(ask);
}

/* The newest of the rows. *ret_message stays as it is without one. False: answered. */
static bool read_newest(struct profile_ask *ask, const char *statement,
                        Quintet__Store__V1__Verification *room,
                        Quintet__Store__V1__Verification **ret_message)
{
    const PGresult *result = profile_ask_result(ask, 0);
    struct store_verification newest, one;
    bool found = false;
    for (int row = 0; row < pg_result_rows(result); row++) {
        if (!store_verification_read(result, row, &one)) {
            profile_ask_fail_row(ask->call, statement);
            return false;
        }
        if (!found || one.created_at_ms > newest.created_at_ms)
            newest = one;
        found = true;
    }
    if (found) {
        profile_message_verification(&newest, room);
        *ret_message = room;
    }
    return true;
}

static void on_found(struct profile_ask *ask)
{
    Quintet__Store__V1__GetVerificationResponse out = QUINTET__STORE__V1__GET_VERIFICATION_RESPONSE__INIT;
    Quintet__Store__V1__Verification room;
    if (read_newest(ask, "verification_find", &room, &out.verification))
        qn_call_reply(ask->call, &out);
}

void profile_rpc_get_verification(struct qn_call *call)
{
    const Quintet__Store__V1__GetVerificationRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_verification_find(&ask->steps, in->identifier);
    ask->answer = on_found;
    profile_ask_start(ask);
}

static void on_taken(struct profile_ask *ask)
{
    Quintet__Store__V1__TakeVerificationResponse out = QUINTET__STORE__V1__TAKE_VERIFICATION_RESPONSE__INIT;
    Quintet__Store__V1__Verification room;
    if (read_newest(ask, "verification_take", &room, &out.verification))
        qn_call_reply(ask->call, &out);
}

void profile_rpc_take_verification(struct qn_call *call)
{
    const Quintet__Store__V1__TakeVerificationRequest *in = call->in;
    struct profile_ask *ask = profile_ask_new(call);
    store_verification_take(&ask->steps, in->identifier);
    ask->answer = on_taken;
    profile_ask_start(ask);
}

static void on_swept(struct profile_ask *ask)
{
    Quintet__Store__V1__SweepVerificationsResponse out =
        QUINTET__STORE__V1__SWEEP_VERIFICATIONS_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_sweep_verifications(struct qn_call *call)
{
    const Quintet__Store__V1__SweepVerificationsRequest *in = call->in;
    struct profile_complaints complaints = {0};
    profile_check_time(in->before_ms, "before_ms", &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_verification_sweep(&ask->steps, in->before_ms);
    ask->answer = on_swept;
    profile_ask_start(ask);
}
