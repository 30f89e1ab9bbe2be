#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/app/private.h"
#include "common/core/clock.h"
#include "common/core/metric.h"

/* Names without our prefix are those that Prometheus' own clients use ("Writing client libraries", process
 * metrics), so that dashboards made for those fit. */
static struct qn_metric resident = {
    .name = "process_resident_memory_bytes", .help = "Resident memory size", .kind = QN_GAUGE};
static struct qn_metric open_fds = {
    .name = "process_open_fds", .help = "Open file descriptors", .kind = QN_GAUGE};
static struct qn_metric max_fds = {
    .name = "process_max_fds", .help = "Most file descriptors allowed", .kind = QN_GAUGE};
static struct qn_metric cpu = {
    .name = "process_cpu_seconds_total", .help = "User and system CPU time spent", .kind = QN_COUNTER};
static struct qn_metric started = {.name = "process_start_time_seconds",
                                   .help = "Start of the process since the Unix epoch",
                                   .kind = QN_GAUGE};
static struct qn_metric build = {.name = "quintet_build_info",
                                 .help = "Always 1; the labels say what runs",
                                 .kind = QN_GAUGE,
                                 .labels = {"version", "service"}};
static struct qn_metric lag = {
    .name = "quintet_loop_lag_seconds", .help = "How late a timer of the loop fires", .kind = QN_HISTOGRAM};

enum { LAG_EVERY_MS = 500 };

static struct {
    struct qn_loop *loop;
    struct qn_timer timer;
    uint64_t due_us;
    struct qn_series *lag;
} pulse;

static void arm(void);

static void on_pulse(struct qn_timer *timer)
{
    (void)timer;
    uint64_t now_us = qn_clock_now_us();
    qn_metric_observe(pulse.lag, now_us > pulse.due_us ? (double)(now_us - pulse.due_us) / 1e6 : 0);
    arm();
}

static void arm(void)
{
    pulse.due_us = qn_clock_now_us() + LAG_EVERY_MS * 1000;
    qn_timer_start(pulse.loop, &pulse.timer, LAG_EVERY_MS, on_pulse);
}

static void set(struct qn_metric *metric, double value)
{
    qn_metric_set(qn_metric_series(metric, NULL, NULL, NULL), value);
}

void qn_process_start(struct qn_life *life)
{
    set(&started, (double)qn_clock_wall_ms() / 1e3);
    qn_metric_set(qn_metric_series(&build, QN_VERSION, life->app->name, NULL), 1);
    pulse.loop = life->loop;
    pulse.lag = qn_metric_series(&lag, NULL, NULL, NULL);
    arm();
}

void qn_process_stop(struct qn_life *life)
{
    qn_timer_cancel(life->loop, &pulse.timer);
}

/* proc(5): the second number of /proc/self/statm is the resident set, in pages. */
static double resident_bytes(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    struct qn_str rest = qn_str_n(text, len), total, pages;
    uint64_t n = 0;
    if (!qn_str_next(&rest, ' ', &total) || !qn_str_next(&rest, ' ', &pages) || !qn_str_to_u64(pages, &n))
        return 0;
    return (double)n * (double)sysconf(_SC_PAGESIZE);
}

static double count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    double n = 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n - 3; /* ".", ".." and the folder itself */
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void qn_process_sample(void)
{
    struct rusage usage;
    struct rlimit limit;
    set(&resident, resident_bytes());
    set(&open_fds, count_fds());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        set(&max_fds, (double)limit.rlim_cur);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        set(&cpu, seconds(usage.ru_utime) + seconds(usage.ru_stime));
}
