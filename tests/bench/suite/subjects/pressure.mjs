// Session checks while something else goes on: a flood of sign-ins, thousands of idle connections, a slow neighbour's rate.
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { memoryOf } from '../cpu.mjs'
import { load } from '../load.mjs'
import { scrape } from '../metrics.mjs'
import { CHECK, measureStack } from './quintet.mjs'

const CLIENTS = 64
const FLOOD = 64 // sign-ins at once: far more than the cores, and no more than the queue for passwords holds
const FLOOD_RATE = 1000 // checks a second: a few hundredths of what two cores can
const IDLE = 2000
const ACTIVE = 200
const IDLE_FOR_MS = 8000 // before anything is measured: connections that asked a moment ago are not idle yet

const checks = (stack, concurrency) => ({ target: stack.url, path: CHECK, cookies: stack.files.cookies, concurrency })

/** Until auth has no password left of a flood: what waits holds the other core, and 32 MiB while it is worked on. */
async function noPasswords(stack) {
    const left = (metrics) => metrics['quintet_work_queued{lane="hash"}'] + metrics['quintet_work_running{lane="hash"}']
    for (let tries = 0; tries < 300; tries++) {
        if (left(await scrape(stack.endpoints.ADMIN_AUTH)) === 0) return
        await delay(100)
    }
    throw new Error('auth still works on passwords half a minute after a flood of sign-ins')
}

/** Measures with as many signing in as fast as they can, from before the measurement until after it. */
async function besideFlood(ctx, stack, ask) {
    const signIns = { target: stack.url, path: 'quintet.auth.v1.AuthService/SignIn', dataFile: stack.files.logins, concurrency: FLOOD }
    const flooding = load(ctx.generator, { ...signIns, seconds: ask.seconds + ask.warmup + 2, warmup: 0 }, ctx.scratch)
    const [sample, signedIn] = await Promise.all([measureStack(ctx, stack, ask), flooding])
    await noPasswords(stack)
    return { ...sample, sign_in_rate: signedIn.rate, ...(signedIn.void ? { void: `the flood: ${signedIn.void}` } : {}) }
}

const floodOf = ({ ask, ...subject }) => ({
    ...subject,
    group: 'flood',
    at: ['alone', 'flooded'],
    async open(ctx) {
        const stack = await ctx.stack()
        return {
            measure(at, times) {
                const checking = { ...checks(stack, CLIENTS), ...ask, ...times }
                return at === 'alone' ? measureStack(ctx, stack, checking) : besideFlood(ctx, stack, checking)
            },
        }
    },
})

/** As many checks as there is processor for: what the flood leaves of it. */
const flood = floodOf({ id: 'quintet_flood', title: 'Session checks beside a flood of sign-ins' })

/** As many as a busy site has, which there is processor for in either case: how soon they are answered. */
const floodAtRate = floodOf({ id: 'quintet_flood_rate', title: `${FLOOD_RATE} session checks a second beside a flood of sign-ins`, openLoop: true, ask: { rate: FLOOD_RATE } })

/** Opens so many keep-alive connections, each of which has asked once and got its answer. */
async function openIdle(url, count) {
    const { hostname, port } = new URL(url)
    const sockets = []
    const one = () =>
        new Promise((resolve, reject) => {
            const socket = connect({ host: hostname, port: Number(port) })
            socket.once('error', reject)
            socket.once('connect', () => socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`))
            socket.once('data', () => {
                socket.removeListener('error', reject)
                socket.on('error', () => {}) // counted by 'destroyed'
                resolve()
            })
            sockets.push(socket)
        })
    for (let done = 0; done < count; done += 100) await Promise.all(Array.from({ length: Math.min(100, count - done) }, one))
    return { alive: () => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length, close: () => sockets.forEach((socket) => socket.destroy()) }
}

function memoryOfServices(stack) {
    const each = Object.fromEntries(stack.serviceNames.map((name) => [name, memoryOf(stack.processes[name].pid)]))
    const of = (kind) => Object.fromEntries(Object.entries(each).map(([name, memory]) => [name, memory[kind]]))
    return { rss_mib: of('rss_mib'), pss_mib: of('pss_mib') }
}

const idle = {
    id: 'quintet_idle',
    group: 'idle',
    title: `${ACTIVE} active connections beside ${IDLE} idle ones`,
    at: ['without', 'with'],
    async open(ctx) {
        const stack = await ctx.stack()
        return {
            async measure(at, times) {
                const held = at === 'with' ? await openIdle(stack.url, IDLE) : null
                try {
                    if (held) await delay(IDLE_FOR_MS)
                    const sample = await measureStack(ctx, stack, { ...checks(stack, ACTIVE), ...times })
                    const lost = held ? IDLE - held.alive() : 0
                    return { ...sample, ...memoryOfServices(stack), idle: held ? IDLE : 0, ...(lost > 0 ? { void: `${lost} idle connections were closed` } : {}) }
                } finally {
                    held?.close()
                }
            },
        }
    },
}

const SHARE = 0.8 // of what Prisma's combined version answers at most: busy, as a site is at its peak, and yet it must hold it
const HELD = 0.95 // of the rate offered: with less, calls pile up, and latencies tell how long the run was

/** The same offered rate for both: a rate that the slower one can hold. Latencies count from when a call was due. */
const sameRate = {
    id: 'same_rate',
    group: 'same_rate',
    title: 'p99 at the same offered rate',
    at: ['quintet', 'prisma_combined'],
    needs: ['prisma_combined'],
    openLoop: true,
    async open(ctx) {
        const stack = await ctx.stack()
        let rate = null
        return {
            async measure(at, times) {
                if (rate === null) {
                    const full = ctx.results.medianOf('prisma_combined', CLIENTS)
                    if (!full?.rate) return { void: 'prisma_combined was not measured before' }
                    rate = Math.max(1, Math.round(full.rate * SHARE))
                }
                const ask = { ...times, concurrency: 256, rate }
                const sample = at === 'quintet' ? await measureStack(ctx, stack, { ...checks(stack), ...ask }) : await ctx.opened('prisma_combined').measure(CLIENTS, ask)
                // The generator's own lag only makes latencies longer. Quintet's may be; they are to be the short ones.
                if (at === 'quintet' && sample.only_lag) delete sample.void
                const held = sample.void || sample.rate >= rate * HELD
                return { ...sample, asked_rate: rate, ...(held ? {} : { void: `answered ${Math.round(sample.rate)} of ${rate} a second` }) }
            },
        }
    },
}

export const pressure = [flood, floodAtRate, idle, sameRate]
