#include "tests/load/report/report.h"

#include <errno.h>

bool load_report_finish(FILE *to, struct qn_buf *buf)
{
    bool done = false;
    if (qn_buf_failed(buf))
        errno = EFBIG;
    else
        done = fwrite(buf->data ? buf->data : "", 1, buf->len, to) == buf->len && fflush(to) == 0;
    qn_buf_fini(buf);
    return done;
}
