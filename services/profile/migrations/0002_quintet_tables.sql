-- Quintet's own tables, in a schema of their own, where no `prisma db push` looks.
--
-- :"auth_schema" is the schema of Better Auth's tables (DATABASE_URL's ?schema=, "public" unless said), set in by
-- the migration runner. Better Auth's ids are text of no fixed shape.
--
-- Works with the release before (which knows none of this) and the one after.

create schema if not exists quintet;

-- One row a user. A column is null until its owner has given it; an empty text never stands in for null. The limits
-- are those of quintet.profile.v1.Profile; the age of 18 depends on the day and is judged by services/profile alone.
create table quintet.profile (
    user_id text not null,
    display_name text,
    birth_date date,
    gender text,
    city text,
    bio text,
    created_at timestamp(3) with time zone not null,
    updated_at timestamp(3) with time zone not null,

    -- Whether the row's own part of a complete profile is there (the other part is a photo). The list of what lacks
    -- is made in services/profile/profile.c; a test holds the two against each other.
    filled boolean not null generated always as (
        display_name is not null and birth_date is not null and gender is not null
        and city is not null and bio is not null) stored,

    -- What cities are compared by. ICU's root locale folds case alike in every database, where the database's own
    -- locale may know ASCII only; collation "C" keeps the index right when the system's collations change.
    city_key text collate "C" generated always as (lower(city collate "und-x-icu")) stored,

    constraint profile_pkey primary key (user_id),
    constraint profile_user_id_check check (octet_length(user_id) between 1 and 255),
    constraint profile_user_id_fkey foreign key (user_id)
        references :"auth_schema"."user" (id) on update cascade on delete cascade,
    constraint profile_display_name_check check (char_length(display_name) between 1 and 50),
    constraint profile_birth_date_check check (birth_date between date '1800-01-01' and date '9999-12-31'),
    constraint profile_gender_check check (gender in ('female', 'male', 'non_binary')),
    constraint profile_city_check check (char_length(city) between 1 and 100),
    constraint profile_bio_check check (char_length(bio) between 1 and 2000),
    constraint profile_created_at_check check (isfinite(created_at) and isfinite(updated_at))
);

-- ListProfiles reads one of these from its page's key on, newest first. birth_date stands last so that an age filter
-- is judged inside the index, without a visit to the table for rows that it throws out.
create index profile_list_idx on quintet.profile
    (created_at desc, user_id desc, birth_date) where filled;
create index profile_list_gender_idx on quintet.profile
    (gender, created_at desc, user_id desc, birth_date) where filled;
create index profile_list_city_idx on quintet.profile
    (city_key, created_at desc, user_id desc, birth_date) where filled;

-- One row a picture, from the moment its upload is allowed. Rows that were never made ready stay after expires_at:
-- they are the only record of objects that may lie in the store.
create table quintet.photo (
    id text not null,
    user_id text not null,
    object_key text not null,
    content_type text not null,
    size_bytes bigint not null,
    ready boolean not null,
    is_main boolean not null,
    created_at timestamp(3) with time zone not null,
    expires_at timestamp(3) with time zone not null,

    constraint photo_pkey primary key (id),
    -- The user, not the profile: pictures may come first, and stay when a profile is deleted.
    constraint photo_user_id_fkey foreign key (user_id)
        references :"auth_schema"."user" (id) on update cascade on delete cascade,
    constraint photo_object_key_key unique (object_key),
    constraint photo_content_type_check check (
        content_type in ('image/jpeg', 'image/png', 'image/webp', 'image/avif')),
    constraint photo_size_bytes_check check (size_bytes between 1 and 10485760),
    constraint photo_is_main_check check (ready or not is_main),
    constraint photo_created_at_check check (isfinite(created_at) and isfinite(expires_at))
);

-- A user's ready photos, and the pending ones whose upload has not ended, are each a short range of it.
create index photo_user_idx on quintet.photo (user_id, ready, expires_at);

-- At most one main photo a user. The session check asks this index whether a user has any photo, which holds because
-- whoever has a ready photo has a main one.
create unique index photo_main_key on quintet.photo (user_id) where is_main;
