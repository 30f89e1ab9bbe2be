#ifndef QN_CORE_TRACE_H
#define QN_CORE_TRACE_H

#include "common/core/str.h"

/* W3C Trace Context (https://www.w3.org/TR/trace-context/, section 3.2): "traceparent" is
 *
 *   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *   version, trace-id, parent-id, flags; hex in lower case
 *
 * Nothing here makes spans: the header is passed on as it came, and its trace id stands in log lines. Any
 * thread. */

enum { QN_TRACEPARENT_MAX = 256, QN_TRACE_ID_LEN = 32 };

/* The trace id, a view into the header; empty when the header is not sound: another shape, version ff, or a
 * trace or parent id of zeros. Of a later version what follows the flags is not looked at, as section 3.2.4
 * wants. Bytes of any kind are safe. */
struct qn_str qn_trace_id(struct qn_str traceparent);

#endif
