#ifndef QN_LOAD_HTTP_CODE_H
#define QN_LOAD_HTTP_CODE_H

#include "common/core/status.h"
#include "common/core/str.h"

/* What an HTTP answer says as one of our codes, so that a report over HTTP has the same rows as one over nng:
 * 2xx is ok; otherwise the "code" of the Connect protocol's error in the body, and where there is none, the
 * protocol's table ("HTTP to Error Code"). Never QN_OK for anything but 2xx. */
enum qn_status load_http_code(unsigned http_status, struct qn_str body);

#endif
