#ifndef GATEWAY_BETTER_AUTH_ORIGIN_H
#define GATEWAY_BETTER_AUTH_ORIGIN_H

#include "common/json/reader.h"
#include "services/gateway/request.h"

/* Who may post, and where a reply may lead: Better Auth's origin and CSRF rules. Trusted are the origin of
 * BETTER_AUTH_URL (without one, of the request's own Host) and BETTER_AUTH_TRUSTED_ORIGINS, where '*' and '?'
 * are wildcards. */

/* Whether "scheme://host[:port]" is trusted, compared whole. */
bool gateway_origin_trusted(const struct gateway_request *req, struct qn_str origin);

/* For every POST: with any Cookie header at all, Origin (else Referer) must be there and trusted. Then the
 * members callbackURL, redirectTo, errorCallbackURL and newUserCallbackURL: a root-relative path or a trusted
 * absolute URL. False: refused (403, 400) and answered. */
bool gateway_origin_check(struct gateway_request *req, const struct qn_json *body);

/* For sign-in and sign-up without a Cookie header: what browsers send (Sec-Fetch-…, Origin, Referer) is
 * judged, a plain program is let through. False: refused and answered. */
bool gateway_origin_check_form(struct gateway_request *req);

#endif
