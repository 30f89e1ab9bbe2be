#include "services/profile/store/photo.h"

#define PHOTO_COLUMNS "id, user_id, object_key, content_type, size_bytes, ready, is_main, created_at"

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
    .sql = "update quintet.photo set ready = true,"
           " is_main = not exists (select from quintet.photo where user_id = $1 and is_main)"
           " where id = $2 and user_id = $1 and not ready"
           " and (select count(*) from quintet.photo where user_id = $1 and ready) < $3::int",
};

static const struct pg_statement list = {
    .name = "photo_list",
    .sql = "select " PHOTO_COLUMNS " from quintet.photo where user_id = $1 and ready"
           " order by is_main desc, created_at, id",
    .plain_select = true,
};

static const struct pg_statement delete_one = {
    .name = "photo_delete",
    .sql = "delete from quintet.photo where id = $2 and user_id = $1 returning " PHOTO_COLUMNS,
};

static const struct pg_statement heir = {
    .name = "photo_heir",
    .sql = "update quintet.photo set is_main = true"
           " where id = (select id from quintet.photo where user_id = $1 and ready order by created_at, id "
           "limit 1)"
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

void store_photo_complete(struct store_steps *steps, const char *user_id, const char *photo_id, int max)
{
    add_lock(steps, user_id);
    add_pair(steps, &complete, user_id, photo_id);
    store_steps_i64(steps, max);
    add_pair(steps, &get, user_id, photo_id);
}

void store_photo_list(struct store_steps *steps, const char *user_id)
{
    store_steps_add(steps, &list);
    store_steps_c(steps, user_id);
}

void store_photo_delete(struct store_steps *steps, const char *user_id, const char *photo_id)
{
    add_lock(steps, user_id);
    add_pair(steps, &delete_one, user_id, photo_id);
    store_steps_add(steps, &heir);
    store_steps_c(steps, user_id);
}

void store_photo_set_main(struct store_steps *steps, const char *user_id, const char *photo_id)
{
    add_lock(steps, user_id);
    add_pair(steps, &unset_main, user_id, photo_id);
    add_pair(steps, &set_main, user_id, photo_id);
}
