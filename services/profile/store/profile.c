#include "services/profile/store/profile.h"

#include "common/core/check.h"
#include "services/profile/store/photo.h"

/* What store_profile_read() reads, of a table or subquery called p. A photo's id and key come as two arrays
 * in one order, so that a page of profiles with all their photos is one statement and repeats no biography.
 */
#define PROFILE_COLUMNS                                                                                      \
    "p.user_id, p.display_name, p.birth_date, p.gender, p.city, p.bio, p.created_at, p.updated_at, f.ids,"   \
    " f.object_keys"
/* As store_photo_list(). */
#define IN_ORDER "order by f.is_main desc, f.position, f.created_at, f.id"
#define WITH_PHOTOS                                                                                          \
    " p cross join lateral (select array_agg(f.id " IN_ORDER ") as ids,"                                     \
    " array_agg(f.object_key " IN_ORDER ") as object_keys"                                                   \
    " from quintet.photo f where f.user_id = p.user_id and f.ready) f"

static const struct pg_statement insert = {
    .name = "profile_insert",
    .sql = "with made as (insert into quintet.profile (user_id, display_name, birth_date, gender, city, bio,"
           " created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $7)"
           " on conflict on constraint profile_pkey do nothing returning *)"
           " select " PROFILE_COLUMNS " from made" WITH_PHOTOS,
};

static const struct pg_statement get = {
    .name = "profile_get",
    .sql = "select " PROFILE_COLUMNS " from quintet.profile" WITH_PHOTOS " where p.user_id = $1",
    .plain_select = true,
};

static const struct pg_statement update = {
    .name = "profile_update",
    .sql = "with changed as (update quintet.profile set"
           " display_name = case when $2::bool then $3 else display_name end,"
           " birth_date = case when $4::bool then $5::date else birth_date end,"
           " gender = case when $6::bool then $7 else gender end,"
           " city = case when $8::bool then $9 else city end,"
           " bio = case when $10::bool then $11 else bio end,"
           " updated_at = $12 where user_id = $1 returning *)"
           " select " PROFILE_COLUMNS " from changed" WITH_PHOTOS,
};

static const struct pg_statement delete_one = {
    .name = "profile_delete",
    .sql = "delete from quintet.profile where user_id = $1 returning user_id",
};

/* One statement for each set of filters that picks another index (profile_list_idx and its sisters), since a
 * generic plan cannot look into "$7 is null or". Each walks its index from the page's key on and stops when
 * the page is full. The inner limit is a number for the planner's sake: of "limit $6" it would think a tenth
 * of the table. The first page's key is infinity, an age without bound a date of infinity. Complete:
 * 'filled', and a main photo. */
#define LIST(more)                                                                                           \
    "select " PROFILE_COLUMNS " from (select * from (select * from quintet.profile p where p.filled"         \
    " and (p.created_at, p.user_id) < ($2::timestamptz, $3::text) and p.user_id <> $1::text"                 \
    " and p.birth_date > $4::date and p.birth_date <= $5::date" more                                         \
    " and exists (select from quintet.photo m where m.user_id = p.user_id and m.is_main)"                    \
    " order by p.created_at desc, p.user_id desc limit 101) page limit $6::int)" WITH_PHOTOS                 \
    " order by p.created_at desc, p.user_id desc"
/* Comparing in the index' collation, or it could not be used. */
#define CITY_IS(param)   " and p.city_key = lower(" param "::text collate \"und-x-icu\") collate \"C\""
#define GENDER_IS(param) " and p.gender = " param "::text"

static const struct pg_statement list_all = {
    .name = "profile_list",
    .sql = LIST(""),
    .plain_select = true,
};

static const struct pg_statement list_by_gender = {
    .name = "profile_list_gender",
    .sql = LIST(GENDER_IS("$7")),
    .plain_select = true,
};

static const struct pg_statement list_by_city = {
    .name = "profile_list_city",
    .sql = LIST(CITY_IS("$7")),
    .plain_select = true,
};

static const struct pg_statement list_by_city_and_gender = {
    .name = "profile_list_city_gender",
    .sql = LIST(CITY_IS("$7") GENDER_IS("$8")),
    .plain_select = true,
};

static const char *const gender_texts[PROFILE_GENDER_COUNT] = {
    [PROFILE_GENDER_FEMALE] = "female",
    [PROFILE_GENDER_MALE] = "male",
    [PROFILE_GENDER_NON_BINARY] = "non_binary",
};

static void add_gender(struct store_steps *steps, int gender)
{
    QN_CHECK(gender >= 0 && gender < PROFILE_GENDER_COUNT);
    if (gender == PROFILE_GENDER_NONE)
        store_steps_null(steps);
    else
        store_steps_c(steps, gender_texts[gender]);
}

static void add_date(struct store_steps *steps, struct qn_date date, const char *without)
{
    if (date.year != 0)
        store_steps_date(steps, date);
    else if (without)
        store_steps_c(steps, without);
    else
        store_steps_null(steps);
}

void store_profile_insert(struct store_steps *steps, struct qn_str user_id,
                          const struct profile_fields *fields, int64_t now_ms)
{
    store_steps_add(steps, &insert);
    store_steps_str(steps, user_id);
    store_steps_str_or_null(steps, fields->display_name);
    add_date(steps, fields->birth_date, NULL);
    add_gender(steps, fields->gender);
    store_steps_str_or_null(steps, fields->city);
    store_steps_str_or_null(steps, fields->bio);
    store_steps_time(steps, now_ms);
}

void store_profile_get(struct store_steps *steps, struct qn_str user_id)
{
    store_steps_add(steps, &get);
    store_steps_str(steps, user_id);
}

void store_profile_update(struct store_steps *steps, struct qn_str user_id,
                          const struct profile_fields *fields, unsigned which, int64_t now_ms)
{
    store_steps_add(steps, &update);
    store_steps_str(steps, user_id);
    store_steps_bool(steps, which & PROFILE_BIT(PROFILE_DISPLAY_NAME));
    store_steps_str_or_null(steps, fields->display_name);
    store_steps_bool(steps, which & PROFILE_BIT(PROFILE_BIRTH_DATE));
    add_date(steps, fields->birth_date, NULL);
    store_steps_bool(steps, which & PROFILE_BIT(PROFILE_GENDER));
    add_gender(steps, fields->gender);
    store_steps_bool(steps, which & PROFILE_BIT(PROFILE_CITY));
    store_steps_str_or_null(steps, fields->city);
    store_steps_bool(steps, which & PROFILE_BIT(PROFILE_BIO));
    store_steps_str_or_null(steps, fields->bio);
    store_steps_time(steps, now_ms);
}

void store_profile_delete(struct store_steps *steps, struct qn_str user_id)
{
    store_photo_delete_all(steps, user_id);
    store_steps_add(steps, &delete_one);
    store_steps_str(steps, user_id);
}

void store_profile_list(struct store_steps *steps, const struct store_profile_list *list)
{
    QN_CHECK(list->limit > 0 && list->limit <= STORE_PROFILE_LIST_MAX);
    bool city = list->filter->city.len > 0;
    bool gender = list->filter->gender != PROFILE_GENDER_NONE;
    if (city)
        store_steps_add(steps, gender ? &list_by_city_and_gender : &list_by_city);
    else
        store_steps_add(steps, gender ? &list_by_gender : &list_all);
    store_steps_str(steps, list->not_user_id);
    if (list->after) {
        store_steps_time(steps, list->after->created_at_ms);
        store_steps_str(steps, list->after->user_id);
    } else {
        store_steps_c(steps, "infinity");
        store_steps_c(steps, "");
    }
    add_date(steps, list->births.born_after, "-infinity");
    add_date(steps, list->births.born_until, "infinity");
    store_steps_i64(steps, list->limit);
    if (city)
        store_steps_str(steps, list->filter->city);
    if (gender)
        add_gender(steps, list->filter->gender);
}

static enum profile_gender gender_of(struct store_row *row)
{
    struct qn_str text = store_row_str(row);
    for (unsigned gender = PROFILE_GENDER_NONE + 1; gender < PROFILE_GENDER_COUNT; gender++)
        if (qn_str_eq(text, qn_str_c(gender_texts[gender])))
            return (enum profile_gender)gender;
    return PROFILE_GENDER_NONE;
}

enum qn_status store_profile_read(const PGresult *result, int row, struct qn_arena *arena,
                                  struct profile *ret_profile)
{
    struct store_row r = store_row_of(result, row);
    struct profile profile = {.user_id = store_row_str(&r)};
    profile.fields.display_name = store_row_str(&r);
    profile.fields.birth_date = store_row_date(&r);
    profile.fields.gender = gender_of(&r);
    profile.fields.city = store_row_str(&r);
    profile.fields.bio = store_row_str(&r);
    profile.created_at_ms = store_row_time(&r);
    profile.updated_at_ms = store_row_time(&r);
    struct qn_str *ids, *keys;
    size_t n_ids, n_keys;
    if (!store_row_array(&r, arena, &ids, &n_ids) || !store_row_array(&r, arena, &keys, &n_keys))
        return QN_RESOURCE_EXHAUSTED;
    if (r.bad || n_ids != n_keys)
        return QN_INTERNAL;
    struct profile_photo *photos = qn_arena_array(arena, n_ids > 0 ? n_ids : 1, sizeof(*photos));
    if (photos == NULL)
        return QN_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < n_ids; i++)
        photos[i] = (struct profile_photo){ids[i], keys[i]};
    profile.photos = photos;
    profile.n_photos = n_ids;
    *ret_profile = profile;
    return QN_OK;
}
