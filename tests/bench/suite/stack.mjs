// A Quintet of the suite's own: quintet-run with an embedded PostgreSQL on default settings, filled by quintet-seed.
import { readFileSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { makeFolder, run, serve } from './children.mjs'
import { added, scrape } from './metrics.mjs'

export const SEED_PASSWORD = 'seeded password' // tests/bench/seed.c

const SERVICES = ['gateway', 'auth', 'profile', 'media']
const CHECK = 'GetSessionWithProfile'

export async function openStack(build, name, users, say) {
    const dir = makeFolder(name)
    say(`starting a stack for ${users} users`)
    const server = await serve(`${build}/bin/quintet-run`, [], {
        env: {
            QUINTET_RUN_DIR: dir,
            QUINTET_HTTP_LISTEN: '127.0.0.1:0',
            QUINTET_MEDIA_LISTEN: '127.0.0.1:0',
            DATABASE_URL: '', // not the caller's
            QUINTET_ADMIN_DATABASE_URL: '',
            BETTER_AUTH_SECRET: '',
            BETTER_AUTH_SECRETS: '',
            BETTER_AUTH_URL: '',
        },
        ready: /^quintet: ready on (\S+)/,
        log: `${dir}/log`,
    })
    const endpoints = Object.fromEntries(
        readFileSync(`${dir}/endpoints`, 'utf8').trim().split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    const pidOf = (service) => Number(endpoints[`PID_${service.toUpperCase()}`])
    const stack = {
        dir,
        users,
        endpoints,
        url: server.found[1],
        stop: server.stop,
        processes: { ...Object.fromEntries(SERVICES.map((service) => [service, { pid: pidOf(service) }])), postgres: { pid: pidOf('postgres'), tree: true } },
        postgres: { pid: pidOf('postgres'), tree: true },
        serviceNames: SERVICES,
        secret: readFileSync(endpoints.SECRET_FILE, 'utf8').trim(),
        psql: (args, input = '') => run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...args, '-d', endpoints.ADMIN_DATABASE_URL], { input }),
        database: new URL(endpoints.DATABASE_URL),
    }

    say(`seeding ${users} users`)
    await run(`${build}/bin/quintet-seed`, ['--users', String(users), '--run-dir', dir])
    // So that no autovacuum and no checkpoint of the seeding falls into somebody's measurement.
    await stack.psql(['-c', 'vacuum analyze', '-c', 'checkpoint'])
    writeFiles(stack)
    writeFileSync(stack.files.callers, (await stack.psql(['-A', '-t', '-c', 'select id from "user"'])).stdout, { mode: 0o600 })
    return stack
}

/** What load generators pick from, a line each. Lines of one user stand at the same place in each. */
function writeFiles(stack) {
    const cookies = readFileSync(`${stack.dir}/cookies.txt`, 'utf8').trim().split('\n')
    stack.files = {
        cookies: `${stack.dir}/cookies.txt`,
        complete: `${stack.dir}/cookies-complete.txt`, // of users whose profile is: pages answer others with a redirect
        tokens: `${stack.dir}/tokens.jsonl`,
        logins: `${stack.dir}/logins.jsonl`,
        callers: `${stack.dir}/callers.txt`,
    }
    stack.cookies = cookies.slice(0, 1000)
    const write = (file, lines) => writeFileSync(file, lines.join('\n') + '\n', { mode: 0o600 })
    write(stack.files.complete, cookies.filter((_, i) => isComplete(i)))
    write(stack.files.tokens, cookies.map((cookie) => JSON.stringify({ token: /=([^.]+)\./.exec(cookie)[1] })))
    write(stack.files.logins, cookies.map((_, i) => JSON.stringify({ email: `seed-${i}@seed.invalid`, password: SEED_PASSWORD })))
}

/** Of the user on this line; tests/bench/seed.c. */
export const isComplete = (line) => line % 5 !== 4

/** A role for a peer, with a limit of five connections of its own. Its URL. */
export async function makeRole(stack, name) {
    const password = randomBytes(16).toString('hex')
    await stack.psql(['-v', `role=${name}`, '-v', 'limit=5', '-v', `password=${password}`, '-f', 'tests/bench/peers/role.sql'])
    return `postgresql://${name}:${password}@${stack.database.host}${stack.database.pathname}`
}

/** Runs 'load' and adds how calls were put together on their way: look-ups a statement, and calls a message at each service. */
export async function withBatches(stack, load) {
    const read = async () => ({ auth: await scrape(stack.endpoints.ADMIN_AUTH), profile: await scrape(stack.endpoints.ADMIN_PROFILE) })
    const before = await read()
    const sample = await load()
    const after = await read()
    const mean = (service, label) => {
        const of = (what) => added(before[service], after[service], `quintet_rpc_batch_calls_${what}`, label)
        return of('count') > 0 ? of('sum') / of('count') : undefined
    }
    const statements = added(before.profile, after.profile, 'quintet_pg_statements_total', 'statement="session_with_profile"')
    const lookups = added(before.profile, after.profile, 'quintet_rpc_batch_calls_sum', CHECK)
    return {
        ...sample,
        lookups,
        lookups_per_statement: statements > 0 ? lookups / statements : undefined,
        calls_per_message: { auth: mean('auth', CHECK), profile: mean('profile', CHECK) },
    }
}
