#ifndef QN_PROTO_GEN_GEN_H
#define QN_PROTO_GEN_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "google/protobuf/descriptor.pb-c.h"

/* The handler-table generator: a program of the build, not of the product. It reads what protoc writes with
 * --descriptor_set_out and writes <file>.qn.h and <file>.qn.c for each .proto that has services, because
 * protobuf-c's own service table takes one message and drops the method options. It runs once and exits, so
 * it frees nothing and ends the process when memory is out. */

/* Every .proto of ours and what they import. */
struct gen_set {
    const Google__Protobuf__FileDescriptorSet *files;
};

typedef Google__Protobuf__FileDescriptorProto gen_file;
typedef Google__Protobuf__ServiceDescriptorProto gen_service;
typedef Google__Protobuf__MethodDescriptorProto gen_method;
typedef Google__Protobuf__DescriptorProto gen_message;
typedef Google__Protobuf__FieldDescriptorProto gen_field;

/* What proto/options.proto adds to a method. */
struct gen_options {
    bool batchable;
    unsigned access;         /* 0 internal, 1 anyone, 2 session */
    const char *idempotency; /* the enumerator of common/rpc/method.h */
    bool may_be_repeated;    /* idempotent or without side effects */
};

/* Reads the standard level and the extensions 50001 and 50002, which protobuf-c keeps as unknown fields.
 * False when an extension is not encoded as its declaration says. */
bool gen_options_read(const gen_method *method, struct gen_options *ret_options);

/* What it adds to a service: who may call it, by the names in their certificates. */
enum { GEN_CALLERS_MAX = 8 };
struct gen_callers {
    const char *names[GEN_CALLERS_MAX];
    size_t n_names;
};

/* Reads the extension 50003. False when it is not encoded as its declaration says, a name could stand in no
 * certificate, or there are more than GEN_CALLERS_MAX. */
bool gen_callers_read(const gen_service *service, struct gen_callers *ret_callers);

/* True for the files that come with protobuf ("google/protobuf/timestamp.proto"): not ours to rule on. */
bool gen_is_foreign(const gen_file *file);

/* "GetURLOf" → "get_url_of"; "quintet.auth.v1.AuthService" → "quintet_auth_v1_auth_service". */
char *gen_snake(const char *name);
/* The same with '.' kept as protobuf-c does it: "quintet__auth__v1__get_session_request". */
char *gen_protobuf_c_name(const char *full_name);
/* In capitals. */
char *gen_upper(const char *name);
/* "proto/auth.proto" → "auth". */
char *gen_stem(const char *file_name);
/* printf into new memory. */
char *gen_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The .proto rules (proto/README.md). Writes a line for each breach to 'report' and returns how many. */
size_t gen_lint(const struct gen_set *set, FILE *report);

/* Writes the table of one file to 'header' and 'source'. */
void gen_write_header(const gen_file *file, FILE *header);
void gen_write_source(const gen_file *file, FILE *source);

#endif
