import type { Interceptor, Transport } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { agentFor } from './agents.js'
import type { Caller } from './caller.js'
import { writeCaller } from './caller.js'
import { setCookiesOf, type SetCookie } from './cookies.js'
import { leaveSessionAlone } from './clients.js'
import { retryReads } from './retry.js'
import { readSettings, type Settings } from './settings.js'

export interface TransportOptions {
  /** Asked at each call, for what it says may change between two: a server action sets cookies. */
  caller: () => Caller | Promise<Caller>
  /** Gets the cookies that an answer sets, also that of a call which failed. */
  onCookies?: (cookies: SetCookie[]) => void | Promise<void>
  settings?: Partial<Settings>
  /** Calls may refresh the session on the side; otherwise they leave it alone. */
  refresh?: boolean
}

/** Connect over HTTP/1.1 to the gateway, on the process's own connections. It is cheap: make one a request. */
export function nodeTransport({ caller, onCookies, settings, refresh = false }: TransportOptions): Transport {
  const { url, timeoutMs, maxConnections } = { ...readSettings(), ...settings }
  return createConnectTransport({
    baseUrl: url,
    httpVersion: '1.1',
    nodeOptions: { agent: agentFor(url, maxConnections) },
    defaultTimeoutMs: timeoutMs,
    acceptCompression: [], // the gateway has none
    interceptors: [...(refresh ? [] : [leaveSessionAlone]), withCaller(caller, onCookies), retryReads({ timeoutMs })],
  })
}

function withCaller(caller: TransportOptions['caller'], onCookies: TransportOptions['onCookies']): Interceptor {
  return (next) => async (request) => {
    writeCaller(await caller(), request.header)
    try {
      const response = await next(request)
      await take(response.header, onCookies)
      return response
    } catch (error) {
      if (error instanceof Error && 'metadata' in error && error.metadata instanceof Headers) await take(error.metadata, onCookies)
      throw error
    }
  }
}

async function take(header: Headers, onCookies: TransportOptions['onCookies']): Promise<void> {
  const cookies = onCookies ? setCookiesOf(header) : []
  if (cookies.length > 0) await onCookies?.(cookies)
}
