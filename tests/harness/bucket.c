#include "tests/harness/bucket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness/node.h"
#include "tests/harness/service.h"

struct harness_bucket {
    struct harness_node *node; /* NULL while it is halted */
    uint16_t port;             /* 0: any */
    const char *folder, *objects;
};

bool harness_bucket_wanted(void)
{
    const char *wanted = getenv("QUINTET_TEST_S3");
    return wanted && strcmp(wanted, "1") == 0;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "harness/bucket: %s\n", what);
    exit(1);
}

static void launch(struct harness_bucket *b)
{
    const char *const arguments[] = {"--folder", b->folder,
                                     "--bucket", HARNESS_BUCKET_NAME,
                                     "--key",    HARNESS_BUCKET_KEY_ID,
                                     "--secret", HARNESS_BUCKET_SECRET,
                                     "--region", HARNESS_BUCKET_REGION,
                                     "--port",   harness_text("%u", b->port),
                                     NULL};
    b->node = harness_node_start(
        &(const struct harness_node_options){.group = "s3", .script = "s3rver.mjs", .arguments = arguments});
    unsigned long port = strtoul(harness_node_expect(b->node, "http://127.0.0.1:"), NULL, 10);
    if (port == 0 || port > UINT16_MAX)
        give_up("s3rver says no port");
    b->port = (uint16_t)port;
}

struct harness_bucket *harness_bucket_start(void)
{
    static unsigned n_started;
    struct harness_bucket *b = calloc(1, sizeof *b);
    if (!b)
        give_up("no memory");
    b->folder = harness_text("%s/bucket-%u", harness_folder(), ++n_started);
    b->objects = harness_text("%s/" HARNESS_BUCKET_NAME, b->folder);
    if (mkdir(b->folder, 0700) != 0)
        give_up("cannot make its folder");
    launch(b);
    return b;
}

uint16_t harness_bucket_port(const struct harness_bucket *bucket)
{
    return bucket->port;
}

const char *harness_bucket_folder(const struct harness_bucket *bucket)
{
    return bucket->objects;
}

void harness_bucket_halt(struct harness_bucket *bucket)
{
    harness_node_end(bucket->node);
    bucket->node = NULL;
}

void harness_bucket_resume(struct harness_bucket *bucket)
{
    launch(bucket);
}

void harness_bucket_stop(struct harness_bucket *bucket)
{
    if (bucket->node)
        harness_bucket_halt(bucket);
    free(bucket);
}
