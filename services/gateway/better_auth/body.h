#ifndef GATEWAY_BETTER_AUTH_BODY_H
#define GATEWAY_BETTER_AUTH_BODY_H

#include <protobuf-c/protobuf-c.h>

#include "common/core/buf.h"
#include "common/json/reader.h"
#include "services/gateway/request.h"

/* Bodies of Better Auth's POST routes: reading by media type, and validation with the product's own sentences
 * (those of zod, the library it validates with). */

enum gateway_body_types { GATEWAY_BODY_JSON, GATEWAY_BODY_JSON_OR_FORM };

/* Reads the body. *ret_body is NULL when there is none (no Content-Type, or no text): "undefined". Form
 * fields become an object of strings. False: refused (415 or 400) and answered. */
bool gateway_body_read(struct gateway_request *req, enum gateway_body_types types,
                       const struct qn_json **ret_body);

struct gateway_body_field {
    const char *name;
    enum { GATEWAY_FIELD_STRING, GATEWAY_FIELD_EMAIL, GATEWAY_FIELD_FILLED, GATEWAY_FIELD_BOOLEAN } kind;
    bool optional; /* may be absent; null is not absence */
};

/* How a route complains of a body that is no object: of each kind that it is not. */
enum gateway_body_shape {
    GATEWAY_BODY_OBJECT = 1,
    GATEWAY_BODY_RECORD = 2,            /* an object with members of any name: update-user */
    GATEWAY_BODY_OBJECT_AND_RECORD = 3, /* sign-up */
};

/* Every issue in the order of the table, joined with "; ": nothing for a sound body. */
void gateway_body_issues(const struct qn_json *body, const struct gateway_body_field *fields, size_t n_fields,
                         enum gateway_body_shape shape, struct qn_buf *issues);

/* The same as one 400 VALIDATION_ERROR. False: refused and answered. */
bool gateway_body_check(struct gateway_request *req, const struct qn_json *body,
                        const struct gateway_body_field *fields, size_t n_fields,
                        enum gateway_body_shape shape);

/* A string member; ptr NULL when absent or no string. */
struct qn_str gateway_body_str(const struct qn_json *body, const char *name);

/* A string member for a string field of a message, which cannot hold a NUL; "" when absent. NULL: it holds
 * one (or no memory). */
char *gateway_body_text(struct gateway_request *req, const struct qn_json *body, const char *name);

/* The same for a field of bytes: passwords, which may hold NUL. A view. */
ProtobufCBinaryData gateway_body_bytes(const struct qn_json *body, const char *name);

/* A member of another kind as the product's database driver would write it into a column of text: numbers and
 * booleans as JavaScript does. NULL for null, arrays and objects, and as above. */
char *gateway_body_text_of_any(struct gateway_request *req, const struct qn_json *value);

/* A boolean member, or 'fallback'. */
bool gateway_body_bool(const struct qn_json *body, const char *name, bool fallback);

#endif
