#include "common/rpc/message.h"

#include <stdlib.h>

#include "common/core/check.h"

static size_t n_live;

size_t qn_message_live(void)
{
    return n_live;
}

struct qn_message *qn_message_new(size_t bytes)
{
    struct qn_message *message = malloc(sizeof(*message) + bytes);
    if (message == NULL)
        return NULL;
    message->node = (struct qn_node){NULL, NULL};
    message->sender = NULL;
    message->sent = 0;
    message->bytes = message->memory;
    message->len = bytes;
    n_live++;
    return message;
}

void qn_message_free(struct qn_message *message)
{
    if (message == NULL)
        return;
    n_live--;
    free(message);
}

char *qn_message_bytes(struct qn_message *message)
{
    return message->bytes;
}

struct qn_str qn_message_view(const struct qn_message *message)
{
    return qn_str_n(message->bytes, message->len);
}

void qn_message_skip(struct qn_message *message, size_t bytes)
{
    QN_CHECK(bytes <= message->len);
    message->bytes += bytes;
    message->len -= bytes;
}
