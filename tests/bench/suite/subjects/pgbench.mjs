// PostgreSQL asked by pgbench, one look-up a statement: directly, and through PgBouncer. pgbench is the load generator.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { withCpu } from '../cpu.mjs'
import { run, serve } from '../children.mjs'
import { makeRole } from '../stack.mjs'
import { quantile } from '../stats.mjs'

const FOLDER = 'tests/bench/peers/pgbench'
const PGBENCH = `${(await run('pg_config', ['--bindir'])).stdout.trim()}/pgbench`
const LOGGED = 0.1 // of the transactions: enough for a p99, and cheap

/** pgbench's text, and its logs' lines (client, transaction, µs …), as a sample. */
export function parsePgbench(stdout, logs) {
    const latencies = logs.flatMap((log) => log.trim().split('\n').filter(Boolean).map((line) => Number(line.split(' ')[2])))
    const calls = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1] ?? 0)
    const failed = Number(/failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0)
    return {
        calls,
        rate: Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1] ?? 0),
        p50_us: quantile(latencies, 0.5),
        p99_us: quantile(latencies, 0.99),
        ...(failed > 0 || calls === 0 ? { void: `${failed} failed, ${calls} done` } : {}),
    }
}

/** A role for this subject, whose limit of connections is its own, and a copy of the sessions under tokens that a script can make
 *  up; the copy is made once a stack. */
async function prepare(ctx, id) {
    const stack = await ctx.stack()
    stack.copied ??= stack.psql(['-f', `${FOLDER}/prepare.sql`])
    await stack.copied
    const url = new URL(await makeRole(stack, `bench_${id}`))
    await stack.psql(['-v', `role=bench_${id}`, '-f', `${FOLDER}/grant.sql`])
    return { stack, url }
}

async function pgbench(ctx, { host, port, user, password, database, users }, mode, clients, seconds) {
    const logs = `${ctx.scratch}/pgbench`
    rmSync(logs, { recursive: true, force: true })
    mkdirSync(logs)
    const args = ['-n', '-M', mode, '-c', String(clients), '-T', String(Math.max(1, Math.round(seconds))), '-f', `${FOLDER}/session_check.sql`]
    args.push('-D', `sessions=${users}`, '-l', '--sampling-rate', String(LOGGED), '--log-prefix', `${logs}/log`, '-h', host, '-p', String(port), '-U', user, database)
    const { stdout } = await run(PGBENCH, args, { env: { PGPASSWORD: password } })
    return parsePgbench(stdout, readdirSync(logs).map((file) => readFileSync(`${logs}/${file}`, 'utf8')))
}

const direct = (id, title, clientsAt, addressOf) => ({
    id,
    group: 'pgbench',
    title,
    at: clientsAt,
    async open(ctx) {
        const { stack, url } = await prepare(ctx, id)
        const to = { ...addressOf(stack, url), user: url.username, password: url.password, database: url.pathname.slice(1), users: stack.users }
        return {
            check: () => expectRow(stack),
            async measure(at, { seconds, warmup }) {
                if (warmup > 0) await pgbench(ctx, to, 'prepared', at, warmup)
                return withCpu({ postgres: stack.postgres }, ctx.cores, () => pgbench(ctx, to, 'prepared', at, seconds))
            },
        }
    },
})

async function expectRow(stack) {
    const { stdout } = await stack.psql(['-At', '-v', `sessions=${stack.users}`, '-f', `${FOLDER}/check.sql`])
    if (stdout.trim() !== '10') throw new Error(`not measured: pgbench's statement finds ${stdout.trim()} of 10 sessions`)
}

// PgBouncer 1.18 knows prepared statements in session mode only; in transaction mode each look-up is parsed and planned anew.
const bounced = (id, title, pooling, mode, clientsAt) => ({
    id,
    group: 'pgbench',
    title,
    at: clientsAt,
    async open(ctx) {
        const { stack, url } = await prepare(ctx, id)
        const bouncer = await startBouncer(ctx, stack, url, pooling)
        const to = { host: bouncer.dir, port: bouncer.port, user: url.username, password: url.password, database: url.pathname.slice(1), users: stack.users }
        return {
            async measure(at, { seconds, warmup }) {
                if (warmup > 0) await pgbench(ctx, to, mode, at, warmup)
                return withCpu({ program: { pid: bouncer.pid }, postgres: stack.postgres }, ctx.cores, () => pgbench(ctx, to, mode, at, seconds))
            },
            close: bouncer.stop,
        }
    },
})

async function startBouncer(ctx, stack, url, pooling) {
    const dir = `${ctx.scratch}/pgbouncer-${pooling}`
    mkdirSync(dir)
    chmodSync(dir, 0o777) // it makes its socket there, as another user when we are root; what lies there is for this run only
    const port = 6432 // of the socket's name alone: it listens on no network
    const users = `${dir}/users.txt`
    writeFileSync(users, `"${url.username}" "${url.password}"\n`)
    writeFileSync(
        `${dir}/pgbouncer.ini`,
        `[databases]\n* = host=127.0.0.1 port=${url.port}\n\n[pgbouncer]\nlisten_addr =\nlisten_port = ${port}\nunix_socket_dir = ${dir}\n` +
            `auth_type = plain\nauth_file = ${users}\npool_mode = ${pooling}\ndefault_pool_size = 5\nmax_client_conn = 200\nlog_connections = 0\nlog_disconnections = 0\n`,
    )
    const as = userInfo().uid === 0 ? ['-u', 'postgres'] : []
    const { pid, stop } = await serve('sh', ['-c', 'exec "$@" 2>&1', 'sh', 'pgbouncer', ...as, `${dir}/pgbouncer.ini`], {
        ready: /process up/,
        log: `${dir}/log`,
    })
    return { dir, port, pid, stop }
}

const socketOf = (stack) => decodeURIComponent(new URL(stack.endpoints.ADMIN_DATABASE_URL).searchParams.get('host'))

export const pgbenchSubjects = [
    direct('pgbench_unix', 'pgbench -M prepared, unix socket', [5], (stack, url) => ({ host: socketOf(stack), port: url.port })),
    direct('pgbench_tcp', 'pgbench -M prepared, TCP', [5], (stack, url) => ({ host: '127.0.0.1', port: url.port })),
    bounced('pgbouncer_session', 'pgbench -M prepared, PgBouncer (session mode)', 'session', 'prepared', [5]),
    bounced('pgbouncer_transaction', 'pgbench -M extended, PgBouncer (transaction mode)', 'transaction', 'extended', [5, 64]),
]
