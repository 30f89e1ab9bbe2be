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

/** Of CreateUpload (proto/media.proto). Checked here too, so that nobody waits for an upload that will be refused. */
export const PHOTO_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/avif'] as const
export const PHOTO_MAX_BYTES = 10 * 1024 * 1024

const COMPLETE_TRIES = 3
const COMPLETE_PAUSE_MS = 300

/**
 * Uploads a picture of whoever is signed in: a place for it, the bytes straight to the object store, then the check that makes it a photo.
 *
 * Fails with QuintetError: `invalid_argument` (no picture, or too large), `resource_exhausted` (TOO_MANY_PHOTOS), `failed_precondition`
 * (NOT_A_PICTURE, SIZE_MISMATCH, or the store's own reason), `unauthenticated`, `unavailable`.
 */
export async function uploadPhoto(file: Blob, { onProgress, signal, ...browser }: UploadOptions = {}): Promise<Photo> {
  checkFile(file)
  const { media } = quintetBrowser(browser)
  const total = file.size
  const tell = (phase: UploadProgress['phase'], loaded: number) => onProgress?.({ phase, loaded, total })
  const call = signal ? { signal } : {}

  tell('preparing', 0)
  const place = await abortable(signal, media.createUpload({ contentType: file.type, sizeBytes: BigInt(total) }, call))
  tell('sending', 0)
  await putObject({ ...place, body: file, signal, onProgress: (loaded) => tell('sending', loaded) })
  tell('checking', total)
  const { photo } = await abortable(signal, persistent(() => media.completeUpload({ uploadId: place.uploadId }, call)))
  return plain(photo!)
}

function checkFile(file: Blob): void {
  const violations = []
  if (!(PHOTO_TYPES as readonly string[]).includes(file.type))
    violations.push({ field: 'content_type', description: 'must be a JPEG, PNG, WebP or AVIF picture' })
  if (file.size < 1 || file.size > PHOTO_MAX_BYTES) violations.push({ field: 'size_bytes', description: 'must be at most 10 MiB' })
  if (violations.length > 0)
    throw new QuintetError({ code: 'invalid_argument', message: violations.map(({ description }) => description).join('; '), violations })
}

/** CompleteUpload answers the same photo however often it is asked, and the picture is there already: so it is asked again. */
async function persistent<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === COMPLETE_TRIES || !isQuintetError(error, 'unavailable', 'unknown')) throw error
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs ?? COMPLETE_PAUSE_MS * attempt))
    }
  }
}

/** An aborted call fails as `canceled`; who aborted wants the reason that was given. */
async function abortable<T>(signal: AbortSignal | undefined, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw signal?.aborted ? (signal.reason as Error) : error
  }
}
