#include "common/core/metric.h"
#include "services/media/picture/pool_private.h"

static struct qn_metric pictures_metric = {
    .name = "quintet_media_pictures_total",
    .help = "Pictures by what became of them.",
    .kind = QN_COUNTER,
    .labels = {"outcome"},
};
static struct qn_metric seconds_metric = {
    .name = "quintet_media_picture_seconds",
    .help = "From handing a picture to a worker to its answer.",
    .kind = QN_HISTOGRAM,
};
static struct qn_metric waiting_metric = {
    .name = "quintet_media_pictures_waiting",
    .help = "Pictures that no worker has yet.",
    .kind = QN_GAUGE,
};
static struct qn_metric running_metric = {
    .name = "quintet_media_pictures_running",
    .help = "Pictures that a worker has.",
    .kind = QN_GAUGE,
};
static struct qn_metric workers_metric = {
    .name = "quintet_media_picture_workers",
    .help = "Worker processes, also those that start or end.",
    .kind = QN_GAUGE,
};
static struct qn_metric starts_metric = {
    .name = "quintet_media_picture_worker_starts_total",
    .help = "Worker processes started.",
    .kind = QN_COUNTER,
};
static struct qn_metric ends_metric = {
    .name = "quintet_media_picture_worker_ends_total",
    .help = "Worker processes ended: killed by us (idle, used up, late), or by themselves.",
    .kind = QN_COUNTER,
    .labels = {"how"},
};
static struct qn_metric peak_metric = {
    .name = "quintet_media_picture_worker_peak_bytes",
    .help = "The most memory that a worker has had, by its own account.",
    .kind = QN_GAUGE,
};

static const char *outcome_of(enum qn_status status, const char *reason)
{
    if (status != QN_FAILED_PRECONDITION)
        return qn_status_name(status);
    if (reason && strcmp(reason, MEDIA_PICTURE_TOO_MANY_PIXELS) == 0)
        return "too_many_pixels";
    return reason && strcmp(reason, MEDIA_PICTURE_ANIMATED) == 0 ? "animated" : "not_a_picture";
}

void media_pool_count(enum qn_status status, const char *reason)
{
    qn_metric_add(qn_metric_series(&pictures_metric, outcome_of(status, reason), NULL, NULL), 1);
}

void media_pool_count_work(uint64_t took_us, uint32_t peak_kib)
{
    struct qn_series *peak = qn_metric_series(&peak_metric, NULL, NULL, NULL);
    double bytes = (double)peak_kib * 1024;
    qn_metric_observe(qn_metric_series(&seconds_metric, NULL, NULL, NULL), (double)took_us / 1e6);
    if (bytes > peak->value)
        qn_metric_set(peak, bytes);
}

void media_pool_count_start(void)
{
    qn_metric_add(qn_metric_series(&starts_metric, NULL, NULL, NULL), 1);
}

void media_pool_count_end(bool by_us)
{
    qn_metric_add(qn_metric_series(&ends_metric, by_us ? "killed" : "by_itself", NULL, NULL), 1);
}

void media_pool_show(const struct media_picture_pool *pool, size_t n_processes)
{
    qn_metric_set(qn_metric_series(&waiting_metric, NULL, NULL, NULL), (double)pool->waiting.len);
    qn_metric_set(qn_metric_series(&running_metric, NULL, NULL, NULL), (double)pool->n_running);
    qn_metric_set(qn_metric_series(&workers_metric, NULL, NULL, NULL), (double)n_processes);
}
