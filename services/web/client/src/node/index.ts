/**
 * Outside of a Next.js request: scripts, workers, other servers. The same clients, deadlines, retries and connections; who asks is said
 * by hand.
 */
import type { Caller } from '../core/caller.js'
import { requestIdOf } from '../core/caller.js'
import { clientsOver, type Quintet } from '../core/clients.js'
import type { SetCookie } from '../core/cookies.js'
import type { Settings } from '../core/settings.js'
import { nodeTransport } from '../core/transport.js'

export interface QuintetForOptions extends Caller {
  /** Instead of the environment's. */
  settings?: Partial<Settings>
  /** Gets the cookies that an answer sets. */
  onCookies?: (cookies: SetCookie[]) => void
}

export function quintetFor({ settings = {}, onCookies, ...caller }: QuintetForOptions = {}): Quintet {
  return clientsOver(
    nodeTransport({
      caller: () => ({ ...caller, requestId: requestIdOf(caller.requestId) }),
      settings,
      ...(onCookies && { onCookies }),
    }),
  )
}

export { closeConnections, openConnections } from '../core/agents.js'
export { withCookies, type Caller } from '../core/caller.js'
export type { Quintet } from '../core/clients.js'
export type { SetCookie } from '../core/cookies.js'
export { isQuintetError, QuintetError } from '../core/errors.js'
export type { Settings } from '../core/settings.js'
