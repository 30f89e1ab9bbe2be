import { Code, ConnectError } from '@connectrpc/connect'
import { ErrorDetailSchema } from '../gen/rpc_pb.js'

/** Connect's codes. `unknown`: it may have happened. `unavailable` and `resource_exhausted`: certainly not executed. */
export type QuintetCode =
  | 'canceled'
  | 'unknown'
  | 'invalid_argument'
  | 'deadline_exceeded'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'failed_precondition'
  | 'aborted'
  | 'out_of_range'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'data_loss'
  | 'unauthenticated'

const CODE_NAMES: Record<Code, QuintetCode> = {
  [Code.Canceled]: 'canceled',
  [Code.Unknown]: 'unknown',
  [Code.InvalidArgument]: 'invalid_argument',
  [Code.DeadlineExceeded]: 'deadline_exceeded',
  [Code.NotFound]: 'not_found',
  [Code.AlreadyExists]: 'already_exists',
  [Code.PermissionDenied]: 'permission_denied',
  [Code.ResourceExhausted]: 'resource_exhausted',
  [Code.FailedPrecondition]: 'failed_precondition',
  [Code.Aborted]: 'aborted',
  [Code.OutOfRange]: 'out_of_range',
  [Code.Unimplemented]: 'unimplemented',
  [Code.Internal]: 'internal',
  [Code.Unavailable]: 'unavailable',
  [Code.DataLoss]: 'data_loss',
  [Code.Unauthenticated]: 'unauthenticated',
}

/** The reasons that the contracts name; others may come with newer services. */
export type QuintetReason =
  | 'NO_SESSION'
  | 'SESSION_NOT_FRESH'
  | 'SESSION_EXPIRED'
  | 'INVALID_EMAIL'
  | 'INVALID_EMAIL_OR_PASSWORD'
  | 'INVALID_PASSWORD'
  | 'INVALID_TOKEN'
  | 'PASSWORD_TOO_SHORT'
  | 'PASSWORD_TOO_LONG'
  | 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL'
  | 'USER_NOT_FOUND'
  | 'EMAIL_PASSWORD_SIGN_UP_DISABLED'
  | 'EMAIL_PASSWORD_DISABLED'
  | 'CREDENTIAL_ACCOUNT_NOT_FOUND'
  | 'DELETE_USER_DISABLED'
  | 'PROFILE_ALREADY_EXISTS'
  | 'PROFILE_NOT_FOUND'
  | 'TOO_MANY_PHOTOS'
  | 'PHOTO_NOT_FOUND'
  | 'UPLOAD_NOT_FOUND'
  | 'NOT_UPLOADED'
  | 'SIZE_MISMATCH'
  | 'NOT_A_PICTURE'
  | 'OVERLOAD'
  | 'POOL_FULL'
  | 'TOO_MANY_REQUESTS'
  | (string & {})

export interface FieldViolation {
  /** Path in the request as the .proto has it: "birth_date". */
  field: string
  /** For people: "must be at least 18 years ago". */
  description: string
}

export interface QuintetErrorInit {
  code: QuintetCode
  message: string
  reason?: QuintetReason | undefined
  violations?: FieldViolation[] | undefined
  retryAfterMs?: number | undefined
  requestId?: string | undefined
  cause?: unknown
}

const BRAND = Symbol.for('quintet.next.error.1')

/** What every call of this package fails with. */
export class QuintetError extends Error {
  readonly code: QuintetCode
  /** Machine-readable, stable; Better Auth's code where it has one. */
  readonly reason: QuintetReason | undefined
  /** Which fields are at fault. */
  readonly violations: readonly FieldViolation[]
  /** When to come again. */
  readonly retryAfterMs: number | undefined
  /** Stands in every log line of every service. */
  readonly requestId: string | undefined

  constructor(init: QuintetErrorInit) {
    super(init.message, { cause: init.cause })
    this.name = 'QuintetError'
    this.code = init.code
    this.reason = init.reason
    this.violations = init.violations ?? []
    this.retryAfterMs = init.retryAfterMs
    this.requestId = init.requestId
    Object.defineProperty(this, BRAND, { value: true })
  }

  // A bundle may hold this class more than once.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** Whether it is one, and of one of these codes if some are named. */
export function isQuintetError(error: unknown, ...codes: QuintetCode[]): error is QuintetError {
  return error instanceof QuintetError && (codes.length === 0 || codes.includes(error.code))
}

/**
 * Any failure of a call as a QuintetError; one that is none of a call becomes `unknown` with it as its cause. `read`: the call had no side
 * effects, so a connection lost under it is no more than `unavailable`.
 */
export function toQuintetError(error: unknown, read = false): QuintetError {
  if (error instanceof QuintetError) return error
  const loss = connectionLoss(error)
  const from = ConnectError.from(error)
  const detail = from.findDetails(ErrorDetailSchema)[0]
  return new QuintetError({
    code: loss === undefined ? CODE_NAMES[from.code] : loss === 'never made' || read ? 'unavailable' : 'unknown',
    message: loss === undefined ? from.rawMessage : LOSS_MESSAGES[loss],
    reason: detail?.reason || undefined,
    violations: detail?.violations.map(({ field, description }) => ({ field, description })),
    retryAfterMs: retryAfterMs(from),
    requestId: from.metadata.get('x-request-id') ?? undefined,
    cause: error,
  })
}

const LOSS_MESSAGES = {
  'never made': 'the gateway cannot be reached',
  cut: 'the connection to the gateway was lost',
}

/** Whether a call failed with its connection, and whether the request can have left. Node says it by the codes of its errors. */
export function connectionLoss(error: unknown): keyof typeof LOSS_MESSAGES | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const { code, syscall } = at as NodeJS.ErrnoException
    if (syscall === 'connect' || syscall === 'getaddrinfo') return 'never made'
    if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ETIMEDOUT' || code === 'ERR_STREAM_DESTROYED') return 'cut'
  }
  return undefined
}

/** google.rpc.RetryInfo says it to the millisecond; the header in whole seconds. */
function retryAfterMs(error: ConnectError): number | undefined {
  for (const detail of error.details) {
    if (!('debug' in detail) || detail.type !== 'google.rpc.RetryInfo') continue
    const said = (detail.debug as { retryDelay?: unknown } | undefined)?.retryDelay
    const seconds = typeof said === 'string' ? /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(said)?.[1] : undefined
    if (seconds !== undefined) return Math.round(Number(seconds) * 1000)
  }
  const header = error.metadata.get('retry-after')
  return header && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}
