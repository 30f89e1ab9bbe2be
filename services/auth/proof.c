#include "services/auth/proof.h"

#include "common/core/check.h"
#include "services/auth/input.h"
#include "services/auth/upstream.h"

static void fail_wrong(const struct auth_proof *proof)
{
    auth_input_fail(proof->live->call, "INVALID_PASSWORD", "Invalid password", proof->field,
                    "is not the user's password");
}

static void on_found(struct qn_request *request)
{
    struct auth_proof *proof = container_of(request, struct auth_proof, store);
    struct qn_call *call = proof->live->call;
    if (request->status != QN_OK) {
        qn_call_fail_from(call, request, true);
        return;
    }
    const Quintet__Store__V1__GetPasswordResponse *found = request->out;
    proof->stored = qn_str_c(found->password_hash);
    if (proof->stored.len > 0)
        proof->then(proof);
    else if (proof->no_account_is_wrong)
        fail_wrong(proof);
    else
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION, .message = "Credential account not found",
                          .reason = "CREDENTIAL_ACCOUNT_NOT_FOUND");
}

void auth_proof_find(struct auth_proof *proof, struct auth_live *live, const char *field,
                     bool no_account_is_wrong, void (*then)(struct auth_proof *proof))
{
    *proof = (struct auth_proof){
        .live = live, .field = field, .no_account_is_wrong = no_account_is_wrong, .then = then};
    auth_upstream_get_password(live->service, &proof->store, live->call, live->user->id, on_found);
}

static void on_verified(struct auth_hash_job *job, enum qn_status status)
{
    struct auth_proof *proof = container_of(job, struct auth_proof, job);
    const struct auth_live *live = proof->live;
    if (status == QN_OK) {
        proof->then(proof);
    } else if (status == QN_UNAUTHENTICATED) {
        fail_wrong(proof);
    } else {
        if (status == QN_INTERNAL)
            qn_log(&live->call->ctx.log, QN_ERROR, "stored password hash is not salt:key",
                   QN_F_C("user", live->user->id));
        auth_input_fail_hashing(live->service, live->call, status);
    }
}

void auth_proof_verify(struct auth_proof *proof, struct qn_str password,
                       void (*then)(struct auth_proof *proof))
{
    const struct auth_live *live = proof->live;
    proof->then = then;
    auth_hasher_verify(live->service->hasher, &proof->job, password, proof->stored,
                       live->call->ctx.deadline_ms, on_verified);
}
