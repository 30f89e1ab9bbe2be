import { isQuintetError, QuintetError } from '../core/errors.js'
import { plain, type Photo } from '../core/plain.js'
import { quintetBrowser, type BrowserOptions } from './clients.js'
import { putObject } from './put.js'

export interface UploadProgress {
  /** Asking for a place; sending; waiting for the check. */
  phase: 'preparing' | 'sending' | 'checking'
  /** Bytes sent, of all. */
  loaded: number
  total: number
}

export interface UploadOptions extends BrowserOptions {
  onProgress?: (progress: UploadProgress) => void
  /** Ends the upload; the promise is rejected with its reason. What was sent is removed by the service. */
  signal?: AbortSignal
}

/** What CreateUpload takes (proto/media.proto); for the `accept` of a file field. */
export const PHOTO_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/avif'] as const
export const PHOTO_MAX_BYTES = 10 * 1024 * 1024

const COMPLETE_TRIES = 4
const COMPLETE_PAUSE_MS = 300
/** Beyond that whoever waits is told. */
const COMPLETE_PAUSE_MAX_MS = 10_000

/**
 * Uploads a picture of whoever is signed in: a place for it, the bytes straight to the object store, then the check that makes it a photo.
 *
 * Fails with QuintetError: `invalid_argument` (of no kind that is taken, or too large), `resource_exhausted` (TOO_MANY_PHOTOS), `failed_precondition`
 * (NOT_A_PICTURE, SIZE_MISMATCH, or the store's own reason), `unauthenticated`, `unavailable`.
 */
export async function uploadPhoto(file: Blob, { onProgress, signal, ...browser }: UploadOptions = {}): Promise<Photo> {
  checkSize(file)
  const { media } = quintetBrowser(browser)
  const total = file.size
  const tell = (phase: UploadProgress['phase'], loaded: number) => onProgress?.({ phase, loaded, total })
  const call = signal ? { signal } : {}

  tell('preparing', 0)
  const place = await abortable(signal, media.createUpload({ contentType: file.type, sizeBytes: BigInt(total) }, call))
  tell('sending', 0)
  await putObject({ ...place, body: file, signal, onProgress: (loaded) => tell('sending', loaded) })
  tell('checking', total)
  const { photo } = await abortable(signal, persistent(() => media.completeUpload({ uploadId: place.uploadId }, call), signal))
  return plain(photo!)
}

/** The one thing that can be said here for certain; what kinds of pictures there are, CreateUpload says before anything is sent. */
function checkSize({ size }: Blob): void {
  if (size >= 1 && size <= PHOTO_MAX_BYTES) return
  const description = size < 1 ? 'must not be empty' : 'must be at most 10 MiB'
  throw new QuintetError({ code: 'invalid_argument', message: `the picture ${description}`, violations: [{ field: 'size_bytes', description }] })
}

/** CompleteUpload answers the same photo however often it is asked, and the picture is there already: so it is asked again. */
async function persistent<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      const waitMs = pauseMs(error, attempt)
      if (attempt === COMPLETE_TRIES || waitMs === undefined || signal?.aborted) throw error
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs)
        signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
      })
      signal?.throwIfAborted()
    }
  }
}

/** Undefined: asking again would change nothing. */
function pauseMs(error: unknown, attempt: number): number | undefined {
  const passing = isQuintetError(error, 'unavailable', 'unknown', 'deadline_exceeded')
  const busy = isQuintetError(error, 'resource_exhausted') && error.retryAfterMs !== undefined
  if (!passing && !busy) return undefined
  const waitMs = error.retryAfterMs ?? COMPLETE_PAUSE_MS * attempt
  return waitMs <= COMPLETE_PAUSE_MAX_MS ? waitMs : undefined
}

/** An aborted call fails as `canceled`; who aborted wants the reason that was given. */
async function abortable<T>(signal: AbortSignal | undefined, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw signal?.aborted ? (signal.reason as Error) : error
  }
}
