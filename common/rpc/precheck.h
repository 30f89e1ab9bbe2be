#ifndef QN_RPC_PRECHECK_H
#define QN_RPC_PRECHECK_H

#include <protobuf-c/protobuf-c.h>

#include "common/core/arena.h"
#include "common/core/status.h"
#include "common/core/str.h"

/* What a peer may send, and so we. */
enum { QN_PRECHECK_NESTING_MAX = 16, QN_PRECHECK_FIELDS_MAX = 65536 };

/* Walks the raw bytes of a protobuf message by its descriptor; protobuf-c never sees them, because it
 * cuts strings at a NUL, takes invalid UTF-8 and has open reports of bad memory use on hostile input. Refused
 * with QN_INVALID_ARGUMENT: malformed or overlong varints, wrong wire types for known fields, lengths past
 * the end, groups, field number 0, strings that are not UTF-8 or hold a NUL, a message given twice where
 * one belongs (protobuf-c merges the two wrongly), nesting over 16, more than 65,536 fields in all. Unknown
 * fields of sound form are allowed and skipped. */
QN_MUST_USE enum qn_status qn_precheck(const ProtobufCMessageDescriptor *descriptor, struct qn_str bytes,
                                       struct qn_error *err);

/* Checks the same and fills a message in the same walk, in the arena: nothing is to be freed. Unknown fields
 * are not kept. QN_RESOURCE_EXHAUSTED at the arena's ceiling, when the bytes are sound. */
QN_MUST_USE enum qn_status qn_unpack(const ProtobufCMessageDescriptor *descriptor, struct qn_str bytes,
                                     struct qn_arena *arena, void **ret_message, struct qn_error *err);

#endif
