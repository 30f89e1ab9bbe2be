import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOptions, wanted } from '../../bench/suite/options.mjs'
import { clockText, lengthOf, measureOnce, Results, roundOf } from '../../bench/suite/schedule.mjs'

const quiet = () => {}

test('a round goes by places, and who is compared is measured one after the other', () => {
    const a = { id: 'a', at: [1, 64, 'with'] }
    const b = { id: 'b', at: [1, 2000, 64] }
    assert.deepEqual(
        roundOf([a, b]).map(({ subject, at }) => `${subject.id}@${at}`),
        ['a@1', 'b@1', 'a@64', 'b@64', 'b@2000', 'a@with'],
    )
})

test('a void measurement is repeated once', async () => {
    const answers = [{ void: 'lag' }, { calls: 5, rate: 1 }]
    assert.deepEqual(await measureOnce(async () => answers.shift(), quiet), { calls: 5, rate: 1, repeated: 'lag' })
})

test('a measurement that stays void is told, and is not tried for ever', async () => {
    let tries = 0
    const sample = await measureOnce(async () => (tries++, { calls: 5, rate: 1, void: 'lag' }), quiet)
    assert.equal(sample.void, 'lag')
    assert.equal(tries, 2)
})

test('an error and a measurement without calls are void', async () => {
    assert.equal((await measureOnce(async () => { throw new Error('gone\nmore') }, quiet)).void, 'gone')
    assert.equal((await measureOnce(async () => ({ calls: 0, rate: 0 }), quiet)).void, 'no call was answered in time')
})

test('results keep every sample, and medians leave void ones out', () => {
    const results = new Results()
    for (const sample of [{ rate: 1 }, { rate: 3 }, { rate: 900, void: 'lag' }, { rate: 2 }]) results.add('a', 64, sample)
    assert.deepEqual(results.medianOf('a', 64), { rate: 2, samples: 3 })
    assert.equal(results.medianOf('a', 1), null)
    assert.deepEqual(results.voids(), [{ id: 'a', at: 64, reason: 'lag', void: 1, of: 4 }])
    const again = Results.from(JSON.parse(JSON.stringify(results.all())))
    assert.deepEqual(again.medianOf('a', 64), { rate: 2, samples: 3 })
})

test('a subject that is all void has no median', () => {
    const results = new Results()
    results.add('a', 1, { rate: 5, void: 'x' })
    assert.equal(results.medianOf('a', 1), null)
})

test('slow ones with many clients are given time for each to be answered twice', () => {
    assert.equal(lengthOf({}, 64, 8, undefined), 8)
    assert.equal(lengthOf({}, 512, 8, 20_000), 8)
    assert.equal(lengthOf({}, 512, 8, 56), (2.5 * 512) / 56)
    assert.equal(lengthOf({}, 512, 8, 10), 32, 'but not for ever')
    assert.equal(lengthOf({ share: 0.5 }, 64, 8), 4)
    assert.equal(lengthOf({ least_s: 5 }, 16, 1.5), 5)
    assert.equal(lengthOf({}, 'with', 8, 1), 8)
})

test('time left is said in what people count in', () => {
    assert.equal(clockText(49.4), '49 s')
    assert.equal(clockText(600), '10 min')
})

test('options: what they are without a word, and quick', () => {
    const { users, seconds, runs, print, only } = readOptions([])
    assert.deepEqual({ users, seconds, runs, print, only }, { users: 100_000, seconds: 8, runs: 3, print: false, only: [] })
    const quick = readOptions(['--quick', '--runs', '2'])
    assert.ok(quick.print && quick.quick && quick.users < 100_000)
    assert.equal(quick.runs, 2)
})

test('options: --only takes names up to the next option', () => {
    const options = readOptions(['--only', 'echo', 'pgbench', '--seconds', '2'])
    assert.deepEqual(options.only, ['echo', 'pgbench'])
    assert.equal(options.seconds, 2)
    assert.ok(wanted(options, 'echo_grpc_tcp') && !wanted(options, 'quintet_auth'))
    assert.ok(wanted(readOptions([]), 'quintet_auth'))
})

test('options: bad use is named with what is allowed', () => {
    assert.throws(() => readOptions(['--users', '0']), /--users: "0" is not allowed; a number from 100/)
    assert.throws(() => readOptions(['--runs', '1.5']), /not a whole number/)
    assert.throws(() => readOptions(['--seconds']), /--seconds wants a value/)
    assert.throws(() => readOptions(['--generator', 'ab']), /quintet-load or wrk/)
    assert.throws(() => readOptions(['--fast']), /--fast: no such option/)
    assert.ok(readOptions(['--help']).help.includes('--only'))
})
