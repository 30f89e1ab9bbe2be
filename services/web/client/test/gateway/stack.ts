/**
 * A real Quintet for the tests of this folder: quintet-run with a PostgreSQL of its own, on free ports, in a folder that goes with it.
 * QUINTET_BIN says where the programs are.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    endpoints: Record<string, string>
    /** Where the site of these tests listens: the services are told before they start. */
    sitePort: number
  }
}

const READY_MS = 60_000
const END_MS = 90_000

export default async function setup(project: TestProject) {
  const program = join(process.env.QUINTET_BIN ?? '', 'quintet-run')
  if (!existsSync(program)) throw new Error(`QUINTET_BIN is ${process.env.QUINTET_BIN ?? 'not set'}: must be the folder with quintet-run, such as build/bin`)
  const folder = mkdtempSync('/var/tmp/quintet-web-test.') // the embedded PostgreSQL runs as another user when we are root
  chmodSync(folder, 0o755)
  const sitePort = await freePort()
  const { DATABASE_URL: _none, ...environment } = process.env
  const child = spawn(program, {
    env: {
      ...environment,
      QUINTET_RUN_DIR: join(folder, 'run'),
      QUINTET_HTTP_LISTEN: '127.0.0.1:0',
      QUINTET_MEDIA_LISTEN: '127.0.0.1:0',
      BETTER_AUTH_URL: `http://127.0.0.1:${sitePort}`,
      BETTER_AUTH_SECRET: 'only-for-the-tests-of-the-npm-package-0123',
      BETTER_AUTH_RATE_LIMIT_ENABLED: 'true',
      BETTER_AUTH_RATE_LIMIT_CUSTOM_RULES: '/sign-up/email=off',
      QUINTET_AUTH_DELETE_USER: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)))
  try {
    await ready(child)
  } catch (error) {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`${String(error)}\n${log}`)
  }
  project.provide('endpoints', endpointsIn(join(folder, 'run/endpoints')))
  project.provide('sitePort', sitePort)

  return async () => {
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const late = setTimeout(() => child.kill('SIGKILL'), END_MS)
    child.kill('SIGTERM')
    const code = await ended
    clearTimeout(late)
    rmSync(folder, { recursive: true, force: true })
    if (code !== 0) throw new Error(`quintet-run ended with ${code}\n${log}`)
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('quintet-run is not ready')), READY_MS)
    child.stdout?.on('data', (chunk: Buffer) => {
      if (!chunk.toString().includes('quintet: ready on ')) return
      clearTimeout(late)
      resolve()
    })
    child.once('exit', (code) => {
      clearTimeout(late)
      reject(new Error(`quintet-run ended with ${code} before it was ready`))
    })
  })
}

export function endpointsIn(file: string): Record<string, string> {
  return Object.fromEntries(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
