#include <string.h>

#include "proto/gen/gen.h"

/* Numbers of proto/options.proto. */
enum { OPTION_BATCHABLE = 50001, OPTION_ACCESS = 50002, OPTION_CALLERS = 50003, ACCESS_MAX = 2 };

/* The value of a varint field of one byte: a bool, or one of our three enumerators. */
static bool small_varint(const ProtobufCMessageUnknownField *field, unsigned max, unsigned *ret_value)
{
    if (field->wire_type != PROTOBUF_C_WIRE_TYPE_VARINT || field->len != 1 || field->data[0] > max)
        return false;
    *ret_value = field->data[0];
    return true;
}

bool gen_options_read(const gen_method *method, struct gen_options *ret_options)
{
    memset(ret_options, 0, sizeof(*ret_options));
    ret_options->idempotency = "QN_NOT_IDEMPOTENT";
    const Google__Protobuf__MethodOptions *options = method->options;
    if (options == NULL)
        return true;
    switch (options->idempotency_level) {
    case GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS:
        ret_options->idempotency = "QN_NO_SIDE_EFFECTS";
        ret_options->may_be_repeated = true;
        break;
    case GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENT:
        ret_options->idempotency = "QN_IDEMPOTENT";
        ret_options->may_be_repeated = true;
        break;
    default:
        break;
    }
    for (unsigned i = 0; i < options->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->base.unknown_fields[i];
        unsigned value = 0;
        if (field->tag == OPTION_BATCHABLE) {
            if (!small_varint(field, 1, &value))
                return false;
            ret_options->batchable = value != 0;
        } else if (field->tag == OPTION_ACCESS) {
            if (!small_varint(field, ACCESS_MAX, &value))
                return false;
            ret_options->access = value;
        }
    }
    return true;
}

/* A name as it stands in a certificate: lower-case letters, digits and hyphens. */
static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", text[i]) == NULL || text[i] == '\0')
            return false;
    return len > 0;
}

bool gen_callers_read(const gen_service *service, struct gen_callers *ret_callers)
{
    memset(ret_callers, 0, sizeof(*ret_callers));
    const Google__Protobuf__ServiceOptions *options = service->options;
    for (unsigned i = 0; options != NULL && i < options->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->base.unknown_fields[i];
        if (field->tag != OPTION_CALLERS)
            continue;
        /* A length of one byte, and so many bytes. */
        const char *text = (const char *)field->data + 1;
        if (field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED || field->len < 2 ||
            field->data[0] > 63 || field->data[0] != field->len - 1 || !is_name(text, field->len - 1) ||
            ret_callers->n_names == GEN_CALLERS_MAX)
            return false;
        ret_callers->names[ret_callers->n_names++] = gen_text("%.*s", (int)(field->len - 1), text);
    }
    return true;
}
