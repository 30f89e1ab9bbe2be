#ifndef QN_RPC_PACK_H
#define QN_RPC_PACK_H

#include <protobuf-c/protobuf-c.h>

#include "common/core/arena.h"
#include "common/core/status.h"
#include "common/core/str.h"

/* Packs messages, into the same bytes as protobuf-c, which measures an inner message again for each message
 * around it, and looks at no text. What the message kept of unknown fields is not packed. Any thread.
 * Requires: proto3 without 'optional', as proto/gen --lint keeps to. */

/* How many bytes it takes. Refused with QN_INVALID_ARGUMENT is what qn_precheck() would refuse at the other
 * end: text that is not UTF-8, nesting over 16, more than 65,536 fields in all. 'err' may be NULL. */
QN_MUST_USE enum qn_status qn_pack_measure(const ProtobufCMessage *message, size_t *ret_bytes,
                                           struct qn_error *err);

/* Writes it so that it ends right before 'end', and returns where it begins. Requires: measured, and not
 * changed since, with room for that many bytes. */
char *qn_pack_write(const ProtobufCMessage *message, char *end);

/* Both, into the arena. QN_RESOURCE_EXHAUSTED at its ceiling. */
QN_MUST_USE enum qn_status qn_pack(const void *message, struct qn_arena *arena, struct qn_str *ret_bytes);

#endif
