#ifndef AUTH_INPUT_H
#define AUTH_INPUT_H

#include "common/rpc/call.h"
#include "services/auth/service.h"

/* What clients send, checked: the limits are Better Auth's, but for ceilings of ours where it has none. Each
 * function that finds fault has failed the call when it returns; the call's memory is gone then. */

enum {
    /* Better Auth sets no limit on these; ours keep whatever a user can store small enough to be read 64 at a
     * time (see AUTH_SESSION_USER_AGENT_MAX_BYTES). */
    AUTH_INPUT_NAME_MAX_BYTES = 16 * 1024,
    AUTH_INPUT_IMAGE_MAX_BYTES = 16 * 1024,
};

/* Fails the call with INVALID_ARGUMENT and one violation. 'reason' may be NULL. */
void auth_input_fail(struct qn_call *call, const char *reason, const char *message, const char *field,
                     const char *description);

/* The same for a hashing that did not get to its end; a refusal says when to come again. */
void auth_input_fail_hashing(const struct auth_service *service, struct qn_call *call, enum qn_status status);

/* The password of a request, from one of the two fields it may stand in; 'field' is the first one's name. A
 * view. A short one is just a wrong one, but where it is new. */
QN_MUST_USE bool auth_input_password(const struct auth_settings *settings, struct qn_call *call,
                                     const char *field, const char *text, ProtobufCBinaryData utf8,
                                     struct qn_str *ret_password);
QN_MUST_USE bool auth_input_new_password(const struct auth_settings *settings, struct qn_call *call,
                                         const char *field, const char *text, ProtobufCBinaryData utf8,
                                         struct qn_str *ret_password);

/* The address as the store knows it, in the arena; NULL after failing the call. */
char *auth_input_email(struct qn_call *call, const char *email);

/* Name and image against the ceilings; NULL is fine. */
QN_MUST_USE bool auth_input_texts(struct qn_call *call, const char *name, const char *image);

#endif
