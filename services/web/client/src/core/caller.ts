import type { SetCookie } from './cookies.js'

/** Whom a call is made for, as the gateway wants to know it. All of it comes from the request that is being answered. */
export interface Caller {
  /** Cookie header; Better Auth's cookies are enough. */
  cookie?: string | undefined
  /** Authorization header; passed on when it is a bearer token. */
  authorization?: string | undefined
  /** The person's address as the site's own proxy says it: passed on as X-Forwarded-For, so that rate limits count the person, not us. */
  clientAddress?: string | undefined
  userAgent?: string | undefined
  requestId?: string | undefined
  traceparent?: string | undefined
}

/** 1 to 64 printable characters: what the gateway keeps of an X-Request-Id. */
const REQUEST_ID = /^[\x21-\x7e]{1,64}$/

/** What came, if the gateway would keep it; else a new one. */
export function requestIdOf(came: string | null | undefined): string {
  return came && REQUEST_ID.test(came) ? came : crypto.randomUUID()
}

/** From the headers of the incoming request. */
export function callerOf(headers: { get(name: string): string | null }, clientAddressHeader: string): Caller {
  return {
    cookie: headers.get('cookie') ?? undefined,
    authorization: headers.get('authorization') ?? undefined,
    clientAddress: headers.get(clientAddressHeader) ?? undefined,
    userAgent: headers.get('user-agent') ?? undefined,
    requestId: requestIdOf(headers.get('x-request-id')),
    traceparent: headers.get('traceparent') ?? undefined,
  }
}

/** Writes a caller into the headers of a call. */
export function writeCaller(caller: Caller, header: Headers): void {
  const set = (name: string, value: string | undefined) => value && header.set(name, value)
  set('cookie', caller.cookie && betterAuthCookies(caller.cookie))
  set('authorization', caller.authorization?.startsWith('Bearer ') ? caller.authorization : undefined)
  set('x-forwarded-for', caller.clientAddress)
  set('user-agent', caller.userAgent)
  set('x-request-id', caller.requestId)
  set('traceparent', caller.traceparent)
}

/** "better-auth.session_token", "__Secure-better-auth.session_data", … */
const BETTER_AUTH = /^(?:__(?:Secure|Host)-)?better-auth\./

/** The session cookie is among them (it may be forged or old). */
export function showsSession(caller: Caller): boolean {
  const cookies = caller.cookie ? betterAuthCookies(caller.cookie) : ''
  return cookies.includes('better-auth.session_token=') || Boolean(caller.authorization?.startsWith('Bearer '))
}

/** The Cookie header without what other software keeps there: it is none of the gateway's business, and its heads are of 8 KiB. */
export function betterAuthCookies(cookie: string): string {
  return cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => BETTER_AUTH.test(pair))
    .join('; ')
}

/** The Cookie header as it is once an answer's cookies have been taken. */
export function withCookies(cookie: string | undefined, taken: readonly SetCookie[]): string {
  const pairs = (cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair && !taken.some(({ name }) => pair.startsWith(`${name}=`)))
  for (const { name, value, options } of taken) if (options.maxAge !== 0) pairs.push(`${name}=${encodeURIComponent(value)}`)
  return pairs.join('; ')
}

