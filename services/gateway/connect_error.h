#ifndef GATEWAY_CONNECT_ERROR_H
#define GATEWAY_CONNECT_ERROR_H

#include "services/gateway/request.h"

/* Connect's error JSON (connectrpc.com/docs/protocol, "Error End-Stream" and "Error Codes"):
 *   {"code":"already_exists","message":"…","details":[{"type":"quintet.rpc.v1.ErrorDetail","value":"<base64>","debug":{…}}]}
 */

/* Answers with a fault, on top of what 'reply' holds: its headers are kept, and its HTTP status unless that
 * is 0 or 200. Retry-After is set when the fault says when to come again. */
void gateway_connect_fail_reply(struct gateway_request *req, const struct qn_fault *fault,
                                struct gateway_reply *reply);

#endif
