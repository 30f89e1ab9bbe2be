/* quintet-picture: decodes pictures for quintet-media, which starts it, speaks to it on descriptor 3
 * (frame.h) and kills it when it pleases. One picture at a time, until the other end is closed.
 *
 * Everything it knows of the world is that socket: no settings, no environment, no files once it has begun.
 * It ends with 0 when told to, with 1 when it cannot start or the other side speaks another language, with 2
 * when a person tries. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/core/log.h"
#include "services/media/picture/cage.h"
#include "services/media/picture/convert.h"

enum { POOL_FD = 3 };

/* False at the end of the stream, or when it breaks. */
static bool read_all(void *to, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = read(POOL_FD, (char *)to + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static bool write_all(const void *from, size_t len)
{
    for (size_t put = 0; put < len;) {
        ssize_t n = write(POOL_FD, (const char *)from + put, len - put);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        put += (size_t)n;
    }
    return true;
}

static uint32_t peak_kib(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (uint32_t)used.ru_maxrss;
}

static bool answer(enum media_frame_outcome outcome, const struct media_convert *convert)
{
    char head[MEDIA_FRAME_ANSWER_LEN];
    const struct media_frame_answer answer = {
        .outcome = outcome,
        .width = convert->width,
        .height = convert->height,
        .large_len = (uint32_t)convert->large_len,
        .small_len = (uint32_t)convert->small_len,
        .blur_len = (uint32_t)strlen(convert->blur),
        .peak_kib = peak_kib(),
    };
    media_frame_write_answer(&answer, head);
    return write_all(head, sizeof head) && write_all(convert->large, convert->large_len) &&
           write_all(convert->small, convert->small_len) && write_all(convert->blur, answer.blur_len);
}

static bool serve(const struct media_frame_ask *ask)
{
    char *bytes = malloc(ask->length);
    if (!bytes || !read_all(bytes, ask->length)) {
        free(bytes);
        return false;
    }
    struct media_convert convert;
    media_cage_allow_cpu(MEDIA_CAGE_CPU_S);
    enum media_frame_outcome outcome = media_convert_run(qn_str_n(bytes, ask->length), ask->kind, &convert);
    free(bytes);
    bool done = answer(outcome, &convert);
    media_convert_fini(&convert);
    malloc_trim(0); /* an idle one keeps what it has loaded, not what the last picture took */
    return done;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        puts("quintet-picture: decodes pictures for quintet-media, which starts it. Not to be run by hand.");
        return 2;
    }
    char hello[MEDIA_FRAME_HELLO_LEN], head[MEDIA_FRAME_ASK_LEN];
    struct media_frame_ask ask;
    media_cage_begin();
    /* libvips makes threads anew for every picture, and each would find memory of its own: after a dozen
     * pictures twice as much, and nothing faster. */
    mallopt(M_ARENA_MAX, 1);
    qn_log_setup("picture", QN_INFO, false);
    if (!media_convert_init()) {
        qn_log(NULL, QN_ERROR, "libvips does not start");
        return 1;
    }
    if (!media_cage_shut())
        qn_log(NULL, QN_WARN, "system calls cannot be filtered here; only the limits hold");
    media_frame_write_hello(hello);
    if (!write_all(hello, sizeof hello))
        return 1;
    while (read_all(head, sizeof head)) {
        if (media_frame_read_ask(qn_str_n(head, sizeof head), &ask) != QN_OK || !serve(&ask))
            return 1;
    }
    return 0;
}
