-- What is made of an upload (two pictures, their size, a blurred one for the time until they are there), the order of a
-- user's photos, and the record of what lies in the object store and must go.
--
-- From now on object_key says where a photo's object lies: of a pending one where its upload goes, "pending/<user>/<id>";
-- of a ready one the large picture, "photos/<id>/<hash>.webp". The release before gives a pending one its public key,
-- "photos/<id>", at once and keeps the upload's to itself: those rows are seen to below, until a later release.
--
-- Works with the release before (which leaves the new columns null and their position 0) and the one after. Other
-- sessions wait for quintet.photo while its rows are read: a second or two for a million.

alter table quintet.photo
    add column small_key text,
    add column width integer,
    add column height integer,
    add column blur_data_url text,
    -- Of ready ones: in this order, but the main one first. Equal ones by created_at.
    add column position integer not null default 0,
    add constraint photo_small_key_check check (small_key <> ''),
    -- 16,383: a WebP file's limit.
    add constraint photo_width_check check (width between 1 and 16383),
    add constraint photo_height_check check (height between 1 and 16383),
    add constraint photo_blur_data_url_check check (octet_length(blur_data_url) between 1 and 400),
    add constraint photo_position_check check (position >= 0),
    -- Also keeps the release before from making a photo ready that the one after has begun.
    add constraint photo_ready_check check (not ready or not starts_with(object_key, 'pending/')),
    drop constraint photo_content_type_check,
    add constraint photo_content_type_check check (
        content_type in ('image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/heic'));

-- Uploads that were never completed are looked for by their end.
create index photo_pending_idx on quintet.photo (expires_at) where not ready;

-- One row for what must be removed from the object store: a key, or all keys that begin with it when it ends in '/'.
create table quintet.photo_trash (
    id bigint generated always as identity,
    prefix text not null,
    -- Since when it should be gone: of the second time that an entry falls due, since then.
    due_at timestamp(3) with time zone not null,
    -- Not handed out before: the end of a lease, or of a pause after a failure.
    not_before timestamp(3) with time zone not null,
    -- When it must be seen to once more, because what was under way may have brought it back; null: never.
    again_at timestamp(3) with time zone,
    attempts integer not null default 0,
    last_error text,

    constraint photo_trash_pkey primary key (id),
    -- Whatever goes wrong elsewhere, no entry says "everything".
    constraint photo_trash_prefix_check check (prefix not in ('', '/', 'photos/', 'pending/'))
);

create index photo_trash_next_idx on quintet.photo_trash (not_before);
create index photo_trash_due_idx on quintet.photo_trash (due_at);

-- Where the upload of a photo lay that the release before has begun: photo_key.c has the same.
create function quintet.photo_upload_key(user_id text, id text) returns text
language sql immutable parallel safe
return 'pending/' || pg_catalog.rtrim(pg_catalog.translate(pg_catalog.encode(
    pg_catalog.convert_to(user_id, 'UTF8'), 'base64'), E'+/\n', '-_'), '=') || '/' || id;

-- What becomes garbage goes into the trash with the change that makes it so: to be handed out at once, and once more when
-- neither an upload nor a completion that may have been under way can still be, half an hour after the upload's URL has
-- ended (proto/store.proto). URLs of object stores live for seven days at most.
--
-- Runs with its owner's rights: whoever may delete a user (another program that owns Better Auth's tables) need have
-- none in this schema. Must not fail, or the user could not be deleted.
create function quintet.photo_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $function$
declare
    at timestamp(3) with time zone := date_trunc('milliseconds', now());
    -- Of one that was brought over from elsewhere the id may be anything.
    folder text := case when position('/' in old.id) = 0 then 'photos/' || old.id || '/' end;
    of_before boolean := old.object_key = 'photos/' || old.id;
    keys text[];
begin
    if tg_op = 'UPDATE' then -- it has become ready
        keys := case when of_before then array[quintet.photo_upload_key(old.user_id, old.id)]
                     when starts_with(old.object_key, 'pending/') then array[old.object_key] end;
    else
        keys := case when of_before then array[old.object_key, quintet.photo_upload_key(old.user_id, old.id)]
                     when starts_with(old.object_key, 'pending/') then array[old.object_key, folder]
                     when starts_with(old.object_key, folder) then array[folder]
                     else array[old.object_key, old.small_key] end;
    end if;
    insert into quintet.photo_trash (prefix, due_at, not_before, again_at)
    select key, at, at, date_trunc('milliseconds', least(old.expires_at, at + interval '7 days')) + interval '30 minutes'
    from unnest(keys) key
    where key = folder or key !~ '(^|/)$'; -- a key from elsewhere that ends in '/' is no picture's
    return null;
end
$function$;

create trigger photo_deleted after delete on quintet.photo
    for each row execute function quintet.photo_changed();
create trigger photo_completed after update of ready on quintet.photo
    for each row when (new.ready and not old.ready) execute function quintet.photo_changed();

-- The release before leaves the upload of a ready photo to a sweep of its own that the one after has not.
insert into quintet.photo_trash (prefix, due_at, not_before, again_at)
select quintet.photo_upload_key(user_id, id), at, at, expires_at + interval '30 minutes'
from quintet.photo, date_trunc('milliseconds', now()) at
where ready and object_key = 'photos/' || id and created_at > now() - interval '1 day';
