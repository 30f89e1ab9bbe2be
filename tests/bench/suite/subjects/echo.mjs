// A call with nothing in it: over Quintet's rpc layer and over C++ gRPC.
import { existsSync, mkdirSync } from 'node:fs'
import { run, serve } from '../children.mjs'

const PROGRAMS = { quintet: (build) => `${build}/bin/quintet-echo`, grpc: (build) => `${build}/bench/grpc_echo/grpc-echo` }

/** The line of JSON of tests/bench/echo/measure.h, as a sample. */
export function parseEcho(text) {
    const { calls, rate, p50_us, p99_us, client_cpu_us, server_cpu_us } = JSON.parse(text)
    return { calls, rate, p50_us, p99_us, cpu_us: { client: client_cpu_us, server: server_cpu_us } }
}

const echo = (id, title, library, method, addressOf) => ({
    id,
    group: 'echo',
    phase: 'echo',
    share: 0.5, // thousands of calls a second, whatever the library
    title,
    at: [1, 64, 512],
    async open(ctx) {
        const program = PROGRAMS[library](ctx.options.build)
        if (!existsSync(program)) throw new Error(`${program} is not built`)
        const dir = `${ctx.scratch}/${id}`
        mkdirSync(dir)
        const asked = addressOf(dir)
        const server = await serve(program, ['server', asked], { ready: /^ready (\S+)/, log: `${dir}/log` })
        // A service on one machine is addressed by its folder.
        const address = asked.startsWith('ipc:') ? asked : server.found[1]
        return {
            // Each answer is compared with what was sent, by the client itself.
            async measure(at, { seconds, warmup }) {
                const args = ['client', address, '--server-pid', server.pid, '--method', method, '--in-flight', at, '--seconds', seconds, '--warmup', warmup]
                return parseEcho((await run(program, args.map(String))).stdout)
            },
            close: server.stop,
        }
    },
})

const ipc = (dir) => `ipc://${dir}`
const tcp = () => 'tcp://127.0.0.1:0'

export const echoes = [
    echo('echo_grpc_unix', 'C++ gRPC, unary, unix socket', 'grpc', 'echo', (dir) => `unix:${dir}/socket`),
    echo('echo_quintet_ipc', 'Quintet, unary, ipc', 'quintet', 'echo', ipc),
    echo('echo_quintet_ipc_batched', 'Quintet, batchable method, ipc', 'quintet', 'many', ipc),
    echo('echo_grpc_tcp', 'C++ gRPC, unary, TCP', 'grpc', 'echo', () => '127.0.0.1:0'),
    echo('echo_quintet_tcp', 'Quintet, unary, TCP', 'quintet', 'echo', tcp),
    echo('echo_quintet_tcp_batched', 'Quintet, batchable method, TCP', 'quintet', 'many', tcp),
]
