import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const client = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)
const scratch = mkdtempSync(join(tmpdir(), 'quintet-pack-'))
const installed = join(scratch, 'node_modules/@quintet/next')
const run = (program: string, ...words: string[]) => execFileSync(program, words, { cwd: scratch, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const node = (...words: string[]) => run(process.execPath, ...words)

/** Packed as for a registry, and installed elsewhere with what it names as its dependencies; its peers are the site's. */
beforeAll(() => {
  run('npm', 'pack', client, '--ignore-scripts', '--pack-destination', scratch)
  writeFileSync(join(scratch, 'package.json'), '{"private":true,"type":"module"}')
  const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz'))!
  run('npm', 'install', `./${tarball}`, '--ignore-scripts', '--legacy-peer-deps', '--prefer-offline', '--no-audit', '--no-fund')
  for (const peer of ['next', 'react', '@types/react', '@types/node']) {
    mkdirSync(dirname(join(scratch, 'node_modules', peer)), { recursive: true })
    symlinkSync(dirname(require.resolve(`${peer}/package.json`)), join(scratch, 'node_modules', peer))
  }
}, 120_000)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test('the package holds what is built and nothing else', () => {
  expect(readdirSync(installed).sort()).toEqual(['README.md', 'dist', 'package.json'])
  const built = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.'))
  expect(built).toContain('gen/auth_pb.js')
  expect(built.filter((name) => !/\.(?:js|d\.ts)$/.test(name))).toEqual([])
})

describe('what it exports', () => {
  test.each([
    ['@quintet/next', ['QuintetError', 'EMPTY_FORM', 'Gender']],
    ['@quintet/next/node', ['quintetFor', 'closeConnections']],
    ['@quintet/next/client', ['uploadPhoto', 'quintetBrowser']],
    ['@quintet/next/config', ['withQuintet']],
  ])('%s, in plain Node', (entry, names) => {
    expect(JSON.parse(node('--input-type=module', '-e', `console.log(JSON.stringify(Object.keys(await import('${entry}'))))`))).toEqual(
      expect.arrayContaining(names),
    )
  })

  test('@quintet/next/server says where it belongs', () => {
    expect(() => node('--input-type=module', '-e', "await import('@quintet/next/server')")).toThrow(/cannot be imported from a Client Component|next\/headers/)
  })

  test('nothing that is private', () => {
    expect(() => node('--input-type=module', '-e', "await import('@quintet/next/dist/core/retry.js')")).toThrow(/ERR_PACKAGE_PATH_NOT_EXPORTED/)
  })

  test('types, in a strict project', () => {
    writeFileSync(
      join(scratch, 'page.ts'),
      `import { getSessionWithProfileCheck, quintet } from '@quintet/next/server'
       import { uploadPhoto } from '@quintet/next/client'
       import { withQuintet } from '@quintet/next/config'
       import { quintetProxy } from '@quintet/next/proxy'
       import { Gender, type User } from '@quintet/next'
       export const proxy = quintetProxy()
       export default withQuintet({ reactStrictMode: true })
       export async function page(file: File): Promise<User | null> {
         await quintet().profile.listProfiles({ gender: Gender.FEMALE })
         const { url } = await uploadPhoto(file)
         url.toUpperCase()
         const check = await getSessionWithProfileCheck()
         return check.authenticated ? check.user : check.user
       }
       // @ts-expect-error it knows what it is
       withQuintet(7)`,
    )
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022', '--types', 'node']
    node(require.resolve('typescript/bin/tsc'), ...options, 'page.ts')
  })
})

test('what a browser gets holds nothing of the server', () => {
  const seen = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    for (const [, from] of readFileSync(file, 'utf8').matchAll(/from '([^']+)'/g)) {
      expect(from).not.toMatch(/^node:|connect-node|^next\/|server-only|auth_pb/)
      if (from!.startsWith('.')) visit(join(dirname(file), from!))
    }
  }
  visit(join(installed, 'dist/client/index.js'))
  expect(seen.size).toBeGreaterThan(5)
})
