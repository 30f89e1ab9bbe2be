// Processes and folders that the suite makes, and their end, whatever way the suite ends.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'

const running = new Set()
const folders = new Set()
let ending = false

/** A folder of our own, gone at the end. Others may enter: PostgreSQL and PgBouncer run as another user when we are root. */
export function makeFolder(name) {
    const folder = mkdtempSync(`/var/tmp/quintet-bench-${name}.`)
    chmodSync(folder, 0o755)
    folders.add(folder)
    return folder
}

// Each in a session of its own: a Ctrl-C reaches the suite alone, which then ends them in order; and the kernel's scheduler, which
// shares the processor among sessions first (autogroup), treats a peer as it treats each of Quintet's services.
function start(command, args, { env, stdio, cwd }) {
    if (ending) throw new Error('the suite is ending')
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio, cwd, detached: true })
    child.ended = new Promise((resolve) => {
        child.once('error', (error) => resolve({ error }))
        child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    running.add(child)
    child.ended.then(() => running.delete(child))
    return child
}

/** Runs a program to its end. 'input' goes to its stdin. When it fails ('ok' lists the exit codes that are none) the error says
 *  its last words in one line. */
export async function run(command, args, { env = {}, input = '', ok = [0], cwd } = {}) {
    const child = start(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'], cwd })
    let stdout = '', stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.stdin.on('error', () => {}) // it may not care to read
    child.stdin.end(input)
    const closed = new Promise((resolve) => child.once('close', resolve))
    const { error, code, signal } = await child.ended
    if (error) throw new Error(`${command}: ${error.message}`)
    await closed
    if (!ok.includes(code)) {
        const words = /FATAL:.*/.exec(stderr)?.[0] ?? (stderr.trim().split('\n').at(-1) || 'without a word')
        throw new Error(`${basename(command)}: ${signal ?? `exit code ${code}`}: ${words}`)
    }
    return { stdout, stderr, code }
}

/** Starts a server and resolves with what 'ready' matches in a line of its stdout: { child, pid, found, stop() }. Its stderr goes
 *  to 'log', whose end is shown when it does not come up. */
export async function serve(command, args, { env = {}, ready, log, timeout_s = 60 }) {
    const fd = openSync(log, 'a')
    // Should the suite be killed outright, its servers go with it (those that change their user, as root, do not).
    const child = start('setpriv', ['--pdeathsig', 'TERM', command, ...args], { env, stdio: ['ignore', 'pipe', fd] })
    closeSync(fd)
    const found = await new Promise((resolve, reject) => {
        const fail = (why) => reject(new Error(`${command} ${args.join(' ')}: ${why}\n${tail(log)}`))
        const timer = setTimeout(() => fail(`not ready after ${timeout_s} s`), timeout_s * 1000)
        createInterface({ input: child.stdout }).on('line', (line) => {
            const match = ready.exec(line)
            if (match) clearTimeout(timer), resolve(match)
        })
        child.ended.then(({ error, code, signal }) => {
            clearTimeout(timer)
            fail(error ? error.message : `ended with ${signal ?? code}`)
        })
    })
    return { child, pid: child.pid, found, stop: () => stop(child) }
}

function tail(file) {
    return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')
}

/** SIGTERM, and SIGKILL for who is still there after 30 s. */
export async function stop(child) {
    if (!running.has(child)) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
    await child.ended
    clearTimeout(timer)
}

/** Once the suite is ending, whoever asks waits for ever: nothing more is measured, and above all nothing is written. */
export const unlessEnding = () => (ending ? new Promise(() => {}) : undefined)

/** Ends everything that was started, the newest first (a peer before its database), and removes the folders. */
export async function endAll() {
    ending = true
    for (const child of [...running].reverse()) await stop(child)
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    folders.clear()
}
