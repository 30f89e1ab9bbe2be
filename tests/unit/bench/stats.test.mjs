import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, medians, quantile, total } from '../../bench/suite/stats.mjs'

test('a median is the middle one, whatever the order', () => {
    assert.equal(median([30, 10, 20]), 20)
    assert.equal(median([4, 1, 3, 2]), 2.5)
    assert.equal(median([7]), 7)
})

test('a median sorts by size and not by spelling', () => {
    assert.equal(median([9, 10, 100]), 10)
})

test('a median of nothing is nothing, and what is no number does not count', () => {
    assert.equal(median([]), null)
    assert.equal(median([NaN, undefined, 5, Infinity]), 5)
})

test('a quantile is a value that was measured', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1)
    assert.equal(quantile(values, 0.5), 50)
    assert.equal(quantile(values, 0.99), 99)
    assert.equal(quantile(values, 1), 100)
    assert.equal(quantile([3], 0.99), 3)
    assert.equal(quantile([], 0.5), null)
})

test('medians go one object deep, and leave void samples out', () => {
    const samples = [
        { rate: 10, cpu_us: { gateway: 1, auth: 5 } },
        { rate: 30, cpu_us: { gateway: 3, auth: 7 } },
        { rate: 20, cpu_us: { gateway: 2 } },
        { rate: 1e9, cpu_us: { gateway: 0 }, void: 'the generator lagged' },
    ]
    assert.deepEqual(medians(samples), { rate: 20, cpu_us: { gateway: 2, auth: 6 } })
})

test('a total of nothing is 0', () => {
    assert.equal(total(undefined), 0)
    assert.equal(total({ a: 1, b: 2.5 }), 3.5)
})
