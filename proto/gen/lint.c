#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/gen/gen.h"

/* What protobuf-c 1.4.1 refuses, or does not carry, or what a decoder of hostile bytes should not meet. Each
 * rule is in proto/README.md with its reason. */

/* common/rpc/precheck.c remembers the fields of a message in 64 bits. */
enum { FIELDS_MAX = 64 };

struct named {
    char *full_name; /* ".quintet.auth.v1.User" */
    const gen_message *message;
    const gen_file *file;
    enum { UNSEEN, OPEN, DONE } visit;
};

struct lint {
    const struct gen_set *set;
    FILE *report;
    size_t n_breaches;
    struct named *messages;
    size_t n_messages;
};

__attribute__((format(printf, 3, 4))) static void breach(struct lint *lint, const gen_file *file,
                                                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(lint->report, "%s: ", file->name);
    vfprintf(lint->report, format, args);
    fputc('\n', lint->report);
    va_end(args);
    lint->n_breaches++;
}

static void gather(struct lint *lint, const gen_file *file, const char *scope, const gen_message *message)
{
    if (lint->n_messages % 64 == 0) {
        lint->messages = realloc(lint->messages, (lint->n_messages + 64) * sizeof(*lint->messages));
        if (lint->messages == NULL)
            abort();
    }
    char *full_name = gen_text("%s.%s", scope, message->name);
    lint->messages[lint->n_messages++] = (struct named){full_name, message, file, UNSEEN};
    for (size_t i = 0; i < message->n_nested_type; i++)
        gather(lint, file, full_name, message->nested_type[i]);
}

static struct named *find(struct lint *lint, const char *full_name)
{
    for (size_t i = 0; i < lint->n_messages; i++)
        if (strcmp(lint->messages[i].full_name, full_name) == 0)
            return &lint->messages[i];
    return NULL;
}

/* protoc fills json_name in always; one that is not the default was written by hand. protobuf's rule
 * (descriptor.cc, ToJsonName): underscores go, the letter after one becomes a capital. */
static bool json_name_is_default(const gen_field *field)
{
    const char *json = field->json_name;
    bool capital = false;
    for (const char *c = field->name; *c != '\0'; c++) {
        if (*c == '_') {
            capital = true;
            continue;
        }
        char want = capital && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        if (*json++ != want)
            return false;
        capital = false;
    }
    return *json == '\0';
}

static void check_field(struct lint *lint, const struct named *in, const gen_field *field)
{
    const char *message = in->full_name + 1;
    if (field->has_proto3_optional && field->proto3_optional)
        breach(lint, in->file,
               "%s.%s: proto3 'optional' is not carried by protobuf-c; use update_mask or a has_ field",
               message, field->name);
    if (field->json_name != NULL && !json_name_is_default(field))
        breach(lint, in->file, "%s.%s: json_name is lost in protobuf-c's descriptors", message, field->name);
    if (field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP)
        breach(lint, in->file, "%s.%s: groups are refused by common/rpc/precheck", message, field->name);
    if (field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE) {
        const struct named *type = find(lint, field->type_name);
        if (type != NULL && type->message->options != NULL && type->message->options->map_entry)
            breach(lint, in->file, "%s.%s: map fields are not carried by protobuf-c; use a repeated message",
                   message, field->name);
    }
}

/* Depth first; a message met while it is still open is reached from itself. protoc has bounded the nesting of
 * .proto files, and a path has each message once, so the recursion here is bounded too. */
static void check_recursion(struct lint *lint, struct named *at)
{
    at->visit = OPEN;
    for (size_t i = 0; i < at->message->n_field; i++) {
        const gen_field *field = at->message->field[i];
        if (field->type_name == NULL)
            continue;
        struct named *next = find(lint, field->type_name);
        if (next == NULL || next->visit == DONE)
            continue;
        if (next->visit == UNSEEN)
            check_recursion(lint, next);
        else if (!gen_is_foreign(at->file))
            breach(lint, at->file, "%s.%s: recursive message types have no bound on nesting",
                   at->full_name + 1, field->name);
    }
    at->visit = DONE;
}

static void check_method(struct lint *lint, const gen_file *file, const gen_service *service,
                         const gen_method *method)
{
    struct gen_options options;
    if (!gen_options_read(method, &options)) {
        breach(lint, file, "%s.%s: an option has a value that proto/options.proto does not know",
               service->name, method->name);
        return;
    }
    if (method->client_streaming || method->server_streaming)
        breach(lint, file, "%s.%s: streams are not carried", service->name, method->name);
    /* A message is repeated or reported as UNKNOWN as a whole. */
    if (options.batchable && !options.may_be_repeated)
        breach(lint, file, "%s.%s: a batchable method must be NO_SIDE_EFFECTS or IDEMPOTENT", service->name,
               method->name);
}

/* "quintet.<x>.v<n>", so that the C names are as common/rpc/method.h says. */
static bool package_is_ours(const char *package)
{
    static const char prefix[] = "quintet.";
    if (package == NULL || strncmp(package, prefix, sizeof(prefix) - 1) != 0)
        return false;
    const char *room = package + sizeof(prefix) - 1;
    size_t room_len = strspn(room, "abcdefghijklmnopqrstuvwxyz");
    const char *version = room + room_len;
    return room_len > 0 && strncmp(version, ".v", 2) == 0 && version[2] != '\0' &&
           strspn(version + 2, "0123456789") == strlen(version + 2);
}

static void check_file(struct lint *lint, const gen_file *file)
{
    if (file->syntax == NULL || strcmp(file->syntax, "proto3") != 0)
        breach(lint, file, "only proto3 is used here");
    if (!package_is_ours(file->package))
        breach(lint, file, "the package must be quintet.<name>.v<number>");
    struct gen_callers callers;
    for (size_t i = 0; i < file->n_service; i++)
        if (!gen_callers_read(file->service[i], &callers))
            breach(lint, file, "%s: callers are at most %d names of lower-case letters, digits and hyphens",
                   file->service[i]->name, GEN_CALLERS_MAX);
    for (size_t i = 0; i < file->n_service; i++)
        for (size_t k = 0; k < file->service[i]->n_method; k++)
            check_method(lint, file, file->service[i], file->service[i]->method[k]);
}

size_t gen_lint(const struct gen_set *set, FILE *report)
{
    struct lint lint = {.set = set, .report = report};
    for (size_t i = 0; i < set->files->n_file; i++) {
        const gen_file *file = set->files->file[i];
        char *scope = file->package == NULL || file->package[0] == '\0' ? gen_text("%s", "")
                                                                        : gen_text(".%s", file->package);
        for (size_t k = 0; k < file->n_message_type; k++)
            gather(&lint, file, scope, file->message_type[k]);
    }
    for (size_t i = 0; i < set->files->n_file; i++)
        if (!gen_is_foreign(set->files->file[i]))
            check_file(&lint, set->files->file[i]);
    for (size_t i = 0; i < lint.n_messages; i++) {
        struct named *named = &lint.messages[i];
        if (gen_is_foreign(named->file))
            continue;
        if (named->visit == UNSEEN)
            check_recursion(&lint, named);
        if (named->message->options != NULL && named->message->options->map_entry)
            continue; /* told at its field */
        if (named->message->n_field > FIELDS_MAX)
            breach(&lint, named->file, "%s: more than %d fields", named->full_name + 1, FIELDS_MAX);
        for (size_t k = 0; k < named->message->n_field; k++)
            check_field(&lint, named, named->message->field[k]);
    }
    return lint.n_breaches;
}
