import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { Relay } from '../../client/test/gateway/relay'
import { startSite } from '../../client/test/gateway/site'
import { FOLDER } from './setup'

const EDITS = 30
const READERS = 8
/** Of QUINTET_CLIENT_CONNECTIONS. */
const MOST_CONNECTIONS = 64
const PAGE = join(FOLDER, 'app/(members)/browse/page.tsx') // of the copy that the tests work in

const site = `http://127.0.0.1:${inject('sitePort')}`
const { HTTP = '', MEDIA = '', ADMIN_DATABASE_URL = '' } = inject('endpoints')
const cookie = inject('people')[7]!.cookie
const relay = new Relay(new URL(HTTP))
const before = readFileSync(PAGE, 'utf8')
let server: Awaited<ReturnType<typeof startSite>>

beforeAll(async () => {
  await relay.open()
  server = await startSite(inject('sitePort'), { QUINTET_URL: relay.url, QUINTET_IMAGES: MEDIA, NODE_ENV: 'development' }, FOLDER, 'dev')
})
afterAll(async () => {
  writeFileSync(PAGE, before)
  await server.stop()
  await relay.close()
})

const COUNT = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'quintet'"

async function databaseConnections(): Promise<number> {
  const { stdout } = await promisify(execFile)('psql', ['--no-psqlrc', '--quiet', '--tuples-only', ADMIN_DATABASE_URL, '--command', COUNT])
  return Number(stdout)
}

async function browsePage(): Promise<string> {
  const answer = await fetch(`${site}/browse`, { headers: { cookie } })
  return answer.text() // while it is being compiled it may be an error of the bundler
}

test('`next dev`: edits under load make no connections, neither to the gateway nor to PostgreSQL', { timeout: 400_000 }, async () => {
  expect(await browsePage()).toContain('Who is here') // compiled
  let done = false
  let [most, pages] = [0, 0]
  const watch = async () => {
    while (!done) most = Math.max(most, await databaseConnections())
  }
  const read = async () => {
    while (!done) if ((await browsePage()).includes('data-edit')) pages++
  }
  const edit = async () => {
    try {
      for (let number = 1; number <= EDITS; number++) {
        writeFileSync(PAGE, before.replace('<h1 ', `<h1 data-edit="${number}" `))
        await expect.poll(browsePage, { timeout: 60_000 }).toContain(`data-edit="${number}"`)
      }
    } finally {
      done = true
    }
  }
  await Promise.all([edit(), watch(), ...Array.from({ length: READERS }, read)])
  console.log(`${pages} pages over ${EDITS} edits: ${most} connections of PostgreSQL, ${relay.peak} of the gateway at once, ${relay.connections} in all`)
  expect(pages).toBeGreaterThan(EDITS)
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(5)
  expect(relay.peak).toBeLessThanOrEqual(MOST_CONNECTIONS)
})
