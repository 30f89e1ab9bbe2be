import { describe, expect, test } from 'vitest'
import { betterAuthCookies, callerOf, requestIdOf, showsSession, withCookies } from '../../src/core/caller.js'
import { parseSetCookie, setCookiesOf } from '../../src/core/cookies.js'

describe('Set-Cookie', () => {
  test.each([
    ['a=b', { name: 'a', value: 'b', options: {} }],
    ['a=b=c; path=/x; DOMAIN=site.example', { name: 'a', value: 'b=c', options: { path: '/x', domain: 'site.example' } }],
    ['a=%2B%3D; Secure; HttpOnly; SameSite=None; Partitioned', { name: 'a', value: '+=', options: { secure: true, httpOnly: true, sameSite: 'none', partitioned: true } }],
    ['a=100%; Max-Age=-1', { name: 'a', value: '100%', options: { maxAge: 0 } }],
    ['a=; Max-Age=soon; SameSite=maybe; Expires=never', { name: 'a', value: '', options: {} }],
    ['a=b; Expires=Wed, 09 Jun 2027 10:18:14 GMT', { name: 'a', value: 'b', options: { expires: new Date('2027-06-09T10:18:14Z') } }],
  ])('%s', (line, expected) => {
    expect(parseSetCookie(line)).toEqual(expected)
  })

  test.each(['', 'novalue', '=value', ';'])('%j is none', (line) => {
    expect(parseSetCookie(line)).toBeUndefined()
  })

  test('several, one of them with a comma in its date', () => {
    const header = new Headers()
    header.append('set-cookie', 'a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT')
    header.append('set-cookie', 'b=2')
    expect(setCookiesOf(header).map(({ name }) => name)).toEqual(['a', 'b'])
  })
})

describe('the Cookie header', () => {
  test.each([
    ['', ''],
    ['a=1; b=2', ''],
    [' better-auth.session_token=x.y ;a=1', 'better-auth.session_token=x.y'],
    ['__Secure-better-auth.session_token=x; __Host-better-auth.dont_remember=y', '__Secure-better-auth.session_token=x; __Host-better-auth.dont_remember=y'],
    ['xbetter-auth.session_token=x; better-auth=1', ''],
  ])('%j keeps %j', (from, to) => {
    expect(betterAuthCookies(from)).toBe(to)
  })

  test('shows a session', () => {
    expect(showsSession({ cookie: 'better-auth.session_token=x' })).toBe(true)
    expect(showsSession({ cookie: 'a=1; __Secure-better-auth.session_token=x' })).toBe(true)
    expect(showsSession({ authorization: 'Bearer x' })).toBe(true)
    expect(showsSession({ cookie: 'better-auth.session_data=x', authorization: 'Basic x' })).toBe(false)
    expect(showsSession({})).toBe(false)
  })

  test('after an answer', () => {
    const set = [
      { name: 'better-auth.session_token', value: 'new=', options: { maxAge: 10 } },
      { name: 'better-auth.session_data', value: '', options: { maxAge: 0 } },
      { name: 'better-auth.dont_remember', value: 'true', options: {} },
    ]
    expect(withCookies('a=1; better-auth.session_token=old; better-auth.session_data=d', set)).toBe('a=1; better-auth.session_token=new%3D; better-auth.dont_remember=true')
    expect(withCookies(undefined, [])).toBe('')
  })
})

test('a request id is kept when the gateway would keep it', () => {
  expect(requestIdOf('abc-1')).toBe('abc-1')
  for (const bad of [null, undefined, '', 'a b', 'é', 'x'.repeat(65)]) expect(requestIdOf(bad)).toMatch(/^[\w-]{36}$/)
})

test('the person is who the header of the settings says', () => {
  const headers = new Headers({ 'x-forwarded-for': '198.51.100.1', 'cf-connecting-ip': '203.0.113.9' })
  expect(callerOf(headers, 'x-forwarded-for').clientAddress).toBe('198.51.100.1')
  expect(callerOf(headers, 'cf-connecting-ip').clientAddress).toBe('203.0.113.9')
  expect(callerOf(new Headers(), 'x-forwarded-for').clientAddress).toBeUndefined()
})
