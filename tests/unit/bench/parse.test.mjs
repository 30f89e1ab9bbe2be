import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleOf } from '../../bench/suite/load.mjs'
import { added, parseMetrics } from '../../bench/suite/metrics.mjs'
import { parseEcho } from '../../bench/suite/subjects/echo.mjs'
import { parsePgbench } from '../../bench/suite/subjects/pgbench.mjs'
import { parseWrk } from '../../bench/suite/wrk.mjs'

const WRK = `Running 2s test @ http://127.0.0.1:34911
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.47ms    1.89ms  40.22ms   86.96%
    Req/Sec     8.83k     1.38k   10.87k    65.00%
  Latency Distribution
     50%  313.00us
     75%    3.90ms
     90%    5.28ms
     99%    1.02s
  35289 requests in 2.01s, 24.05MB read
Requests/sec:  17553.55
Transfer/sec:     11.96MB
`

test('wrk: counts, and latencies in each of its units', () => {
    assert.deepEqual(parseWrk(WRK, ''), { calls: 35289, rate: 17553.55, p50_us: 313, p99_us: 1_020_000 })
})

test('wrk: wrong answers and broken connections make it void', () => {
    assert.equal(parseWrk(`${WRK}  Non-2xx or 3xx responses: 7\n`, '').void, 'Non-2xx or 3xx responses: 7')
    assert.equal(parseWrk(`${WRK}  Socket errors: connect 0, read 3, write 0, timeout 0\n`, '').void, 'Socket errors: connect 0, read 3, write 0, timeout 0')
    assert.equal(parseWrk(WRK, 'unexpected answer: 200 {"authenticated":false}\n').void, 'unexpected answer: 200 {"authenticated":false}')
})

const REPORT = {
    schema: 'quintet-load/1',
    void: false,
    void_reason: null,
    achieved: { took_ms: 2000, started: 100, ended: 100, codes: { ok: 100 }, rate_per_s: 50 },
    response: { p50_ns: 1_500_000, p99_ns: 9_000_000 },
    lag: { p99_ns: 100_000 },
}

test('quintet-load: a report is a sample', () => {
    assert.deepEqual(sampleOf(REPORT), { calls: 100, rate: 50, p50_us: 1500, p99_us: 9000, lag_p99_us: 100 })
})

test('quintet-load: it says itself when it is void; any other code than ok makes it so', () => {
    assert.equal(sampleOf({ ...REPORT, void: true, void_reason: 'it lagged' }).void, 'it lagged')
    const achieved = { ...REPORT.achieved, codes: { ok: 97, unavailable: 3 } }
    assert.equal(sampleOf({ ...REPORT, achieved }).void, 'answers: 3 × unavailable')
})

test('quintet-load: void for nothing but lag is told apart', () => {
    const late = { ...REPORT, void: true, void_reason: 'it lagged', lag: { p99_ns: 1_000_000 } }
    assert.equal(sampleOf(late).only_lag, true)
    assert.equal(sampleOf({ ...late, lag: { p99_ns: 100_000 } }).only_lag, undefined)
    assert.equal(sampleOf({ ...late, achieved: { ...REPORT.achieved, codes: { ok: 99, unknown: 1 } } }).only_lag, undefined)
})

test('quintet-load: another schema is refused', () => {
    assert.throws(() => sampleOf({ ...REPORT, schema: 'quintet-load/2' }), /quintet-load\/2/)
})

const PGBENCH = `number of transactions actually processed: 4000
number of failed transactions: 0 (0.000%)
latency average = 0.151 ms
tps = 1000.384272 (without initial connection time)
`

test('pgbench: its text for counts, its logs for latencies', () => {
    const logs = ['0 1 100 0 1 2\n0 2 300 0 1 2\n', '1 1 200 0 1 2\n']
    assert.deepEqual(parsePgbench(PGBENCH, logs), { calls: 4000, rate: 1000.384272, p50_us: 200, p99_us: 300 })
})

test('pgbench: failed transactions make it void, and so does silence', () => {
    assert.match(parsePgbench(PGBENCH.replace('transactions: 0 (0.000%)', 'transactions: 2 (0.050%)'), []).void, /2 failed/)
    assert.match(parsePgbench('', []).void, /0 done/)
})

test('echo: the line of either program', () => {
    const line = '{"library":"grpc","method":"echo","address":"unix:/x","in_flight":64,"payload_bytes":100,"seconds":3.00,"calls":9,"rate":3,"p50_us":1.5,"p99_us":2.5,"client_cpu_us":7.1,"server_cpu_us":8.2}\n'
    assert.deepEqual(parseEcho(line), { calls: 9, rate: 3, p50_us: 1.5, p99_us: 2.5, cpu_us: { client: 7.1, server: 8.2 } })
})

test('metrics: what was added to the series of one name with one label', () => {
    const before = parseMetrics('# HELP a_total x\na_total{method="one",code="ok"} 5\na_total{method="one",code="unavailable"} 1\na_total{method="two",code="ok"} 100\na_total_more 7\n')
    const after = parseMetrics('a_total{method="one",code="ok"} 25\na_total{method="one",code="unavailable"} 2\na_total{method="two",code="ok"} 300\na_total_more 70\n')
    assert.equal(added(before, after, 'a_total', 'method="one"'), 21)
    assert.equal(added(before, after, 'a_total'), 221)
    assert.equal(added({}, after, 'a_total_more'), 70)
})
