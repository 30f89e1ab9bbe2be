#ifndef GATEWAY_BETTER_AUTH_ANSWER_H
#define GATEWAY_BETTER_AUTH_ANSWER_H

#include "auth.pb-c.h"
#include "common/json/writer.h"
#include "services/gateway/request.h"

/* Answers in Better Auth's shapes. Each ends the request. */

/* Of an answer's JSON. Names and pictures of 16 KiB each may be six times that in JSON, and a Better Auth
 * server beside takes longer ones. */
enum { GATEWAY_ANSWER_MAX = 16 * 1024 * 1024 };

/* {"message":…,"code":…}; code NULL: left out, as the product does in a few places. */
void gateway_answer_error(struct gateway_request *req, unsigned status, const char *message,
                          const char *code);
/* The same with headers of one's own in 'reply'. */
void gateway_answer_refusal(struct gateway_request *req, struct gateway_reply *reply, unsigned status,
                            const char *message, const char *code);

/* A status without a body: 404 for what is no route, 500 for what went wrong within. */
void gateway_answer_empty(struct gateway_request *req, unsigned status);

/* 200 with JSON text, and the cookies of the question just answered (req->rpc). */
void gateway_answer_json(struct gateway_request *req, struct gateway_reply *reply, struct qn_str json);

/* The same with what was written; a 500 when that went over its ceiling. */
void gateway_answer_written(struct gateway_request *req, struct gateway_reply *reply,
                            const struct qn_buf *json);

/* What a question to auth that failed becomes: by its reason where Better Auth has one, otherwise by its
 * status; bad values that the product has no limit for are a 400, overload is 429 or 503 with Retry-After,
 * all else an empty 500. */
void gateway_answer_fault(struct gateway_request *req);

/* The objects, fields in the product's order: name, email, emailVerified, image, createdAt, updatedAt, id;
 * and expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, userId, id. Times have milliseconds. */
void gateway_answer_write_user(struct qn_json_writer *w, const Quintet__Auth__V1__User *user);
void gateway_answer_write_session(struct qn_json_writer *w, const Quintet__Auth__V1__Session *session);

#endif
