#ifndef PROFILE_CONNECTIONS_PAGE_H
#define PROFILE_CONNECTIONS_PAGE_H

#include "common/core/buf.h"
#include "services/profile/pg/look.h"
#include "services/profile/slots/slots.h"

/* The page for people: one file without anything from elsewhere, light or dark as the reader's system is. Its
 * script fetches it anew every second, says so when no answer comes, and rests while nobody looks; without
 * scripts the browser reloads it. */

#define PROFILE_CONNECTIONS_POLICY                                                                           \
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "        \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* Appends the page. 'wall_ms': what the clock on it shows. */
void profile_connections_page(struct qn_buf *to, const struct pg_look *look, const struct slots_look *sharing,
                              int64_t wall_ms);

#endif
