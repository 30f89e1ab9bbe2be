#ifndef GATEWAY_BETTER_AUTH_ANSWER_H
#define GATEWAY_BETTER_AUTH_ANSWER_H

#include "auth.pb-c.h"
#include "common/json/reader.h"
#include "common/json/writer.h"
#include "services/gateway/request.h"

/* Answers in Better Auth's shapes. Each ends the request. */

/* Of an answer's JSON. Names and pictures of 16 KiB each may be six times that in JSON, and a Better Auth
 * server beside takes longer ones. */
enum { GATEWAY_ANSWER_MAX = 16 * 1024 * 1024 };

/* What this face keeps of a request, in its arena; made by gateway_better_auth_serve(). */
struct gateway_face {
    const struct qn_json *body;                /* for the answer */
    void (*then)(struct gateway_request *req); /* of gateway_route_want_session() */
    bool reads_session; /* from now on the answer makes the browser forget a stray session_data cookie */
};
struct gateway_face *gateway_answer_face(struct gateway_request *req);

/* Every answer carries the cookies of the question last answered (req->rpc), whatever came of it. */

/* {"message":…,"code":…}; code NULL: left out, as the product does in a few places. */
void gateway_answer_error(struct gateway_request *req, unsigned status, const char *message,
                          const char *code);
/* The same with headers of one's own in 'reply'. */
void gateway_answer_refusal(struct gateway_request *req, struct gateway_reply *reply, unsigned status,
                            const char *message, const char *code);

/* A status without a body: 404 for what is no route, 500 for what went wrong within. */
void gateway_answer_empty(struct gateway_request *req, unsigned status);

/* The same of a route that is there: with the type of JSON, though there is none. */
void gateway_answer_nothing(struct gateway_request *req, struct gateway_reply *reply, unsigned status);

/* 200 with JSON text. */
void gateway_answer_json(struct gateway_request *req, struct gateway_reply *reply, struct qn_str json);

/* The same with what was written; a 500 when that went over its ceiling. */
void gateway_answer_written(struct gateway_request *req, struct gateway_reply *reply,
                            const struct qn_buf *json);

/* 302 with an empty body. 'location' is copied. */
void gateway_answer_redirect(struct gateway_request *req, struct gateway_reply *reply,
                             struct qn_str location);

/* What a question to auth that failed becomes: by its reason where Better Auth has one, otherwise by its
 * status; bad values that the product has no limit for are a 400, overload is 429 or 503 with Retry-After,
 * all else an empty 500. */
void gateway_answer_fault(struct gateway_request *req);

/* The objects, fields in the product's order: name, email, emailVerified, image, createdAt, updatedAt, id;
 * expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, userId, id; and accountId, providerId,
 * userId, createdAt, updatedAt, id, scopes. Times have milliseconds. */
void gateway_answer_write_user(struct qn_json_writer *w, const Quintet__Auth__V1__User *user);
void gateway_answer_write_session(struct qn_json_writer *w, const Quintet__Auth__V1__Session *session);
void gateway_answer_write_account(struct qn_json_writer *w, const Quintet__Auth__V1__Account *account);

#endif
