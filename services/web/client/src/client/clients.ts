import { createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-web'
import type { Quintet } from '../core/clients.js'
import { failingWithOurErrors } from '../core/failing.js'
import { CONNECT_PATH } from '../core/paths.js'
import { MediaService } from '../gen/media_pb.js'
import { ProfileService } from '../gen/profile_pb.js'

export interface BrowserOptions {
  /** Where the rewrite of withQuintet is, or a gateway on an origin of its own (QUINTET_CORS_ORIGINS). Default `/api/quintet`. */
  baseUrl?: string
  timeoutMs?: number
}

const TIMEOUT_MS = 10_000

/** The clients that a browser uses, through the site's own origin, so that cookies are first-party and no preflight is needed. */
export function quintetBrowser({ baseUrl = CONNECT_PATH, timeoutMs = TIMEOUT_MS }: BrowserOptions = {}): Pick<Quintet, 'media' | 'profile'> {
  const transport = failingWithOurErrors(
    createConnectTransport({
      baseUrl,
      defaultTimeoutMs: timeoutMs,
      useBinaryFormat: true,
      fetch: (input, init) => fetch(input, { ...init, credentials: 'include' }),
    }),
  )
  return { media: createClient(MediaService, transport), profile: createClient(ProfileService, transport) }
}
