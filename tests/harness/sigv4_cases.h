#ifndef TESTS_HARNESS_SIGV4_CASES_H
#define TESTS_HARNESS_SIGV4_CASES_H

#include "services/media/sigv4.h"

/* Signatures made by others, to be made again: tests/fixtures/sigv4/README.md has the format. */

enum { SIGV4_CASE_PAIRS_MAX = 16, SIGV4_CASE_TEXT_MAX = 16384 };

struct sigv4_case {
    struct qn_str name;
    struct media_sigv4_key key;
    struct media_sigv4_request request; /* its headers are all that are signed, but for the host */
    int64_t now_ms;
    uint32_t expires_s;   /* 0: signed in a header */
    struct qn_str wanted; /* the URL's target, or the value of Authorization */
    struct qn_str payload;
    struct media_sigv4_pair headers[SIGV4_CASE_PAIRS_MAX], query[SIGV4_CASE_PAIRS_MAX];
    char text[SIGV4_CASE_TEXT_MAX]; /* what was decoded */
    size_t used;
};

/* The next case of '*rest'; false at the end. Whatever is malformed fails the test. */
bool sigv4_case_next(struct qn_str *rest, struct sigv4_case *ret_case);

/* Makes the signature again, and judges it as the store would: fails the test, saying which case, when it
 * is another than wanted, or is not accepted, or is accepted with one thing changed. */
void sigv4_case_check(const struct sigv4_case *one);

#endif
