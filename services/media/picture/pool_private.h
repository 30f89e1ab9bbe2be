#ifndef MEDIA_PICTURE_POOL_PRIVATE_H
#define MEDIA_PICTURE_POOL_PRIVATE_H

#include "services/media/picture/worker.h"

/* Between pool.c, pool_part.c (its life), pool_admit.c (who may wait) and pool_metric.c (what is seen of it).
 */

/* A picture of 12 megapixels on one core, until there are measurements. */
enum { MEDIA_PICTURE_TYPICAL_MS = 300 };

/* Looks at everything later in this turn: jobs to idle workers, workers for jobs, the end of a drain. */
void media_pool_settle(struct media_picture_pool *pool);

/* pool_part.c: 'absent': no process is left. Ends the drain or the close that runs, if it can. */
void media_pool_leave(struct media_picture_pool *pool, bool absent);

/* pool_admit.c: QN_OK, or why not, with reason or retry_after_ms in the job. */
enum qn_status media_pool_admit(struct media_picture_pool *pool, struct media_picture_job *job);
/* A worker could not be started, and the next try is still ahead. */
bool media_pool_backs_off(const struct media_picture_pool *pool);
/* Not once but several times in a row, and there is no other: to wait is in vain. */
bool media_pool_is_hopeless(const struct media_picture_pool *pool);
uint32_t media_pool_retry_after_ms(const struct media_picture_pool *pool);

/* pool_metric.c */
void media_pool_count(enum qn_status status, const char *reason);
void media_pool_count_work(uint64_t took_us, uint32_t peak_kib);
void media_pool_count_start(void);
void media_pool_count_end(bool by_us);
void media_pool_show(const struct media_picture_pool *pool, size_t n_processes);

/* Copies. QN_RESOURCE_EXHAUSTED: no memory, and nothing is left in 'ret'. */
enum qn_status media_pool_fill(struct media_picture *ret, const struct media_frame_answer *answer,
                               struct qn_str large, struct qn_str small, struct qn_str blur);

#endif
