#include "tests/harness/sigv4_cases.h"

#include <stdio.h>

#include "common/core/clock.h"
#include "common/core/encode.h"
#include "services/media/sigv4_private.h"
#include "services/media/sigv4_verify.h"
#include "tests/harness/test.h"

static struct qn_str decode(struct sigv4_case *one, struct qn_str text)
{
    size_t len;
    char *to = one->text + one->used;
    if (text.len > sizeof one->text - one->used || !qn_percent_decode(text, to, &len, false))
        fail_msg("a case that cannot be read: %.*s", QN_STR_ARG(text));
    one->used += len;
    return qn_str_n(to, len);
}

static void take_line(struct sigv4_case *one, struct qn_str line)
{
    struct qn_str rest = line, word, field, fields[4] = {{0}};
    size_t n = 0;
    qn_str_next(&rest, '\t', &word);
    while (n < 4 && qn_str_next(&rest, '\t', &field))
        fields[n++] = decode(one, field);
    if (qn_str_eq(word, QN_STR("case"))) {
        one->name = fields[0];
    } else if (qn_str_eq(word, QN_STR("key")) && n == 4) {
        one->key = (struct media_sigv4_key){
            .access_key_id = fields[0], .secret = fields[1], .region = fields[2], .service = fields[3]};
    } else if (qn_str_eq(word, QN_STR("method"))) {
        one->request.method = fields[0];
    } else if (qn_str_eq(word, QN_STR("host"))) {
        one->request.host = fields[0];
    } else if (qn_str_eq(word, QN_STR("path"))) {
        one->request.path = fields[0];
    } else if (qn_str_eq(word, QN_STR("query")) && one->request.n_query < SIGV4_CASE_PAIRS_MAX) {
        one->query[one->request.n_query++] = (struct media_sigv4_pair){fields[0], fields[1]};
    } else if (qn_str_eq(word, QN_STR("header")) && one->request.n_headers < SIGV4_CASE_PAIRS_MAX) {
        one->headers[one->request.n_headers++] = (struct media_sigv4_pair){fields[0], fields[1]};
    } else if (qn_str_eq(word, QN_STR("time"))) {
        assert_true(qn_time_parse(fields[0], &one->now_ms));
    } else if (qn_str_eq(word, QN_STR("payload"))) {
        one->payload = fields[0];
    } else if (qn_str_eq(word, QN_STR("expires"))) {
        uint64_t seconds;
        assert_true(qn_str_to_u64(fields[0], &seconds));
        one->expires_s = (uint32_t)seconds;
    } else if (qn_str_eq(word, QN_STR("authorization")) || qn_str_eq(word, QN_STR("target"))) {
        one->wanted = fields[0];
    } else {
        fail_msg("no line of a case: %.*s", QN_STR_ARG(line));
    }
}

bool sigv4_case_next(struct qn_str *rest, struct sigv4_case *ret_case)
{
    struct qn_str line;
    bool any = false;
    memset(ret_case, 0, sizeof *ret_case);
    ret_case->request.headers = ret_case->headers;
    ret_case->request.query = ret_case->query;
    while (qn_str_next(rest, '\n', &line)) {
        if (line.len == 0 && any)
            break;
        if (line.len == 0)
            continue;
        any = true;
        take_line(ret_case, line);
    }
    return any;
}

/* As it arrives. */
struct arrived {
    const struct sigv4_case *one;
    struct qn_str host;
};

static struct qn_str header_of(const void *context, const char *name)
{
    const struct arrived *arrived = context;
    const struct media_sigv4_request *request = &arrived->one->request;
    if (qn_str_eq(qn_str_c(name), QN_STR("host")))
        return arrived->host;
    for (size_t i = 0; i < request->n_headers; i++) {
        if (qn_str_eq(request->headers[i].name, qn_str_c(name)))
            return request->headers[i].value;
    }
    return (struct qn_str){0};
}

/* A verdict; -1: malformed. */
static int judge(const struct sigv4_case *one, struct qn_str target, struct qn_str host)
{
    static struct media_sigv4_claim claim;
    struct qn_error err;
    const struct arrived arrived = {one, host};
    ptrdiff_t question = qn_str_find(target, '?');
    struct qn_str path = question < 0 ? target : qn_str_n(target.ptr, (size_t)question);
    struct qn_str query =
        question < 0 ? QN_STR("") : qn_str_n(target.ptr + question + 1, target.len - (size_t)question - 1);
    const struct media_sigv4_headers headers = {.authorization = one->wanted,
                                                .date = header_of(&arrived, "x-amz-date"),
                                                .payload = header_of(&arrived, "x-amz-content-sha256")};
    enum qn_status status = one->expires_s > 0 ? media_sigv4_parse(query, &claim, &err)
                                               : media_sigv4_parse_header(&headers, query, &claim, &err);
    if (status != QN_OK)
        return -1;
    const struct media_sigv4_arrival arrival = {.method = one->request.method,
                                                .path = path,
                                                .header = header_of,
                                                .context = &arrived,
                                                .now_ms = one->now_ms};
    return (int)media_sigv4_verify(&one->key, &claim, &arrival);
}

static bool signs_the_payload(const struct sigv4_case *one)
{
    const struct arrived arrived = {one, one->request.host};
    return one->expires_s > 0 || header_of(&arrived, "x-amz-content-sha256").ptr != NULL;
}

static void assert_same(const struct sigv4_case *one, struct qn_str is)
{
    if (!qn_str_eq(is, one->wanted))
        fail_msg("%.*s:\n%.*s\nis not\n%.*s", QN_STR_ARG(one->name), QN_STR_ARG(is), QN_STR_ARG(one->wanted));
}

void sigv4_case_check(const struct sigv4_case *one)
{
    struct qn_buf target, authorization;
    enum qn_status status;
    qn_buf_init(&target, 32768);
    qn_buf_init(&authorization, 4096);
    if (one->expires_s > 0) {
        status = media_sigv4_presign(&one->key, &one->request, one->now_ms, one->expires_s, &target);
    } else {
        const struct arrived arrived = {one, one->request.host};
        char date[MEDIA_SIGV4_DATE_ROOM];
        snprintf(date, sizeof date, "%.*s", QN_STR_ARG(header_of(&arrived, "x-amz-date")));
        status = media_sigv4_authorize_bare(&one->key, &one->request, NULL, 0, one->payload, date, &target,
                                            &authorization);
    }
    if (status != QN_OK)
        fail_msg("%.*s: %s", QN_STR_ARG(one->name), qn_status_name(status));
    assert_same(one, qn_buf_view(one->expires_s > 0 ? &target : &authorization));

    /* The store takes what S3's rules want: a header that says what stands for the body, and signs it. */
    if (signs_the_payload(one)) {
        int verdict = judge(one, qn_buf_view(&target), one->request.host);
        if (verdict != MEDIA_SIGV4_GOOD)
            fail_msg("%.*s: verdict %d", QN_STR_ARG(one->name), verdict);
        assert_int_equal(judge(one, qn_buf_view(&target), QN_STR("elsewhere.example")), MEDIA_SIGV4_MISMATCH);
    }
    qn_buf_fini(&target);
    qn_buf_fini(&authorization);
}
