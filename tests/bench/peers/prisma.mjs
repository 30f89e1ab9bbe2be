// Node's http and Prisma 7 on its adapter for `pg`: the two questions of the site, the combined one, and the combined one
// tuned. Both clients draw from one pool of five; a measurement asks one path at a time.
import pg from 'pg';
import { tokenReader } from './lib/cookie.mjs';
import { serve } from './lib/serve.mjs';
import { pool as poolSettings, secret, warm } from './lib/settings.mjs';
import { askCombined, askTuned, askTwo, openPlain, openTuned } from './prisma/questions.mjs';

const pool = new pg.Pool(poolSettings());
const plain = openPlain(pool);
const tuned = openTuned(pool);
const tokenOf = tokenReader(secret());

await warm(sql => pool.query(sql));
await serve(
    {
        '/two': async cookie => askTwo(plain, tokenOf(cookie)),
        '/combined': async cookie => askCombined(plain, tokenOf(cookie)),
        '/tuned': async cookie => askTuned(tuned, tokenOf(cookie)),
    },
    {
        close: async () => {
            await Promise.all([plain.$disconnect(), tuned.$disconnect()]);
            await pool.end();
        },
    },
);
