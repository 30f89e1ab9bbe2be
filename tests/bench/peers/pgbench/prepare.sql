-- A copy of the seeded sessions for pgbench, whose scripts can make up numbers but no tokens: session n has the token
-- 1000000000000000000 + n. Everything else is as in the table that the others ask. As an admin, with the seeded database:
--
--   psql -f prepare.sql; psql -v role=bench_pgbench_unix -f grant.sql
set client_min_messages = warning;
create schema if not exists bench;
drop table if exists bench.session;
create table bench.session (like public.session including all);
insert into bench.session select * from public.session where "userAgent" = 'quintet-seed';
update bench.session s set token = n.token
  from (select id, (1000000000000000000 + row_number() over (order by id))::text as token from bench.session) n
  where n.id = s.id;
vacuum full analyze bench.session;
