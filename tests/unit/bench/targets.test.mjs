import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Results } from '../../bench/suite/schedule.mjs'
import { targetsOf } from '../../bench/suite/targets.mjs'
import { check, runOf } from './run_of.mjs'

const targets = (samples) => {
    const run = runOf(samples)
    return targetsOf(run, Results.from(run.results))
}
const find = (list, start) => list.find(({ goal }) => goal.startsWith(start))
const reached = (samples, start) => find(targets(samples), start).reached

test('nothing measured, nothing reached, nothing missed', () => {
    const list = targets({})
    assert.ok(list.length >= 25)
    assert.deepEqual(list.filter(({ reached }) => reached !== null), [])
})

test('CPU of a check: the limit itself is within it', () => {
    assert.equal(reached({ 'quintet_gateway@512': [check(1, 30, 20)] }, 'CPU of a check in all, 512'), true)
    assert.equal(reached({ 'quintet_gateway@512': [check(1, 30, 20.1)] }, 'CPU of a check in all, 512'), false)
    assert.equal(reached({ 'quintet_gateway@64': [check(1, 45, 20)] }, 'CPU of a check in all, 64'), true)
})

test('ratios against others', () => {
    const of = (program) => ({ 'quintet_gateway@512': [check(20_000, 30, 20)], 'prisma_combined@512': [check(500, program, 250)], 'node_pg@512': [check(1, 300, 49)] })
    assert.equal(reached(of(2000), "Prisma's combined version: CPU"), true)
    assert.equal(reached(of(1900), "Prisma's combined version: CPU"), false)
    assert.equal(find(targets(of(2000)), 'Node + pg: CPU').measured, '6.98×')
    assert.equal(reached(of(2000), 'Node + pg: CPU'), false)
    assert.equal(reached(of(2000), "checks a second against Prisma's"), true)
})

test('the best rate over HTTP against pgbench', () => {
    const samples = { 'quintet_gateway@64': [check(10_000, 1, 1)], 'quintet_gateway@2000': [check(15_000, 1, 1)], 'pgbench_unix@5': [check(14_400, 0, 1)], 'pgbench_tcp@5': [check(15_000, 0, 1)] }
    assert.equal(reached(samples, 'look-ups a second over HTTP, against pgbench -M prepared -c 5 on a unix'), true)
    assert.equal(reached(samples, 'look-ups a second over HTTP, against pgbench -M prepared -c 5 on TCP'), false, 'as many are not more')
})

test('p99 at the same rate: below a tenth', () => {
    const at = (quintet, prisma) => ({ 'same_rate@quintet': [check(1, 1, 1, { p99_us: quintet })], 'same_rate@prisma_combined': [check(1, 1, 1, { p99_us: prisma })] })
    assert.equal(reached(at(900, 10_000), 'p99 at the same offered rate'), true)
    assert.equal(reached(at(1100, 10_000), 'p99 at the same offered rate'), false)
})

test('a flood: what it does not use of two processors, and half as much again', () => {
    // 10 sign-ins a second of 100 ms are one of two processors: half is left.
    const of = (rate, p99_us) => ({
        'quintet_sign_in@16': [check(20, 99_000, 1_000)],
        'quintet_flood@alone': [check(12_000, 1, 1, { p99_us: 10_000 })],
        'quintet_flood@flooded': [check(rate, 1, 1, { p99_us, sign_in_rate: 10 })],
    })
    assert.equal(find(targets(of(4_000, 30_000)), 'checks a second beside a flood').wanted, 'at least 4,000')
    assert.equal(find(targets(of(4_000, 30_000)), 'p99 of checks beside').wanted, 'at most 30.0 ms')
    assert.equal(reached(of(4_000, 30_000), 'checks a second beside a flood'), true)
    assert.equal(reached(of(3_900, 30_000), 'checks a second beside a flood'), false)
    assert.equal(reached(of(4_000, 31_000), 'p99 of checks beside'), false)
})

test('a flood at a rate: p99 against its quiet value', () => {
    const of = (p99_us) => ({ 'quintet_flood_rate@alone': [check(1000, 1, 1, { p99_us: 1000 })], 'quintet_flood_rate@flooded': [check(1000, 1, 1, { p99_us, sign_in_rate: 20 })] })
    assert.equal(find(targets(of(1400)), 'p99 of 1,000 checks').measured, '1.40×')
    assert.equal(reached(of(1500), 'p99 of 1,000 checks'), true)
    assert.equal(reached(of(1600), 'p99 of 1,000 checks'), false)
    assert.equal(reached({}, 'p99 of 1,000 checks'), null)
})

test('idle connections: memory of all four, and nine tenths of the rate', () => {
    const of = (rss, rate) => ({ 'quintet_idle@without': [check(10_000, 1, 1)], 'quintet_idle@with': [check(rate, 1, 1, { pss_mib: { gateway: rss, auth: 10, profile: 10, media: 10 } })] })
    assert.equal(reached(of(30, 9_000), 'memory of all four'), true)
    assert.equal(reached(of(31, 9_000), 'memory of all four'), false)
    assert.equal(reached(of(30, 9_000), 'rate of 200'), true)
    assert.equal(reached(of(30, 8_900), 'rate of 200'), false)
})

test('the echo: both sides together, and p50 with one in flight', () => {
    const echo = (client, server, p50_us) => [{ calls: 1, rate: 1, p50_us, p99_us: 1, cpu_us: { client, server } }]
    const samples = { 'echo_grpc_unix@64': echo(8, 10, 1), 'echo_quintet_ipc@64': echo(3, 3.1, 1), 'echo_quintet_ipc_batched@64': echo(3, 3, 1), 'echo_grpc_unix@1': echo(1, 1, 30), 'echo_quintet_ipc@1': echo(1, 1, 30) }
    assert.equal(reached(samples, "gRPC's CPU a call against our unary echo, unix socket, 64"), false)
    assert.equal(reached(samples, "gRPC's CPU a call against our batchable echo, unix socket, 64"), true)
    assert.equal(reached(samples, 'p50 of our unary echo, unix'), true)
    assert.equal(reached(samples, 'p50 of our unary echo, TCP'), null)
})

test('flat: sessions and clients', () => {
    const samples = { 'flat_small@512': [check(1, 50, 50)], 'flat_large@512': [check(1, 65, 66)], 'quintet_gateway@200': [check(1, 50, 50)], 'quintet_gateway@2000': [check(1, 60, 59)] }
    assert.equal(reached(samples, 'CPU of a check with a hundred times the sessions'), false)
    assert.equal(reached(samples, 'CPU of a check with ten times the clients'), true)
})
