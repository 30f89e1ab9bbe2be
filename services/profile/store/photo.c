#include "services/profile/store/photo.h"

#include "common/core/check.h"

#define PHOTO_COLUMNS                                                                                        \
    "id, user_id, object_key, content_type, size_bytes, ready, is_main, created_at, small_key, width, "      \
    "height,"                                                                                                \
    " blur_data_url, expires_at"
/* A user's photos in their order. Rows of the release before have no position; their age decides. */
#define IN_ORDER "is_main desc, position, created_at, id"

static const struct pg_statement lock_user = {
    .name = "photo_lock_user",
    .sql = "select 1 from \"user\" where id = $1 for no key update",
};

/* Both counts read ranges of photo_user_idx that hold 'max' rows at most, however many pending ones have
 * expired. */
static const struct pg_statement insert = {
    .name = "photo_insert",
    .sql = "insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main, "
           "created_at,"
           " expires_at)"
           " select $1, $2, $3, $4, $5::bigint, false, false, $6::timestamptz, $7::timestamptz"
           " where exists (select from \"user\" where id = $2)"
           " and (select count(*) from quintet.photo where user_id = $2 and ready) < $8::int"
           " and (select count(*) from quintet.photo where user_id = $2 and not ready and expires_at > "
           "$9::timestamptz)"
           " < $8::int"
           " returning id",
};

static const struct pg_statement get = {
    .name = "photo_get",
    .sql = "select " PHOTO_COLUMNS " from quintet.photo where id = $2 and user_id = $1",
    .plain_select = true,
};

static const struct pg_statement complete = {
    .name = "photo_complete",
    .sql =
        "update quintet.photo set ready = true,"
        " is_main = not exists (select from quintet.photo where user_id = $1 and is_main),"
        " position = 1 + coalesce((select max(position) from quintet.photo where user_id = $1 and ready), 0),"
        " object_key = coalesce($4, object_key), small_key = $5, content_type = coalesce($6, content_type),"
        " size_bytes = coalesce($7::bigint, size_bytes), width = $8::int, height = $9::int, blur_data_url = "
        "$10"
        " where id = $2 and user_id = $1 and not ready"
        " and (select count(*) from quintet.photo where user_id = $1 and ready) < $3::int",
};

static const struct pg_statement list = {
    .name = "photo_list",
    .sql = "select " PHOTO_COLUMNS " from quintet.photo where user_id = $1 and ready"
           " order by " IN_ORDER,
    .plain_select = true,
};

/* Two statements, because a generic plan takes either index for good. */
#define OF_PROFILES(more)                                                                                    \
    "select " PHOTO_COLUMNS " from quintet.photo f where f.user_id = any($1::text[]) and f.ready" more       \
    " and exists (select from quintet.profile p where p.user_id = f.user_id and p.filled)"                   \
    " order by user_id, " IN_ORDER

static const struct pg_statement list_of_profiles = {
    .name = "photo_list_of_profiles",
    .sql = OF_PROFILES(""),
    .plain_select = true,
};

static const struct pg_statement list_main_of_profiles = {
    .name = "photo_list_main_of_profiles",
    .sql = OF_PROFILES(" and f.is_main"),
    .plain_select = true,
};

static const struct pg_statement delete_one = {
    .name = "photo_delete",
    .sql = "delete from quintet.photo where id = $2 and user_id = $1 returning " PHOTO_COLUMNS,
};

static const struct pg_statement delete_all = {
    .name = "photo_delete_all",
    .sql = "delete from quintet.photo where user_id = $1"
           " and exists (select from quintet.profile where user_id = $1)",
};

static const struct pg_statement heir = {
    .name = "photo_heir",
    .sql = "update quintet.photo set is_main = true"
           " where id = (select id from quintet.photo where user_id = $1 and ready order by " IN_ORDER
           " limit 1)"
           " and not exists (select from quintet.photo where user_id = $1 and is_main)",
};

static const struct pg_statement unset_main = {
    .name = "photo_unset_main",
    .sql = "update quintet.photo set is_main = false where user_id = $1 and is_main and id <> $2"
           " and exists (select from quintet.photo where id = $2 and user_id = $1 and ready)",
};

static const struct pg_statement set_main = {
    .name = "photo_set_main",
    .sql = "update quintet.photo set is_main = true where id = $2 and user_id = $1 and ready"
           " returning " PHOTO_COLUMNS,
};

/* Whether $2 are the ids of all of the user's ready photos, each once. Asked by each step, or a step that is
 * refused would leave what the one before did. */
#define ALL_OF_THEM                                                                                          \
    "(select count(*) = cardinality($2::text[]) and count(*) filter (where id = any($2::text[])) = count(*)" \
    " from quintet.photo where user_id = $1 and ready)"

/* A step of its own: the index that holds the main one to one a user looks at each row as it changes. */
static const struct pg_statement reorder_unset_main = {
    .name = "photo_reorder_unset_main",
    .sql = "update quintet.photo set is_main = false where user_id = $1 and is_main and id <> ($2::text[])[1]"
           " and " ALL_OF_THEM,
};

static const struct pg_statement reorder = {
    .name = "photo_reorder",
    .sql = "update quintet.photo set position = wanted.place, is_main = wanted.place = 1"
           " from unnest($2::text[]) with ordinality as wanted (id, place)"
           " where photo.id = wanted.id and photo.user_id = $1 and photo.ready and " ALL_OF_THEM
           " returning photo.id",
};

/* Whoever is being completed, or deleted, right now is left alone. The array is made first, and few: the
 * planner then goes by its elements. */
static const struct pg_statement sweep = {
    .name = "photo_sweep",
    .sql = "delete from quintet.photo where not ready and id = any(array(select id from quintet.photo where "
           "not ready"
           " and expires_at < $1::timestamptz order by expires_at limit $2::int for update skip locked))"
           " returning id",
};

bool store_photo_read(const PGresult *result, int row, struct store_photo *ret_photo)
{
    struct store_row r = store_row_of(result, row);
    ret_photo->id = store_row_str(&r);
    ret_photo->user_id = store_row_str(&r);
    ret_photo->object_key = store_row_str(&r);
    ret_photo->content_type = store_row_str(&r);
    ret_photo->size_bytes = store_row_i64(&r);
    ret_photo->ready = store_row_bool(&r);
    ret_photo->main = store_row_bool(&r);
    ret_photo->created_at_ms = store_row_time(&r);
    ret_photo->small_key = store_row_str(&r);
    ret_photo->width = store_row_i64(&r);
    ret_photo->height = store_row_i64(&r);
    ret_photo->blur_data_url = store_row_str(&r);
    ret_photo->upload_expires_at_ms = store_row_time(&r);
    return !r.bad;
}

static void add_lock(struct store_steps *steps, const char *user_id)
{
    store_steps_add(steps, &lock_user);
    store_steps_c(steps, user_id);
}

static void add_pair(struct store_steps *steps, const struct pg_statement *statement, const char *user_id,
                     const char *photo_id)
{
    store_steps_add(steps, statement);
    store_steps_c(steps, user_id);
    store_steps_c(steps, photo_id);
}

void store_photo_insert(struct store_steps *steps, const struct store_photo *photo, int max,
                        int64_t upload_expires_at_ms, int64_t now_ms)
{
    store_steps_add(steps, &lock_user);
    store_steps_str(steps, photo->user_id);

    store_steps_add(steps, &insert);
    store_steps_str(steps, photo->id);
    store_steps_str(steps, photo->user_id);
    store_steps_str(steps, photo->object_key);
    store_steps_str(steps, photo->content_type);
    store_steps_i64(steps, photo->size_bytes);
    store_steps_time(steps, photo->created_at_ms);
    store_steps_time(steps, upload_expires_at_ms);
    store_steps_i64(steps, max);
    store_steps_time(steps, now_ms);
}

void store_photo_get(struct store_steps *steps, const char *user_id, const char *photo_id)
{
    add_pair(steps, &get, user_id, photo_id);
}

static void add_i64_or_null(struct store_steps *steps, int64_t value)
{
    if (value == 0)
        store_steps_null(steps);
    else
        store_steps_i64(steps, value);
}

void store_photo_complete(struct store_steps *steps, const char *user_id, const char *photo_id,
                          const struct store_photo *made, int max)
{
    add_lock(steps, user_id);
    add_pair(steps, &complete, user_id, photo_id);
    store_steps_i64(steps, max);
    store_steps_str_or_null(steps, made->object_key);
    store_steps_str_or_null(steps, made->small_key);
    store_steps_str_or_null(steps, made->content_type);
    add_i64_or_null(steps, made->size_bytes);
    add_i64_or_null(steps, made->width);
    add_i64_or_null(steps, made->height);
    store_steps_str_or_null(steps, made->blur_data_url);
    add_pair(steps, &get, user_id, photo_id);
}

void store_photo_list(struct store_steps *steps, const char *user_id)
{
    store_steps_add(steps, &list);
    store_steps_c(steps, user_id);
}

void store_photo_list_of_profiles(struct store_steps *steps, const struct qn_str *user_ids, size_t n_user_ids,
                                  bool main_only)
{
    store_steps_add(steps, main_only ? &list_main_of_profiles : &list_of_profiles);
    store_steps_array(steps, user_ids, n_user_ids);
}

void store_photo_delete(struct store_steps *steps, const char *user_id, const char *photo_id)
{
    add_lock(steps, user_id);
    add_pair(steps, &delete_one, user_id, photo_id);
    store_steps_add(steps, &heir);
    store_steps_c(steps, user_id);
}

void store_photo_delete_all(struct store_steps *steps, struct qn_str user_id)
{
    store_steps_add(steps, &lock_user);
    store_steps_str(steps, user_id);
    store_steps_add(steps, &delete_all);
    store_steps_str(steps, user_id);
}

void store_photo_set_main(struct store_steps *steps, const char *user_id, const char *photo_id)
{
    add_lock(steps, user_id);
    add_pair(steps, &unset_main, user_id, photo_id);
    add_pair(steps, &set_main, user_id, photo_id);
}

void store_photo_reorder(struct store_steps *steps, const char *user_id, const struct qn_str *photo_ids,
                         size_t n_photo_ids)
{
    static const struct pg_statement *const changes[] = {&reorder_unset_main, &reorder};
    add_lock(steps, user_id);
    for (size_t i = 0; i < QN_COUNT(changes); i++) {
        store_steps_add(steps, changes[i]);
        store_steps_c(steps, user_id);
        store_steps_array(steps, photo_ids, n_photo_ids);
    }
    store_photo_list(steps, user_id);
}

void store_photo_sweep(struct store_steps *steps, int64_t before_ms, int max)
{
    store_steps_add(steps, &sweep);
    store_steps_time(steps, before_ms);
    store_steps_i64(steps, max);
}
