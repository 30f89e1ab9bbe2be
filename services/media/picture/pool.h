#ifndef MEDIA_PICTURE_POOL_H
#define MEDIA_PICTURE_POOL_H

#include "common/app/app.h"
#include "common/core/backlog.h"
#include "common/core/buf.h"
#include "common/loop/timer.h"
#include "services/media/picture/image.h"

/* Pictures as strangers sent them become pictures that others may see: upright, sRGB, without any metadata,
 * as WebP in two sizes, with a tiny blurred one to show meanwhile.
 *
 * Decoding is done by child processes (quintet-picture), never by this one: a picture made to crash, bloat or
 * take over a decoder has a process without files, network or descendants, with limits on its memory and
 * time, which is killed at the job's deadline; the service goes on. README.md has the limits and the way of a
 * picture.
 *
 * Everything on the loop's thread. Starting calls back later, exactly once. */

enum {
    MEDIA_PICTURE_LARGE = 1600, /* longest side in pixels; smaller pictures stay as they are */
    MEDIA_PICTURE_SMALL = 320,
    MEDIA_PICTURE_BLUR_MAX = 400,        /* characters of the data URL */
    MEDIA_PICTURE_BYTES_MAX = 10485760,  /* what is taken: 10 MiB */
    MEDIA_PICTURE_PIXELS_MAX = 50000000, /* width times height as declared, looked at before decoding */
};

/* What a picture became. */
struct media_picture {
    struct qn_buf large, small;            /* WebP files: one frame, no EXIF, XMP or colour profile in them */
    uint32_t width, height;                /* of the large one */
    char blur[MEDIA_PICTURE_BLUR_MAX + 1]; /* "data:image/webp;base64,…", for next/image's blurDataURL */
};

/* Frees; does nothing to a zeroed one. */
void media_picture_fini(struct media_picture *picture);

/* The reasons of QN_FAILED_PRECONDITION; static, compared as text. */
#define MEDIA_PICTURE_NOT_A_PICTURE                                                                          \
    "NOT_A_PICTURE" /* another format, broken, cut short, or more than a picture */
#define MEDIA_PICTURE_TOO_MANY_PIXELS "TOO_MANY_PIXELS" /* more than MEDIA_PICTURE_PIXELS_MAX */
#define MEDIA_PICTURE_ANIMATED        "ANIMATED"        /* more than one frame */

/* One picture to be made. Embed it, zero it first, set the first three. It belongs to the pool from start
 * until 'done' has been entered, and what 'bytes' points to must stay as long; in 'done' it may be freed or
 * started again. */
struct media_picture_job {
    struct qn_str bytes; /* 1 to MEDIA_PICTURE_BYTES_MAX of them; others are refused as NOT_A_PICTURE */
    enum media_image_kind kind; /* as media_image_sniff() found it, not as somebody declared it */
    uint64_t deadline_ms;       /* of qn_clock_now_ms() */

    /* The answer, valid in 'done'. */
    struct media_picture picture; /* with QN_OK: the caller's, to be freed by media_picture_fini() */
    const char *reason;           /* with QN_FAILED_PRECONDITION: one of the three above */
    uint32_t retry_after_ms;      /* with QN_RESOURCE_EXHAUSTED and QN_UNAVAILABLE */

    /* Private from here. */
    struct qn_node node;
    struct media_picture_pool *pool; /* NULL: idle */
    struct media_picture_worker *worker;
    struct qn_timer deadline;
    struct qn_later later;
    uint64_t began_us;
    unsigned deaths; /* workers that died on it */
    enum qn_status early;
    void (*done)(struct media_picture_job *job, enum qn_status status);
};

/* What the pool can be told: embed it in the service's settings.
 *
 *   struct media_settings { …  struct media_picture_settings picture; };
 *   MEDIA_PICTURE_SETTINGS(SET, picture), */
struct media_picture_settings {
    int64_t workers; /* QUINTET_MEDIA_PICTURE_WORKERS; 0: one a core that we may run on, at most 4 */
    char *program;   /* QUINTET_MEDIA_PICTURE_PROGRAM; empty: quintet-picture beside our own program */
};

#define MEDIA_PICTURE_SETTINGS(type, member)                                                                 \
    QN_SETTING_INT("QUINTET_MEDIA_PICTURE_WORKERS", type, member.workers, "0", 0, 64,                        \
                   "processes that decode pictures; 0: one a core, at most 4"),                              \
        QN_SETTING_STRING("QUINTET_MEDIA_PICTURE_PROGRAM", type, member.program, "",                         \
                          "what they run; default: quintet-picture beside this program")

/* The part "pictures". Opening starts nothing and finds the program, or fails; workers are started when there
 * are pictures, and end when there were none for half a minute. Ready even while no worker can be started:
 * everything but uploads works without. Draining finishes the jobs in hand; closing cancels them, kills the
 * workers and waits until the kernel has let go of each. */
struct media_picture_pool {
    struct qn_part part;
    const struct media_picture_settings *settings;

    /* Private from here. */
    struct qn_loop *loop;
    char program[4096];
    unsigned n_workers; /* places in 'workers' */
    struct media_picture_worker *workers;
    struct qn_list waiting; /* jobs, in order of arrival */
    size_t n_running, waiting_bytes;
    size_t n_jobs; /* started and not yet delivered */
    struct qn_backlog pace;
    unsigned failed_starts; /* in a row, for the back-off */
    uint64_t no_start_before_ms;
    struct qn_timer retry, idle;
    struct qn_timer drain_limit;
    struct qn_later settle;
    bool draining, closing;
    void (*drained)(struct qn_part *part);
    void (*closed)(struct qn_part *part);
};

#define MEDIA_PICTURE_POOL(settings_)                                                                        \
    {                                                                                                        \
        .part = {.name = "pictures",                                                                         \
                 .open = media_picture_pool_open,                                                            \
                 .ready = media_picture_pool_ready,                                                          \
                 .drain = media_picture_pool_drain,                                                          \
                 .close = media_picture_pool_close},                                                         \
        .settings = (settings_)                                                                              \
    }

enum qn_status media_picture_pool_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool media_picture_pool_ready(struct qn_part *part, struct qn_buf *detail);
void media_picture_pool_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void media_picture_pool_close(struct qn_part *part, void (*done)(struct qn_part *part));

/* Whether one more picture that must be done by then would be taken now. To be asked before its bytes are
 * fetched, which costs memory; start asks again. False: 'ret_retry_after_ms' says when to come again. */
bool media_picture_admits(const struct media_picture_pool *pool, uint64_t deadline_ms,
                          uint32_t *ret_retry_after_ms);

/* Makes a picture. 'done' with
 *
 *   QN_OK                   picture is filled
 *   QN_FAILED_PRECONDITION  it is none that we take, and will be none the next time: see reason. Also when
 * two workers in a row died on it: the first death may be the machine's fault, and whoever sent it would
 * otherwise try it for ever QN_DEADLINE_EXCEEDED    it was not done in time; what worked on it is killed
 *   QN_RESOURCE_EXHAUSTED   its turn would have come too late, or too much waits already; nothing was done
 *   QN_UNAVAILABLE          no worker can be started
 *   QN_CANCELLED            by media_picture_job_cancel(), or the pool closes
 *   QN_INTERNAL             a worker answered what no worker of ours answers; it is killed */
void media_picture_start(struct media_picture_pool *pool, struct media_picture_job *job,
                         void (*done)(struct media_picture_job *job, enum qn_status status));

/* Asks for an early end: 'done' comes later with QN_CANCELLED, unless it is on its way already. The worker
 * that has it is killed. Does nothing to an idle one. */
void media_picture_job_cancel(struct media_picture_job *job);

#endif
