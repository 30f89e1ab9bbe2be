#include <stdint.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "common/json/transcode.h"
#include "kinds.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes as the JSON of a message. What is taken can be packed, and says the same JSON before and after a
 * trip through protobuf's bytes, and again when that JSON is read. */

enum { TEXT_MAX = 64 * 1024, ROOM = 16 * 1024 * 1024 };

static void *through_bytes(const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(len + 1);
    QN_CHECK(bytes != NULL && protobuf_c_message_pack(message, bytes) == len);
    void *back = protobuf_c_message_unpack(message->descriptor, NULL, len, bytes);
    QN_CHECK(back != NULL);
    free(bytes);
    return back;
}

static void check_says(const void *message, struct qn_str json)
{
    struct qn_buf again;
    qn_buf_init(&again, ROOM);
    QN_CHECK(qn_json_from_message(message, &again) == QN_OK);
    QN_CHECK(qn_str_eq(qn_buf_view(&again), json));
    qn_buf_fini(&again);
}

static void check_message(const ProtobufCMessage *message, struct qn_arena *arena)
{
    struct qn_buf json;
    qn_buf_init(&json, ROOM);
    QN_CHECK(qn_json_from_message(message, &json) == QN_OK);
    QN_CHECK(qn_utf8_valid(qn_buf_view(&json)));

    void *back = through_bytes(message), *read;
    check_says(back, qn_buf_view(&json));
    protobuf_c_message_free_unpacked(back, NULL);

    QN_CHECK(qn_json_to_message(qn_buf_view(&json), message->descriptor, arena, &read, NULL) == QN_OK);
    check_says(read, qn_buf_view(&json));
    qn_buf_fini(&json);
}

static void run(struct qn_str text, const ProtobufCMessageDescriptor *descriptor)
{
    struct qn_arena arena;
    struct qn_error err = {0};
    void *message;
    qn_arena_init(&arena, ROOM);
    enum qn_status status = qn_json_to_message(text, descriptor, &arena, &message, &err);
    QN_CHECK(status == err.status);
    if (status == QN_OK)
        check_message(message, &arena);
    else
        QN_CHECK(status == QN_INVALID_ARGUMENT || status == QN_RESOURCE_EXHAUSTED);
    qn_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_MAX)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size);
    run(text, &quintet__test__v1__kinds__descriptor);
    run(text, &quintet__test__v1__names__descriptor);
    return 0;
}
