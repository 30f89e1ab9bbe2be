import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { cpuOf, memoryOf, parseBusy, parseStat, withCpu } from '../../bench/suite/cpu.mjs'

test('a line of /proc/PID/stat is counted behind the last bracket', () => {
    const line = '4711 (odd) name (x)) S 42 4711 4711 0 -1 4194560 100 200 0 0 150 50 7 3 20 0 1 0 100 1000 10\n'
    assert.deepEqual(parseStat(line, 10_000), { parent: 42, own_us: 2_000_000, ended_us: 100_000 })
})

test('a processor that waits for a disk, or is idle, is not busy', () => {
    assert.equal(parseBusy('cpu  1 2 3 1000 500 4 5 6 7 8\ncpu0 9 9 9 9\n', 10_000), 210_000)
})

/** A process that is busy for so long, with a child of its own when asked for. */
function busy(ms, withChild) {
    const loop = `const until = Date.now() + ${ms}; while (Date.now() < until);`
    const script = withChild ? `require('child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(loop)}]);` : loop
    return spawn(process.execPath, ['-e', `${script} process.stdin.on('end', () => process.exit(0)).resume(); console.log('done')`], { stdio: ['pipe', 'pipe', 'inherit'] })
}

async function end(child) {
    child.stdin.end()
    await once(child, 'exit')
}

test('a process is charged with what it used', async () => {
    const child = busy(300, false)
    await once(child.stdout, 'data')
    assert.ok(cpuOf({ pid: child.pid }) >= 100_000, 'it was busy for 300 ms, if perhaps not alone')
    await end(child)
    assert.equal(cpuOf({ pid: child.pid }), 0)
})

test('a tree is charged with what its children used, also when they have ended', async () => {
    const child = busy(300, true)
    await once(child.stdout, 'data')
    const [alone, tree] = [cpuOf({ pid: child.pid }), cpuOf({ pid: child.pid, tree: true })]
    assert.ok(tree - alone >= 100_000, `${tree} against ${alone}`)
    await end(child)
})

test('memory is there for who lives', () => {
    const { rss_mib, pss_mib } = memoryOf(process.pid)
    assert.ok(rss_mib > 10 && pss_mib > 1 && pss_mib <= rss_mib * 1.1)
})

test('a sample is divided by its calls', async () => {
    const sample = await withCpu({ self: { pid: process.pid } }, 1, async () => {
        const until = Date.now() + 200
        while (Date.now() < until);
        return { calls: 10, rate: 50 }
    })
    assert.ok(sample.cpu_us.self > 1_000 && sample.cpu_us.self < 60_000, `${sample.cpu_us.self} µs a call of ten in 200 ms`)
    assert.ok(sample.elsewhere >= 0)
    assert.equal(sample.rate, 50)
})

test('a sample without calls is left as it is', async () => {
    assert.deepEqual(await withCpu({ self: { pid: process.pid } }, 1, async () => ({ calls: 0 })), { calls: 0 })
})
