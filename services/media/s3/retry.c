#include "services/media/s3/retry.h"

#include "common/core/check.h"

enum { TENTHS = 10 };

bool media_s3_budget_take(struct media_s3_budget *budget)
{
    if (budget->spent_tenths + TENTHS > MEDIA_S3_BUDGET_MAX * TENTHS)
        return false;
    budget->spent_tenths += TENTHS;
    return true;
}

void media_s3_budget_give(struct media_s3_budget *budget)
{
    if (budget->spent_tenths > 0)
        budget->spent_tenths--;
}

uint64_t media_s3_retry_wait_ms(unsigned n_tries, uint32_t retry_after_s, uint32_t random)
{
    uint64_t most = MEDIA_S3_WAIT_FIRST_MS;
    for (unsigned i = 1; i < n_tries && most < MEDIA_S3_WAIT_MAX_MS; i++)
        most *= 2;
    if (most > MEDIA_S3_WAIT_MAX_MS)
        most = MEDIA_S3_WAIT_MAX_MS;
    return (uint64_t)retry_after_s * 1000 + random % (most + 1);
}

/* S3's codes ("Error responses", AWS S3 API reference) that say more than the status line. */
static const struct {
    const char *code;
    enum qn_status status;
    bool again, loud;
    const char *hint;
} known[] = {
    {"NoSuchKey", QN_NOT_FOUND, false, false, NULL},
    {"RequestTimeout", QN_UNAVAILABLE, true, false, NULL}, /* with a 400: our bytes came too slowly */
    {"OperationAborted", QN_UNAVAILABLE, true, false, NULL},
    {"SlowDown", QN_UNAVAILABLE, true, false, NULL},
    {"BadDigest", QN_UNAVAILABLE, true, false, NULL}, /* bytes changed on the way */
    {"XAmzContentSHA256Mismatch", QN_UNAVAILABLE, true, false, NULL},
    {"NoSuchBucket", QN_UNAVAILABLE, false, true, "there is no such bucket at this endpoint"},
    {"RequestTimeTooSkewed", QN_UNAVAILABLE, false, true, "this machine's clock is wrong"},
    {"RequestExpired", QN_UNAVAILABLE, false, true, "this machine's clock is wrong"},
    {"InvalidAccessKeyId", QN_UNAVAILABLE, false, true, "there is no such access key here"},
    {"SignatureDoesNotMatch", QN_UNAVAILABLE, false, true,
     "the secret key is not the access key's, or a proxy in between changes requests"},
    {"AccessDenied", QN_UNAVAILABLE, false, true, "the key may not do this with this bucket"},
    {"AuthorizationHeaderMalformed", QN_UNAVAILABLE, false, true, "the bucket is of another region"},
    {"AuthorizationQueryParametersError", QN_UNAVAILABLE, false, true, "the bucket is of another region"},
    {"InvalidRegionName", QN_UNAVAILABLE, false, true, "the bucket is of another region"},
    {"PermanentRedirect", QN_UNAVAILABLE, false, true, "the bucket is at another endpoint"},
    {"TemporaryRedirect", QN_UNAVAILABLE, false, true, "the bucket is at another endpoint"},
};

static struct media_s3_verdict judge_code(long code)
{
    if (code == 404)
        return (struct media_s3_verdict){.status = QN_NOT_FOUND, .outcome = "not_found", .answered = true};
    if (code == 416)
        return (struct media_s3_verdict){.status = QN_OUT_OF_RANGE, .outcome = "refused", .answered = true};
    if (code == 429 || code == 408 || (code >= 500 && code != 501))
        return (struct media_s3_verdict){.status = QN_UNAVAILABLE, .outcome = "failed", .again = true};
    if (code >= 300 && code < 400)
        return (struct media_s3_verdict){.status = QN_UNAVAILABLE,
                                         .outcome = "refused",
                                         .loud = true,
                                         .hint = "the bucket is at another endpoint"};
    if (code == 401 || code == 403)
        return (struct media_s3_verdict){
            .status = QN_UNAVAILABLE, .outcome = "refused", .loud = true, .hint = "the key is not accepted"};
    return (struct media_s3_verdict){.status = QN_INTERNAL, .outcome = "refused", .loud = true};
}

static struct media_s3_verdict judge_answer(long code, const struct media_s3_fault *fault)
{
    if (code / 100 == 2)
        return (struct media_s3_verdict){.status = QN_OK, .outcome = "ok", .answered = true};
    struct media_s3_verdict verdict = judge_code(code);
    for (size_t i = 0; i < QN_COUNT(known); i++) {
        if (strcmp(fault->code, known[i].code) == 0) {
            verdict.status = known[i].status;
            verdict.again = known[i].again;
            verdict.loud = known[i].loud;
            verdict.answered = known[i].status == QN_NOT_FOUND;
            verdict.hint = known[i].hint;
            if (!verdict.answered)
                verdict.outcome = known[i].again ? "failed" : "refused";
        }
    }
    return verdict;
}

struct media_s3_verdict media_s3_retry_judge(const struct media_s3_transfer *transfer,
                                             const struct media_s3_fault *fault)
{
    switch (transfer->result) {
    case MEDIA_S3_ANSWERED:
        return judge_answer(transfer->code, fault);
    case MEDIA_S3_UNREACHABLE:
        return (struct media_s3_verdict){.status = QN_UNAVAILABLE, .outcome = "unreachable", .again = true};
    case MEDIA_S3_UNTRUSTED:
        return (struct media_s3_verdict){.status = QN_UNAVAILABLE,
                                         .outcome = "untrusted",
                                         .loud = true,
                                         .hint = "the certificate is not one for this host that the system, "
                                                 "or S3_CA_FILE, trusts"};
    case MEDIA_S3_BROKEN:
        return (struct media_s3_verdict){.status = QN_UNAVAILABLE, .outcome = "broken", .again = true};
    case MEDIA_S3_TOO_LARGE:
        return (struct media_s3_verdict){.status = QN_OUT_OF_RANGE, .outcome = "too_large", .answered = true};
    case MEDIA_S3_LATE:
        return (struct media_s3_verdict){.status = QN_DEADLINE_EXCEEDED, .outcome = "late"};
    case MEDIA_S3_CROWDED:
        return (struct media_s3_verdict){.status = QN_RESOURCE_EXHAUSTED, .outcome = "crowded"};
    case MEDIA_S3_NO_MEMORY:
        break;
    }
    return (struct media_s3_verdict){.status = QN_RESOURCE_EXHAUSTED, .outcome = "no_memory"};
}
