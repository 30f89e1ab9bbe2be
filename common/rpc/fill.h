#ifndef QN_RPC_FILL_H
#define QN_RPC_FILL_H

#include <protobuf-c/protobuf-c.h>

#include "common/core/arena.h"
#include "common/core/str.h"

/* Puts values into a message of protobuf-c's, one at a time, as they come off the wire. protobuf-c's own
 * reader looks at every byte twice more (where fields begin, then what they hold) and keeps records between;
 * precheck.c walks over the message anyway. Inside the room, for precheck.c alone.
 *
 * What is given again replaces what was there, in a oneof whichever of its fields it was; in a repeated field
 * it comes behind. All memory is the arena's. False (NULL): the arena is full, and the message as it was.
 * Requires: proto3 without 'optional', as proto/gen --lint keeps to; a value of the field's own kind. */

/* With nothing set. */
ProtobufCMessage *qn_fill_new(const ProtobufCMessageDescriptor *descriptor, struct qn_arena *arena);

/* A number, bool or enum: the varint, or the little-endian bits of a fixed one. */
bool qn_fill_number(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, uint64_t value,
                    struct qn_arena *arena);

/* A string or bytes: copied, a NUL behind. */
bool qn_fill_bytes(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct qn_str value,
                   struct qn_arena *arena);

/* An empty message, in its place; fill it in. */
ProtobufCMessage *qn_fill_message(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                                  struct qn_arena *arena);

#endif
