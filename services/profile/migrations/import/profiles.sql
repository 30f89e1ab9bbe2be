-- Brings the profiles and pictures of an existing site over into schema quintet. See README.md, one folder up.
--
--   psql "$QUINTET_ADMIN_DATABASE_URL" -f services/profile/migrations/import/profiles.sql               looks, changes nothing
--   psql "$QUINTET_ADMIN_DATABASE_URL" -v commit=on -f services/profile/migrations/import/profiles.sql  does it
--
-- Better Auth's tables, if not in schema public: -v auth_schema=NAME.
-- It reads the old tables and changes nothing in them; it can be run again: what is there already stays as it is.

\set ON_ERROR_STOP on
\if :{?commit} \else \set commit off \endif
\if :{?auth_schema} \else \set auth_schema public \endif
set timezone = 'UTC';
set search_path = :"auth_schema";
set client_min_messages = warning;
begin;

-- 1. Yours to edit: how your tables read as ours. As it stands: Prisma models Profile and Photo, with Prisma's
--    timestamp(3) columns, which hold UTC. A gender that is not one of ours is left out.

create temporary view old_profile as
select p."userId"                                as user_id,
       p.name                                    as display_name,
       p."birthDate"::date                       as birth_date,
       case lower(p.gender::text)
           when 'female' then 'female'
           when 'male' then 'male'
           when 'non_binary' then 'non_binary' end as gender,
       p.city                                    as city,
       p.bio                                     as bio,
       p."createdAt" at time zone 'UTC'          as created_at,
       p."updatedAt" at time zone 'UTC'          as updated_at
from "Profile" p;

create temporary view old_photo as
select f.id                                      as id,
       f."userId"                                as user_id,
       f."objectKey"                             as object_key,   -- where it lies in the bucket, without the domain
       f."contentType"                           as content_type,
       f."sizeBytes"::bigint                     as size_bytes,
       f."createdAt" at time zone 'UTC'          as created_at,
       f.position                                as position      -- their order; the lowest becomes the main one
from "Photo" f;

-- 2. What fits. A value outside our limits is left out, so that its owner is asked for it again; nothing is cut or
--    guessed. A profile of somebody under 18, or of no user, does not come over.

create temporary table fit_profile as
select o.user_id,
       case when char_length(o.display_name) between 1 and 50 and o.display_name ~ '\S'
             and o.display_name !~ '[[:cntrl:]]' then o.display_name end as display_name,
       case when o.birth_date > current_date - interval '121 years' then o.birth_date end as birth_date,
       o.gender,
       case when char_length(o.city) between 1 and 100 and o.city ~ '\S'
             and o.city !~ '[[:cntrl:]]' then o.city end as city,
       case when char_length(o.bio) between 1 and 2000 and o.bio ~ '\S' then o.bio end as bio,
       date_trunc('milliseconds', coalesce(o.created_at, now())) as created_at,
       date_trunc('milliseconds', coalesce(o.updated_at, o.created_at, now())) as updated_at
from old_profile o
join "user" u on u.id = o.user_id
where o.birth_date is null or o.birth_date <= current_date - interval '18 years';

create temporary table fit_photo as
select o.*, row_number() over (partition by o.user_id order by o.position, o.created_at, o.id) as place
from old_photo o
join "user" u on u.id = o.user_id
where o.content_type in ('image/jpeg', 'image/png', 'image/webp', 'image/avif')
  and o.size_bytes between 1 and 10485760
  and o.object_key <> ''
  and not exists (select from quintet.photo q where q.user_id = o.user_id);

-- 3. What will be seen of it.

\echo
\echo 'Profiles'
select (select count(*) from old_profile)                                            as "in the old table",
       (select count(*) from old_profile o where not exists
           (select from "user" u where u.id = o.user_id))                            as "of no user: left",
       (select count(*) from old_profile
         where birth_date > current_date - interval '18 years')                      as "under 18: left",
       (select count(*) from fit_profile f join quintet.profile q using (user_id))   as "there already",
       (select count(*) from fit_profile f where not exists
           (select from quintet.profile q where q.user_id = f.user_id))              as "to come over";
\echo 'Values that do not fit, and are left out'
select count(*) filter (where o.display_name <> '' and f.display_name is null) as display_name,
       count(*) filter (where o.birth_date is not null and f.birth_date is null) as birth_date,
       count(*) filter (where o.city <> '' and f.city is null) as city,
       count(*) filter (where o.bio <> '' and f.bio is null) as bio
from old_profile o join fit_profile f using (user_id);
\echo 'Pictures'
select (select count(*) from old_photo)                    as "in the old table",
       (select count(*) from fit_photo where place <= 6)   as "to come over",
       (select count(*) from fit_photo where place > 6)    as "beyond six: left";

-- 4. The move. Constraints are checked as for any other row.

insert into quintet.profile (user_id, display_name, birth_date, gender, city, bio, created_at, updated_at)
select user_id, display_name, birth_date, gender, city, bio, created_at, updated_at from fit_profile
on conflict (user_id) do nothing;

insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main, created_at, expires_at,
                           position)
select id, user_id, object_key, content_type, size_bytes, true, place = 1, created_at, created_at, place
from fit_photo where place <= 6
on conflict (id) do nothing;

\echo 'Complete profiles afterwards'
select count(*) from quintet.profile p
where p.filled and exists (select from quintet.photo f where f.user_id = p.user_id and f.is_main);

\if :commit
commit;
analyze quintet.profile, quintet.photo;
\echo 'Done.'
\else
rollback;
\echo 'A dry run: nothing was changed. Do it with -v commit=on.'
\endif
