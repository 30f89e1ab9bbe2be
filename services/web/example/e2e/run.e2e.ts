import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../client/test/gateway/stack'

const { QUINTET_ROOT = '', QUINTET_BIN = '', PATH = '', NODE_ENV: _ours, ...environment } = process.env
const SAYS_MS = 300_000

/** Debian's node is too old for what `next build` starts, and it starts whichever it finds: there the site did not come up. */
test('`make run-site`: it comes up beside a node that is too old, says where, and ends by one Ctrl-C', { timeout: SAYS_MS + 60_000 }, async () => {
  const folder = mkdtempSync('/var/tmp/quintet-web-run.') // the embedded PostgreSQL runs as another user when we are root
  chmodSync(folder, 0o755)
  const old = `#!/bin/sh\ncase $1 in -e) exec ${process.execPath} "$@" ;; esac\necho "node: too old" >&2\nexit 1\n` // -e: what services/web/install asks of it
  writeFileSync(join(folder, 'node'), old, { mode: 0o755 })
  const port = await freePort()
  const child = spawn(join(QUINTET_ROOT, 'services/web/run'), ['--build', resolve(QUINTET_BIN, '..')], {
    env: {
      ...environment,
      PATH: `${folder}:${PATH}`,
      QUINTET_RUN_DIR: join(folder, 'run'),
      QUINTET_HTTP_LISTEN: '127.0.0.1:0',
      QUINTET_MEDIA_LISTEN: '127.0.0.1:0',
      QUINTET_SITE_PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  try {
    await expect.poll(() => said, { timeout: SAYS_MS, interval: 200 }).toContain(`site: http://127.0.0.1:${port}\n`)
    await expect.poll(() => said, { timeout: SAYS_MS, interval: 200 }).toContain('Ready in')
    const page = await fetch(`http://127.0.0.1:${port}/signup`)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('<title>Join')
    child.kill('SIGINT')
    expect(await ended, said).toBe(130)
    expect(said).toContain('run: ended')
    expect(existsSync(join(folder, 'run/endpoints'))).toBe(false)
  } catch (error) {
    throw new Error(`${String(error)}\n${said}`)
  } finally {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
})
