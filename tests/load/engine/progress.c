#include "tests/load/engine/progress.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/timer.h"
#include "tests/load/report/text.h"

/* Four times a second is as fast as numbers can be read. */
enum { REDRAW_MS = 250, LINE_MAX_BYTES = 1024, WIDTH_DEFAULT = 80 };

struct load_progress {
    struct qn_loop *loop;
    struct qn_timer timer;
    struct load_engine *engine;
    const char *label;
    struct load_live before;
    uint64_t before_us;
    bool drawn;
    unsigned holds;
};

static void put(const char *bytes, size_t len)
{
    ssize_t written = write(STDERR_FILENO, bytes, len); /* a terminal that does not take it misses a redraw */
    (void)written;
}

void load_progress_clear(struct load_progress *progress)
{
    static const char GONE[] = "\r\x1b[K";
    if (progress && progress->drawn) {
        put(GONE, sizeof GONE - 1);
        progress->drawn = false;
    }
}

void load_progress_text(struct qn_buf *to, const struct load_live *live, const struct load_live *before,
                        double took_s, const char *label)
{
    char text[LOAD_TEXT_MAX];
    double ended = (double)(live->ended - before->ended);
    if (label)
        qn_buf_printf(to, "%s: ", label);
    if (live->warming_up)
        qn_buf_write_c(to, "warming up  ");
    qn_buf_printf(to, "%s", load_text_rate(text, took_s > 0 ? ended / took_s : 0));
    qn_buf_printf(to, "  p50 %s", load_text_duration(text, (double)live->p50_ns));
    qn_buf_printf(to, "  p99 %s", load_text_duration(text, (double)live->p99_ns));
    qn_buf_printf(to, "  errors %s", load_text_count(text, live->errors));
    if (live->left_ms > 0)
        qn_buf_printf(to, "  %llu s left", (unsigned long long)((live->left_ms + 999) / 1000));
    else
        qn_buf_printf(to, "  waiting for the last %u", live->in_flight);
}

/* The text cut to so many columns; what is in it is one column a code point. */
static size_t cut(struct qn_str text, size_t columns)
{
    size_t at = 0;
    for (; at < text.len; at++)
        if (((unsigned char)text.ptr[at] & 0xc0) != 0x80 && columns-- == 0)
            break;
    return at;
}

static void draw(struct load_progress *progress)
{
    struct winsize size;
    size_t columns =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_DEFAULT;
    uint64_t now_us = qn_clock_now_us();
    struct load_live live = load_engine_live(progress->engine);
    struct qn_buf text, line;
    qn_buf_init(&text, LINE_MAX_BYTES);
    qn_buf_init(&line, LINE_MAX_BYTES + 16);
    load_progress_text(&text, &live, &progress->before, (double)(now_us - progress->before_us) / 1e6,
                       progress->label);
    /* The rest of the line is cleared behind the text and not before it: no moment shows an empty line. */
    qn_buf_write_byte(&line, '\r');
    qn_buf_write(&line, text.data, cut(qn_buf_view(&text), columns - 1));
    qn_buf_write_c(&line, "\x1b[K");
    if (!qn_buf_failed(&line))
        put(line.data, line.len);
    qn_buf_fini(&line);
    qn_buf_fini(&text);
    progress->drawn = true;
    progress->before = live;
    progress->before_us = now_us;
}

static void on_redraw(struct qn_timer *timer)
{
    struct load_progress *progress = container_of(timer, struct load_progress, timer);
    if (progress->engine && progress->holds == 0)
        draw(progress);
    qn_timer_start(progress->loop, timer, REDRAW_MS, on_redraw);
}

void load_progress_hold(struct load_progress *progress)
{
    if (!progress)
        return;
    load_progress_clear(progress);
    progress->holds++;
}

void load_progress_release(struct load_progress *progress)
{
    if (!progress)
        return;
    QN_CHECK(progress->holds > 0);
    progress->holds--;
}

struct load_progress *load_progress_open(struct qn_loop *loop)
{
    struct load_progress *progress = isatty(STDERR_FILENO) ? calloc(1, sizeof *progress) : NULL;
    if (progress) {
        progress->loop = loop;
        qn_timer_start(loop, &progress->timer, REDRAW_MS, on_redraw);
    }
    return progress;
}

void load_progress_close(struct load_progress *progress)
{
    if (!progress)
        return;
    load_progress_clear(progress);
    qn_timer_cancel(progress->loop, &progress->timer);
    free(progress);
}

void load_progress_watch(struct load_progress *progress, struct load_engine *engine, const char *label)
{
    if (!progress)
        return;
    progress->engine = engine;
    progress->label = label;
    progress->before = (struct load_live){0};
    progress->before_us = qn_clock_now_us();
}
