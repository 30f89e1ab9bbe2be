// Better Auth on its adapter for Prisma, then profile and photo through the same client: what the site ran.
import pg from 'pg';
import { betterAuth } from 'better-auth';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { SIGNED_OUT, signedIn } from './lib/answer.mjs';
import { authOptions } from './lib/auth_options.mjs';
import { serve } from './lib/serve.mjs';
import { pool as poolSettings, secret, warm } from './lib/settings.mjs';
import { getMissingFields, openPlain } from './prisma/questions.mjs';

const pool = new pg.Pool(poolSettings());
const prisma = openPlain(pool);
const auth = betterAuth({ ...authOptions(secret()), database: prismaAdapter(prisma, { provider: 'postgresql' }) });

async function check(cookie) {
    const found = await auth.api.getSession({ headers: new Headers(cookie ? { cookie } : {}) });
    return found ? signedIn(found.session, found.user, await getMissingFields(prisma, found.user.id)) : SIGNED_OUT;
}

await warm(sql => pool.query(sql));
await serve(
    { '/check': check },
    {
        close: async () => {
            await prisma.$disconnect();
            await pool.end();
        },
    },
);
