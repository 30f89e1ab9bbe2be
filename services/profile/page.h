#ifndef PROFILE_PAGE_H
#define PROFILE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/str.h"
#include "services/profile/profile.h"

/* Page tokens of ListProfiles. A page begins behind a key, which stands in the token, so a page stays right
 * while rows come and go, and any process can read a token of any other.
 *
 * base64url, unpadded, of: version (1 byte), check (8 bytes, little-endian), created_at in milliseconds (8
 * bytes, little-endian), user id (the rest). The check is a SipHash of the key and the filters, with a key
 * that everybody can read here: it finds damage, and tokens of another list. It is no secret and need be
 * none, because a forged token leads nowhere that a filter does not. */

enum {
    PROFILE_USER_ID_MAX = 255, /* bytes; Better Auth's own ids have 32, but ids may come from elsewhere */
    PROFILE_PAGE_TOKEN_MAX = ((1 + 8 + 8 + PROFILE_USER_ID_MAX) + 2) / 3 * 4,
};

/* The last profile of a page; lists run from the newest on, and by user id from the greatest among equals. */
struct profile_page_key {
    int64_t created_at_ms;
    struct qn_str user_id;
};

/* Writes the token and a NUL; its length. Requires: the user id has 1 to PROFILE_USER_ID_MAX bytes. */
size_t profile_page_encode(const struct profile_page_key *key, const struct profile_filter *filter,
                           char to[PROFILE_PAGE_TOKEN_MAX + 1]);

/* False for anything that profile_page_encode() did not make for the same filters. The key's user id lies in
 * 'room'. */
bool profile_page_decode(struct qn_str token, const struct profile_filter *filter,
                         uint8_t room[PROFILE_PAGE_TOKEN_MAX], struct profile_page_key *ret_key);

#endif
