#ifndef QN_LOAD_PROGRESS_H
#define QN_LOAD_PROGRESS_H

#include "common/core/buf.h"
#include "common/loop/loop.h"
#include "tests/load/engine/engine.h"

/* The line that tells how a run goes, on stderr when that is a terminal. It is redrawn in place by one write,
 * so that it does not flicker, never longer than the terminal is wide, and gone at the end. */
struct load_progress;

/* NULL when stderr is no terminal, or when there is no memory for it: nothing is drawn then. */
struct load_progress *load_progress_open(struct qn_loop *loop);
void load_progress_close(struct load_progress *progress); /* also of NULL, as all below */

/* Shows this engine from now on; NULL: none. 'label' stands in front ("8000/s"), may be NULL; it must live as
 * long. */
void load_progress_watch(struct load_progress *progress, struct load_engine *engine, const char *label);

/* Takes the line away, for other text; it comes back with the next redraw. */
void load_progress_clear(struct load_progress *progress);

/* While others write to the terminal nothing is drawn. Holds add up; the line comes back with the redraw
 * after the last has gone. */
void load_progress_hold(struct load_progress *progress);
void load_progress_release(struct load_progress *progress);

/* The text of the line: rate over the last 'took_s', of which 'before' is the beginning. */
void load_progress_text(struct qn_buf *to, const struct load_live *live, const struct load_live *before,
                        double took_s, const char *label);

#endif
