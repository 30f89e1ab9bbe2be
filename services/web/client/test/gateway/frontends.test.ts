import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { closeConnections } from '../../src/node/index.js'
import { endpoint, Person } from './people.js'

afterAll(closeConnections)

const FRONTENDS = 50
const IN_FLIGHT = 20
const CALLS = 60 // of each frontend
const SAMPLE_S = 0.05

interface Frontend {
  child: ChildProcess
  ready: Promise<void>
  came: Promise<{ good: number; failed: Record<string, number>; connections: number }>
}

function frontend(cookie: string): Frontend {
  const program = fileURLToPath(new URL('frontend.mjs', import.meta.url))
  const child = spawn(process.execPath, [program, endpoint('HTTP'), cookie, String(IN_FLIGHT), String(CALLS)], { stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  let isReady: () => void
  const ready = new Promise<void>((resolve) => (isReady = resolve))
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    if (said.startsWith('ready\n')) isReady()
  })
  const came = new Promise<Awaited<Frontend['came']>>((resolve, reject) =>
    child.once('close', (code) => {
      isReady()
      if (code === 0) resolve(JSON.parse(said.split('\n')[1]!))
      else reject(new Error(`a frontend ended with ${code}`))
    }),
  )
  return { child, ready, came }
}

/** Counts the connections of our role that PostgreSQL has, until it is told to stop. */
function watchConnections(): () => Promise<number[]> {
  const child = spawn('psql', ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', endpoint('ADMIN_DATABASE_URL')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stdin.write(`SELECT 'count=' || count(*) FROM pg_stat_activity WHERE usename = 'quintet' \\watch ${SAMPLE_S}\n`)
  return async () => {
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    return [...said.matchAll(/count=(\d+)/g)].map(([, n]) => Number(n))
  }
}

// The error this project is about is PostgreSQL's "too many clients already", at fifty frontends with a pool each.
test('fifty frontends, twenty calls of each in flight: five connections, no error', async () => {
  const ada = await Person.signedUp()
  const stop = watchConnections()
  const all = Array.from({ length: FRONTENDS }, () => frontend(ada.cookie))
  try {
    await Promise.all(all.map(({ ready }) => ready))
    for (const { child } of all) child.stdin?.write('go\n')
    const came = await Promise.all(all.map((one) => one.came))
    expect(came.map(({ failed }) => failed)).toEqual(came.map(() => ({})))
    expect(came.reduce((sum, { good }) => sum + good, 0)).toBe(FRONTENDS * CALLS)
    expect(Math.max(...came.map(({ connections }) => connections))).toBeLessThanOrEqual(IN_FLIGHT)
  } finally {
    for (const { child } of all) child.kill('SIGKILL')
    const counts = await stop()
    expect(counts.length).toBeGreaterThan(3)
    expect(Math.max(...counts)).toBeGreaterThan(0)
    expect(Math.max(...counts)).toBeLessThanOrEqual(5)
  }
}, 240_000)
