import { Code, ConnectError, type Interceptor } from '@connectrpc/connect'
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt'
import { connectionLoss, toQuintetError } from './errors.js'

const TRIES = 3
const FIRST_PAUSE_MS = 40
/** A service that is started again is back within a second; who would wait longer tells the visitor instead. */
const LONGEST_PAUSE_MS = 1_000

export interface RetryOptions {
  /** Of the whole call, all tries together. */
  timeoutMs: number
  /** For tests. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Whether the contract says that a method has no side effects. */
export function isRead(method: { idempotency: Level }): boolean {
  return method.idempotency === Level.NO_SIDE_EFFECTS
}

/**
 * Asks again what may be asked again: methods whose contract says NO_SIDE_EFFECTS, when the answer was `unavailable` or the connection was
 * lost. Overload is not asked again: it would be more of what there is too much of.
 *
 * A call's deadline covers all of its tries: Connect aborts `signal` with it, and each try says in its header what is left.
 */
export function retryReads({ timeoutMs, pause = pauseFor }: RetryOptions): Interceptor {
  return (next) => async (request) => {
    if (request.stream || !isRead(request.method)) return next(request)
    const begin = performance.now()
    const said = Number(request.header.get(TIMEOUT_HEADER) ?? NaN)
    const allowedMs = Number.isFinite(said) ? said : timeoutMs
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(request)
      } catch (error) {
        if (attempt === TRIES || request.signal.aborted || !mayPass(error)) throw error
        const waitMs = pauseMs(attempt, toQuintetError(error).retryAfterMs)
        const leftMs = Math.floor(allowedMs - (performance.now() - begin) - waitMs)
        if (waitMs > LONGEST_PAUSE_MS || leftMs < 1) throw error
        await pause(waitMs, request.signal)
        request.header.set(TIMEOUT_HEADER, String(leftMs))
      }
    }
  }
}

const TIMEOUT_HEADER = 'connect-timeout-ms'

function mayPass(error: unknown): boolean {
  return connectionLoss(error) !== undefined || (error instanceof ConnectError && error.code === Code.Unavailable)
}

/** Doubling, and spread so that those refused together do not come back together; never before the hint. */
function pauseMs(attempt: number, hintMs = 0): number {
  const base = FIRST_PAUSE_MS * 2 ** (attempt - 1)
  return Math.max(hintMs, base / 2 + (Math.random() * base) / 2)
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
