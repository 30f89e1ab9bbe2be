import 'server-only'
import { redirect } from 'next/navigation'
import { cache } from 'react'
import { showsSession } from '../core/caller.js'
import { clientsOver, type Quintet } from '../core/clients.js'
import { checkOf, SIGNED_OUT, type ProfileCheck, type SessionAndUser } from '../core/shapes.js'
import { nodeTransport } from '../core/transport.js'
import { currentCaller, passCookies } from './request.js'

/**
 * The clients, for whoever sent the request that is being answered: its session cookie, address, user agent and request id go along.
 * In server components, server actions and route handlers.
 *
 *     const { profiles } = await quintet().profile.listProfiles({ pageSize: 20 })
 *
 * Cookies that an answer sets reach the browser from server actions and route handlers; sessions are refreshed by the proxy helper and by
 * refreshSession(), never on the side.
 */
export function quintet(): Quintet {
  return clientsOver(nodeTransport({ caller: currentCaller, onCookies: (set) => passCookies(set, false) }))
}

/**
 * Who is signed in, and whether the profile is complete: one call a request, however many layouts, pages and components ask. Never
 * writes, so it may be asked anywhere. Fails when Quintet cannot be asked: that is never "signed out".
 */
export const getSessionWithProfileCheck: () => Promise<ProfileCheck> = cache(async () => {
  const caller = await currentCaller()
  if (!showsSession(caller)) return SIGNED_OUT // as the gateway would say
  return checkOf(await quintet().auth.getSessionWithProfileCheck({}))
})

/** Session and user, or null: what `auth.api.getSession` answers. It is the same question as the above, and asked once with it. */
export async function getSession(): Promise<SessionAndUser | null> {
  const { session, user } = await getSessionWithProfileCheck()
  return session && user ? { session, user } : null
}

export interface RedirectOptions {
  /** Default `/signin`. */
  signInPath?: string
  /** Default `/create`. */
  createPath?: string
}

/** The session; whoever has none is redirected to `/signin`. */
export async function requireSession({ signInPath = '/signin' }: Pick<RedirectOptions, 'signInPath'> = {}): Promise<SessionAndUser> {
  return (await getSession()) ?? redirect(signInPath)
}

/** The session of somebody whose profile is complete; others are redirected to `/signin` or `/create`. */
export async function requireCompleteProfile({ signInPath, createPath = '/create' }: RedirectOptions = {}): Promise<SessionAndUser> {
  const found = await requireSession(signInPath === undefined ? {} : { signInPath })
  const { profileComplete } = await getSessionWithProfileCheck()
  return profileComplete ? found : redirect(createPath)
}
