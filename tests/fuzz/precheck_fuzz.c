#include <stdint.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/json/transcode.h"
#include "common/rpc/pack.h"
#include "common/rpc/precheck.h"
#include "kinds.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the walk lets through is unpacked in an arena with a ceiling, into the message that protobuf-c makes
 * of it; and what was unpacked is packed into protobuf-c's bytes, which the walk lets through. */

enum { CEILING = 1 << 20, TEXT_MAX = 16 << 20 };

static void repack(const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message), our_len;
    char *bytes = malloc(len + 1), *ours = malloc(len + 1);
    QN_CHECK(bytes != NULL && ours != NULL);
    QN_CHECK(protobuf_c_message_pack(message, (uint8_t *)bytes) == len);
    bool sound = qn_precheck(message->descriptor, qn_str_n(bytes, len), NULL) == QN_OK;
    QN_CHECK(sound && qn_pack_measure(message, &our_len, NULL) == QN_OK && our_len == len);
    QN_CHECK(qn_pack_write(message, ours + len) == ours && memcmp(ours, bytes, len) == 0);
    free(bytes);
    free(ours);
}

/* As text, because protobuf-c keeps unknown fields and we do not. */
static void compare(const ProtobufCMessage *message, struct qn_str bytes)
{
    ProtobufCMessage *theirs =
        protobuf_c_message_unpack(message->descriptor, NULL, bytes.len, (const uint8_t *)bytes.ptr);
    struct qn_buf our_text, their_text;
    qn_buf_init(&our_text, TEXT_MAX);
    qn_buf_init(&their_text, TEXT_MAX);
    QN_CHECK(theirs != NULL);
    QN_CHECK(qn_json_from_message(message, &our_text) == qn_json_from_message(theirs, &their_text));
    QN_CHECK(qn_str_eq(qn_buf_view(&our_text), qn_buf_view(&their_text)));
    qn_buf_fini(&our_text);
    qn_buf_fini(&their_text);
    protobuf_c_message_free_unpacked(theirs, NULL);
}

static void try_as(const ProtobufCMessageDescriptor *descriptor, struct qn_str bytes)
{
    struct qn_error err = {0};
    struct qn_arena arena;
    void *message;
    bool sound = qn_precheck(descriptor, bytes, &err) == QN_OK;
    QN_CHECK(sound || err.message[0] != '\0');
    qn_arena_init(&arena, CEILING);
    enum qn_status status = qn_unpack(descriptor, bytes, &arena, &message, NULL);
    QN_CHECK(sound ? status == QN_OK || status == QN_RESOURCE_EXHAUSTED : status == QN_INVALID_ARGUMENT);
    QN_CHECK(arena.used_bytes <= CEILING);
    if (status == QN_OK) {
        compare(message, bytes);
        repack(message);
    }
    qn_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_str bytes = qn_str_n((const char *)data, size);
    try_as(&quintet__test__v1__kinds__descriptor, bytes);
    try_as(&quintet__test__v1__leaf__descriptor, bytes);
    return 0;
}
