// The best that Node does with PostgreSQL without a layer between: `pg`, a pool of five, one named statement (parsed and
// planned once a connection) for session, user, profile and photo. The join is the one Quintet asks, for one token.
import pg from 'pg';
import { SIGNED_OUT, isLive, missingFields, signedIn } from './lib/answer.mjs';
import { tokenReader } from './lib/cookie.mjs';
import { serve } from './lib/serve.mjs';
import { pool as poolSettings, secret, warm } from './lib/settings.mjs';

const pool = new pg.Pool(poolSettings());
const tokenOf = tokenReader(secret());

const text = `
    select s.id, s."userId", s.token, s."expiresAt", s."createdAt", s."updatedAt", s."ipAddress", s."userAgent",
           u.name, u.email, u."emailVerified", u.image, u."createdAt" as user_created_at, u."updatedAt" as user_updated_at,
           p.user_id as profile_id, p.display_name is not null as display_name, p.birth_date is not null as birth_date,
           p.gender is not null as gender, p.city is not null as city, p.bio is not null as bio,
           exists (select from quintet.photo f where f.user_id = u.id and f.is_main) as photo
      from session s
      join "user" u on u.id = s."userId"
      left join quintet.profile p on p.user_id = u.id
     where s.token = $1`;

const given = there => (there ? true : null);

async function check(cookie) {
    const token = tokenOf(cookie);
    if (token === null)
        return SIGNED_OUT;
    const { rows } = await pool.query({ name: 'session_with_profile', text, values: [token] });
    const row = rows[0];
    if (!isLive(row))
        return SIGNED_OUT;
    const user = {
        id: row.userId,
        name: row.name,
        email: row.email,
        emailVerified: row.emailVerified,
        image: row.image,
        createdAt: row.user_created_at,
        updatedAt: row.user_updated_at,
    };
    const profile = row.profile_id && {
        displayName: given(row.display_name),
        birthDate: given(row.birth_date),
        gender: given(row.gender),
        city: given(row.city),
        bio: given(row.bio),
    };
    return signedIn(row, user, missingFields(profile, row.photo));
}

await warm(sql => pool.query(sql));
await serve({ '/check': check }, { close: () => pool.end() });
