import { afterAll, describe, expect, test } from 'vitest'
import { checkOf, sessionOf } from '../../src/core/shapes.js'
import { NextStep, SessionState } from '../../src/gen/auth_pb.js'
import { closeConnections, openConnections, QuintetError, quintetFor } from '../../src/node/index.js'
import { endpoint, PASSWORD, Person } from './people.js'

afterAll(closeConnections)

async function failureOf(call: Promise<unknown>): Promise<QuintetError> {
  const error = await call.then(
    () => new Error('it went well'),
    (e: unknown) => e,
  )
  if (error instanceof QuintetError) return error
  throw error
}

describe('a session', () => {
  test('begins with sign-up, and its cookie says who asks', async () => {
    const ada = await Person.signedUp()
    expect(ada.set[0]).toMatchObject({ name: 'better-auth.session_token', options: { httpOnly: true, sameSite: 'lax', path: '/', maxAge: 604800 } })
    const { session, user, state } = await ada.ask.auth.getSession({})
    expect(state).toBe(SessionState.LIVE)
    expect(user?.email).toBe(ada.email)
    expect(session?.userId).toBe(user?.id)
  })

  test('ends with sign-out', async () => {
    const ada = await Person.signedUp()
    const old = ada.cookie
    expect(await ada.ask.auth.signOut({})).toMatchObject({ ended: true })
    expect(ada.cookie).toBe('')
    ada.cookie = old
    expect((await ada.ask.auth.getSession({})).state).toBe(SessionState.UNKNOWN)
    await ada.ask.auth.refreshSession({})
    expect(ada.set.at(-1)?.options.maxAge).toBe(0)
  })

  test('is not made by a forged cookie', async () => {
    const mallory = new Person()
    mallory.cookie = 'better-auth.session_token=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D'
    expect((await mallory.ask.auth.getSession({})).state).toBe(SessionState.BAD_SIGNATURE)
    expect(await failureOf(mallory.ask.profile.getMyProfile({}))).toMatchObject({ code: 'unauthenticated', reason: 'NO_SESSION' })
  })

  test('does not tell its token to whoever copies it', async () => {
    const ada = await Person.signedUp()
    const session = sessionOf((await ada.ask.auth.getSession({})).session!)
    expect(session.token).toMatch(/^\w{32}$/)
    expect(JSON.stringify(session)).not.toContain(session.token)
    expect({ ...session }).not.toHaveProperty('token')
    expect(session.expiresAt.getTime()).toBeGreaterThan(Date.now())
  })
})

describe('the combined question', () => {
  test('nobody: sign in', async () => {
    const answer = await new Person().ask.auth.getSessionWithProfileCheck({})
    expect(answer.nextStep).toBe(NextStep.SIGN_IN)
    expect(checkOf(answer)).toEqual({
      authenticated: false,
      session: null,
      user: null,
      profileComplete: false,
      missingFields: [],
      nextStep: 'sign-in',
      nextPath: '/signin',
    })
  })

  test('without a profile: what lacks, by its names in TypeScript', async () => {
    const ada = await Person.signedUp()
    expect(checkOf(await ada.ask.auth.getSessionWithProfileCheck({}))).toMatchObject({
      authenticated: true,
      profileComplete: false,
      missingFields: ['displayName', 'birthDate', 'gender', 'city', 'bio', 'photos'],
      nextStep: 'create-profile',
      nextPath: '/create',
      user: { email: ada.email, image: null, emailVerified: false },
    })
    await ada.makesProfile()
    expect(checkOf(await ada.ask.auth.getSessionWithProfileCheck({}))).toMatchObject({ missingFields: ['photos'] })
  })
})

describe('failures', () => {
  test('a wrong password, and an unknown address: the same', async () => {
    const ada = await Person.signedUp()
    for (const email of [ada.email, 'nobody@example.com'])
      expect(await failureOf(new Person().ask.auth.signIn({ email, password: 'wrong horse 2' }))).toMatchObject({
        code: 'unauthenticated',
        reason: 'INVALID_EMAIL_OR_PASSWORD',
      })
  })

  test('an address that is taken', async () => {
    const ada = await Person.signedUp()
    expect(await failureOf(new Person().ask.auth.signUp({ name: 'B', email: ada.email, password: PASSWORD }))).toMatchObject({
      code: 'already_exists',
      reason: 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
    })
  })

  test('fields at fault', async () => {
    const ada = await Person.signedUp()
    const error = await failureOf(ada.ask.profile.createProfile({ birthDate: '2020-01-01', city: ' ' }))
    expect(error.code).toBe('invalid_argument')
    expect(error.violations.map(({ field }) => field).sort()).toEqual(['birth_date', 'city'])
    expect(error.requestId).toMatch(/^[\w-]{36}$/)
  })

  test('too many sign-ins of one person, told with when to come again; others are let in', async () => {
    const ada = await Person.signedUp()
    const from = (clientAddress: string) =>
      quintetFor({ clientAddress, settings: { url: endpoint('HTTP') } }).auth.signIn({ email: ada.email, password: PASSWORD })
    for (let i = 0; i < 3; i++) await from('203.0.113.5')
    const error = await failureOf(from('203.0.113.5'))
    expect(error.code).toBe('resource_exhausted')
    expect(error.retryAfterMs).toBeGreaterThan(0)
    await from('203.0.113.6')
  })
})

test('calls at once share a few connections', async () => {
  closeConnections()
  const ada = await Person.signedUp()
  const ask = quintetFor({ cookie: ada.cookie, settings: { url: endpoint('HTTP'), maxConnections: 8 } })
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask.auth.getSession({})))
  expect(answers.every(({ user }) => user?.email === ada.email)).toBe(true)
  expect(openConnections()).toBeLessThanOrEqual(8)
})
