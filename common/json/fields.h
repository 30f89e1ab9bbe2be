#ifndef QN_JSON_FIELDS_H
#define QN_JSON_FIELDS_H

#include <protobuf-c/protobuf-c.h>

#include "common/core/str.h"

/* What both directions of the mapping must know of a message's fields. Any thread. */

/* protobuf's default JSON name (protoc's ToJsonName): "display_name" → "displayName", "_a__b1" → "AB1".
 * Writes no NUL; returns the length, which is at most name's. Room: strlen(name). */
size_t qn_fields_camel(const char *name, char *to);

/* The field that JSON calls so, by its JSON name or by its name in the .proto; NULL when there is none.
 * Remembers a table for each descriptor, of the first QN_FIELDS_TABLES_MAX asked for; these live as long as
 * the process. What finds no room there is still found, field by field. */
const ProtobufCFieldDescriptor *qn_fields_find(const ProtobufCMessageDescriptor *descriptor,
                                               struct qn_str key);

/* The JSON names of all fields, each as it stands in an object: "\"displayName\":", in the order of the
 * descriptor's fields. NULL when there is no room or memory for its table: then make them with
 * qn_fields_camel(). */
const struct qn_str *qn_fields_keys(const ProtobufCMessageDescriptor *descriptor);

/* Descriptors are part of the program, so their number is known; Quintet has about a hundred. */
enum { QN_FIELDS_TABLES_MAX = 512 };

/* Bytes that a value takes in protobuf-c's structs and arrays. */
size_t qn_fields_size(ProtobufCType type);

/* google.protobuf.Timestamp, whose JSON is text: fields[0] is int64 seconds, fields[1] int32 nanos. */
bool qn_fields_is_timestamp(const ProtobufCMessageDescriptor *descriptor);

#endif
