// The same with all that `pg` can do: five connections in its pipeline mode, taken in turn, so that a statement does not wait for
// the answer of the one before. Its pool cannot do that, for it lends a connection to one question at a time.
import pg from 'pg';
import { tokenReader } from './lib/cookie.mjs';
import { pgCheck } from './lib/pg_check.mjs';
import { serve } from './lib/serve.mjs';
import { POOL_SIZE, pool as poolSettings, secret } from './lib/settings.mjs';

const { connectionString } = poolSettings();
const clients = Array.from({ length: POOL_SIZE }, () => new pg.Client({ connectionString, pipeline: true }));
await Promise.all(clients.map(client => client.connect()));

let turn = 0;
const ask = question => clients[turn++ % POOL_SIZE].query(question);

await serve(
    { '/check': pgCheck(tokenReader(secret()), ask) },
    { close: () => Promise.all(clients.map(client => client.end())) },
);
