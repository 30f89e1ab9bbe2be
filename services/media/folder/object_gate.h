#ifndef MEDIA_OBJECT_GATE_H
#define MEDIA_OBJECT_GATE_H

#include "services/media/folder/object_http.h"
#include "services/media/folder/object_reply.h"
#include "services/media/sigv4_verify.h"

/* Who may: a request for the bucket or a key in it is signed with the store's key, in its query or its
 * headers, or refused before anything is looked at. */

struct media_object_pass {
    const struct qn_exchange *exchange;
    struct media_sigv4_claim claim;
    struct qn_str key; /* as in the path, which may be no key of ours; empty: the bucket */
};

/* Judges a request. NULL: it may not, 'ret_error' says why. The pass lives in the exchange's arena. 'params':
 * what the query may ask for beside what every request may have, "list-type,prefix"; what else it asks for is
 * not done here. */
struct media_object_pass *media_object_gate(struct media_object_http *http,
                                            const struct qn_exchange *exchange, struct qn_str params,
                                            enum media_object_error *ret_error);

/* A header's value, or that of the parameter that a presigned URL has instead of it; ptr NULL when neither is
 * there. 'name' in lower case. */
struct qn_str media_object_pass_value(const struct media_object_pass *pass, const char *name);

#endif
