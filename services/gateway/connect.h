#ifndef GATEWAY_CONNECT_H
#define GATEWAY_CONNECT_H

#include "services/gateway/request.h"

/* The Connect protocol's unary half, over HTTP/1.1: connectrpc.com/docs/protocol, "Unary RPCs". Generic by
 * descriptors. JSON and binary; GET for methods without side effects; no compression. */

/* Serves a request whose path names no other face. Answers it, whatever it is. */
void gateway_connect_serve(struct gateway_request *req);

/* Answers with Connect's error JSON and HTTP code. */
void gateway_connect_fail(struct gateway_request *req, const struct qn_fault *fault);

#endif
