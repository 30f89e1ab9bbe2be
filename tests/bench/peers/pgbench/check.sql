-- Of ten tokens that session_check.sql may ask for, how many are there with their users.
select count(*) from bench.session s join "user" u on u.id = s."userId"
  where s.token in (select (1000000000000000001 + i * ((:sessions - 1) / 9))::text from generate_series(0, 9) i);
