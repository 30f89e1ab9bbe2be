#ifndef MEDIA_OBJECT_REPLY_H
#define MEDIA_OBJECT_REPLY_H

#include "common/http/httpd.h"
#include "services/media/settings.h"

/* What every answer of the embedded store has in common: errors in S3's words, and the headers that let pages
 * of other origins see them. */

/* "Error Responses", AWS S3 API reference; "Code" is what programs compare. */
#define MEDIA_OBJECT_ERRORS(X)                                                                               \
    X(ACCESS_DENIED, 403, "AccessDenied", "Access Denied")                                                   \
    X(EXPIRED, 403, "AccessDenied", "Request has expired")                                                   \
    X(UNKNOWN_KEY, 403, "InvalidAccessKeyId", "The key, region or service of this signature is not of here") \
    X(MISMATCH, 403, "SignatureDoesNotMatch",                                                                \
      "The signature is of another request: method, host, path, headers or parameters differ")               \
    X(SKEWED, 403, "RequestTimeTooSkewed", "The request was signed in the future")                           \
    X(BAD_QUERY, 400, "AuthorizationQueryParametersError", "The parameters of the signature are malformed")  \
    X(BAD_AUTHORIZATION, 400, "AuthorizationHeaderMalformed",                                                \
      "Authorization, x-amz-date or x-amz-content-sha256 is malformed, not signed, or not there")            \
    X(BAD_ARGUMENT, 400, "InvalidArgument", "A parameter or header has a value that it cannot have")         \
    X(BAD_DIGEST, 400, "BadDigest", "The body has another checksum than was sent with it")                   \
    X(BAD_PAYLOAD, 400, "XAmzContentSHA256Mismatch", "The body has another hash than x-amz-content-sha256")  \
    X(BAD_CHUNKS, 400, "InvalidRequest", "The body is not what aws-chunked wants")                           \
    X(BAD_KEY, 400, "InvalidURI", "No object can have this key")                                             \
    X(BAD_LENGTH, 400, "IncompleteBody", "The body is not as long as Content-Length said")                   \
    X(LENGTH_MISSING, 411, "MissingContentLength", "Content-Length must be given")                           \
    X(TOO_LARGE, 413, "EntityTooLarge", "The body is larger than any upload may be")                         \
    X(TAKEN, 412, "PreconditionFailed", "There is an object of this key already; a key is written once")     \
    X(PRECONDITION, 412, "PreconditionFailed", "If-Match or If-Unmodified-Since does not hold")              \
    X(NOT_IMPLEMENTED, 501, "NotImplemented", "This store does not do what a header or parameter asks for")  \
    X(NO_SUCH_KEY, 404, "NoSuchKey", "There is no object of this key")                                       \
    X(BAD_METHOD, 405, "MethodNotAllowed", "This method is not allowed here")                                \
    X(BAD_RANGE, 416, "InvalidRange", "The range begins after the end of the object")                        \
    X(DISK_FULL, 507, "InsufficientStorage", "There is no room for the object")                              \
    X(SLOW_DOWN, 503, "SlowDown", "Too much is in hand; come again")                                         \
    X(INTERNAL, 500, "InternalError", "The object store failed")

enum media_object_error {
#define MEDIA_OBJECT_ERROR_ENUM(name, status, code, message) MEDIA_OBJECT_ERROR_##name,
    MEDIA_OBJECT_ERRORS(MEDIA_OBJECT_ERROR_ENUM)
#undef MEDIA_OBJECT_ERROR_ENUM
};

enum { MEDIA_OBJECT_REPLY_HEADERS_MAX = 16 };

/* Headers of an answer in the making; values must live until it is sent. */
struct media_object_headers {
    struct qn_header list[MEDIA_OBJECT_REPLY_HEADERS_MAX];
    size_t n;
};

void media_object_reply_add(struct media_object_headers *headers, struct qn_str name, struct qn_str value);

/* Access-Control-Allow-Origin and its companions, when the request's origin may see the answer. */
void media_object_reply_add_cors(struct media_object_headers *headers, const struct media_settings *settings,
                                 const struct qn_exchange *exchange);

/* Text inside an element. */
void media_object_reply_write_xml(struct qn_buf *to, struct qn_str text);

void media_object_reply_error(struct qn_exchange *exchange, const struct media_settings *settings,
                              enum media_object_error error);

/* Answers OPTIONS (Fetch Standard, "CORS-preflight request"): 204 with what is allowed, or S3's 403. */
void media_object_reply_preflight(struct qn_exchange *exchange, const struct media_settings *settings);

#endif
