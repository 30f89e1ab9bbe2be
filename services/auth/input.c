#include "services/auth/input.h"

#include <stdio.h>

#include "common/core/check.h"
#include "common/core/email.h"
#include "common/core/utf8.h"

void auth_input_fail(struct qn_call *call, const char *reason, const char *message, const char *field,
                     const char *description)
{
    const struct qn_violation violation = {field, description};
    qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = message, .reason = reason,
                      .violations = &violation, .n_violations = 1);
}

void auth_input_fail_hashing(const struct auth_service *service, struct qn_call *call, enum qn_status status)
{
    if (status == QN_RESOURCE_EXHAUSTED)
        qn_call_fail_with(call, .status = status, .message = "too many passwords at once",
                          .reason = "OVERLOAD",
                          .retry_after_ms = auth_hasher_retry_after_ms(service->hasher));
    else
        qn_call_fail_with(call, .status = status);
}

bool auth_input_password(struct qn_call *call, const char *field, const char *text, ProtobufCBinaryData utf8,
                         size_t shortest, struct qn_str *ret_password)
{
    char field_utf8[64];
    snprintf(field_utf8, sizeof(field_utf8), "%s_utf8", field);
    if (text[0] != '\0' && utf8.len > 0) {
        auth_input_fail(call, NULL, "password is given twice", field_utf8,
                        "must be empty when the other field is given");
        return false;
    }
    struct qn_str password = utf8.len > 0 ? qn_str_n((const char *)utf8.data, utf8.len) : qn_str_c(text);
    if (!qn_utf8_valid(password)) {
        auth_input_fail(call, NULL, "password is not UTF-8", field_utf8, "must be UTF-8");
        return false;
    }
    size_t len = qn_utf8_utf16_len(password);
    if (len < shortest) {
        auth_input_fail(call, "PASSWORD_TOO_SHORT", "Password too short", field,
                        "must have 8 characters or more");
        return false;
    }
    if (len > AUTH_PASSWORD_MAX) {
        auth_input_fail(call, "PASSWORD_TOO_LONG", "Password too long", field,
                        "must have 128 characters or fewer");
        return false;
    }
    *ret_password = password;
    return true;
}

char *auth_input_email(struct qn_call *call, const char *email)
{
    if (!qn_email_valid(qn_str_c(email))) {
        auth_input_fail(call, "INVALID_EMAIL", "Invalid email", "email",
                        "must be an address, as name@example.com");
        return NULL;
    }
    char *folded = qn_email_fold(qn_str_c(email), call->arena);
    if (folded == NULL)
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
    return folded;
}

bool auth_input_texts(struct qn_call *call, const char *name, const char *image)
{
    if (name && strlen(name) > AUTH_INPUT_NAME_MAX_BYTES) {
        auth_input_fail(call, NULL, "name is too long", "name", "must have 16384 bytes or fewer");
        return false;
    }
    if (image && strlen(image) > AUTH_INPUT_IMAGE_MAX_BYTES) {
        auth_input_fail(call, NULL, "image is too long", "image", "must have 16384 bytes or fewer");
        return false;
    }
    return true;
}
