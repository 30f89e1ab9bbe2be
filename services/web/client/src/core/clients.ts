import { createClient, type Client, type Interceptor, type Transport } from '@connectrpc/connect'
import { AuthService } from '../gen/auth_pb.js'
import { MediaService } from '../gen/media_pb.js'
import { ProfileService } from '../gen/profile_pb.js'
import { failingWithOurErrors } from './failing.js'

/** The three services that clients may call; `proto/*.proto` say what each method does, and with which errors it fails. */
export interface Quintet {
  auth: Client<typeof AuthService>
  profile: Client<typeof ProfileService>
  media: Client<typeof MediaService>
}

export function clientsOver(transport: Transport): Quintet {
  const ours = failingWithOurErrors(transport)
  return {
    auth: createClient(AuthService, ours),
    profile: createClient(ProfileService, ours),
    media: createClient(MediaService, ours),
  }
}

/**
 * Methods that judge the session themselves would refresh it, and send its cookie again. Whoever renders cannot pass a cookie on, so the
 * row's end would move without the browser's knowing: the proxy helper and refreshSession() do it instead, and all other calls say
 * `disable_refresh`.
 */
export const leaveSessionAlone: Interceptor = (next) => (request) => {
  if (!request.stream && 'disableRefresh' in request.method.input.field)
    (request.message as { disableRefresh?: boolean }).disableRefresh = true
  return next(request)
}
