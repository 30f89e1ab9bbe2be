#ifndef PROFILE_STORE_SESSION_H
#define PROFILE_STORE_SESSION_H

#include "services/profile/store/row.h"
#include "services/profile/store/steps.h"

/* Better Auth's table session, with the user of each row and what is there of the user's profile. Nothing
 * here judges whether a session has expired. */

struct store_user {
    struct qn_str id, name, email, image;
    bool email_verified;
    bool has_image; /* false: the column is null */
    int64_t created_at_ms, updated_at_ms;
};

struct store_session {
    struct qn_str id, user_id, token;
    int64_t expires_at_ms, created_at_ms, updated_at_ms;
    struct qn_str ip_address, user_agent; /* null reads as empty */
};

/* The columns that store_user_read() reads, of a table that the statement calls u. */
#define STORE_USER_COLUMNS                                                                                   \
    "u.id, u.name, u.email, u.\"emailVerified\", u.image, u.\"createdAt\", u.\"updatedAt\""
enum { STORE_USER_EMAIL_COLUMN = 2 }; /* when they stand first */
void store_user_read(struct store_row *row, struct store_user *ret_user);

/* Empty ip_address and user_agent are written as "", not null, as Better Auth does. */
void store_session_insert(struct store_steps *steps, const struct store_session *session);
/* The eight parameters of such an insertion, from id to userId, for a step of one's own. */
void store_session_params(struct store_steps *steps, const struct store_session *session);

enum { STORE_SESSION_TOKEN_COLUMN = 2 };

/* Sessions and users of these tokens: one statement however many. With 'with_profile' also what is there of
 * their profiles. */
void store_session_find(struct store_steps *steps, const struct qn_str *tokens, size_t n_tokens,
                        bool with_profile);

/* A user's sessions that end after a moment, oldest first. The product, too, lists no more than so many. */
enum { STORE_SESSION_LIST_MAX = 100 };
void store_session_list(struct store_steps *steps, const char *user_id, int64_t after_ms);

/* Moves a session's end. One row, as it is then, if there is such a session. */
void store_session_refresh(struct store_steps *steps, const char *token, int64_t expires_at_ms,
                           int64_t updated_at_ms);

/* One row if there was such a session, else none. With a 'user_id' that is not empty another user's stays. */
void store_session_delete(struct store_steps *steps, const char *token, const char *user_id);

/* All of a user's but the one with this token, which may be empty. */
void store_session_delete_all(struct store_steps *steps, const char *user_id, const char *except_token);

/* A row of the first two. */
bool store_session_read_alone(const PGresult *result, int row, struct store_session *ret_session);

struct store_found_session {
    struct store_session session;
    struct store_user user;
    bool has_profile; /* this and the next: only when asked for */
    unsigned given;   /* the profile's fields, for profile_missing() */
};

/* Views last as long as the result. False for a row that is not as expected. */
bool store_session_read(const PGresult *result, int row, bool with_profile,
                        struct store_found_session *ret_found);

#endif
