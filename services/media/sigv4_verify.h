#ifndef MEDIA_SIGV4_VERIFY_H
#define MEDIA_SIGV4_VERIFY_H

#include "services/media/sigv4.h"

/* Checks signed requests, for the store that we serve ourselves. Pure functions; any thread. Every byte here
 * is a stranger's until media_sigv4_verify() has said MEDIA_SIGV4_GOOD. */

/* What a request says of its signature, taken apart and not yet believed. Views point into its query and
 * headers, or into 'text'. */
struct media_sigv4_claim {
    struct qn_str access_key_id, region, service;
    struct qn_str date;      /* of the scope, "20261123" */
    struct qn_str timestamp; /* "20261123T041556Z" */
    int64_t signed_at_ms;
    uint32_t expires_s;    /* 0: signed in a header, good for MEDIA_SIGV4_SKEW_MAX_MS around 'signed_at_ms' */
    struct qn_str payload; /* what stands for the body: a hash, MEDIA_SIGV4_UNSIGNED, or "STREAMING-…" */
    struct qn_str signed_headers; /* "content-length;content-type;host" */
    struct qn_str signature;      /* 64 lower-case hex digits */
    /* Sorted, without the signature; as they were spelled, and decoded. */
    struct media_sigv4_param {
        struct media_sigv4_pair encoded, plain;
    } params[MEDIA_SIGV4_PARAMS_MAX];
    size_t n_params;
    char text[MEDIA_SIGV4_QUERY_MAX]; /* what was decoded */
};

/* Reads a query as it stood in the request, without '?'. It must be spelled as this algorithm spells it: what
 * it does not leave bare is escaped in upper case, and nothing else is; so no two spellings pass for one
 * another. The six X-Amz- parameters must each be there once; a header list must be sorted and name the host.
 * QN_INVALID_ARGUMENT: anything else; 'err' says what. Bytes of any kind are safe. */
QN_MUST_USE enum qn_status media_sigv4_parse(struct qn_str query, struct media_sigv4_claim *ret_claim,
                                             struct qn_error *err);

/* The headers of a request that is signed in one. */
struct media_sigv4_headers {
    struct qn_str authorization, date, payload; /* Authorization, x-amz-date, x-amz-content-sha256 */
};

/* Reads those. The three parts of Authorization must each be there once, in any order; the header list must
 * be sorted and name the host and the other two headers; the payload is 64 lower-case hex digits or up to 64
 * capitals, digits and hyphens. The query ('' for none) must be spelled as above, may have parameters without
 * '=', and none of the six. QN_INVALID_ARGUMENT as above. */
QN_MUST_USE enum qn_status media_sigv4_parse_header(const struct media_sigv4_headers *headers,
                                                    struct qn_str query, struct media_sigv4_claim *ret_claim,
                                                    struct qn_error *err);

/* A parameter of the claim's query, decoded, by its decoded name; ptr NULL when there is none. Valid as long
 * as the claim. */
struct qn_str media_sigv4_param(const struct media_sigv4_claim *claim, struct qn_str name);

/* Whether the claim's signed headers name this one (lower case). */
bool media_sigv4_signs(const struct media_sigv4_claim *claim, struct qn_str header);

/* A request that arrived. */
struct media_sigv4_arrival {
    struct qn_str method;
    struct qn_str path; /* as it stood in the request, still encoded */
    /* The value of a header, ptr NULL when it is absent. */
    struct qn_str (*header)(const void *context, const char *name);
    const void *context;
    int64_t now_ms;
};

enum media_sigv4_verdict {
    MEDIA_SIGV4_GOOD,
    MEDIA_SIGV4_UNKNOWN_KEY, /* another access key, region or service */
    MEDIA_SIGV4_SKEWED,      /* signed more than 15 minutes in the future, or in a header that long ago */
    MEDIA_SIGV4_EXPIRED,
    MEDIA_SIGV4_HEADER_GONE, /* a signed header is not there */
    MEDIA_SIGV4_BAD_PATH,    /* not spelled as this algorithm spells paths, or too long */
    MEDIA_SIGV4_MISMATCH,    /* the signature belongs to some other request */
};

/* Judges the signature last and in constant time. */
enum media_sigv4_verdict media_sigv4_verify(const struct media_sigv4_key *key,
                                            const struct media_sigv4_claim *claim,
                                            const struct media_sigv4_arrival *arrival);

#endif
