import { QuintetError } from '../core/errors.js'

export interface Put {
  method: string
  url: string
  headers: readonly { name: string; value: string }[]
  body: Blob
  /** Bytes sent so far. */
  onProgress?: ((loaded: number) => void) | undefined
  signal?: AbortSignal | undefined
}

/** Signed as well, but browsers write these themselves, from the body and the URL, and refuse to be told. */
const BROWSERS_OWN = new Set(['content-length', 'host'])

/** Sends a picture to the object store. XMLHttpRequest, because fetch tells no progress of what it sends. */
export function putObject({ method, url, headers, body, onProgress, signal }: Put): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const request = new XMLHttpRequest()
    const stop = () => request.abort()
    signal?.addEventListener('abort', stop, { once: true })
    request.onloadend = () => signal?.removeEventListener('abort', stop)
    request.onabort = () => reject((signal?.reason as Error | undefined) ?? new DOMException('the upload was aborted', 'AbortError'))
    // Also when the store refuses without CORS headers: a browser tells no more than this.
    request.onerror = () => reject(new QuintetError({ code: 'unavailable', message: 'the picture could not be sent' }))
    request.onload = () => (request.status >= 200 && request.status < 300 ? resolve() : reject(refusal(request)))
    // Browsers tell of progress every 50 ms at most; that all has gone they tell by `load`.
    request.upload.onprogress = ({ loaded }) => onProgress?.(loaded)
    request.upload.onload = () => onProgress?.(body.size)
    request.open(method, url)
    for (const { name, value } of headers) if (!BROWSERS_OWN.has(name.toLowerCase())) request.setRequestHeader(name, value)
    request.send(body)
  })
}

/** S3's stores tell why in XML: <Error><Code>EntityTooLarge</Code><Message>…</Message></Error>. */
function refusal({ status, responseText }: XMLHttpRequest): QuintetError {
  const reason = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(responseText)?.[1]
  return new QuintetError({
    code: status >= 500 ? 'unavailable' : 'failed_precondition',
    message: `the object store did not take the picture (${status})`,
    reason,
  })
}
