#include "auth.qn.h"
QUINTET_AUTH_V1_AUTH_SERVICE_HANDLERS(sample_handlers, sample_)
void sample_sign_up(struct qn_call *call)
{
    (void)call;
}
void sample_get_session(struct qn_call **calls, size_t n_calls)
{
    (void)calls, (void)n_calls;
}
