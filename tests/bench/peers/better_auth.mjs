// Better Auth's own getSession on its adapter for `pg` (Kysely), then one named statement for profile and photo; and its own
// sign-in handler. No cookie cache, for Quintet's check is uncached too; no rate limit, for all load comes from one address.
import pg from 'pg';
import { betterAuth } from 'better-auth';
import { toNodeHandler } from 'better-auth/node';
import { SIGNED_OUT, missingFields, signedIn } from './lib/answer.mjs';
import { authOptions } from './lib/auth_options.mjs';
import { serve } from './lib/serve.mjs';
import { pool as poolSettings, secret, warm } from './lib/settings.mjs';

const pool = new pg.Pool(poolSettings());
const options = authOptions(secret());
const auth = betterAuth({ ...options, database: pool });
// Tuned: session and user in one statement.
const joining = betterAuth({ ...options, database: pool, advanced: { database: { joins: true } } });

const text = `
    select p.display_name as "displayName", p.birth_date as "birthDate", p.gender, p.city, p.bio,
           exists (select from quintet.photo f where f.user_id = p.user_id and f.is_main) as photo
      from quintet.profile p
     where p.user_id = $1`;

const check = with_ => async cookie => {
    const found = await with_.api.getSession({ headers: new Headers(cookie ? { cookie } : {}) });
    if (!found)
        return SIGNED_OUT;
    const { rows } = await pool.query({ name: 'profile', text, values: [found.user.id] });
    return signedIn(found.session, found.user, missingFields(rows[0] ?? null, rows[0]?.photo));
};

await warm(sql => pool.query(sql));
await serve({ '/check': check(auth), '/joined': check(joining) }, { other: toNodeHandler(auth), close: () => pool.end() });
