-- The role of the peers, apart from the application's and with a limit of its own. As an admin, in the application's database:
--
--   psql -v role=bench -v password=… -v limit=5 -f tests/bench/peers/role.sql ADMIN_URL
--
-- It reads what the session check reads. Better Auth's sign-in writes a session, and its getSession deletes one that it
-- finds expired.
\set ON_ERROR_STOP on
\set QUIET on
select format('create role %I', :'role') where not exists (select from pg_roles where rolname = :'role') \gexec
alter role :"role" with login nosuperuser nocreatedb nocreaterole connection limit :limit password :'password';
grant usage on schema public, quintet to :"role";
grant select on "user", session, account, verification, quintet.profile, quintet.photo to :"role";
grant insert, update, delete on session to :"role";
