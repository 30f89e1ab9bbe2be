-- The session check as services/profile/store/session.c asks it, but one look-up a statement.
\set token random(1000000000000000001, 1000000000000000000 + :sessions)
select s.id, s."userId", s.token, s."expiresAt", s."createdAt", s."updatedAt", s."ipAddress", s."userAgent",
  u.id, u.name, u.email, u."emailVerified", u.image, u."createdAt", u."updatedAt",
  p.user_id is not null, p.display_name is not null, p.birth_date is not null, p.gender is not null, p.city is not null,
  p.bio is not null, exists (select from quintet.photo f where f.user_id = u.id and f.is_main)
from bench.session s join "user" u on u.id = s."userId" left join quintet.profile p on p.user_id = u.id
where s.token = :token::text;
