import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ErrorDetailSchema } from '../../src/gen/rpc_pb.js'
import { closeConnections, openConnections, QuintetError, quintetFor, type SetCookie } from '../../src/node/index.js'
import { empty, failure, serve, type Answer, type TestServer } from './server.js'

let server: TestServer
let answer: Answer
beforeEach(async () => {
  server = await serve((...all) => answer(...all))
  answer = (_seen, response) => empty(response)
})
afterEach(async () => {
  closeConnections()
  await server.close()
})

const clients = (more: Parameters<typeof quintetFor>[0] = {}) => quintetFor({ ...more, settings: { url: server.url, ...more.settings } })

describe('what a call carries', () => {
  test('who asks, and nothing of other software', async () => {
    await clients({
      cookie: 'theme=dark; better-auth.session_token=a.b%3D; __Secure-better-auth.session_data=x; _ga=1',
      clientAddress: '203.0.113.7',
      userAgent: 'Lynx',
      requestId: 'page-1',
      traceparent: '00-1-2-01',
      authorization: 'Basic c3RhZ2luZzpzdGFnaW5n',
    }).auth.getSession({})
    const { headers } = server.seen[0]!
    expect(headers.cookie).toBe('better-auth.session_token=a.b%3D; __Secure-better-auth.session_data=x')
    expect(headers['x-forwarded-for']).toBe('203.0.113.7')
    expect(headers['user-agent']).toBe('Lynx')
    expect(headers['x-request-id']).toBe('page-1')
    expect(headers.traceparent).toBe('00-1-2-01')
    expect(headers.authorization).toBeUndefined()
  })

  test('a bearer token', async () => {
    await clients({ authorization: 'Bearer abc' }).auth.getSession({})
    expect(server.seen[0]!.headers.authorization).toBe('Bearer abc')
  })

  test('a request id of its own when the one that came will not do', async () => {
    await clients({ requestId: 'two words' }).auth.getSession({})
    expect(server.seen[0]!.headers['x-request-id']).toMatch(/^[\w-]{36}$/)
  })

  test('its deadline: the usual one, or its own', async () => {
    await clients({ settings: { timeoutMs: 7000 } }).auth.getSession({})
    await clients().auth.getSession({}, { timeoutMs: 1234 })
    expect(server.seen.map(({ headers }) => headers['connect-timeout-ms'])).toEqual(['7000', '1234'])
  })

  test('disable_refresh, wherever the contract has it', async () => {
    await clients().auth.listSessions({})
    expect([...server.seen[0]!.body]).toEqual([8, 1]) // field 1, true
  })
})

describe('cookies of an answer', () => {
  const lines = ['better-auth.session_token=t.s%3D; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax', 'better-auth.session_data=; Max-Age=0; Path=/']
  const expected = [
    { name: 'better-auth.session_token', value: 't.s=', options: { maxAge: 604800, path: '/', httpOnly: true, sameSite: 'lax' } },
    { name: 'better-auth.session_data', value: '', options: { maxAge: 0, path: '/' } },
  ]

  test('reach whoever asked for them', async () => {
    const got: SetCookie[] = []
    answer = (_seen, response) => empty(response, { 'set-cookie': lines })
    await clients({ onCookies: (cookies) => got.push(...cookies) }).auth.signOut({})
    expect(got).toEqual(expected)
  })

  test('also those of a call that failed', async () => {
    const got: SetCookie[] = []
    answer = (_seen, response) => {
      response.writeHead(401, { 'content-type': 'application/json', 'set-cookie': lines }).end('{"code":"unauthenticated"}')
    }
    await expect(clients({ onCookies: (cookies) => got.push(...cookies) }).auth.listSessions({})).rejects.toThrow(QuintetError)
    expect(got).toEqual(expected)
  })
})

describe('asking again', () => {
  const away: Answer = (_seen, response, count) => (count < 3 ? failure(response, 503, { code: 'unavailable' }) : empty(response))

  test('a read that was not executed is asked three times, each with the time that is left', async () => {
    answer = away
    await clients().auth.getSession({}, { timeoutMs: 5000 })
    const left = server.seen.map(({ headers }) => Number(headers['connect-timeout-ms']))
    expect(left).toHaveLength(3)
    expect(left[0]).toBe(5000)
    expect(left[1]).toBeLessThan(left[0]!)
    expect(left[2]).toBeLessThan(left[1]!)
  })

  test('a read whose connection broke is asked again', async () => {
    answer = (_seen, response, count) => (count === 1 ? response.destroy() : empty(response))
    await clients().profile.listProfiles({})
    expect(server.seen).toHaveLength(2)
  })

  test.each(['signUp', 'signOut', 'refreshSession', 'updateUser'] as const)('%s is never sent twice', async (method) => {
    answer = away
    await expect(clients().auth[method]({})).rejects.toMatchObject({ code: 'unavailable' })
    expect(server.seen).toHaveLength(1)
  })

  test('a write whose connection broke may have happened', async () => {
    answer = (_seen, response) => response.destroy()
    await expect(clients().profile.createProfile({})).rejects.toMatchObject({ code: 'unknown' })
    expect(server.seen).toHaveLength(1)
  })

  test.each([
    [429, { code: 'resource_exhausted' }],
    [500, { code: 'internal' }],
    [504, { code: 'deadline_exceeded' }],
  ])('nothing else is asked again (%i)', async (status, error) => {
    answer = (_seen, response) => failure(response, status, error)
    await expect(clients().auth.getSession({})).rejects.toMatchObject(error)
    expect(server.seen).toHaveLength(1)
  })

  test('not when the hint lies beyond what anybody waits', async () => {
    answer = (_seen, response) => failure(response, 503, { code: 'unavailable' }, { 'retry-after': '30' })
    await expect(clients().auth.getSession({})).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: 30_000 })
    expect(server.seen).toHaveLength(1)
  })

  test('not when the time is over', async () => {
    answer = (_seen, response) => failure(response, 503, { code: 'unavailable' }, { 'retry-after': '1' })
    await expect(clients().auth.getSession({}, { timeoutMs: 900 })).rejects.toMatchObject({ code: 'unavailable' })
    expect(server.seen).toHaveLength(1)
  })
})

describe('how a call fails', () => {
  test('with reason, fields, request id and when to come again', async () => {
    const value = Buffer.from(
      toBinary(ErrorDetailSchema, create(ErrorDetailSchema, { reason: 'NOPE', violations: [{ field: 'birth_date', description: 'must be a date' }] })),
    ).toString('base64')
    answer = (_seen, response) =>
      failure(
        response,
        429,
        {
          code: 'resource_exhausted',
          message: 'busy',
          details: [
            { type: 'quintet.rpc.v1.ErrorDetail', value },
            { type: 'google.rpc.RetryInfo', value: '', debug: { retryDelay: '1.240s' } },
          ],
        },
        { 'retry-after': '2', 'x-request-id': 'r-1' },
      )
    const error = await clients().profile.createProfile({}).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(QuintetError)
    expect(error).toMatchObject({
      name: 'QuintetError',
      message: 'busy',
      code: 'resource_exhausted',
      reason: 'NOPE',
      violations: [{ field: 'birth_date', description: 'must be a date' }],
      retryAfterMs: 1240,
      requestId: 'r-1',
    })
  })

  test('in time: nothing is waited for beyond the deadline', async () => {
    answer = () => undefined
    await expect(clients().auth.getSession({}, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'deadline_exceeded' })
  })

  test('when its caller ends it', async () => {
    const controller = new AbortController()
    answer = () => controller.abort()
    await expect(clients().auth.getSession({}, { signal: controller.signal })).rejects.toMatchObject({ code: 'canceled' })
  })

  test('when nobody listens', async () => {
    const { url } = server
    await server.close()
    await expect(quintetFor({ settings: { url } }).auth.signOut({})).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('when something answers that is no gateway', async () => {
    answer = (_seen, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>')
    await expect(clients().auth.getSession({})).rejects.toBeInstanceOf(QuintetError)
  })
})

describe('connections', () => {
  test('are kept, and no more are opened than was said', async () => {
    let inHand = 0
    let most = 0
    answer = (_seen, response) => {
      most = Math.max(most, ++inHand)
      setImmediate(() => {
        inHand--
        empty(response)
      })
    }
    const ask = clients({ settings: { maxConnections: 4 } })
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 20 }, () => ask.auth.getSession({})))
    expect(server.seen).toHaveLength(100)
    expect(most).toBeLessThanOrEqual(4)
    expect(server.connections()).toBe(4)
    expect(openConnections()).toBe(4)
  })

  // `next dev` evaluates a module anew at each change; what it held before is unreachable then, its connections too.
  test('are the same ones after a hot reload', async () => {
    for (let reload = 0; reload < 30; reload++) {
      vi.resetModules()
      const fresh = await import('../../src/node/index.js')
      expect(fresh.quintetFor).not.toBe(quintetFor)
      await fresh.quintetFor({ settings: { url: server.url } }).auth.getSession({})
    }
    expect(server.seen).toHaveLength(30)
    expect(server.connections()).toBe(1)
  })
})
