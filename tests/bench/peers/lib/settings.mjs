// What every peer is told by its environment.

function need(name) {
    const value = process.env[name];
    if (!value) {
        process.stderr.write(`${name} is not set\n`);
        process.exit(2);
    }
    return value;
}

export const port = Number(process.env.PORT ?? 0);
export const host = '127.0.0.1';
export const secret = () => need('BETTER_AUTH_SECRET');

// As many connections as Quintet has, and none given up while idle: pg's own default would close them after 10 s, and
// the next request would pay for a new one.
export const POOL_SIZE = 5;
export const pool = () => ({ connectionString: need('DATABASE_URL'), max: POOL_SIZE, idleTimeoutMillis: 0 });

// Opens the pool's connections, so that the first requests do not pay for them. One statement holds a connection while
// the others ask for theirs.
export const warm = ask => Promise.all(Array.from({ length: POOL_SIZE }, () => ask('select pg_sleep(0.05)')));
