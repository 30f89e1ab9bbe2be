// Programs that answer the same question another way: tests/bench/peers, which tests/bench/peers/peers.json lists.
import { existsSync, readFileSync } from 'node:fs'
import { withCpu } from '../cpu.mjs'
import { load } from '../load.mjs'
import { run, serve } from '../children.mjs'
import { makeRole } from '../stack.mjs'

const LIST = 'tests/bench/peers/peers.json'

/** A peer's process serves several subjects: it is started for the first of them. */
async function peerOf(ctx, name) {
    ctx.peers ??= new Map()
    if (!ctx.peers.has(name)) ctx.peers.set(name, start(ctx, name))
    return ctx.peers.get(name)
}

async function start(ctx, name) {
    const stack = await ctx.stack()
    ctx.say(`starting the peer ${name}`)
    const peer = await serve('tests/bench/peers/start', [name, '--build', ctx.options.build], {
        env: { PORT: '0', DATABASE_URL: await makeRole(stack, `bench_${name}`), BETTER_AUTH_SECRET: stack.secret },
        ready: /^ready (\S+)/,
        log: `${ctx.scratch}/${name}.log`,
    })
    const check = ['tests/bench/peers/check.mjs', '--run-dir', stack.dir, '--peer', name, '--url', peer.found[1]]
    await run(process.execPath, check)
    return { ...peer, url: peer.found[1], stack }
}

const subject = ({ id, peer: name, method, path, title }) => {
    const signIn = id.endsWith('sign_in')
    return {
        id,
        title,
        group: signIn ? 'sign_in' : 'check',
        at: signIn ? [16] : [1, 64, 512],
        least_s: signIn ? 5 : 0, // as Quintet's
        async open(ctx) {
            const peer = await peerOf(ctx, name)
            const { files, postgres } = peer.stack
            const what = signIn ? { dataFile: files.logins } : { cookies: method === 'GET' ? files.complete : files.cookies }
            return {
                measure: (at, times) =>
                    withCpu({ program: { pid: peer.pid }, postgres }, ctx.cores, () =>
                        load(ctx.generator, { target: peer.url, path, verb: method, ...what, concurrency: at, ...times }, ctx.scratch),
                    ),
                close: peer.stop,
            }
        },
    }
}

export const peers = existsSync(LIST) ? JSON.parse(readFileSync(LIST, 'utf8')).map(subject) : []
