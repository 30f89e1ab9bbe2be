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

static void fail_length(struct qn_call *call, const char *reason, const char *message, const char *field,
                        int64_t limit, const char *side)
{
    char description[64];
    snprintf(description, sizeof(description), "must have %lld characters or %s", (long long)limit, side);
    auth_input_fail(call, reason, message, field, description);
}

bool auth_input_password(const struct auth_settings *settings, struct qn_call *call, const char *field,
                         const char *text, ProtobufCBinaryData utf8, struct qn_str *ret_password)
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
    if (qn_utf8_utf16_len(password) > (size_t)settings->password_max) {
        fail_length(call, "PASSWORD_TOO_LONG", "Password too long", field, settings->password_max, "fewer");
        return false;
    }
    *ret_password = password;
    return true;
}

bool auth_input_new_password(const struct auth_settings *settings, struct qn_call *call, const char *field,
                             const char *text, ProtobufCBinaryData utf8, struct qn_str *ret_password)
{
    if (!auth_input_password(settings, call, field, text, utf8, ret_password))
        return false;
    if (qn_utf8_utf16_len(*ret_password) < (size_t)settings->password_min) {
        fail_length(call, "PASSWORD_TOO_SHORT", "Password too short", field, settings->password_min, "more");
        return false;
    }
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
