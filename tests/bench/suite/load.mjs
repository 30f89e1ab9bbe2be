// Load generators: one interface to quintet-load (Quintet's own, tests/load) and to wrk, which can check it over HTTP.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { run } from './children.mjs'
import { parseWrk } from './wrk.mjs'

const SCHEMA = 'quintet-load/1'
// Each run picks other lines, and a suite that is run again picks the same.
let seed = 0

const TIMEOUT_S = 20 // the slowest peer answers 512 clients in 10 s

export function pickGenerator(build, asked) {
    const path = `${build}/bin/quintet-load`
    const name = asked ?? (existsSync(path) ? 'quintet-load' : 'wrk')
    return { name, path: name === 'wrk' ? 'wrk' : path, overNng: name !== 'wrk', open: name !== 'wrk' }
}

/**
 * What is asked, of whom: { target, path, verb, cookies or callers (ids of users, over nng), data, dataFile, concurrency, seconds, warmup, rate }.
 *
 * target: http://…, ipc://… or tcp://…; path: a method of Quintet's, "quintet.auth.v1.AuthService/GetSession", or over HTTP also
 * "/check"; cookies and dataFile: files that a line is picked from at random. With a rate it is an open loop, latencies counting from
 * when a call was due; else as many callers as 'concurrency', each on a connection of its own, ask again once they were answered.
 * The warm-up is a run of its own before, so that the processes' CPU time and the calls are of the same span. Resolves to { calls, rate, p50_us, p99_us, void? }; what the warm-up did is not in it.
 */
export async function load(generator, ask, scratch) {
    if (ask.warmup > 0) await once(generator, { ...ask, seconds: ask.warmup }, scratch)
    return once(generator, ask, scratch)
}

const ms = (seconds) => `${Math.round(seconds * 1000)}ms`

const once = (generator, ask, scratch) => (generator.name === 'wrk' ? byWrk(generator, ask) : byQuintetLoad(generator, ask, scratch))

async function byQuintetLoad(generator, ask, scratch) {
    const json = `${scratch}/load-${process.pid}-${Math.random().toString(36).slice(2)}.json`
    const http = ask.target.startsWith('http')
    const method = http && ask.verb === 'GET' ? `GET ${ask.path}` : ask.path
    const args = ['--quiet', '--target', ask.target, '--method', method, '--duration', ms(ask.seconds), '--warmup', '0ms', '--timeout', `${TIMEOUT_S}s`, '--seed', String(++seed), '--json', json]
    args.push('--concurrency', String(ask.concurrency))
    // In time whatever else runs; only root may ask for that.
    if (ask.rate) args.push('--rate', String(ask.rate), ...(process.getuid() === 0 ? ['--realtime'] : []))
    else args.push('--closed')
    if (ask.cookies) args.push('--cookie-file', ask.cookies, '--pick', 'random')
    if (ask.callers) args.push('--cookie-file', ask.callers, '--pick', 'random', '--callers')
    if (ask.dataFile) args.push('--data-file', ask.dataFile, '--pick', 'random')
    else if (ask.verb !== 'GET') args.push('--data', ask.data ?? '{}')
    await run(generator.path, args, { ok: [0, 3] }) // 3: void, and why stands in the report
    const report = JSON.parse(readFileSync(json, 'utf8'))
    rmSync(json)
    return sampleOf(report)
}

/** A report of quintet-load (tests/load/FORMATS.md) as a sample. */
export function sampleOf(report) {
    if (report.schema !== SCHEMA) throw new Error(`quintet-load writes "${report.schema}", this suite reads "${SCHEMA}"`)
    const { achieved, response, lag } = report
    const failed = Object.entries(achieved.codes).filter(([code]) => code !== 'ok')
    const why = report.void ? report.void_reason : failed.length > 0 ? `answers: ${failed.map(([code, n]) => `${n} × ${code}`).join(', ')}` : undefined
    return {
        calls: achieved.ended,
        rate: achieved.rate_per_s,
        p50_us: response.p50_ns / 1000,
        p99_us: response.p99_ns / 1000,
        lag_p99_us: lag.p99_ns / 1000, // the generator's own, and part of the latencies
        ...(why ? { void: why, ...(failed.length === 0 && lag.p99_ns > response.p99_ns / 10 ? { only_lag: true } : {}) } : {}),
    }
}

async function byWrk(generator, ask) {
    if (!ask.target.startsWith('http') || ask.rate) throw new Error('wrk asks over HTTP, in a closed loop')
    const env = {
        WRK_COOKIES: ask.cookies ?? '',
        WRK_BODIES: ask.dataFile ?? '',
        WRK_BODY: ask.data ?? '{}',
        WRK_VERB: ask.verb ?? 'POST',
        WRK_PATH: ask.path.startsWith('/') ? ask.path : `/${ask.path}`,
        WRK_SEED: String(++seed),
    }
    const threads = ask.concurrency < 2 ? 1 : 2
    const args = ['-t', String(threads), '-c', String(ask.concurrency), '-d', `${Math.max(1, Math.round(ask.seconds))}s`, '--latency', '--timeout', `${TIMEOUT_S}s`]
    const { stdout, stderr } = await run('wrk', [...args, '-s', 'tests/bench/suite/wrk.lua', ask.target], { env })
    return parseWrk(stdout, stderr)
}
