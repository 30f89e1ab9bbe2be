#ifndef QN_TESTS_PICTURE_FIXTURE_H
#define QN_TESTS_PICTURE_FIXTURE_H

#include "services/media/picture/pool.h"
#include "services/media/picture/worker.h"
#include "tests/harness/picture.h"

/* A pool of pictures with real workers, on a loop that must be empty at the end and leave no process behind.
 * One at a time. */

/* 'program': NULL for quintet-picture as it was built. */
struct media_picture_pool *picture_fixture_begin(int workers, const char *program);
/* Closes the pool; its gauges, the loop and the list of our children must then be empty. */
void picture_fixture_end(void);

struct qn_loop *picture_fixture_loop(void);

/* A shell script as a worker: it says what it likes on descriptor 3. Valid until the next, removed at the
 * end.
 */
const char *picture_fixture_script(const char *lines);

/* One picture from start to done; the job is the caller's, and so is what is in it. 'kind' NONE: as sniffed.
 */
enum qn_status picture_fixture_run(struct media_picture_job *job, struct qn_str bytes,
                                   enum media_image_kind kind, uint64_t within_ms);

/* The same, and fails the test unless it ends with this status, or FAILED_PRECONDITION and this reason. */
void picture_fixture_refused(struct qn_str bytes, const char *reason);
void picture_fixture_done(struct qn_str bytes, struct media_picture *ret);

/* How much memory the largest worker had, as the pool was told. */
double picture_fixture_peak_bytes(void);

enum { PICTURE_FIXTURE_WITHIN_MS = 60000 };

#endif
