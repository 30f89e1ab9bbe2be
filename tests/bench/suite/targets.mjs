// Where it has to get, and whether this run got there. Every figure that is wanted stands here, once.
import { total } from './stats.mjs'
import { cpuOfSample, SUBJECT_OF_ALL } from './tables.mjs'
import { milliseconds, number, ratio, whole } from './text.mjs'

/** [{ goal, wanted, measured, reached }]; reached is null when this run did not measure what it takes. */
export function targetsOf(run, results) {
    const at = (id, place) => results.medianOf(id, place)
    const own = (place) => at(SUBJECT_OF_ALL, place)
    const cpu = (sample) => (sample ? cpuOfSample(sample).all : NaN)
    const rate = (sample) => sample?.rate ?? NaN
    const list = []

    const shown = (value, text) => (Number.isFinite(value) ? text(value) : '–')
    const most = (goal, limit, value, text) => list.push({ goal, wanted: `at most ${text(limit)}`, measured: shown(value, text), reached: Number.isFinite(value) ? value <= limit : null })
    const least = (goal, limit, value, text) => list.push({ goal, wanted: `at least ${text(limit)}`, measured: shown(value, text), reached: Number.isFinite(value) ? value >= limit : null })
    const us = (value) => `${number(value)} µs`

    most('CPU of a check in all, 512 at once', 50, cpu(own(512)), us)
    most('CPU of a check in all, 64 at once', 65, cpu(own(64)), us)
    least("Prisma's combined version: CPU against ours, 512 at once", 45, cpu(at('prisma_combined', 512)) / cpu(own(512)), ratio)
    least('Prisma tuned: CPU against ours, 512 at once', 16, cpu(at('prisma_tuned', 512)) / cpu(own(512)), ratio)
    least('Node + pg: CPU against ours, 512 at once', 7, cpu(at('node_pg', 512)) / cpu(own(512)), ratio)
    least("checks a second against Prisma's combined version, 512 at once", 40, rate(own(512)) / rate(at('prisma_combined', 512)), ratio)
    const [ours, theirs] = [at('same_rate', 'quintet'), at('same_rate', 'prisma_combined')]
    most("p99 at the same offered rate, against Prisma's combined version", 0.1, (ours?.p99_us ?? NaN) / (theirs?.p99_us ?? NaN), ratio)

    const best = Math.max(...[64, 512, 2000].map((place) => own(place)?.rate ?? -Infinity))
    for (const [id, name] of [['pgbench_unix', 'a unix socket'], ['pgbench_tcp', 'TCP']]) {
        const pgbench = at(id, 5)
        list.push({
            goal: `look-ups a second over HTTP, against pgbench -M prepared -c 5 on ${name}`,
            wanted: pgbench ? `more than ${whole(pgbench.rate)}` : 'more',
            measured: Number.isFinite(best) ? whole(best) : '–',
            reached: pgbench && Number.isFinite(best) ? best > pgbench.rate : null,
        })
    }
    const [p50, pg50] = [own(1)?.p50_us, at('node_pg', 1)?.p50_us]
    list.push({ goal: 'p50 with one client, against Node + pg', wanted: pg50 ? `at most ${milliseconds(pg50)}` : 'no worse', measured: milliseconds(p50), reached: p50 && pg50 ? p50 <= pg50 : null })

    const signIn = at('quintet_sign_in', 16)
    least('sign-ins a second against Better Auth', 1.6, rate(signIn) / rate(at('better_auth_sign_in', 16)), ratio)
    list.push(...floodTargets(run, results, signIn))
    const [calm, flooded] = [at('quintet_flood_rate', 'alone'), at('quintet_flood_rate', 'flooded')]
    most('p99 of 1,000 checks a second beside 64 sign-ins at once, against the same without them', 1.5, (flooded?.p99_us ?? NaN) / (calm?.p99_us ?? NaN), ratio)

    const [without, idle] = [at('quintet_idle', 'without'), at('quintet_idle', 'with')]
    most('memory of all four services together, shared pages once, with 2,000 idle and 200 active connections', 60, idle ? total(idle.pss_mib) : NaN, (value) => `${number(value)} MiB`)
    least('rate of 200 with 2,000 idle ones beside them', 0.9, rate(idle) / rate(without), ratio)

    for (const place of [64, 512]) {
        for (const [name, grpc, quintet] of [['unix socket', 'echo_grpc_unix', 'echo_quintet_ipc'], ['TCP', 'echo_grpc_tcp', 'echo_quintet_tcp']]) {
            for (const [kind, suffix] of [['unary', ''], ['batchable', '_batched']]) {
                const [them, us_] = [at(grpc, place), at(quintet + suffix, place)]
                least(`gRPC's CPU a call against our ${kind} echo, ${name}, ${place} in flight`, 3, them && us_ ? total(them.cpu_us) / total(us_.cpu_us) : NaN, ratio)
            }
        }
    }
    for (const [name, grpc, quintet] of [['unix socket', 'echo_grpc_unix', 'echo_quintet_ipc'], ['TCP', 'echo_grpc_tcp', 'echo_quintet_tcp']]) {
        const [them, us_] = [at(grpc, 1)?.p50_us, at(quintet, 1)?.p50_us]
        list.push({ goal: `p50 of our unary echo, ${name}, 1 in flight, against gRPC`, wanted: them ? `at most ${us(them)}` : 'no slower', measured: shown(us_, us), reached: them && us_ ? us_ <= them : null })
    }

    most('CPU of a check with a hundred times the sessions', 1.3, cpu(at('flat_large', 512)) / cpu(at('flat_small', 512)), ratio)
    most('CPU of a check with ten times the clients', 1.2, cpu(own(2000)) / cpu(own(200)), ratio)
    return list
}

/** What the flood leaves of the processor is what it does not use itself; beyond that, it may cost half as much again. */
function floodTargets(run, results, signIn) {
    const [alone, flooded] = [results.medianOf('quintet_flood', 'alone'), results.medianOf('quintet_flood', 'flooded')]
    const used = flooded && signIn ? (flooded.sign_in_rate * cpuOfSample(signIn).all) / 1e6 : NaN // processors
    const share = 1 - used / run.versions.machine.cores
    const rate = alone ? (alone.rate * share) / 1.5 : NaN
    const p99 = alone ? (alone.p99_us / share) * 1.5 : NaN
    const known = Number.isFinite(rate) && Number.isFinite(p99) && share > 0
    const left = known ? `, which leaves ${Math.round(share * 100)}% of the processor` : ''
    return [
        { goal: `checks a second beside a flood of sign-ins${left}`, wanted: known ? `at least ${whole(rate)}` : 'its share', measured: whole(flooded?.rate), reached: known ? flooded.rate >= rate : null },
        { goal: 'p99 of checks beside a flood of sign-ins', wanted: known ? `at most ${milliseconds(p99)}` : 'its share', measured: milliseconds(flooded?.p99_us), reached: known ? flooded.p99_us <= p99 : null },
    ]
}
