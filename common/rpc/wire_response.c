#include "common/core/utf8.h"
#include "common/rpc/precheck.h"
#include "common/rpc/wire.h"
#include "common/rpc/wire_field.h"
#include "rpc.pb-c.h"

/* Response and Result. */

/* Field numbers of proto/rpc.proto. */
enum { RESPONSE_RESULTS = 1, RESPONSE_DRAINING = 2 };
enum {
    RESULT_STATUS = 1,
    RESULT_MESSAGE = 2,
    RESULT_DETAIL = 3,
    RESULT_RETRY_AFTER_MS = 4,
    RESULT_SET_COOKIE = 5,
    RESULT_PAYLOAD = 6,
    RESULT_NOT_EXECUTED = 7
};
enum { DETAIL_REASON = 1, DETAIL_VIOLATIONS = 2 };
enum { VIOLATION_FIELD = 1, VIOLATION_DESCRIPTION = 2 };

/* Text of our own that a peer would refuse is not worth losing the answer for. */
static struct qn_str text(const char *words)
{
    struct qn_str s = qn_str_c(words);
    return qn_utf8_valid(s) ? s : QN_STR("");
}

static size_t violation_size(const struct qn_violation *violation)
{
    return qn_wire_str_size(text(violation->field)) + qn_wire_str_size(text(violation->description));
}

static size_t detail_size(const struct qn_fault *fault)
{
    size_t size = qn_wire_str_size(text(fault->reason));
    for (size_t i = 0; i < fault->n_violations; i++)
        size += qn_wire_framed_size(violation_size(&fault->violations[i]));
    return size;
}

static size_t result_size(const struct qn_wire_result *result)
{
    size_t size = 0;
    if (result->fault != NULL) {
        size_t detail = detail_size(result->fault);
        size += qn_wire_number_size(result->fault->status) + qn_wire_str_size(text(result->fault->message)) +
                (detail > 0 ? qn_wire_framed_size(detail) : 0) +
                qn_wire_number_size(result->fault->retry_after_ms) +
                qn_wire_number_size(result->fault->not_executed);
    }
    for (size_t i = 0; i < result->n_cookies; i++)
        size += qn_wire_framed_size(result->cookies[i].len);
    return size + (result->payload_len > 0 ? qn_wire_framed_size(result->payload_len) : 0);
}

static char *put_fault(char *to, const struct qn_fault *fault)
{
    to = qn_wire_put_number(to, RESULT_STATUS, fault->status);
    to = qn_wire_put_str(to, RESULT_MESSAGE, text(fault->message));
    size_t detail = detail_size(fault);
    if (detail > 0) {
        to = qn_wire_put_frame(to, RESULT_DETAIL, detail);
        to = qn_wire_put_str(to, DETAIL_REASON, text(fault->reason));
        for (size_t i = 0; i < fault->n_violations; i++) {
            to = qn_wire_put_frame(to, DETAIL_VIOLATIONS, violation_size(&fault->violations[i]));
            to = qn_wire_put_str(to, VIOLATION_FIELD, text(fault->violations[i].field));
            to = qn_wire_put_str(to, VIOLATION_DESCRIPTION, text(fault->violations[i].description));
        }
    }
    to = qn_wire_put_number(to, RESULT_RETRY_AFTER_MS, fault->retry_after_ms);
    return qn_wire_put_number(to, RESULT_NOT_EXECUTED, fault->not_executed);
}

size_t qn_wire_add_result_size(const struct qn_wire_result *result)
{
    return qn_wire_framed_size(result_size(result));
}

char *qn_wire_add_result(char *to, const struct qn_wire_result *result, char **ret_payload)
{
    to = qn_wire_put_frame(to, RESPONSE_RESULTS, result_size(result));
    if (result->fault != NULL)
        to = put_fault(to, result->fault);
    for (size_t i = 0; i < result->n_cookies; i++) {
        to = qn_wire_put_frame(to, RESULT_SET_COOKIE, result->cookies[i].len);
        if (result->cookies[i].len > 0)
            memcpy(to, result->cookies[i].ptr, result->cookies[i].len);
        to += result->cookies[i].len;
    }
    *ret_payload = to;
    if (result->payload_len > 0) {
        to = qn_wire_put_frame(to, RESULT_PAYLOAD, result->payload_len);
        *ret_payload = to;
        to += result->payload_len;
    }
    return to;
}

char *qn_wire_add_draining(char *to)
{
    return qn_wire_put_number(to, RESPONSE_DRAINING, true);
}

enum qn_status qn_wire_read_response(struct qn_str bytes, struct qn_wire_response *ret_response,
                                     struct qn_error *err)
{
    QN_TRY(qn_precheck(&quintet__rpc__v1__response__descriptor, bytes, err));
    struct qn_wire_response response = {.rest = bytes};
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    while (qn_wire_next_field(&reader, &field)) {
        if (field.number == RESPONSE_DRAINING)
            response.draining = field.value != 0;
        else if (field.number == RESPONSE_RESULTS && ++response.n_results > QN_WIRE_CALLS_MAX)
            return qn_error_set(err, QN_INVALID_ARGUMENT, "more than %d results", QN_WIRE_CALLS_MAX);
    }
    *ret_response = response;
    return QN_OK;
}

bool qn_wire_next_result(struct qn_wire_response *response, struct qn_str *ret_result)
{
    return qn_wire_next_element(&response->rest, RESPONSE_RESULTS, ret_result);
}

static size_t count_elements(struct qn_str bytes, unsigned number)
{
    struct qn_str element;
    size_t n = 0;
    while (qn_wire_next_element(&bytes, number, &element))
        n++;
    return n;
}

static enum qn_status copy(struct qn_arena *arena, struct qn_str from, struct qn_str *ret_copy)
{
    *ret_copy = QN_STR("");
    if (from.len == 0)
        return QN_OK;
    *ret_copy = qn_arena_str(arena, from);
    return ret_copy->ptr != NULL ? QN_OK : QN_RESOURCE_EXHAUSTED;
}

static enum qn_status read_violation(struct qn_str bytes, struct qn_arena *arena,
                                     struct qn_violation *ret_violation)
{
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    struct qn_str name = QN_STR(""), description = QN_STR("");
    while (qn_wire_next_field(&reader, &field)) {
        if (field.number == VIOLATION_FIELD)
            QN_TRY(copy(arena, field.bytes, &name));
        else if (field.number == VIOLATION_DESCRIPTION)
            QN_TRY(copy(arena, field.bytes, &description));
    }
    *ret_violation = (struct qn_violation){name.ptr, description.ptr};
    return QN_OK;
}

static enum qn_status read_detail(struct qn_str bytes, struct qn_arena *arena, struct qn_wire_answer *answer)
{
    size_t n = count_elements(bytes, DETAIL_VIOLATIONS);
    if (n > 0) {
        answer->violations = qn_arena_array(arena, n, sizeof(*answer->violations));
        if (answer->violations == NULL)
            return QN_RESOURCE_EXHAUSTED;
    }
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    while (qn_wire_next_field(&reader, &field)) {
        if (field.number == DETAIL_REASON)
            QN_TRY(copy(arena, field.bytes, &answer->reason));
        else if (field.number == DETAIL_VIOLATIONS && answer->n_violations < n)
            QN_TRY(read_violation(field.bytes, arena, &answer->violations[answer->n_violations++]));
    }
    return QN_OK;
}

static enum qn_status read_cookies(struct qn_str bytes, struct qn_arena *arena, struct qn_wire_answer *answer)
{
    size_t n = count_elements(bytes, RESULT_SET_COOKIE);
    if (n > QN_WIRE_COOKIES_MAX)
        n = QN_WIRE_COOKIES_MAX;
    if (n == 0)
        return QN_OK;
    answer->cookies = qn_arena_array(arena, n, sizeof(*answer->cookies));
    if (answer->cookies == NULL)
        return QN_RESOURCE_EXHAUSTED;
    struct qn_str cookie;
    while (answer->n_cookies < n && qn_wire_next_element(&bytes, RESULT_SET_COOKIE, &cookie)) {
        answer->cookies[answer->n_cookies] = QN_STR("");
        QN_TRY(copy(arena, cookie, &answer->cookies[answer->n_cookies]));
        answer->n_cookies++;
    }
    return QN_OK;
}

enum qn_status qn_wire_read_result(struct qn_str bytes, struct qn_arena *arena,
                                   struct qn_wire_answer *ret_answer)
{
    *ret_answer = (struct qn_wire_answer){
        .status = QN_OK, .message = QN_STR(""), .reason = QN_STR(""), .payload = QN_STR("")};
    struct qn_reader reader = qn_wire_reader_of(bytes);
    struct qn_wire_field field;
    size_t n_cookies = 0;
    while (qn_wire_next_field(&reader, &field)) {
        switch (field.number) {
        case RESULT_STATUS:
            ret_answer->status = qn_status_from_wire((int64_t)field.value);
            break;
        case RESULT_MESSAGE:
            QN_TRY(copy(arena, field.bytes, &ret_answer->message));
            break;
        case RESULT_DETAIL:
            QN_TRY(read_detail(field.bytes, arena, ret_answer));
            break;
        case RESULT_RETRY_AFTER_MS:
            ret_answer->retry_after_ms = (uint32_t)field.value;
            break;
        case RESULT_SET_COOKIE:
            n_cookies++;
            break;
        case RESULT_PAYLOAD:
            ret_answer->payload = field.bytes;
            break;
        case RESULT_NOT_EXECUTED:
            ret_answer->not_executed = field.value != 0;
            break;
        }
    }
    return n_cookies > 0 ? read_cookies(bytes, arena, ret_answer) : QN_OK;
}
