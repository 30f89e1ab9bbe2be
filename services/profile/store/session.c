#include "services/profile/store/session.h"

#include "services/profile/profile.h"

static const struct pg_statement insert = {
    .name = "session_insert",
    .sql = "insert into session (id, \"expiresAt\", token, \"createdAt\", \"updatedAt\", \"ipAddress\", "
           "\"userAgent\","
           " \"userId\") values ($1, $2, $3, $4, $5, $6, $7, $8)",
};

static const struct pg_statement delete_by_token = {
    .name = "session_delete",
    .sql = "delete from session where token = $1 returning id",
};

static const struct pg_statement delete_of_user = {
    .name = "session_delete_of_user",
    .sql = "delete from session where token = $1 and \"userId\" = $2 returning id",
};

/* No token is empty, so that an empty one excepts nothing. */
static const struct pg_statement delete_all = {
    .name = "session_delete_all",
    .sql = "delete from session where \"userId\" = $1 and token <> $2",
};

#define SESSION_COLUMNS                                                                                      \
    "s.id, s.\"userId\", s.token, s.\"expiresAt\", s.\"createdAt\", s.\"updatedAt\", s.\"ipAddress\", "      \
    "s.\"userAgent\""

static const struct pg_statement find = {
    .name = "session_by_token",
    .sql = "select " SESSION_COLUMNS ", " STORE_USER_COLUMNS
           " from session s join \"user\" u on u.id = s.\"userId\" where s.token = any($1::text[])",
    .plain_select = true,
    .binary = true,
};

static const struct pg_statement list = {
    .name = "session_list",
    .sql = "select " SESSION_COLUMNS " from session s where s.\"userId\" = $1 and s.\"expiresAt\" > $2"
           " order by s.\"createdAt\", s.id limit 100",
    .plain_select = true,
    .binary = true,
};

static const struct pg_statement refresh = {
    .name = "session_refresh",
    .sql = "update session as s set \"expiresAt\" = $2, \"updatedAt\" = $3 where s.token = $1"
           " returning " SESSION_COLUMNS,
    .binary = true,
};

/* What is there of a profile comes as one number, in which each field has its bit: half a dozen columns more
 * would cost more to send and to read than adding up does.
 *
 * Whether there is a photo is asked of the main one: whoever has a ready photo has one. That it is ready goes
 * without saying (photo_is_main_check); said all the same, it keeps the planner from reading photo_main_key
 * without its table, which costs twice what photo_main_hash does. Each token costs four index look-ups, be it
 * one or 64; the README says how much. */
enum { HAS_PROFILE = 64 };
_Static_assert(PROFILE_BIT(PROFILE_DISPLAY_NAME) == 1 && PROFILE_BIT(PROFILE_BIRTH_DATE) == 2 &&
                   PROFILE_BIT(PROFILE_GENDER) == 4 && PROFILE_BIT(PROFILE_CITY) == 8 &&
                   PROFILE_BIT(PROFILE_BIO) == 16 && PROFILE_BIT(PROFILE_PHOTOS) == 32 &&
                   HAS_PROFILE == PROFILE_ALL_FIELDS + 1,
               "the statement's numbers");

static const struct pg_statement find_with_profile = {
    .name = "session_with_profile",
    .sql =
        "select " SESSION_COLUMNS ", " STORE_USER_COLUMNS ","
        " case when p.display_name is null then 0 else 1 end"
        " + case when p.birth_date is null then 0 else 2 end"
        " + case when p.gender is null then 0 else 4 end"
        " + case when p.city is null then 0 else 8 end"
        " + case when p.bio is null then 0 else 16 end"
        " + case when exists (select from quintet.photo f where f.user_id = u.id and f.is_main and f.ready)"
        " then 32 else 0 end"
        " + case when p.user_id is null then 0 else 64 end"
        " from session s join \"user\" u on u.id = s.\"userId\""
        " left join quintet.profile p on p.user_id = u.id where s.token = any($1::text[])",
    .plain_select = true,
    .binary = true,
};

void store_user_read(struct store_row *row, struct store_user *ret_user)
{
    ret_user->id = store_row_str(row);
    ret_user->name = store_row_str(row);
    ret_user->email = store_row_str(row);
    ret_user->email_verified = store_row_bool(row);
    ret_user->has_image = !store_row_null(row);
    ret_user->image = store_row_str(row);
    ret_user->created_at_ms = store_row_time(row);
    ret_user->updated_at_ms = store_row_time(row);
}

void store_session_params(struct store_steps *steps, const struct store_session *session)
{
    store_steps_str(steps, session->id);
    store_steps_time(steps, session->expires_at_ms);
    store_steps_str(steps, session->token);
    store_steps_time(steps, session->created_at_ms);
    store_steps_time(steps, session->updated_at_ms);
    store_steps_str(steps, session->ip_address);
    store_steps_str(steps, session->user_agent);
    store_steps_str(steps, session->user_id);
}

void store_session_insert(struct store_steps *steps, const struct store_session *session)
{
    store_steps_add(steps, &insert);
    store_session_params(steps, session);
}

void store_session_find(struct store_steps *steps, const struct qn_str *tokens, size_t n_tokens,
                        bool with_profile)
{
    store_steps_add(steps, with_profile ? &find_with_profile : &find);
    store_steps_array(steps, tokens, n_tokens);
}

void store_session_list(struct store_steps *steps, const char *user_id, int64_t after_ms)
{
    store_steps_add(steps, &list);
    store_steps_c(steps, user_id);
    store_steps_time(steps, after_ms);
}

void store_session_refresh(struct store_steps *steps, const char *token, int64_t expires_at_ms,
                           int64_t updated_at_ms)
{
    store_steps_add(steps, &refresh);
    store_steps_c(steps, token);
    store_steps_time(steps, expires_at_ms);
    store_steps_time(steps, updated_at_ms);
}

void store_session_delete(struct store_steps *steps, const char *token, const char *user_id)
{
    store_steps_add(steps, user_id[0] != '\0' ? &delete_of_user : &delete_by_token);
    store_steps_c(steps, token);
    if (user_id[0] != '\0')
        store_steps_c(steps, user_id);
}

void store_session_delete_all(struct store_steps *steps, const char *user_id, const char *except_token)
{
    store_steps_add(steps, &delete_all);
    store_steps_c(steps, user_id);
    store_steps_c(steps, except_token);
}

static void read_session(struct store_row *row, struct store_session *ret_session)
{
    ret_session->id = store_row_str(row);
    ret_session->user_id = store_row_str(row);
    ret_session->token = store_row_str(row);
    ret_session->expires_at_ms = store_row_time(row);
    ret_session->created_at_ms = store_row_time(row);
    ret_session->updated_at_ms = store_row_time(row);
    ret_session->ip_address = store_row_str(row);
    ret_session->user_agent = store_row_str(row);
}

bool store_session_read_alone(const PGresult *result, int row, struct store_session *ret_session)
{
    struct store_row r = store_row_of(result, row);
    read_session(&r, ret_session);
    return !r.bad;
}

bool store_session_read(const PGresult *result, int row, bool with_profile,
                        struct store_found_session *ret_found)
{
    struct store_row r = store_row_of(result, row);
    *ret_found = (struct store_found_session){0};
    read_session(&r, &ret_found->session);
    store_user_read(&r, &ret_found->user);
    if (with_profile) {
        unsigned there = (unsigned)store_row_i64(&r);
        ret_found->has_profile = there & HAS_PROFILE;
        ret_found->given = there & PROFILE_ALL_FIELDS;
    }
    return !r.bad;
}
