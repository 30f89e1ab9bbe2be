#!/usr/bin/env node
// Does a peer answer what Quintet answers? A peer that does not must not be measured.
//
//   node tests/bench/peers/check.mjs --run-dir DIR [--build DIR] --peer NAME [--url URL]
//
// DIR is the run folder of a stack that runs and is seeded. Without --url the peer is started, on a role of its own that is
// made for it, and stopped again. For each cookie of a list (live, expired, forged, …) Quintet is asked and then every path
// of the peer in peers.json; the answers must be equal, field by field. Exit code 0: they are; 1: not; 2: bad use.
import { spawn, spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const AT_ONCE = 64;
const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 15_000;
const SEED_PASSWORD = 'seeded password'; // tests/bench/seed.c

const { values: options } = parseArgs({
    options: {
        'run-dir': { type: 'string', default: process.env.QUINTET_RUN_DIR ?? '.quintet' },
        build: { type: 'string', default: 'build' },
        peer: { type: 'string' },
        url: { type: 'string' },
    },
});
const peers = JSON.parse(readFileSync(resolve(here, 'peers.json'), 'utf8'));
const paths = peers.filter(each => each.peer === options.peer);
if (paths.length === 0) {
    console.error(`check: --peer wants one of ${[...new Set(peers.map(each => each.peer))].join(' ')}`);
    process.exit(2);
}

const read = name => readFileSync(resolve(options['run-dir'], name), 'utf8');
const endpoints = Object.fromEntries(
    read('endpoints')
        .trim()
        .split('\n')
        .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);
const secret = process.env.BETTER_AUTH_SECRET || readFileSync(endpoints.SECRET_FILE, 'utf8').split('\n')[0];
const { default: pg } = await import(
    pathToFileURL(createRequire(resolve(options.build, 'bench/peers/package.json')).resolve('pg'))
);

const COOKIE = 'better-auth.session_token';
const sign = token => encodeURIComponent(`${token}.${createHmac('sha256', secret).update(token).digest('base64')}`);

// Users that the seed does not make, by whom the answers differ: an expired session, a photo before the profile. Their
// addresses are such that the next seed removes them too.
const extra = { expired: `check${randomBytes(8).toString('hex')}`, photo: `check${randomBytes(8).toString('hex')}` };
async function makeExtra(admin) {
    for (const [name, id] of Object.entries(extra)) {
        await admin.query(
            `insert into "user" (id, name, email, "emailVerified", "createdAt", "updatedAt") values ($1, $1, $2, true, now(), now())`,
            [id, `seed-${id}@seed.invalid`],
        );
        if (name === 'photo')
            await admin.query(
                `insert into quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main, created_at, expires_at)
                 values ($1, $1, $1, 'image/jpeg', 1, true, true, now(), now())`,
                [id],
            );
    }
}
// Before each question, for Better Auth deletes what it finds expired.
async function makeExtraSessions(admin) {
    for (const [name, id] of Object.entries(extra))
        await admin.query(
            `insert into session (id, "expiresAt", token, "createdAt", "updatedAt", "userId")
             values ($1, now() + $2::interval, $1, now(), now(), $1) on conflict do nothing`,
            [id, name === 'expired' ? '-1 minute' : '7 days'],
        );
}

function cookiesToTry() {
    const seeded = read('cookies.txt').trim().split('\n');
    const value = seeded[0].slice(COOKIE.length + 1);
    const plain = decodeURIComponent(value);
    const forged = (plain[0] === 'a' ? 'b' : 'a') + plain.slice(1);
    return {
        ...Object.fromEntries(seeded.slice(0, 10).map((cookie, i) => [`of seeded user ${i}`, cookie])),
        'of the last seeded user': seeded.at(-1),
        'not encoded': `${COOKIE}=${plain}`,
        'in quotes, among others': `a=1;${COOKIE}="${value}"; b=2`,
        'twice, the first forged': `${COOKIE}=${encodeURIComponent(forged)}; ${seeded[0]}`,
        'none': undefined,
        'another': 'theme=dark',
        'empty': `${COOKIE}=`,
        'without a signature': `${COOKIE}=${plain.slice(0, plain.lastIndexOf('.'))}`,
        'forged': `${COOKIE}=${encodeURIComponent(forged)}`,
        'signed, of no session': `${COOKIE}=${sign('nobodyhasthistoken')}`,
        'of an expired session': `${COOKIE}=${sign(extra.expired)}`,
        'of a user with a photo and no profile': `${COOKIE}=${sign(extra.photo)}`,
    };
}

// protobuf's JSON leaves out what is empty; so do we, to compare.
function known(value) {
    if (value === null || typeof value !== 'object')
        return value;
    if (Array.isArray(value))
        return value.map(known);
    const entries = Object.entries(value)
        .map(([key, each]) => [key, /At$/.test(key) ? Date.parse(each) : known(each)])
        .filter(([, each]) => each !== '' && each !== null && each !== false && !(Array.isArray(each) && each.length === 0));
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const ask = (url, cookie) =>
    fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...(cookie ? { Cookie: cookie } : {}) },
        body: '{}',
    });

// Each returns what is wrong, or nothing.
async function checkAnswer(url, cookie, expected) {
    const answer = await ask(url, cookie);
    const text = await answer.text();
    if (answer.status !== 200)
        return `status ${answer.status}: ${text}`;
    const [ours, theirs] = [JSON.stringify(known(expected)), JSON.stringify(known(JSON.parse(text)))];
    return ours === theirs ? undefined : `\n    Quintet: ${ours}\n    peer:    ${theirs}`;
}

async function checkPage(url, cookie, expected) {
    const answer = await fetch(url, { headers: cookie ? { Cookie: cookie } : {}, redirect: 'manual' });
    const text = await answer.text();
    if (expected.nextPath)
        return answer.status === 307 && answer.headers.get('location') === expected.nextPath
            ? undefined
            : `status ${answer.status}, to ${answer.headers.get('location')} instead of ${expected.nextPath}`;
    return answer.status === 200 && text.includes(`data-user="${expected.user.id}"`)
        ? undefined
        : `status ${answer.status}: ${text.slice(0, 300)}`;
}

// The floor asks nobody, so its answer is always the same; it must be of the size of a real one.
async function checkFloor(url, cookie, expected) {
    const answer = await ask(url, cookie);
    const [ours, theirs] = [JSON.stringify(expected).length, (await answer.text()).length];
    if (answer.status !== 200 || (expected.profileComplete && theirs < ours))
        return `status ${answer.status}, ${theirs} bytes for Quintet's ${ours}`;
}

// The same credentials to both, and the session that comes of them to Quintet.
async function checkSignIn(url) {
    // Node's fetch says Sec-Fetch-Mode, which makes Better Auth want an origin: the one of lib/auth_options.mjs.
    const headers = { 'Content-Type': 'application/json', Origin: 'http://127.0.0.1' };
    for (const [password, status] of [
        [SEED_PASSWORD, 200],
        ['not the password', 401],
    ]) {
        const body = JSON.stringify({ email: 'seed-0@seed.invalid', password });
        const theirs = await fetch(url, { method: 'POST', headers, body });
        const text = await theirs.text();
        if (theirs.status !== status)
            return `status ${theirs.status} instead of ${status}: ${text}`;
        if (status !== 200)
            continue;
        const cookie = theirs.headers.getSetCookie().find(each => each.startsWith(`${COOKIE}=`))?.split(';')[0];
        const session = await (await ask(quintet, cookie)).json();
        if (session.user?.email !== 'seed-0@seed.invalid')
            return `Quintet does not know the session of its cookie: ${JSON.stringify(session)}`;
    }
}

function checkOf(path) {
    if (path.id === 'node_http')
        return checkFloor;
    return path.method === 'GET' ? checkPage : checkAnswer;
}

const quintet = `${endpoints.HTTP}/quintet.auth.v1.AuthService/GetSessionWithProfileCheck`;
async function check(base, admin) {
    let asked = 0;
    const wrong = [];
    for (const path of paths) {
        if (path.id.endsWith('_sign_in')) {
            const why = await checkSignIn(base + path.path);
            asked++;
            if (why)
                wrong.push(`${path.path}: ${why}`);
            continue;
        }
        const compare = async (name, cookie) => {
            const expected = await (await ask(quintet, cookie)).json();
            const why = await checkOf(path)(base + path.path, cookie, expected);
            asked++;
            if (why)
                wrong.push(`${path.path}, cookie ${name}: ${why}`);
        };
        for (const [name, cookie] of Object.entries(cookiesToTry())) {
            await makeExtraSessions(admin);
            await compare(name, cookie);
        }
        // Whoever mixes up questions that are under way together does not answer well either.
        const seeded = read('cookies.txt').trim().split('\n').slice(0, AT_ONCE);
        await Promise.all(seeded.map((cookie, i) => compare(`of seeded user ${i}, with others at once`, cookie)));
    }
    return { asked, wrong };
}

async function start() {
    const role = `bench_check_${options.peer}`;
    const password = randomBytes(16).toString('hex');
    const made = spawnSync(
        'psql',
        [endpoints.ADMIN_DATABASE_URL, '-v', `role=${role}`, '-v', `password=${password}`, '-v', 'limit=5', '-f', resolve(here, 'role.sql')],
        { encoding: 'utf8' },
    );
    if (made.status !== 0)
        throw new Error(`role.sql: ${made.stderr}`);
    const url = new URL(endpoints.DATABASE_URL);
    [url.username, url.password, url.search] = [role, password, ''];
    const child = spawn(resolve(here, 'start'), [options.peer, '--build', resolve(options.build)], {
        env: { ...process.env, PORT: '0', DATABASE_URL: url.href, BETTER_AUTH_SECRET: secret },
        stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
    const base = await new Promise((found, failed) => {
        createInterface({ input: child.stdout }).on('line', line => {
            if (line.startsWith('ready '))
                found(line.slice('ready '.length));
            else
                failed(new Error(`on stdout, instead of "ready <url>": ${line}`));
        });
        child.once('exit', code => failed(new Error(`it ended with ${code} before it was ready`)));
    });
    clearTimeout(timer);
    const stop = async () => {
        const late = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
        child.kill('SIGTERM');
        const [code, signal] = await ended;
        clearTimeout(late);
        return code === 0 ? [] : [`SIGTERM: it ended with ${code ?? signal} instead of 0`];
    };
    return { base, stop };
}

const admin = new pg.Client({ connectionString: endpoints.ADMIN_DATABASE_URL });
await admin.connect();
await makeExtra(admin);
let result;
try {
    const peer = options.url ? { base: options.url, stop: async () => [] } : await start();
    try {
        result = await check(peer.base, admin);
    } finally {
        result?.wrong.push(...(await peer.stop()));
    }
} finally {
    await admin.query('delete from "user" where id = any($1)', [Object.values(extra)]);
    await admin.end();
}
for (const line of result.wrong)
    console.error(`check: ${options.peer}${line}`);
console.log(`${options.peer}: ${result.asked} questions, ${result.wrong.length} answered otherwise than by Quintet`);
process.exitCode = result.wrong.length === 0 ? 0 : 1;
