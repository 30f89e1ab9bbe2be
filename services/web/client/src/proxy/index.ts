import { NextResponse, type NextRequest } from 'next/server'
import { callerOf, showsSession, withCookies, type Caller } from '../core/caller.js'
import { clientsOver, type Quintet } from '../core/clients.js'
import type { SetCookie } from '../core/cookies.js'
import { toQuintetError, type QuintetError } from '../core/errors.js'
import { gatewayPath } from '../core/paths.js'
import { readSettings } from '../core/settings.js'
import { nodeTransport } from '../core/transport.js'
import { SessionState, type GetSessionResponse } from '../gen/auth_pb.js'

export interface ProxyOptions {
  /** Paths that want a session, with all below them: `['/settings']`. */
  session?: readonly string[]
  /** Paths that want a session and a complete profile. */
  complete?: readonly string[]
  /** Paths for those who are not signed in: others are sent to `homePath`. */
  guests?: readonly string[]
  /** Default `/signin`. */
  signInPath?: string
  /** Default `/create`. */
  createPath?: string
  /** Default `/`. */
  homePath?: string
  /** As withQuintet's. */
  authPath?: string | false
  /** The answer for a guarded path while Quintet cannot be asked. Default: 503 and a line of text. */
  unavailable?: (request: NextRequest, error: QuintetError) => Response | Promise<Response>
}

/**
 * Next's proxy.ts (middleware.ts with the Node.js runtime before Next 16):
 *
 *     export const proxy = quintetProxy({ complete: ['/browse', '/profile'], session: ['/create'] })
 *     export const config = { matcher: ['/((?!_next/|.*\\.(?:ico|png|jpg|svg|webp|txt|xml)$).*)'] }
 *
 * For each request that the matcher lets through:
 *
 *   1. `/api/auth/*` and `/api/quintet/*` go on to the gateway, by withQuintet's rewrites; those are fixed when a site is built, so a server
 *      whose QUINTET_URL has become another one is rewritten to that from here
 *   2. the session is looked at: a read   3. if it is due it is refreshed, if it has gone its cookies are expired   4. guards redirect
 *   5. the page gets the cookies as they are then, a request id, and the person's address.
 *
 * A path without a guard is served while Quintet is away; a guarded one is not. Server actions are not guarded here: they ask for themselves
 * (requireSession(), or a call that wants a session).
 */
export function quintetProxy(options: ProxyOptions = {}): (request: NextRequest) => Promise<Response> {
  const { session = [], complete = [], guests = [], signInPath = '/signin', createPath = '/create', homePath = '/', authPath, unavailable = sayUnavailable } = options
  return async (request) => {
    const { clientAddressHeader, url } = readSettings()
    const path = request.nextUrl.pathname
    const caller = callerOf(request.headers, clientAddressHeader)
    const passed = gatewayPath(path, authPath)
    if (passed !== undefined) {
      const shown = { request: { headers: headersFor(request, caller, []) } }
      // The rewrites of withQuintet tell nobody where they lead; one from here does, in a header.
      return url === builtUrl() ? NextResponse.next(shown) : NextResponse.rewrite(new URL(passed + request.nextUrl.search, url), shown)
    }

    const wantsComplete = holds(complete, path)
    const guarded = wantsComplete || holds(session, path)
    let look: Look = { signedIn: false, complete: false, set: [] }
    if (showsSession(caller)) {
      try {
        look = await lookAt(caller, wantsComplete)
      } catch (error) {
        if (guarded) return unavailable(request, toQuintetError(error))
      }
    }
    const target = guarded && !look.signedIn ? signInPath : wantsComplete && !look.complete ? createPath : undefined
    const away = target ?? (look.signedIn && holds(guests, path) ? homePath : undefined)
    const response =
      away !== undefined && away !== path && !isAction(request)
        ? NextResponse.redirect(onThisSite(request, away), request.method === 'GET' || request.method === 'HEAD' ? 307 : 303)
        : NextResponse.next({ request: { headers: headersFor(request, caller, look.set) } })
    for (const { name, value, options: how } of look.set) response.cookies.set(name, value, how)
    return response
  }
}

/** QUINTET_URL when the site was built; withQuintet leaves it here, and the bundler writes it in. */
function builtUrl(): string | undefined {
  return process.env.QUINTET_BUILT_URL
}

interface Look {
  signedIn: boolean
  complete: boolean
  /** Cookies for the browser. */
  set: SetCookie[]
}

async function lookAt(caller: Caller, wantsComplete: boolean): Promise<Look> {
  let set: SetCookie[] = []
  const ask: Quintet = clientsOver(nodeTransport({ caller: () => caller, refresh: true, onCookies: (cookies) => void (set = cookies) }))
  // Side by side, so that they share what they cost.
  const [found, check] = await Promise.all([
    ask.auth.getSession({}),
    wantsComplete ? ask.auth.getSessionWithProfileCheck({}) : undefined,
  ])
  if (wantsRefresh(found)) await ask.auth.refreshSession({}).catch(() => undefined) // the next request tries again
  return { signedIn: found.session !== undefined, complete: check?.profileComplete ?? false, set }
}

/** Called by script: it could be called on any path, so it asks for itself, and where it redirects to is its own answer. */
function isAction(request: NextRequest): boolean {
  return request.headers.has('next-action')
}

/** With the site's basePath, if it has one. */
function onThisSite(request: NextRequest, path: string): URL {
  const to = request.nextUrl.clone()
  to.pathname = path
  to.search = ''
  return to
}

/** Due, or gone: then RefreshSession expires the cookies. What we did not sign is not ours to expire. */
function wantsRefresh({ refreshDue, state }: GetSessionResponse): boolean {
  return refreshDue || state === SessionState.UNKNOWN || state === SessionState.EXPIRED
}

/** What the page, or the gateway, sees of the request. */
function headersFor(request: NextRequest, caller: Caller, set: readonly SetCookie[]): Headers {
  const headers = new Headers(request.headers)
  if (caller.requestId) headers.set('x-request-id', caller.requestId)
  if (caller.clientAddress) headers.set('x-forwarded-for', caller.clientAddress)
  if (set.length > 0) headers.set('cookie', withCookies(caller.cookie, set))
  return headers
}

function holds(paths: readonly string[], path: string): boolean {
  return paths.some((one) => path === one || path.startsWith(one.endsWith('/') ? one : `${one}/`))
}

function sayUnavailable(_request: NextRequest, error: QuintetError): Response {
  const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 1000) / 1000))
  return new NextResponse('This page cannot be shown just now. Please try again in a moment.\n', {
    status: 503,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': String(seconds), 'cache-control': 'no-store' },
  })
}
