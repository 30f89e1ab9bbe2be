/* ChangePassword: 1. the live session (live.c)  2. the lengths  3. find the stored hash  4. hash the new
 * password
 *                 5. verify the current one  6. write; if asked, exchange all sessions for a new one in the
 * same transaction  7. set its cookie and answer, with the user as read in 1. 4 before 5 is the product's
 * order: a wrong current password costs two hashes.
 *
 * VerifyPassword: 1, 2, 3 and 5. */
#include "services/auth/change.h"

#include "auth.pb-c.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/input.h"
#include "services/auth/proof.h"
#include "services/auth/session.h"
#include "services/auth/set_cookie.h"
#include "services/auth/upstream.h"

struct change {
    struct auth_live live;
    struct auth_proof proof;
    struct qn_str current, new;
    struct auth_hash_job job;
    struct qn_request store;
    Quintet__Store__V1__Session *session; /* the new one; NULL: all stay */
};

static void on_set(struct qn_request *request)
{
    struct change *c = container_of(request, struct change, store);
    struct qn_call *call = c->live.call;
    if (request->status == QN_NOT_FOUND) {
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION, .message = "Credential account not found",
                          .reason = "CREDENTIAL_ACCOUNT_NOT_FOUND");
        return;
    }
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    Quintet__Auth__V1__ChangePasswordResponse out = QUINTET__AUTH__V1__CHANGE_PASSWORD_RESPONSE__INIT;
    out.user = auth_session_show_user(c->live.user, call->arena);
    out.session = c->session ? auth_session_show(c->session, call->arena) : NULL;
    enum qn_status status = out.user && (out.session || !c->session) ? QN_OK : QN_RESOURCE_EXHAUSTED;
    if (status == QN_OK && c->session)
        status = auth_set_cookie_session(c->live.service, call, c->session, c->live.user,
                                         c->live.dont_remember, false);
    if (status != QN_OK) {
        qn_call_fail_with(call, .status = status);
        return;
    }
    qn_log(&call->ctx.log, QN_INFO, "password changed", QN_F_C("user", c->live.user->id));
    qn_call_reply(call, &out);
}

static void on_verified(struct auth_proof *proof)
{
    struct change *c = container_of(proof, struct change, proof);
    struct qn_call *call = c->live.call;
    const Quintet__Auth__V1__ChangePasswordRequest *in = call->in;
    int64_t now_ms = qn_clock_wall_ms();
    Quintet__Store__V1__SetPasswordRequest set = QUINTET__STORE__V1__SET_PASSWORD_REQUEST__INIT;
    set.user_id = c->live.user->id;
    set.password_hash = c->job.hash;
    set.updated_at_ms = now_ms;
    if (in->revoke_other_sessions) {
        /* The row lives as long as any, also where dont_remember lets the cookie end with the browser. */
        c->session = auth_session_new(c->live.service, call, c->live.user->id, now_ms, false);
        if (c->session == NULL) {
            qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
            return;
        }
        set.session = c->session;
    }
    auth_upstream_set_password(c->live.service, &c->store, call, &set, on_set);
}

static void on_hashed(struct auth_hash_job *job, enum qn_status status)
{
    struct change *c = container_of(job, struct change, job);
    if (status == QN_OK)
        auth_proof_verify(&c->proof, c->current, on_verified);
    else
        auth_input_fail_hashing(c->live.service, c->live.call, status);
}

static void on_found(struct auth_proof *proof)
{
    struct change *c = container_of(proof, struct change, proof);
    auth_hasher_hash(c->live.service->hasher, &c->job, c->new, c->live.call->ctx.deadline_ms, on_hashed);
}

static void change(struct auth_live *live)
{
    struct change *c = container_of(live, struct change, live);
    const Quintet__Auth__V1__ChangePasswordRequest *in = live->call->in;
    const struct auth_settings *set = live->service->settings;
    if (auth_input_new_password(set, live->call, "new_password", in->new_password, in->new_password_utf8,
                                &c->new) &&
        auth_input_password(set, live->call, "current_password", in->current_password,
                            in->current_password_utf8, &c->current))
        auth_proof_find(&c->proof, live, "current_password", false, on_found);
}

void auth_change_password(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__ChangePasswordRequest *in = call->in;
    auth_live_start(&qn_call_new(call, struct change)->live, service, call,
                    in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0, change, NULL);
}

/* VerifyPassword. */

struct verify {
    struct auth_live live;
    struct auth_proof proof;
    struct qn_str password;
};

static void answer_verified(struct auth_proof *proof)
{
    Quintet__Auth__V1__VerifyPasswordResponse out = QUINTET__AUTH__V1__VERIFY_PASSWORD_RESPONSE__INIT;
    qn_call_reply(proof->live->call, &out);
}

static void on_verify_found(struct auth_proof *proof)
{
    auth_proof_verify(proof, container_of(proof, struct verify, proof)->password, answer_verified);
}

static void verify(struct auth_live *live)
{
    struct verify *v = container_of(live, struct verify, live);
    const Quintet__Auth__V1__VerifyPasswordRequest *in = live->call->in;
    if (auth_input_password(live->service->settings, live->call, "password", in->password, in->password_utf8,
                            &v->password))
        auth_proof_find(&v->proof, live, "password", true, on_verify_found);
}

void auth_change_verify(struct auth_service *service, struct qn_call *call)
{
    const Quintet__Auth__V1__VerifyPasswordRequest *in = call->in;
    auth_live_start(&qn_call_new(call, struct verify)->live, service, call,
                    in->disable_refresh ? AUTH_LIVE_KEEP_ROW : 0, verify, NULL);
}
