// tests/bench/frontends: fifty frontends by Prisma and by @quintet/next, beside one another. Prints a table.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const FRONTENDS = 50;
const IN_FLIGHT = 20;
const CALLS = 60; // of each frontend
const SAMPLE_MS = 20;

const { values: options } = parseArgs({ options: { build: { type: 'string', default: 'build' } } });
const build = resolve(options.build);
const { default: pg } = await import(pathToFileURL(createRequire(join(build, 'bench/peers/package.json')).resolve('pg')));
const folder = mkdtempSync(join(tmpdir(), 'quintet-frontends-'));
chmodSync(folder, 0o755);

async function startStack() {
    const child = spawn(join(build, 'bin/quintet-run'), [], {
        env: { ...process.env, QUINTET_RUN_DIR: folder, QUINTET_HTTP_LISTEN: '127.0.0.1:0', QUINTET_MEDIA_LISTEN: '127.0.0.1:0', DATABASE_URL: '' },
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    await new Promise((ready, failed) => {
        const hear = chunk => {
            said += chunk;
            if (said.includes('quintet: ready on')) ready();
        };
        child.stdout.on('data', hear);
        child.stderr.on('data', hear);
        child.once('exit', () => failed(new Error(`quintet-run ended:\n${said}`)));
    });
    const lines = readFileSync(join(folder, 'endpoints'), 'utf8').trim().split('\n');
    return { child, at: Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])) };
}

async function signUp(url) {
    const answer = await fetch(`${url}/quintet.auth.v1.AuthService/SignUp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'Ada', email: 'ada@example.com', password: 'correct horse 1' }),
    });
    return answer.headers.getSetCookie()[0].split(';')[0];
}

function frontend(program, args, env) {
    const child = spawn(process.execPath, [program, ...args, String(IN_FLIGHT), String(CALLS)], {
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'ignore'],
    });
    let said = '';
    let isReady;
    const ready = new Promise(resolveReady => (isReady = resolveReady));
    child.stdout.on('data', chunk => {
        said += chunk;
        if (said.startsWith('ready\n')) isReady();
    });
    const came = new Promise(resolveCame =>
        child.once('close', () => {
            isReady();
            const line = said.split('\n')[1];
            resolveCame(line ? JSON.parse(line) : { good: 0, failed: { 'the process ended': CALLS } });
        }),
    );
    return { child, ready, came };
}

async function measure(admin, role, program, args, env) {
    const all = Array.from({ length: FRONTENDS }, () => frontend(program, args, env));
    await Promise.all(all.map(each => each.ready));
    let peak = 0;
    let over = false;
    const watch = (async () => {
        while (!over) {
            const { rows } = await admin.query('select count(*)::int as n from pg_stat_activity where usename = $1', [role]);
            peak = Math.max(peak, rows[0].n);
            await new Promise(next => setTimeout(next, SAMPLE_MS));
        }
    })();
    for (const { child } of all) child.stdin.write('go\n');
    const came = await Promise.all(all.map(each => each.came));
    over = true;
    await watch;
    const failed = {};
    for (const each of came)
        for (const [said, n] of Object.entries(each.failed)) failed[said] = (failed[said] ?? 0) + n;
    return { good: came.reduce((sum, { good }) => sum + good, 0), failed, peak };
}

let stack;
try {
    stack = await startStack();
    const admin = new pg.Client({ connectionString: stack.at.ADMIN_DATABASE_URL });
    await admin.connect();
    const cookie = await signUp(stack.at.HTTP);
    const token = decodeURIComponent(cookie.slice(cookie.indexOf('=') + 1)).split('.')[0];
    const role = 'frontends';
    await admin.query(`create role ${role} login password '${role}'`);
    await admin.query(`grant usage on schema public, quintet to ${role}`);
    await admin.query(`grant select on all tables in schema public, quintet to ${role}`);
    const url = new URL(stack.at.ADMIN_DATABASE_URL);
    url.username = url.password = role;
    const prisma = await measure(admin, role, join(build, 'bench/peers/lib/prisma_frontend.mjs'), [token], { DATABASE_URL: url.href });
    const quintet = await measure(admin, 'quintet', join(build, 'web/client/test/gateway/frontend.mjs'), [stack.at.HTTP, cookie], {});
    const sum = failed => Object.values(failed).reduce((all, n) => all + n, 0);
    const row = (name, { good, failed, peak }) => `| ${name} | ${FRONTENDS * CALLS} | ${good} | ${sum(failed)} | ${peak} |`;
    console.log(`| ${FRONTENDS} Node processes, ${IN_FLIGHT} checks of each in flight | asked | answered | failed | connections at most |`);
    console.log('| --- | ---: | ---: | ---: | ---: |');
    console.log(row('Prisma, its own pool in each', prisma));
    console.log(row('@quintet/next', quintet));
    for (const [said, n] of Object.entries({ ...prisma.failed, ...quintet.failed })) console.log(`${n} × ${said}`);
    await admin.end();
} finally {
    if (stack) {
        stack.child.kill('SIGTERM');
        await new Promise(ended => stack.child.once('exit', ended));
    }
    rmSync(folder, { recursive: true, force: true });
}
