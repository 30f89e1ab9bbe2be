#include "auth.qn.h"
QUINTET_AUTH_V1_AUTH_SERVICE_HANDLERS(sample_handlers, sample_)
/* Batchable: it is given many. */
void sample_get_session(struct qn_call *call)
{
    (void)call;
}
