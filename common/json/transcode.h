#ifndef QN_JSON_TRANSCODE_H
#define QN_JSON_TRANSCODE_H

#include <protobuf-c/protobuf-c.h>

#include "common/core/arena.h"
#include "common/core/buf.h"
#include "common/core/status.h"

/* Between JSON text and messages by descriptor, after proto3's JSON mapping; a method added to a .proto needs
 * no line here. google.protobuf.Timestamp is RFC 3339 text; of the other well-known types none is known. The
 * text accepted is what JSON.parse accepts, behind a byte order mark or not (a browser's Response.json()
 * drops it too). Any thread.
 *
 * Requires: proto3 messages without optional fields, as proto/'s rules have them. */

/* Unknown fields are ignored (as Connect servers do); both lowerCamelCase and the .proto's names are taken;
 * null is absence; 64-bit numbers as strings or numbers; enums by name or number; bytes in either base64; the
 * last of duplicate keys wins; two members of one oneof are refused. A lone surrogate becomes U+FFFD; U+0000
 * in a string field is refused. The message lives in the arena. QN_INVALID_ARGUMENT: 'err' says where and why
 * ("birth_date: …" or "JSON, offset 17: …"); QN_RESOURCE_EXHAUSTED at the arena's ceiling or over 64 levels.
 * An empty text is an empty object.
 */
QN_MUST_USE enum qn_status qn_json_to_message(struct qn_str json,
                                              const ProtobufCMessageDescriptor *descriptor,
                                              struct qn_arena *arena, void **ret_message,
                                              struct qn_error *err);

/* Canonical: lowerCamelCase, fields at their default left out, 64-bit numbers as strings, enums by name.
 * QN_RESOURCE_EXHAUSTED at the buffer's ceiling, QN_INTERNAL for a message that cannot be said in JSON (a
 * Timestamp out of range). */
QN_MUST_USE enum qn_status qn_json_from_message(const void *message, struct qn_buf *to);

#endif
