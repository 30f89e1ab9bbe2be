#ifndef GATEWAY_BETTER_AUTH_CSRF_H
#define GATEWAY_BETTER_AUTH_CSRF_H

#include "common/json/reader.h"
#include "services/gateway/request.h"

/* Who may post: Better Auth's checks against requests that another site makes a browser send. What is trusted
 * is origin.h's. */

/* For every POST: with any Cookie header at all, Origin (else Referer) must be there and trusted. Then
 * callbackURL (in the body, else in the query) and the body's redirectTo, errorCallbackURL and
 * newUserCallbackURL: a path on the own site or a trusted URL. False: refused (403, 400) and answered. */
bool gateway_csrf_check(struct gateway_request *req, const struct qn_json *body);

/* For a GET that leads to the query's callbackURL: that one alone. False: refused and answered. */
bool gateway_csrf_check_link(struct gateway_request *req);

/* For sign-in and sign-up without a Cookie header: what browsers send (Sec-Fetch-…, Origin, Referer) is
 * judged, a plain program is let through. False: refused and answered. */
bool gateway_csrf_check_form(struct gateway_request *req);

#endif
