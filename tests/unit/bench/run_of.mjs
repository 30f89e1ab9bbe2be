// A run as main.mjs writes it to results.json, with the samples that a test wants: { 'quintet_gateway@512': [sample, …] }.
export function runOf(samples) {
    const titles = {
        quintet_gateway: { title: 'Quintet <over HTTP>', group: 'check' },
        quintet_auth: { title: 'Quintet at auth', group: 'check' },
        node_pg: { title: 'Node + pg', group: 'check' },
        prisma_combined: { title: 'Prisma, combined', group: 'check' },
        prisma_tuned: { title: 'Prisma, tuned', group: 'check' },
        quintet_sign_in: { title: 'Quintet sign-in', group: 'sign_in' },
        better_auth_sign_in: { title: 'Better Auth sign-in', group: 'sign_in' },
        pgbench_unix: { title: 'pgbench, unix', group: 'pgbench' },
        pgbench_tcp: { title: 'pgbench, TCP', group: 'pgbench' },
        echo_grpc_unix: { title: 'gRPC', group: 'echo' },
        echo_quintet_ipc: { title: 'ours', group: 'echo' },
        echo_quintet_ipc_batched: { title: 'ours, batchable', group: 'echo' },
        quintet_flood: { title: 'flood', group: 'flood' },
        quintet_flood_rate: { title: 'flood at a rate', group: 'flood' },
        quintet_idle: { title: 'idle', group: 'idle' },
        flat_small: { title: 'flat', group: 'flat' },
        flat_large: { title: 'flat', group: 'flat' },
        same_rate: { title: 'same rate', group: 'same_rate' },
    }
    const results = Object.entries(samples).map(([key, list]) => {
        const [id, at] = key.split('@')
        return { id, at: Number.isNaN(Number(at)) ? at : Number(at), samples: list }
    })
    return {
        options: { users: 100_000, seconds: 8, runs: 3 },
        generator: 'quintet-load',
        when: '2026-01-02T03:04:05.000Z',
        versions: { machine: { processor: 'Example CPU', cores: 2, memory_gib: 16, kernel: '6.1.0' }, software: { Quintet: '0.1.0', PgBouncer: null } },
        titles,
        left_out: [],
        results,
    }
}

/** A sample of a check: program and PostgreSQL µs. */
export const check = (rate, program, postgres, more = {}) => ({ calls: 1000, rate, p50_us: 1000, p99_us: 5000, cpu_us: { program, postgres }, ...more })
