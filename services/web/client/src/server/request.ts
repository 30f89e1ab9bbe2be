import 'server-only'
import { cookies, headers } from 'next/headers'
import { cache } from 'react'
import { callerOf, type Caller } from '../core/caller.js'
import type { SetCookie } from '../core/cookies.js'
import { readSettings } from '../core/settings.js'

/** One id for all calls of a request that came without one (the proxy helper gives each request one). */
const ownRequestId = cache(() => crypto.randomUUID() as string)

/** Whom we answer. Reading headers makes the page dynamic, as anything does that depends on who asks. */
export async function currentCaller(): Promise<Caller> {
  const [incoming, jar] = await Promise.all([headers(), cookies()])
  const caller = callerOf(incoming, readSettings().clientAddressHeader)
  return {
    ...caller,
    // Not the header: what a server action has set meanwhile, or the proxy, stands in the jar alone.
    cookie: jar
      .getAll()
      .map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
      .join('; '),
    requestId: incoming.get('x-request-id') ? caller.requestId : ownRequestId(),
  }
}

/**
 * Hands an answer's cookies to the browser. Only server actions and route handlers can; while a page is rendered Next throws.
 * `required`: then so do we, because without its cookie the call was for nothing.
 */
export async function passCookies(set: readonly SetCookie[], required: boolean): Promise<void> {
  const jar = await cookies()
  try {
    for (const { name, value, options } of set) jar.set(name, value, options)
  } catch (error) {
    if (required)
      throw new Error('@quintet/next: this call sets a cookie, so call it from a server action or a route handler, not while rendering', {
        cause: error,
      })
    if (process.env.NODE_ENV === 'development')
      console.warn(`@quintet/next: ${set.map(({ name }) => name).join(', ')} cannot be set while rendering, and was dropped`)
  }
}
