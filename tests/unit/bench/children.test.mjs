import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { run, serve, stop } from '../../bench/suite/children.mjs'

test('what a program writes is given back', async () => {
    const { stdout, code } = await run('sh', ['-c', 'cat; exit 3'], { input: 'hello', ok: [0, 3] })
    assert.equal(stdout, 'hello')
    assert.equal(code, 3)
})

test('a failure is told in one line, with the last words or what was fatal', async () => {
    await assert.rejects(run('sh', ['-c', 'echo first >&2; echo last >&2; exit 4']), { message: 'sh: exit code 4: last' })
    await assert.rejects(run('sh', ['-c', 'echo "psql: FATAL: no" >&2; echo last >&2; exit 1']), { message: 'sh: exit code 1: FATAL: no' })
    await assert.rejects(run('/nowhere/at-all', []), /ENOENT/)
})

test('a server is there once it says so, and gone once it was stopped', async () => {
    const server = await serve('sh', ['-c', 'echo starting; echo ready on 7; exec tail -f /dev/null'], { ready: /^ready on (\d+)/, log: '/dev/null' })
    assert.equal(server.found[1], '7')
    process.kill(server.pid, 0)
    await stop(server.child)
    assert.throws(() => process.kill(server.pid, 0), { code: 'ESRCH' })
})

test('a server that does not come up is told with its words', async () => {
    await assert.rejects(serve('sh', ['-c', 'exit 5'], { ready: /^ready/, log: '/dev/null' }), /ended with 5/)
})

/** A suite of its own that has started a server and made a folder: [process, { folder, pid }]. */
async function suite() {
    const script = `
        import { endAll, makeFolder, serve } from '${process.cwd()}/tests/bench/suite/children.mjs'
        const folder = makeFolder('test')
        const server = await serve('sh', ['-c', 'echo ready; exec tail -f /dev/null'], { ready: /ready/, log: folder + '/log' })
        process.on('SIGINT', async () => { await endAll(); process.exit(130) })
        console.log(JSON.stringify({ folder, pid: server.pid }))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    return [child, JSON.parse(String((await once(child.stdout, 'data'))[0]))]
}

// As Ctrl-C has it: nothing that was started or made is left.
test('an interrupted suite leaves neither processes nor folders', async () => {
    const [child, { folder, pid }] = await suite()
    assert.ok(existsSync(folder))
    process.kill(pid, 0)
    child.kill('SIGINT')
    assert.deepEqual(await once(child, 'exit'), [130, null])
    assert.ok(!existsSync(folder))
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

/** Whether a process is there and no zombie: nobody may wait for an orphan at once. */
function lives(pid) {
    try {
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    } catch {
        return false
    }
}

test('servers go with a suite that is killed', async () => {
    const [child, { folder, pid }] = await suite()
    assert.ok(lives(pid))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const limit = Date.now() + 20_000
    while (lives(pid) && Date.now() < limit) await new Promise(setImmediate)
    assert.ok(!lives(pid))
    rmSync(folder, { recursive: true })
})
