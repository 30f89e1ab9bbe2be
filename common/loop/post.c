#include "common/loop/post.h"

#include <stdlib.h>

#include "common/core/check.h"
#include "common/loop/private.h"

struct qn_post {
    struct qn_owner owner;
    uv_async_t uv;
    uv_mutex_t lock;
    struct qn_list queue; /* under the lock */
    void (*take)(void *context, struct qn_node *node);
    void *context;
    void (*closed)(void *context);
    void *closed_context;
};

static void drain(struct qn_post *post)
{
    struct qn_list taken;
    qn_list_init(&taken);
    uv_mutex_lock(&post->lock);
    qn_list_move(&taken, &post->queue);
    uv_mutex_unlock(&post->lock);
    struct qn_node *node;
    while ((node = qn_list_pop(&taken)) != NULL)
        post->take(post->context, node);
}

static void on_wake(uv_async_t *handle)
{
    drain(container_of(handle, struct qn_post, uv));
}

static void on_closed(uv_handle_t *handle)
{
    struct qn_post *post = container_of(handle, struct qn_post, uv);
    drain(post);
    uv_mutex_destroy(&post->lock);
    void (*closed)(void *context) = post->closed;
    void *context = post->closed_context;
    free(post);
    if (closed)
        closed(context);
}

enum qn_status qn_post_open_for(struct qn_loop *loop, const struct qn_owner *owner,
                                void (*take)(void *context, struct qn_node *node), void *context,
                                struct qn_post **ret_post)
{
    struct qn_post *post = calloc(1, sizeof *post);
    if (!post)
        return QN_RESOURCE_EXHAUSTED;
    enum qn_status status = qn_loop_status(uv_mutex_init(&post->lock));
    if (status != QN_OK) {
        free(post);
        return status;
    }
    status = qn_loop_status(uv_async_init(&loop->uv, &post->uv, on_wake));
    if (status != QN_OK) {
        uv_mutex_destroy(&post->lock);
        free(post);
        return status;
    }
    post->owner = owner ? *owner : (struct qn_owner){.kind = "post"};
    post->uv.data = &post->owner;
    qn_list_init(&post->queue);
    post->take = take;
    post->context = context;
    *ret_post = post;
    return QN_OK;
}

enum qn_status qn_post_open(struct qn_loop *loop, void (*take)(void *context, struct qn_node *node),
                            void *context, struct qn_post **ret_post)
{
    return qn_post_open_for(loop, NULL, take, context, ret_post);
}

void qn_post(struct qn_post *post, struct qn_node *node)
{
    uv_mutex_lock(&post->lock);
    bool was_empty = qn_list_empty(&post->queue);
    qn_list_push(&post->queue, node);
    if (was_empty) /* else a wake is on its way: the drain that it causes takes the lock after us */
        uv_async_send(&post->uv);
    uv_mutex_unlock(&post->lock);
}

/* A poster whose node was taken has let go of the lock, for taking it needs the lock; and it wakes us while
 * it holds the lock. So none is in uv_async_send any more. */
void qn_post_close(struct qn_post *post, void (*closed)(void *context), void *context)
{
    QN_CHECK(!uv_is_closing((uv_handle_t *)&post->uv));
    post->closed = closed;
    post->closed_context = context;
    uv_close((uv_handle_t *)&post->uv, on_closed);
}
