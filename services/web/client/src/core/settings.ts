/** What the environment says. Read at each use: a value costs nothing, and tests and `next dev` change it. */
export interface Settings {
  /** The gateway: scheme, host, port; no path. */
  url: string
  /** Deadline of a call that says none. */
  timeoutMs: number
  /** Connections to the gateway that this process opens at most; further calls wait for one. */
  maxConnections: number
  /** Header of the incoming request in which the person's address stands. */
  clientAddressHeader: string
}

const DEFAULT_URL = 'http://127.0.0.1:8080' // the gateway's own default
const DEFAULT_TIMEOUT_MS = 10_000 // the same
/** A call is some milliseconds long: 64 carry thousands of calls a second, and fifty frontends stay under the gateway's 4,096. */
const DEFAULT_CONNECTIONS = 64
const MAX_TIMEOUT_MS = 60_000 // the gateway cuts it to that

type Environment = Record<string, string | undefined>

export function readSettings(env: Environment = process.env): Settings {
  return {
    url: gatewayUrl(env.QUINTET_URL || DEFAULT_URL),
    timeoutMs: wholeNumber(env, 'QUINTET_CLIENT_TIMEOUT_MS', DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS),
    maxConnections: wholeNumber(env, 'QUINTET_CLIENT_CONNECTIONS', DEFAULT_CONNECTIONS, 4096),
    clientAddressHeader: (env.QUINTET_CLIENT_ADDRESS_HEADER || 'x-forwarded-for').toLowerCase(),
  }
}

/** Without a slash at the end. */
function gatewayUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.hash || url.username || url.password)
    throw new Error(`QUINTET_URL is ${JSON.stringify(text)}: must be scheme, host and port of the gateway, such as ${DEFAULT_URL}`)
  return url.origin
}

function wholeNumber(env: Environment, name: string, otherwise: number, max: number): number {
  const text = env[name]
  if (text === undefined || text === '') return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > max) throw new Error(`${name} is ${JSON.stringify(text)}: must be a whole number from 1 to ${max}`)
  return value
}
