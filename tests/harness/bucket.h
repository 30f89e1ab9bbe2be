#ifndef TESTS_HARNESS_BUCKET_H
#define TESTS_HARNESS_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A bucket of an S3 that is not ours: s3rver from npm behind a door that sees to signatures, hashes and
 * If-None-Match as S3 does (tests/npm/s3/s3rver.mjs), on a free loopback port. It dies with the test process,
 * and its folder goes with that.
 *
 * Whatever goes wrong in here ends the test process with a message and its log. Not thread-safe. */
struct harness_bucket;

#define HARNESS_BUCKET_NAME   "pictures"
#define HARNESS_BUCKET_KEY_ID "AKBUCKET"
#define HARNESS_BUCKET_SECRET "a-secret-of-the-bucket"
#define HARNESS_BUCKET_REGION "auto"

/* Whether QUINTET_TEST_S3 says that pictures are to lie in one (the pass s3/ of tests/run). */
bool harness_bucket_wanted(void);

/* Empty, and taking requests when it returns. Brings what it needs from npm the first time. */
struct harness_bucket *harness_bucket_start(void);
uint16_t harness_bucket_port(const struct harness_bucket *bucket);

/* Where it keeps its objects: each a file, its key and HARNESS_BUCKET_SUFFIX for a path. */
const char *harness_bucket_folder(const struct harness_bucket *bucket);
#define HARNESS_BUCKET_SUFFIX "._S3rver_object"

/* Ends it, whatever it has in hand, and waits until it is gone; starts it again, same objects, same port. */
void harness_bucket_halt(struct harness_bucket *bucket);
void harness_bucket_resume(struct harness_bucket *bucket);

void harness_bucket_stop(struct harness_bucket *bucket);

#endif
