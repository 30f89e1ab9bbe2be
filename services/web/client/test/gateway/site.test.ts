import { execFileSync } from 'node:child_process'
import { createAuthClient } from 'better-auth/client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { closeConnections, quintetFor } from '../../src/node/index.js'
import { endpoint, PASSWORD, Person } from './people.js'
import { Relay } from './relay.js'
import { buildSite, startSite, Visitor } from './site.js'

const port = inject('sitePort')
const site = `http://127.0.0.1:${port}`
const relay = new Relay(new URL(endpoint('HTTP')))
let server: Awaited<ReturnType<typeof startSite>>
const env = { QUINTET_IMAGES: endpoint('MEDIA') }
let connectionsOfBuild = -1

beforeAll(async () => {
  await relay.open()
  await buildSite({ ...env, QUINTET_URL: relay.url })
  connectionsOfBuild = relay.connections
  server = await startSite(port, { ...env, QUINTET_URL: relay.url })
})
afterAll(async () => {
  closeConnections()
  await server.stop()
  await relay.close()
})

function sql(statement: string) {
  execFileSync('psql', ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', endpoint('ADMIN_DATABASE_URL'), '--command', statement])
}

let count = 0
const address = () => `site-${process.pid}-${++count}@example.com`
const signUp = (visitor: Visitor, email = address()) => visitor.submit('/signup', 'join', { name: 'Ada', email, password: PASSWORD })

test('`next build` asks nobody', () => {
  expect(connectionsOfBuild).toBe(0)
})

describe('server actions', () => {
  test('sign-up sets the cookie and goes on; the next page knows', async () => {
    const ada = new Visitor(site)
    expect(await signUp(ada)).toMatchObject({ status: 303, to: '/browse' })
    expect(ada.set).toEqual([expect.stringMatching(/^better-auth\.session_token=[^;]+;.*Max-Age=604800.*HttpOnly.*SameSite=lax/i)])
    expect((await ada.go('/private')).text).toContain('<h1>Ada</h1>')
  })

  test('what sign-in has set counts at once, in the same action', async () => {
    const email = address()
    await signUp(new Visitor(site), email)
    expect(await new Visitor(site).submit('/signin', 'enter', { email, password: PASSWORD })).toMatchObject({ status: 303, to: '/?as=Ada' })
  })

  test('"do not remember me" is a cookie that ends with the browser', async () => {
    const ada = new Visitor(site)
    await ada.submit('/signup', 'join', { name: 'Ada', email: address(), password: PASSWORD, rememberMe: 'off' })
    const token = ada.set.find((line) => line.startsWith('better-auth.session_token='))
    expect(token).toBeDefined()
    expect(token).not.toMatch(/Max-Age|Expires/)
  })

  test('a password may hold any character', async () => {
    const [email, password] = [address(), 'nul\0 ünd 😀']
    await new Visitor(site).submit('/signup', 'join', { name: 'Ada', email, password })
    expect((await new Visitor(site).submit('/signin', 'enter', { email, password })).status).toBe(303)
    expect((await new Visitor(site).submit('/signin', 'enter', { email, password: 'nul' })).text).toContain('assword')
  })

  test('a failure is shown by the form, with what was typed but the password', async () => {
    const { status, text } = await new Visitor(site).submit('/signin', 'enter', { email: 'nobody@example.com', password: 'wrong horse 2' })
    expect(status).toBe(200)
    expect(text).toMatch(/<output[^>]*>[^<]*password[^<]*<\/output>/i)
    expect(text).toContain('value="nobody@example.com"')
    expect(text).not.toContain('wrong horse 2')
  })

  test('a field at fault is shown beside it', async () => {
    const { text } = await new Visitor(site).submit('/signup', 'join', { name: 'B', email: 'no address', password: PASSWORD })
    expect(text).toMatch(/<em id="error-email">[^<]+<\/em>/)
  })

  test('a changed password replaces the cookie, and the old one is worth nothing', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    const old = new Map(ada.cookies)
    const done = await ada.submit('/private', 'repassword', { old: PASSWORD, new: 'other horse 2' })
    expect(done.text).toContain('changed')
    expect(ada.cookies).not.toEqual(old)
    expect((await ada.go('/private')).status).toBe(200)
    const thief = new Visitor(site)
    for (const [name, value] of old) thief.cookies.set(name, value)
    expect((await thief.go('/private')).to).toBe('/signin')
  })

  test('sign-out expires the cookie', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    expect(await ada.submit('/private', 'leave', {})).toMatchObject({ status: 303, to: '/signin' })
    expect(ada.cookies.size).toBe(0)
    expect((await ada.go('/private')).to).toBe('/signin')
  })
})

describe('pages', () => {
  test('ask once, however many of their parts do', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    relay.paths.length = 0
    const { text } = await ada.go('/')
    expect(text).toContain('<i>Ada</i><i>Ada</i>')
    expect(relay.paths.filter((path) => path.endsWith('/GetSessionWithProfileCheck'))).toHaveLength(1)
  })

  test('never show the session token', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    const token = decodeURIComponent(ada.cookies.get('better-auth.session_token')!).split('.')[0]!
    const { text } = await ada.go('/')
    expect(text).toContain('expiresAt')
    expect(text).not.toContain(token)
  })

  test.each([
    ['nobody', {}],
    ['a forged cookie', { 'better-auth.session_token': `${'a'.repeat(32)}.${'A'.repeat(43)}%3D` }],
    ['nonsense', { 'better-auth.session_token': '%zz' }],
  ])('%s is sent to sign in', async (_who, cookies) => {
    const visitor = new Visitor(site)
    for (const [name, value] of Object.entries(cookies)) visitor.cookies.set(name, value)
    expect((await visitor.go('/private')).to).toBe('/signin')
    expect((await visitor.go('/browse')).to).toBe('/signin')
    expect((await visitor.go('/')).text).toContain('<i>nobody</i>')
  })

  test('an incomplete profile is sent to make one, a signed-in visitor away from the sign-in page', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    expect((await ada.go('/browse')).to).toBe('/create')
    expect((await ada.go('/signin')).to).toBe('/')
  })
})

describe('a complete profile', () => {
  test('opens what is guarded; the photo is shown by next/image, though its host is a private address', async () => {
    const ada = await Person.signedUp()
    await ada.makesProfile()
    const photo = await ada.uploads()
    const visitor = new Visitor(site)
    visitor.cookies.set('better-auth.session_token', /session_token=([^;]+)/.exec(ada.cookie)![1]!)
    const page = await visitor.go('/browse')
    expect(page.text).toContain('browse as <!-- -->Ada')
    expect(page.text).toContain('data-born="1990-12-10"') // a message of the contracts went to a client component
    const [, source] = /<img[^>]* src="([^"]+)"/.exec(page.text)!
    expect(source).toContain(encodeURIComponent(photo.url))
    const picture = await fetch(site + source!.replaceAll('&amp;', '&'))
    expect(`${picture.status} ${picture.statusText}`).toBe('200 OK')
    expect(picture.headers.get('content-type')).toMatch(/^image\//)
  })

  test('pictures of other hosts are not fetched', async () => {
    const elsewhere = await fetch(`${site}/_next/image?${new URLSearchParams({ url: endpoint('HTTP') + '/healthz', w: '64', q: '75' })}`)
    expect(elsewhere.status).toBe(400)
  })
})

test('a call that sets a cookie says so when it is made while rendering', async () => {
  const email = address()
  await signUp(new Visitor(site), email)
  const { status } = await new Visitor(site).go(`/wrong?${new URLSearchParams({ email, password: PASSWORD })}`)
  expect(status).toBe(500)
  expect(server.said()).toContain('call it from a server action or a route handler')
})

describe('the proxy helper', () => {
  test('sends a form that was posted too late to sign in, and leaves calls of actions to the actions', async () => {
    const visitor = new Visitor(site)
    expect(await visitor.go('/browse', { method: 'POST', body: new FormData() })).toMatchObject({ status: 303, to: '/signin' })
    const call = await visitor.go('/browse', { method: 'POST', body: '[]', headers: { 'next-action': '40'.padEnd(42, 'a'), origin: site } })
    expect(call.to).toBeNull()
    expect(call.status).toBeGreaterThanOrEqual(400) // Next's own answer: there is no such one
  })

  test('keeps a session alive that is due: its end moves, and the browser gets the cookie again', async () => {
    const ada = new Visitor(site)
    const email = address()
    await signUp(ada, email)
    await ada.go('/')
    expect(ada.set).toEqual([]) // it is not due yet
    sql(`UPDATE session SET "expiresAt" = now() + interval '5 days' WHERE "userId" = (SELECT id FROM "user" WHERE email = '${email}')`)
    expect((await ada.go('/')).text).toContain('<i>Ada</i>')
    expect(ada.set).toEqual([expect.stringMatching(/^better-auth\.session_token=.*Max-Age=604800/)])
    await ada.go('/')
    expect(ada.set).toEqual([])
  })

  test('expires the cookies of a session that has gone', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    const cookie = `better-auth.session_token=${ada.cookies.get('better-auth.session_token')}`
    await quintetFor({ cookie, settings: { url: endpoint('HTTP') } }).auth.revokeSessions({})
    expect((await ada.go('/')).text).toContain('<i>nobody</i>')
    expect(ada.cookies.size).toBe(0)
  })

  test('keeps a guarded page shut while Quintet is away, serves the others, and recovers', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    await relay.close()
    try {
      const shut = await ada.go('/browse')
      expect(shut.status).toBe(503)
      expect(shut.headers.get('retry-after')).toBe('1')
      expect((await new Visitor(site).go('/')).status).toBe(200)
      expect((await ada.go('/private')).status).toBe(500) // its own guard; error.tsx would be shown
      expect(ada.cookies.size).toBe(1)
    } finally {
      await relay.open()
    }
    expect((await ada.go('/browse')).to).toBe('/create')
    expect((await ada.go('/private')).text).toContain('<h1>Ada</h1>')
  })
})

describe('the rewrites', () => {
  test('Better Auth is where its client looks for it, and counts the person', async () => {
    const json = { 'content-type': 'application/json', origin: site, 'x-forwarded-for': '203.0.113.77' }
    const post = (visitor: Visitor, body: object, more = {}) =>
      visitor.go('/api/auth/sign-in/email', { method: 'POST', headers: { ...json, ...more }, body: JSON.stringify(body) })
    const known = await Person.signedUp()
    const visitor = new Visitor(site)
    for (let i = 0; i < 3; i++) {
      const answer = await post(visitor, { email: known.email, password: PASSWORD })
      expect(answer.status).toBe(200)
      expect(answer.headers.has('x-middleware-rewrite')).toBe(false)
    }
    expect((await visitor.go('/private')).status).toBe(200)
    expect((await post(visitor, { email: known.email, password: PASSWORD })).status).toBe(429)
    expect((await post(new Visitor(site), { email: known.email, password: PASSWORD }, { 'x-forwarded-for': '203.0.113.78' })).status).toBe(200)
  })

  test("Better Auth's own client works on the site's pages as it did", async () => {
    const visitor = new Visitor(site)
    const client = createAuthClient({
      baseURL: site,
      fetchOptions: {
        customFetchImpl: async (input, init) => {
          const { headers, ...rest } = init ?? {}
          const { pathname, search } = new URL(String(input))
          const named = { ...Object.fromEntries(new Headers(headers)), origin: site }
          const { status, text, headers: answered } = await visitor.go(pathname + search, { ...rest, headers: named })
          return new Response(text, { status, headers: { 'content-type': answered.get('content-type') ?? 'application/json' } })
        },
      },
    })
    const email = address()
    expect((await client.signUp.email({ name: 'Ada', email, password: PASSWORD })).data?.user.email).toBe(email)
    expect((await visitor.go('/private')).text).toContain('<h1>Ada</h1>')
    expect((await client.getSession()).data?.user.name).toBe('Ada')
    expect((await client.updateUser({ name: 'Countess' })).data?.status).toBe(true)
    expect((await visitor.go('/private')).text).toContain('<h1>Countess</h1>')
    expect((await client.listSessions()).data).toHaveLength(1)
    expect((await client.signOut()).data?.success).toBe(true)
    expect((await client.getSession()).data).toBeNull()
    expect((await visitor.go('/private')).to).toBe('/signin')
    expect((await client.signIn.email({ email, password: 'wrong horse 2' })).error?.code).toBe('INVALID_EMAIL_OR_PASSWORD')
    expect((await client.signIn.email({ email, password: PASSWORD })).data?.user.name).toBe('Countess')
  })

  test('browsers reach photos and profiles, and nothing else', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    const call = (method: string) =>
      ada.go(`/api/quintet/${method}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    expect(await call('quintet.media.v1.MediaService/ListPhotos')).toMatchObject({ status: 200, text: '{}' })
    expect((await call('quintet.profile.v1.ProfileService/GetMyProfile')).text).toContain('PROFILE_NOT_FOUND')
    expect((await call('quintet.auth.v1.AuthService/GetSession')).status).toBe(404)
  })
})

describe('connections', () => {
  test('of many pages are few', async () => {
    const ada = new Visitor(site)
    await signUp(ada)
    for (let round = 0; round < 10; round++) {
      const pages = await Promise.all(Array.from({ length: 20 }, () => ada.go('/')))
      expect(pages.every(({ status }) => status === 200)).toBe(true)
    }
    const { connections } = JSON.parse((await ada.go('/api/refresh', { method: 'POST' })).text) as { connections: number }
    expect(connections).toBeGreaterThan(0)
    expect(connections).toBeLessThanOrEqual(64)
  })
})

// The rewrites of a build lead where QUINTET_URL led then; one image is to run in several places.
test('a site that was built for another gateway reaches its own', async () => {
  await server.stop()
  server = await startSite(port, { ...env, QUINTET_URL: endpoint('HTTP') })
  relay.paths.length = 0
  const visitor = new Visitor(site)
  const answer = await visitor.go('/api/auth/get-session')
  expect(answer).toMatchObject({ status: 200, text: 'null' })
  expect((await visitor.go('/private')).to).toBe('/signin')
  expect(relay.paths).toEqual([])
})
