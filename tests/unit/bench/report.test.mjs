import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plotOf, scaleOf } from '../../bench/suite/plot.mjs'
import { between } from '../../bench/suite/readme.mjs'
import { reportOf } from '../../bench/suite/report.mjs'
import { Results } from '../../bench/suite/schedule.mjs'
import { checkTable, echoTable, layersTable } from '../../bench/suite/tables.mjs'
import { number, ratio, table, whole } from '../../bench/suite/text.mjs'
import { check, runOf } from './run_of.mjs'

test('numbers keep three digits that say something', () => {
    assert.deepEqual([1.426, 9.996, 27.83, 99.96, 504.4, 20747, 0].map(number), ['1.43', '10.0', '27.8', '100', '504', '20,747', '0.00'])
    assert.equal(number(undefined), '–')
    assert.equal(whole(1234567.6), '1,234,568')
    assert.deepEqual([0.0037, 0.5, 45.04, 128.3, NaN].map(ratio), ['0.0037×', '0.50×', '45.0×', '128×', '–'])
})

test('a table is Markdown; without rows it is nothing', () => {
    assert.equal(table([['who', 'left'], ['n', 'right']], [['a', '1']]), '| who | n |\n| --- | ---: |\n| a | 1 |')
    assert.equal(table([['who', 'left']], []), '')
})

const FULL = {
    'quintet_gateway@512': [check(20_000, 20, 10), check(30_000, 30, 10), check(25_000, 24, 16)],
    'node_pg@512': [check(2_500, 300, 100)],
    'prisma_combined@512': [check(500, 1500, 300)],
}

test('the check: medians, and how many times Quintet', () => {
    const run = runOf(FULL)
    const lines = checkTable(run, Results.from(run.results), 512).split('\n')
    assert.equal(lines.length, 2 + 3)
    assert.equal(lines[2], '| Quintet <over HTTP> | 25,000 | 1.00 ms | 5.00 ms | 24.0 | 10.0 | 34.0 | 1.00× | 1.00× |')
    assert.equal(lines[3], '| Node + pg | 2,500 | 1.00 ms | 5.00 ms | 300 | 100 | 400 | 11.8× | 10.0× |')
    assert.equal(checkTable(run, Results.from(run.results), 1), '')
})

test('without Quintet there is nothing to set others against', () => {
    const run = runOf({ 'node_pg@64': [check(2_500, 300, 100)] })
    assert.match(checkTable(run, Results.from(run.results), 64), /\| 400 \| – \| – \|$/)
})

test('the layers: batches where there are some', () => {
    const sample = { ...check(9, 0, 9), cpu_us: { gateway: 1, auth: 2, profile: 3, media: 0, postgres: 4 }, generator_us: 5, calls_per_message: { auth: 31.9, profile: 50 }, lookups_per_statement: 50 }
    const run = runOf({ 'quintet_gateway@512': [sample] })
    assert.match(layersTable(run, Results.from(run.results)), /\| gateway \| 512 \| 9 \| 1.00 \| 2.00 \| 3.00 \| 0.00 \| 4.00 \| 5.00 \| 31.9 \| 50.0 \| 50.0 \|$/)
})

test('the echo is set against gRPC on the same transport', () => {
    const echo = (client, server) => [{ calls: 1, rate: 1, p50_us: 1, p99_us: 1, cpu_us: { client, server } }]
    const run = runOf({ 'echo_grpc_unix@64': echo(8, 10), 'echo_quintet_ipc_batched@64': echo(1, 2) })
    assert.match(echoTable(run, Results.from(run.results)), /ours, batchable .* \| 3.00 \| 6.00× \|$/)
})

test('the report leaves out what was not measured, and says what was void', () => {
    const run = runOf({ ...FULL, 'node_pg@1': [{ void: 'it lagged' }], 'node_pg@64': [{ void: 'it lagged' }, { void: 'it lagged' }] })
    run.left_out.push({ id: 'prisma_tuned', why: 'its answers are wrong' })
    const report = reportOf(run)
    assert.match(report, /^Measured on 2026-01-02: Example CPU, 2 cores, 16 GiB, Linux 6\.1\.0\. Quintet 0\.1\.0; PostgreSQL's default settings; 100,000 users/)
    assert.match(report, /## Session and profile check/)
    assert.doesNotMatch(report, /## Signing in|## Idle|PgBouncer/)
    assert.match(report, /- left out: Prisma, tuned: its answers are wrong/)
    assert.match(report, /- void, also when repeated, in 3 of 3 measurements: Node \+ pg, at 1, 64: it lagged/)
})

test('only what stands between the marks is replaced', () => {
    assert.equal(between('# A\n<!-- table -->\nold\n<!-- end -->\nafter\n', '\nnew\n'), '# A\n<!-- table -->\n\nnew\n\n<!-- end -->\nafter\n')
    for (const text of ['no marks', '<!-- end --> <!-- table -->', '<!-- table --><!-- table --><!-- end -->']) assert.throws(() => between(text, 'x'), /README/)
})

test('a scale reaches from the power of ten below to the one above', () => {
    const scale = scaleOf([33, 25_000])
    assert.deepEqual([scale.least, scale.most, scale.place(10), scale.place(100_000)], [1, 5, 0, 1])
    assert.deepEqual([scaleOf([100]).least, scaleOf([100]).most], [1, 3], 'a single power has room on both sides')
})

test('the plot is sorted, escaped, and of the check alone', () => {
    const run = runOf({ 'prisma_combined@64': [check(1, 1500, 300)], 'quintet_gateway@64': [check(1, 40, 20)], 'quintet_auth@64': [check(1, 10, 20)], 'quintet_sign_in@64': [check(1, 9, 9)] })
    const svg = plotOf(run)
    assert.ok(svg.indexOf('Quintet &lt;over HTTP&gt;') > 0 && svg.indexOf('Quintet &lt;over HTTP&gt;') < svg.indexOf('Prisma, combined'))
    assert.match(svg, /1,800 µs <tspan[^>]*>30\.0×/)
    assert.doesNotMatch(svg, /at auth|sign-in/)
    assert.match(svg, /prefers-color-scheme: dark/)
    for (const [, width] of svg.matchAll(/<rect class="(?:own|bar)"[^>]* width="([^"]+)"/g)) assert.ok(Number(width) > 0)
})

test('a plot of nothing is a plot', () => {
    assert.match(plotOf(runOf({})), /^<svg [^]*<\/svg>\n$/)
})
