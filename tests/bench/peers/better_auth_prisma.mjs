// Better Auth on its adapter for Prisma, then profile and photo through the same client: what the site ran. The same tuned.
import pg from 'pg';
import { betterAuth } from 'better-auth';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { SIGNED_OUT, signedIn } from './lib/answer.mjs';
import { authOptions } from './lib/auth_options.mjs';
import { serve } from './lib/serve.mjs';
import { pool as poolSettings, secret, warm } from './lib/settings.mjs';
import { getMissingFields, openPlain, openTuned } from './prisma/questions.mjs';

const pool = new pg.Pool(poolSettings());
const prisma = openPlain(pool);
const tuned = openTuned(pool);
const options = authOptions(secret());
const adapterOn = client => prismaAdapter(client, { provider: 'postgresql' });
const auth = betterAuth({ ...options, database: adapterOn(prisma) });
// Tuned: session and user in one statement, statements that are prepared once.
const joining = betterAuth({ ...options, database: adapterOn(tuned), advanced: { database: { joins: true } } });

const check = (with_, client) => async cookie => {
    const found = await with_.api.getSession({ headers: new Headers(cookie ? { cookie } : {}) });
    return found ? signedIn(found.session, found.user, await getMissingFields(client, found.user.id)) : SIGNED_OUT;
};

await warm(sql => pool.query(sql));
await serve(
    { '/check': check(auth, prisma), '/tuned': check(joining, tuned) },
    {
        close: async () => {
            await Promise.all([prisma.$disconnect(), tuned.$disconnect()]);
            await pool.end();
        },
    },
);
