// Node with PostgreSQL and no layer between: `pg`, its pool with five connections, one named statement.
import pg from 'pg';
import { tokenReader } from './lib/cookie.mjs';
import { pgCheck } from './lib/pg_check.mjs';
import { serve } from './lib/serve.mjs';
import { pool as poolSettings, secret, warm } from './lib/settings.mjs';

const pool = new pg.Pool(poolSettings());

await warm(sql => pool.query(sql));
await serve({ '/check': pgCheck(tokenReader(secret()), question => pool.query(question)) }, { close: () => pool.end() });
